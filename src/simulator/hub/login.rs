//! `{login}`: who is at the other end of a session.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::Hub;
use super::account::UserRef;
use super::frames::Reply;
use super::greet::name_and_password;
use super::outbox::Outbox;
use super::rules::Entry;
use super::session::SessionId;
use crate::protocol::Code;
use crate::protocol::client::Login;
use crate::protocol::server::CtrlParams;

impl Hub {
    pub(super) fn login(
        &mut self,
        session: SessionId,
        already: Option<UserRef>,
        login: &Login<'_>,
        now: Timestamp,
        ts: &str,
        out: &mut Outbox,
    ) {
        let id = login.id.as_deref();
        // A secret that is no base64 fails in the service's JSON reader, hence neither id nor topic.
        let Ok(secret) = STANDARD.decode(login.secret.as_deref().unwrap_or_default()) else {
            return Hub::refuse_malformed(session, now, out);
        };
        if already.is_some() {
            return out.reply(session, &Reply::new(id, Code::CONFLICT, "already authenticated", ts));
        }
        let user = match (self.rules.entry, login.scheme.as_deref()) {
            (Entry::AccessToken, Some("access_token")) => {
                let user = self.identify(&secret, now);
                if user.is_none() {
                    let token = secret.splitn(2, |byte| *byte == b':').nth(1).unwrap_or_default();
                    out.token_expired = self.accounts.is_spent(&String::from_utf8_lossy(token), now);
                }
                user
            }
            (Entry::Hello(_), Some("basic")) => {
                name_and_password(&secret).and_then(|(name, password)| self.accounts.recognize(name, password))
            }
            (Entry::Hello(_), Some("token")) => {
                let user = self.accounts.token_user(&secret, now);
                out.token_expired = user.is_none() && self.accounts.is_spent_login(&secret);
                user
            }
            _ => return out.reply(session, &Reply::new(id, Code::UNAUTHORIZED, "unknown authentication scheme", ts)),
        };
        match user {
            Some(user) => self.welcome(session, user, id, now, ts, out),
            None => out.reply(session, &Reply::new(id, Code::UNAUTHORIZED, "authentication failed", ts)),
        }
    }

    /// The session belongs to this user from now on.
    pub(super) fn welcome(
        &mut self,
        session: SessionId,
        user: UserRef,
        id: Option<&str>,
        now: Timestamp,
        ts: &str,
        out: &mut Outbox,
    ) {
        out.logged_in = true;
        if let Some(state) = self.sessions.get_mut(session) {
            state.user = Some(user);
        }
        let (token, expires) = self.accounts.login_token(user, now);
        let params = CtrlParams {
            authlvl: Some("auth".into()),
            expires: matches!(self.rules.entry, Entry::Hello(_)).then(|| expires.to_string().into()),
            token: Some(token.into()),
            user: Some((&*self.accounts.get(user).wire).into()),
            ..CtrlParams::default()
        };
        out.reply(session, &Reply::new(id, Code::OK, "ok", ts).params(params));
    }

    /// `USER@DOMAIN:ACCESS_TOKEN`; the token may hold anything, the domain no colon.
    fn identify(&mut self, secret: &[u8], now: Timestamp) -> Option<UserRef> {
        let (who, token) = std::str::from_utf8(secret).ok()?.split_once(':')?;
        let (name, domain) = who.rsplit_once('@')?;
        self.accounts.log_in(domain, name, token, now)
    }
}
