//! An errand: a connection of our own for set-up and tear-down, one request after the other, not measured.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::ops::{FailureKind, LocalCause};
use crate::plan::{Directory, Plan};
use crate::protocol::server::{CtrlParams, Data, ServerMessage};
use crate::protocol::{ClientMessage, Code, Dialect, Mode, Text, UserId, client};
use crate::scenario::Secret;
use crate::transport::{Dialer, Socket, TokenError, TransportError, upgrade};

/// Scheme of a login by password.
const BASIC: &str = "basic";

/// A logged-in connection of one user.
pub struct Errand {
    socket: Socket,
    within: Duration,
    dialect: &'static Dialect,
}

/// Why an errand failed.
#[derive(Debug, thiserror::Error)]
pub enum ErrandError {
    /// The connection.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server said no.
    #[error("the server answered `{verb}` with {code}{}{text}{}{}", if text.is_empty() { "" } else { " " }, if way_out.is_some() { ": " } else { "" }, way_out.unwrap_or_default())]
    Refused {
        /// What was asked.
        verb: &'static str,
        /// The answer.
        code: Code,
        /// Its text; empty where it may repeat a secret.
        text: String,
        /// What it means and which setting to change, where that is known.
        way_out: Option<&'static str>,
    },
    /// No answer.
    #[error("no answer to `{0}` within the timeout")]
    Silent(&'static str),
    /// There is no token for the user.
    #[error("there is no access token for user `{0}`")]
    NoToken(String),
    /// The token of a user was too old, and there is no other.
    #[error("the access token of user `{user}` was too old, and another one could not be had: {error}")]
    Expired {
        /// Whose.
        user: String,
        /// Why there is no other.
        error: TokenError,
    },
}

/// The part of a reply that errands need.
struct Answer {
    code: Code,
    topic: Option<String>,
    text: String,
    user: Option<String>,
    token: Option<String>,
    expires: Option<Timestamp>,
    at: Option<Timestamp>,
    has_deletions: bool,
}

impl Answer {
    /// An answer that says nothing else.
    fn of(code: Code) -> Answer {
        let (topic, text, user, token, expires, at, has_deletions) = Default::default();
        Answer { code, topic, text, user, token, expires, at, has_deletions }
    }
}

impl ErrandError {
    /// The class that figures are counted under.
    pub fn kind(&self) -> FailureKind {
        match self {
            ErrandError::Transport(error) => error.kind(),
            ErrandError::Refused { code, .. } => FailureKind::Rejected(code.0),
            ErrandError::Silent(_) => FailureKind::TimedOut,
            ErrandError::NoToken(_) => FailureKind::Local(LocalCause::NoToken),
            ErrandError::Expired { error, .. } => error.kind,
        }
    }
}

/// What a login by password gives.
pub(super) struct SignedIn {
    pub(super) user: Option<UserId>,
    /// Good for every later login.
    pub(super) token: Secret,
    /// How long it lives.
    pub(super) lifetime: Duration,
}

/// Whether an account is to be created if it is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// It is, or the login fails.
    Expected,
    /// It is created.
    Created,
}

/// Lifetime of a login's token whose reply names none: half of what servers give as installed.
const TOKEN_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

impl Errand {
    /// Connects, and says `{hi}` where sessions begin with it.
    ///
    /// # Errors
    /// The connection, or the server's refusal.
    pub async fn open(dialer: &Dialer, plan: &Plan) -> Result<Errand, ErrandError> {
        let target = &plan.scenario.target;
        let errand = Errand::connect(dialer, target.dialect, target.timeout).await?;
        match &target.hello {
            Some(version) => errand.greet(version).await,
            None => Ok(errand),
        }
    }

    /// Connects at the path of a dialect, unless the endpoint has one of its own.
    ///
    /// # Errors
    /// The connection.
    pub(super) async fn connect(
        dialer: &Dialer,
        dialect: &'static Dialect,
        within: Duration,
    ) -> Result<Errand, ErrandError> {
        let open = async {
            let dialled = dialer.dial().await?;
            let path = dialer.endpoint.path_or(dialect.websocket_path);
            Ok::<_, TransportError>(upgrade(dialled.stream, dialer, path).await?.0)
        };
        let socket = timeout(within, open).await.map_err(|_| ErrandError::Silent("connect"))??;
        Ok(Errand { socket, within, dialect })
    }

    /// Tells the server which version of the protocol this is.
    ///
    /// # Errors
    /// The connection or the server's refusal.
    pub(super) async fn greet(mut self, version: &str) -> Result<Errand, ErrandError> {
        let (ver, ua) = (Some(Text::from(version.to_owned())), Some(Text::from(client::USER_AGENT)));
        self.ask("hi", |id| ClientMessage::Hi(client::Hi { id, ver, ua })).await?;
        Ok(self)
    }

