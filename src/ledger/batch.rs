//! What workers hand over: plain records, appended on the hot path and matched elsewhere.

use super::diagnosis::Finding;
use super::invariant::Checks;
use crate::protocol::UserId;
use crate::random::mix;
use crate::tick::Tick;

/// A topic, the same for all of its members: a hash of the name that the server itself would use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicKey(pub u64);

impl TopicKey {
    /// The conversation of two users, from either side.
    pub fn of_pair(one: UserId, other: UserId) -> TopicKey {
        TopicKey(mix(mix(one.0.min(other.0)) ^ one.0.max(other.0)))
    }

    /// A topic that has one name for all.
    pub fn of_name(name: &str) -> TopicKey {
        TopicKey(name.bytes().fold(0x6772_7000, |hash, byte| mix(hash ^ u64::from(byte))))
    }
}

/// One attachment of one session to one topic, unique in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttachId(pub u64);

/// A publish, once its outcome is known or given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishRecord {
    /// Author and counter, see [`crate::protocol::Stamp::key`].
    pub key: u64,
    /// Where it was published.
    pub topic: TopicKey,
    /// When it was sent.
    pub sent: Tick,
    /// When the outcome became known.
    pub settled: Tick,
    /// The outcome.
    pub outcome: PublishOutcome,
    /// The publisher's own attachment, when it has one.
    pub own: Option<AttachId>,
    /// Whether the publisher's session gets a copy.
    pub echo: bool,
}

/// What became of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishOutcome {
    /// Acknowledged under this number; 0 when the reply named none.
    Accepted {
        /// Number in the topic.
        seq: u64,
    },
    /// The server said no.
    Refused,
    /// No answer: timed out, or the connection ended.
    Unknown,
}

/// A message of this run, received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Through which attachment.
    pub attach: AttachId,
    /// Author and counter of the message.
    pub key: u64,
    /// Its number in the topic.
    pub seq: u64,
    /// Send instant out of its stamp.
    pub sent: Tick,
    /// When it was received.
    pub received: Tick,
    /// Whether its content is what was sent.
    pub is_intact: bool,
    /// Its receiver had not read for a while: how long it took is not the service's doing.
    pub has_waited: bool,
}

/// A message of this run, read back from the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastRecord {
    /// Author and counter of the message.
    pub key: u64,
    /// Its number in the topic.
    pub seq: u64,
    /// When it was read.
    pub received: Tick,
}

/// A message of this run that a session fetched because its connection had been lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveredRecord {
    /// The attachment that fetched it, in place of those that were interrupted.
    pub attach: AttachId,
    /// Author and counter of the message.
    pub key: u64,
    /// Its number in the topic.
    pub seq: u64,
    /// Send instant out of its stamp.
    pub sent: Tick,
    /// When it was fetched.
    pub received: Tick,
}

/// An attachment begins, is confirmed, or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachRecord {
    /// The session asks to be attached.
    Requested {
        /// The new attachment.
        id: AttachId,
        /// To which topic.
        topic: TopicKey,
        /// When the request was sent.
        at: Tick,
    },
    /// The server confirmed it.
    Confirmed {
        /// Which one.
        id: AttachId,
        /// When the reply was received.
        at: Tick,
    },
    /// It is over.
    Ended {
        /// Which one.
        id: AttachId,
        /// When the session asked for it, or lost its connection.
        requested: Tick,
        /// When it was certain.
        done: Tick,
        /// How it ended.
        how: AttachEnd,
    },
    /// The attachment takes the place of one that was interrupted, and will fetch what that one missed.
    Continues {
        /// The new attachment.
        id: AttachId,
        /// The interrupted one.
        of: AttachId,
    },
    /// What an interrupted attachment missed has been fetched.
    CaughtUp {
        /// Which one.
        id: AttachId,
        /// When the history was asked: it holds what had been accepted by then.
        asked: Tick,
        /// First number that the answer covers.
        low: u64,
        /// When the answer was complete.
        at: Tick,
    },
    /// What an interrupted attachment missed will not be fetched after all.
    Abandoned {
        /// Which one.
        id: AttachId,
    },
}

/// How an attachment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachEnd {
    /// The server refused it in the first place.
    Refused,
    /// The session left the topic, or was evicted; the reply comes after all earlier messages.
    Left,
    /// The session closed its connection.
    Disconnected,
    /// The connection broke.
    ConnectionLost,
    /// The connection broke, and the user is going to fetch what it misses.
    Interrupted,
}

/// Everything for the ledger between two hand-overs.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Attachments, in order.
    pub attachments: Vec<AttachRecord>,
    /// Publishes, in order of their outcome.
    pub publishes: Vec<PublishRecord>,
    /// Deliveries, in order of their receipt.
    pub deliveries: Vec<DeliveryRecord>,
    /// Messages read back, in order of their receipt.
    pub past: Vec<PastRecord>,
    /// Messages fetched after a lost connection, in order of their receipt.
    pub recovered: Vec<RecoveredRecord>,
    /// What a session found out of its own publishes of unknown outcome.
    pub findings: Vec<(u64, Finding)>,
    /// Messages of other clients or other runs.
    pub foreign: u64,
    /// Messages of this run on topics to which the session was not attached.
    pub misdelivered: u64,
    /// What one session could check by itself.
    pub checks: Checks,
}

impl Batch {
    /// Records in it.
    pub fn len(&self) -> usize {
        let told = self.attachments.len() + self.publishes.len() + self.deliveries.len();
        told + self.past.len() + self.recovered.len() + self.findings.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.foreign + self.misdelivered == 0
    }

    /// Forgets everything, and keeps the memory for as much again.
    pub fn clear(&mut self) {
        empty(&mut self.attachments);
        empty(&mut self.publishes);
        empty(&mut self.deliveries);
        empty(&mut self.past);
        empty(&mut self.recovered);
        empty(&mut self.findings);
        (self.foreign, self.misdelivered) = (0, 0);
        self.checks.clear();
    }
}

/// Most bytes that a list keeps without having needed a quarter of them.
const SPARE_BYTES_MAX: usize = 64 * 1024;

/// Empties a list. Room that only a storm has needed goes.
fn empty<T>(records: &mut Vec<T>) {
    let needed = records.len();
    records.clear();
    if records.capacity() / 4 > needed && records.capacity() * size_of::<T>() > SPARE_BYTES_MAX {
        records.shrink_to(2 * needed);
    }
}
