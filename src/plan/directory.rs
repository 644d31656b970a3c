//! `Directory`: what only the target knows, shared by all workers: user ids, group names, access tokens.
//!
//! Written a few times for each user, read without a lock where it is hot.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::protocol::UserId;
use crate::scenario::Secret;
use crate::tick::Tick;

/// An access token of a user.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token.
    pub access: Secret,
    /// For getting the next one.
    pub refresh: Option<Secret>,
    /// When it is no longer good; [`Tick::NEVER`] for a preset one.
    pub expires: Tick,
}

/// What only the target knows.
#[derive(Debug)]
pub struct Directory {
    ids: Vec<AtomicU64>,
    groups: Vec<OnceLock<Box<str>>>,
    tokens: Vec<Mutex<Option<Box<Token>>>>,
}

impl Directory {
    /// An empty directory.
    pub fn new(users: u32, groups: u32) -> Directory {
        Directory {
            ids: (0..users).map(|_| AtomicU64::new(0)).collect(),
            groups: (0..groups).map(|_| OnceLock::new()).collect(),
            tokens: (0..users).map(|_| Mutex::new(None)).collect(),
        }
    }

    /// A user's wire id, once it has logged in for the first time.
    pub fn id(&self, user: u32) -> Option<UserId> {
        match self.ids[user as usize].load(Ordering::Relaxed) {
            0 => None,
            id => Some(UserId(id)),
        }
    }

    /// The user with this wire id. Looks through all of them.
    pub fn user_of(&self, id: UserId) -> Option<u32> {
        let place = self.ids.iter().position(|known| known.load(Ordering::Relaxed) == id.0)?;
        u32::try_from(place).ok()
    }

    /// Notes the id that a login told.
    pub fn set_id(&self, user: u32, id: UserId) {
        self.ids[user as usize].store(id.0, Ordering::Relaxed);
    }

    /// A group's wire name, once it has been created.
    pub fn group_name(&self, group: u32) -> Option<&str> {
        self.groups.get(group as usize)?.get().map(|name| &**name)
    }

    /// Notes a group's name; the first one stays.
    pub fn set_group_name(&self, group: u32, name: &str) {
        if let Some(place) = self.groups.get(group as usize) {
            let _ = place.set(name.into());
        }
    }

    /// A user's token, whether or not it is still good.
    pub fn token(&self, user: u32) -> Option<Token> {
        let place = self.tokens[user as usize].lock().unwrap_or_else(PoisonError::into_inner);
        place.as_deref().cloned()
    }

    /// Notes a user's new token.
    pub fn set_token(&self, user: u32, token: Token) {
        let mut place = self.tokens[user as usize].lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(Box::new(token));
    }

    /// Forgets a token that the server refused.
    pub fn forget_token(&self, user: u32) {
        let mut place = self.tokens[user as usize].lock().unwrap_or_else(PoisonError::into_inner);
        *place = None;
    }
}
