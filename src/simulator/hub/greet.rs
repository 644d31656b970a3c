//! `{hi}` and `{acc}`: how a session of the PBX's ancestor begins, and how its users come to be.
//! Source: protocol reference, sections 7.9 and 26.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::json;

use super::Hub;
use super::account::{SignUpError, UserRef};
use super::frames::Reply;
use super::outbox::Outbox;
use super::rules::Entry;
use super::session::SessionId;
use crate::protocol::Code;
use crate::protocol::client::{Acc, Hi};
use crate::protocol::server::CtrlParams;

/// The protocol that the reply to `{hi}` names.
const VERSION: &str = "0.25";

impl Hub {
    pub(super) fn greet(
        &mut self,
        session: SessionId,
        known: Option<(u16, u16)>,
        hi: &Hi<'_>,
        ts: &str,
        out: &mut Outbox,
    ) {
        let id = hi.id.as_deref();
        let asked = hi.ver.as_deref().and_then(version);
        let reply = |code, text| Reply::new(id, code, text, ts);
        let Entry::Hello(hello) = self.rules.entry else {
            return out.reply(session, &reply(Code::MALFORMED, "malformed"));
        };
        if let Some(known) = known {
            // Only the device may change in the middle of a session.
            let is_same = hi.ver.is_none() || asked == Some(known);
            let (code, text) =
                if is_same { (Code::CREATED, "created") } else { (Code::CONFLICT, "command out of sequence") };
            return out.reply(session, &reply(code, text));
        }
        let Some(asked) = asked else { return out.reply(session, &reply(Code::MALFORMED, "malformed")) };
        if asked < hello.oldest {
            return out.reply(session, &reply(Code::VERSION, "version not supported"));
        }
        if let Some(state) = self.sessions.get_mut(session) {
            state.greeted = Some(asked);
        }
        let params = json!({
            "build": "pbxload-simulator",
            "maxFileUploadSize": hello.upload_bytes_max,
            "maxMessageSize": hello.frame_bytes_max,
            "maxSubscriberCount": self.rules.members_max,
            "maxTagCount": 16,
            "maxTagLength": 96,
            "minTagLength": 2,
            "ver": VERSION,
        });
        out.reply(session, &reply(Code::CREATED, "created").other(params));
    }

    pub(super) fn sign_up(
        &mut self,
        session: SessionId,
        already: Option<UserRef>,
        acc: &Acc<'_>,
        now: Timestamp,
        ts: &str,
        out: &mut Outbox,
    ) {
        let id = acc.id.as_deref();
        let refusal = |code, text| Reply::new(id, code, text, ts);
        let Ok(secret) = STANDARD.decode(acc.secret.as_deref().unwrap_or_default()) else {
            return Hub::refuse_malformed(session, now, out);
        };
        match (self.rules.entry, already) {
            (Entry::Hello(_), _) => {}
            (Entry::AccessToken, None) => {
                return out.reply(session, &refusal(Code::UNAUTHORIZED, "authentication required"));
            }
            (Entry::AccessToken, Some(_)) => {
                return out.reply(session, &refusal(Code::FORBIDDEN, "permission denied"));
            }
        }
        if !acc.user.as_deref().is_some_and(|user| user.starts_with("new")) {
            return out.reply(session, &refusal(Code::FORBIDDEN, "permission denied"));
        }
        if already.is_some() && acc.login {
            return out.reply(session, &refusal(Code::CONFLICT, "already authenticated"));
        }
        if acc.scheme.as_deref() != Some("basic") {
            return out.reply(session, &refusal(Code::UNAUTHORIZED, "unknown authentication scheme"));
        }
        let Some((name, password)) = name_and_password(&secret) else {
            return out.reply(session, &refusal(Code::MALFORMED, "malformed"));
        };
        let user = match self.accounts.sign_up(name, password, now) {
            Ok(user) => user,
            Err(SignUpError::Taken) => {
                return out.reply(session, &refusal(Code::CONFLICT, "duplicate credential"));
            }
            Err(SignUpError::Weak) => return out.reply(session, &refusal(Code::POLICY, "policy violation")),
            Err(SignUpError::Full) => return out.reply(session, &refusal(Code::UNAVAILABLE, "service unavailable")),
        };
        if acc.login {
            return self.welcome(session, user, id, now, ts, out);
        }
        let params = CtrlParams {
            authlvl: Some("auth".into()),
            user: Some((&*self.accounts.get(user).wire).into()),
            ..CtrlParams::default()
        };
        out.reply(session, &refusal(Code::CREATED, "created").params(params));
    }
}

/// The two halves of a `basic` secret; the password may hold anything.
pub(super) fn name_and_password(secret: &[u8]) -> Option<(&str, &str)> {
    let (name, password) = std::str::from_utf8(secret).ok()?.split_once(':')?;
    (!name.is_empty() && !password.is_empty()).then_some((name, password))
}

/// `0.22`, `v0.22.8`, `0.22-rc1`: what comes after the minor number does not count.
fn version(text: &str) -> Option<(u16, u16)> {
    let mut parts = text.trim_start_matches('v').split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?;
    let digits = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
    Some((major, minor[..digits].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_by_their_first_two_numbers() {
        for (text, wanted) in [
            ("0.22", Some((0, 22))),
            ("v0.22.8", Some((0, 22))),
            ("1.0-rc1", Some((1, 0))),
            ("0.19-alpha", Some((0, 19))),
            ("", None),
            ("22", None),
            ("0.x", None),
            ("99999.1", None),
        ] {
            assert_eq!(version(text), wanted, "{text}");
        }
    }
}
