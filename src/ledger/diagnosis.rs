//! Diagnosis: what the server's own history says about messages that did not arrive.
//!
//! The book asks a [`Question`] for each message that is still owed, or whose outcome nobody knows; whoever can read
//! the history answers with a [`Finding`].

use super::batch::TopicKey;
use crate::protocol::Stamp;

/// A message that the history is to be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Author and counter, see [`crate::protocol::Stamp::key`].
    pub key: u64,
    /// Where it was published.
    pub topic: TopicKey,
    /// Its number in the topic; 0 when that is not known.
    pub seq: u64,
}

impl Question {
    /// Index of the user that published it; a member of the topic, who may read its history.
    pub fn author(&self) -> u32 {
        Stamp::author_of(self.key)
    }
}

/// Numbers of a topic that no message is known to have: the history may hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The topic.
    pub topic: TopicKey,
    /// A user who is attached to it and may read its history.
    pub reader: u32,
    /// First number.
    pub low: u64,
    /// Last number.
    pub high: u64,
}

/// What the history says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// The message is there.
    Stored,
    /// It is not.
    NotStored,
}

/// Where a lost delivery was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LossKind {
    /// Accepted, and not in the history.
    NotStored,
    /// In the history, and not pushed to the receiver.
    NotPushed,
    /// The history was not asked, or could not be read.
    Undiagnosed,
}

impl LossKind {
    /// Every kind with its word.
    pub const ALL: [(LossKind, &'static str); 3] = [
        (LossKind::NotStored, "not_stored"),
        (LossKind::NotPushed, "not_pushed"),
        (LossKind::Undiagnosed, "undiagnosed"),
    ];

    pub(super) fn of(finding: Option<Finding>) -> LossKind {
        match finding {
            Some(Finding::NotStored) => LossKind::NotStored,
            Some(Finding::Stored) => LossKind::NotPushed,
            None => LossKind::Undiagnosed,
        }
    }
}
