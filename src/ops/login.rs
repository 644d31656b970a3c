//! `login`: authenticate the session. Source: vendor's page, "Authenticate with IM Service using the Access Token";
//! its example takes code 200 alone for success. Where sessions begin with `{hi}`, that goes before, within the same
//! operation.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, Effect, FailureKind, Judgement, Operation, Reply, Request};
use crate::protocol::{ClientMessage, Code, client};

/// Logs in with the user's access token.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {}

impl Operation for Login {
    const NAME: &'static str = "login";
    const SUMMARY: &'static str = "authenticate the session with the access token";
    const WIRE: &'static str = "{login}";
    const SOURCE: &'static str = "Authenticate with IM Service";
    const SAVES: &'static [&'static str] = &["user"];

    fn begin(&self, draft: &mut Draft<'_>) -> Result<Request, Blocked> {
        let (scheme, secret) = draft.around.login_secret()?;
        let id = draft.request_id();
        if let Some(version) = draft.around.hello() {
            let (ver, ua) = (Some(version.into()), Some(client::USER_AGENT.into()));
            draft.write(&ClientMessage::Hi(client::Hi { id, ver, ua }));
            return Ok(Request::Frame(Effect::Greet));
        }
        draft.write(&ClientMessage::Login(client::Login {
            id,
            scheme: Some(scheme.into()),
            secret: Some(secret.into()),
        }));
        Ok(Request::Frame(Effect::LoggedIn))
    }

    fn judge(&self, reply: &Reply<'_>) -> Judgement {
        match reply {
            Reply::Ctrl { code: Code::OK, params, .. } if params.user.is_some() => Judgement::Ok,
            // Without the own id nobody can find this user: a login that cannot be used.
            Reply::Ctrl { code: Code::OK, .. } => Judgement::Failed(FailureKind::Check),
            other => Judgement::Failed(FailureKind::Rejected(other.code().0)),
        }
    }

    fn capture(&self, reply: &Reply<'_>, keep: &mut dyn FnMut(&'static str, &str)) {
        if let Reply::Ctrl { params, .. } = reply
            && let Some(user) = &params.user
        {
            keep("user", user);
        }
    }
}
