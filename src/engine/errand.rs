//! An errand: a connection of our own for set-up and tear-down, one request after the other, not measured.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::plan::{Directory, Plan};
use crate::protocol::server::{CtrlParams, Data, ServerMessage};
use crate::protocol::{ClientMessage, Code, Text, UserId, client};
use crate::transport::{Dialer, Socket, TransportError, upgrade};

/// A logged-in connection of one user.
pub struct Errand {
    socket: Socket,
    within: Duration,
}

/// Why an errand failed.
#[derive(Debug, thiserror::Error)]
pub enum ErrandError {
    /// The connection.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server said no.
    #[error("the server answered `{verb}` with {code} {text}")]
    Refused {
        /// What was asked.
        verb: &'static str,
        /// The answer.
        code: Code,
        /// Its text.
        text: String,
    },
    /// No answer.
    #[error("no answer to `{0}` within the timeout")]
    Silent(&'static str),
    /// There is no token for the user.
    #[error("there is no access token for user `{0}`")]
    NoToken(String),
}

/// The part of a reply that errands need.
struct Answer {
    code: Code,
    topic: Option<String>,
    text: String,
    user: Option<String>,
    has_deletions: bool,
}

impl Errand {
    /// Connects and logs a user in; its wire id goes into the directory.
    ///
    /// # Errors
    /// The connection, the login, or no token.
    pub async fn log_in(dialer: &Dialer, plan: &Plan, directory: &Directory, user: u32) -> Result<Errand, ErrandError> {
        let target = &plan.scenario.target;
        let within = target.timeout;
        let token = directory.token(user).ok_or_else(|| ErrandError::NoToken(plan.user_name(user)))?;
        let open = async {
            let dialled = dialer.dial().await?;
            let path = dialer.endpoint.path_or(target.dialect.websocket_path);
            Ok::<_, TransportError>(upgrade(dialled.stream, &dialer.endpoint, path).await?.0)
        };
        let socket = timeout(within, open).await.map_err(|_| ErrandError::Silent("connect"))??;
        let mut errand = Errand { socket, within };
        let (scheme, secret) = plan.login_secret(user, &token);
        let answer = errand
            .ask("login", |id| {
                ClientMessage::Login(client::Login { id, scheme: Some(scheme.into()), secret: Some(secret.into()) })
            })
            .await?;
        if let Some(id) = answer.user.and_then(|name| UserId::parse(&name, target.dialect.user_ids)) {
            directory.set_id(user, id);
        }
        Ok(errand)
    }

    /// Creates a group and tells its name.
    ///
    /// # Errors
    /// The connection or the server's refusal.
    pub async fn create_group(&mut self, title: &str) -> Result<String, ErrandError> {
        let public = serde_json::json!({ "fn": title });
        let answer = self
            .ask("create-group", |id| {
                let desc = client::SetDesc {
                    public: Some(crate::protocol::Json::Value(public.clone())),
                    ..Default::default()
                };
                let set = Some(client::SetParts { desc: Some(desc), sub: None });
                ClientMessage::Sub(client::Sub { id, topic: "new".into(), set, get: None })
            })
            .await?;
        answer.topic.ok_or(ErrandError::Refused {
            verb: "create-group",
            code: answer.code,
            text: "without the group's name".to_owned(),
        })
    }

