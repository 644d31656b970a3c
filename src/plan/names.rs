//! Names and credentials of users, computed when asked for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Plan, Token};
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

    /// Scheme and secret with which a user logs in: standard base64 with padding of `USER@DOMAIN:ACCESS_TOKEN`.
    /// Source: vendor's page, "Authenticate with IM Service using the Access Token".
    pub fn login_secret(&self, user: u32, token: &Token) -> (&'static str, String) {
        let plain = format!("{}@{}:{}", self.user_name(user), self.domain(user), token.access.reveal());
        ("access_token", STANDARD.encode(plain))
    }

    /// The password of a user, or with preset tokens the token.
    pub fn credential(&self, user: u32) -> &Secret {
        match &self.scenario.users.source {
            UserSource::Generated { password, .. } => password,
            UserSource::Listed(records) => &records[user as usize].credential,
        }
    }
}
