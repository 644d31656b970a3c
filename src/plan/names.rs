//! Names and credentials of users, computed when asked for.

use super::Plan;
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

    /// The password of a user, or with preset tokens the token.
    pub fn credential(&self, user: u32) -> &Secret {
        match &self.scenario.users.source {
            UserSource::Generated { password, .. } => password,
            UserSource::Listed(records) => &records[user as usize].credential,
        }
    }
}