    /// Deletes a group of this user.
    ///
    /// # Errors
    /// The connection or the server's refusal; a group that is gone already is none.
    pub async fn delete_group(&mut self, name: &str) -> Result<(), ErrandError> {
        let what = Some(Text::from("topic"));
        let deleted = self
            .ask("delete-group", |id| {
                ClientMessage::Del(client::Del {
                    id,
                    topic: name.into(),
                    what: what.clone(),
                    hard: true,
                    ..Default::default()
                })
            })
            .await;
        match deleted {
            Err(ErrandError::Refused { code: Code::NOT_MODIFIED | Code::NOT_FOUND, .. }) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Attaches to a topic, so that its history can be read.
    ///
    /// # Errors
    /// The connection or the server's refusal.
    pub async fn subscribe(&mut self, topic: &str) -> Result<(), ErrandError> {
        let asked = self
            .ask("subscribe", |id| ClientMessage::Sub(client::Sub { id, topic: topic.into(), ..Default::default() }))
            .await;
        match asked {
            Err(ErrandError::Refused { code: Code::NOT_MODIFIED, .. }) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Shows every message of a page of history to `see`, and tells the smallest seq of the page; `None` when the page
    /// was empty.
    ///
    /// # Errors
    /// The connection or the server's refusal.
    pub async fn history(
        &mut self,
        topic: &str,
        before: Option<u64>,
        limit: u32,
        see: &mut dyn FnMut(&Data<'_>),
    ) -> Result<Option<u64>, ErrandError> {
        let mut lowest: Option<u64> = None;
        let query = client::GetQuery { before, limit: Some(limit), ..Default::default() };
        self.exchange(
            "history",
            |id| {
                ClientMessage::Get(client::Get {
                    id,
                    topic: topic.into(),
                    what: Some("data".into()),
                    data: Some(query),
                    ..Default::default()
                })
            },
            &mut |data| {
                lowest = Some(lowest.map_or(data.seq, |lowest| lowest.min(data.seq)));
                see(data);
            },
        )
        .await?;
        Ok(lowest)
    }

    /// Whether messages of a topic were ever deleted; a server that does not tell says no.
    ///
    /// # Errors
    /// The connection.
    pub async fn has_deletions(&mut self, topic: &str) -> Result<bool, ErrandError> {
        let asked = self.ask("deletions", |id| {
            ClientMessage::Get(client::Get { id, topic: topic.into(), what: Some("del".into()), ..Default::default() })
        });
        match asked.await {
            Ok(answer) => Ok(answer.has_deletions),
            Err(ErrandError::Refused { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Closes the connection without waiting.
    pub async fn close(mut self) {
        let _ = timeout(Duration::from_secs(1), self.socket.close(None)).await;
    }

    async fn ask<'m>(
        &mut self,
        verb: &'static str,
        make: impl FnOnce(Option<Text<'m>>) -> ClientMessage<'m>,
    ) -> Result<Answer, ErrandError> {
        self.exchange(verb, make, &mut |_| {}).await
    }

    /// Sends a request and waits for its reply; messages that come before it are shown to `see`.
    async fn exchange<'m>(
        &mut self,
        verb: &'static str,
        make: impl FnOnce(Option<Text<'m>>) -> ClientMessage<'m>,
        see: &mut dyn FnMut(&Data<'_>),
    ) -> Result<Answer, ErrandError> {
        let id = uuid::Uuid::now_v7().to_string();
        let message = make(Some(Text::from(id.clone())));
        let frame = serde_json::to_string(&message).expect("wire messages always serialize");
        let exchange = async {
            let closed = |error: String| ErrandError::Transport(TransportError::Closed(error));
            self.socket.send(Message::text(frame)).await.map_err(|error| closed(error.to_string()))?;
            loop {
                let frame = match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => return Err(closed(error.to_string())),
                    None => return Err(closed("closed by the server".to_owned())),
                };
                let ctrl = match serde_json::from_str(&frame) {
                    Ok(ServerMessage::Ctrl(ctrl)) => ctrl,
                    Ok(ServerMessage::Meta(meta)) if meta.id.as_deref() == Some(id.as_str()) => {
                        let (topic, text, user) = Default::default();
                        return Ok(Answer { code: Code::OK, topic, text, user, has_deletions: meta.del.is_some() });
                    }
                    Ok(ServerMessage::Data(data)) => {
                        see(&data);
                        continue;
                    }
                    _ => continue,
                };
                if ctrl.id.as_deref() != Some(id.as_str()) {
                    continue;
                }
                let user = CtrlParams::read(ctrl.params.as_ref()).user.map(|user| user.to_string());
                return Ok(Answer {
                    code: ctrl.code,
                    topic: ctrl.topic.as_deref().map(str::to_owned),
                    text: ctrl.text.as_deref().unwrap_or_default().chars().take(100).collect(),
                    user,
                    has_deletions: false,
                });
            }
        };
        let answer = timeout(self.within, exchange).await.map_err(|_| ErrandError::Silent(verb))??;
        if answer.code.is_success() {
            Ok(answer)
        } else {
            Err(ErrandError::Refused { verb, code: answer.code, text: answer.text })
        }
    }
}
