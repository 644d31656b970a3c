//! Names and credentials of users, computed when asked for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Plan, Token};
use crate::protocol::dialect::LoginForm;
use crate::scenario::{Secret, UserSource};

impl Plan {
    /// The sign-in name of a user.
    pub fn user_name(&self, user: u32) -> String {
        match &self.scenario.users.source {
            UserSource::Generated { prefix, first, width, suffix, .. } => {
                format!("{prefix}{:0width$}{suffix}", first + u64::from(user))
            }
            UserSource::Listed(records) => records[user as usize].name.clone(),
        }
    }

    /// The SIP domain of a user.
    pub fn domain(&self, user: u32) -> &str {
        match &self.scenario.users.source {
            UserSource::Generated { domain, .. } => domain,
            UserSource::Listed(records) => &records[user as usize].domain,
        }
    }

    /// Scheme and secret with which a user logs in: standard base64 with padding of `USER@DOMAIN:ACCESS_TOKEN`, or
    /// the token of an earlier login as it came.
    /// Source: vendor's page, "Authenticate with IM Service using the Access Token"; protocol reference, section 7.1.
    pub fn login_secret(&self, user: u32, token: &Token) -> (&'static str, String) {
        let token = token.access.reveal();
        match self.scenario.target.dialect.login {
            LoginForm::AccessToken => {
                let plain = format!("{}@{}:{token}", self.user_name(user), self.domain(user));
                ("access_token", STANDARD.encode(plain))
            }
            LoginForm::BasicOnce => ("token", token.to_owned()),
        }
    }

    /// The secret of a user's first login, with scheme `basic`: standard base64 with padding of `NAME:PASSWORD`.
    /// Source: protocol reference, section 7.1.
    pub fn basic_secret(&self, user: u32) -> String {
        STANDARD.encode(format!("{}:{}", self.user_name(user), self.credential(user).reveal()))
    }

    /// The password of a user, or with preset tokens the token.
    pub fn credential(&self, user: u32) -> &Secret {
        match &self.scenario.users.source {
            UserSource::Generated { password, .. } => password,
            UserSource::Listed(records) => &records[user as usize].credential,
        }
    }
}