    /// Connects and logs a user in by its password, for the token that every later login takes.
    ///
    /// # Errors
    /// The connection, the account or the login.
    pub(super) async fn sign_in(
        dialer: &Dialer,
        plan: &Plan,
        user: u32,
        account: Account,
    ) -> Result<SignedIn, ErrandError> {
        let mut errand = Errand::open(dialer, plan).await?;
        let answer = match account {
            Account::Expected => errand.log_in_basic(plan, user).await?,
            Account::Created => match errand.sign_up(plan, user).await {
                // Somebody has the name: this user, of an earlier run, if the password is right.
                Err(ErrandError::Refused { code: Code::CONFLICT, .. }) => errand.log_in_basic(plan, user).await?,
                answer => answer?,
            },
        };
        let id = errand.user_id(&answer);
        errand.close().await;
        let token = answer.token.ok_or_else(|| ErrandError::NoToken(plan.user_name(user)))?;
        let lifetime = match (answer.at, answer.expires) {
            (Some(at), Some(expires)) => expires.duration_since(at).try_into().unwrap_or_default(),
            _ => TOKEN_LIFETIME,
        };
        Ok(SignedIn { user: id, token: Secret::new(token), lifetime })
    }

    async fn log_in_basic(&mut self, plan: &Plan, user: u32) -> Result<Answer, ErrandError> {
        let (scheme, secret) = (Some(BASIC.into()), Some(plan.basic_secret(user).into()));
        self.ask("login", |id| ClientMessage::Login(client::Login { id, scheme, secret })).await
    }

    async fn sign_up(&mut self, plan: &Plan, user: u32) -> Result<Answer, ErrandError> {
        let (scheme, secret) = (Some(BASIC.into()), Some(plan.basic_secret(user).into()));
        let user = Some("new".into());
        self.ask("acc", |id| ClientMessage::Acc(client::Acc { id, user, scheme, secret, login: true })).await
    }

    fn user_id(&self, answer: &Answer) -> Option<UserId> {
        UserId::parse(answer.user.as_deref()?, self.dialect.user_ids)
    }

    /// Connects and logs a user in; its wire id goes into the directory.
    ///
    /// # Errors
    /// The connection, the login, or no token.
    pub async fn log_in(dialer: &Dialer, plan: &Plan, directory: &Directory, user: u32) -> Result<Errand, ErrandError> {
        let token = directory.token(user).ok_or_else(|| ErrandError::NoToken(plan.user_name(user)))?;
        let mut errand = Errand::open(dialer, plan).await?;
        let (scheme, secret) = plan.login_secret(user, &token);
        let answer = errand
            .ask("login", |id| {
                ClientMessage::Login(client::Login { id, scheme: Some(scheme.into()), secret: Some(secret.into()) })
            })
            .await?;
        if let Some(id) = errand.user_id(&answer) {
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
            way_out: None,
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

    /// Takes a group over that its owner has offered to this user.
    ///
    /// # Errors
    /// The connection or the server's refusal.
    pub async fn accept_group(&mut self, topic: &str) -> Result<(), ErrandError> {
        let sub = client::SetSub { user: None, mode: Some(Mode::FULL.to_string().into()) };
        let accepted = self
            .ask("transfer-group", |id| {
                ClientMessage::Set(client::Set { id, topic: topic.into(), desc: None, sub: Some(sub) })
            })
            .await;
        match accepted {
            Err(ErrandError::Refused { code: Code::NOT_MODIFIED, .. }) => Ok(()),
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
        let _ = timeout(Duration::from_secs(1), self.socket.send(Message::Close(None))).await;
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
                        let has_deletions = meta.del.is_some();
                        return Ok(Answer { has_deletions, ..Answer::of(Code::OK) });
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
                let params = CtrlParams::read(ctrl.params.as_ref());
                let time = |text: Option<&str>| text.and_then(|text| text.parse().ok());
                return Ok(Answer {
                    code: ctrl.code,
                    topic: ctrl.topic.as_deref().map(str::to_owned),
                    text: ctrl.text.as_deref().unwrap_or_default().chars().take(100).collect(),
                    user: params.user.as_deref().map(str::to_owned),
                    token: params.token.as_deref().map(str::to_owned),
                    expires: time(params.expires.as_deref()),
                    at: time(ctrl.ts.as_deref()),
                    has_deletions: false,
                });
            }
        };
        let answer = timeout(self.within, exchange).await.map_err(|_| ErrandError::Silent(verb))??;
        if answer.code.is_success() {
            Ok(answer)
        } else {
            // A server that repeats what it was sent would tell a secret.
            let text = if matches!(verb, "login" | "acc") { String::new() } else { answer.text };
            Err(ErrandError::Refused {
                verb,
                code: answer.code,
                text,
                way_out: self.dialect.way_out(verb, answer.code),
            })
        }
    }
}
