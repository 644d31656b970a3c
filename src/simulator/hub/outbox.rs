//! What the hub wants sent, in order.

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::Numbering;
use super::frames::Reply;
use super::session::SessionId;
use super::topic::TopicRef;

/// Whose session a message is delivered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// The session that published it: an echo.
    Publisher,
    /// Any other session.
    Other,
}

/// What kind of frame this is, for the faults that choose by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// Answers a request of the session.
    Reply,
    /// A message out of the history, on its way to the request's closing reply.
    History,
    /// A message, live.
    Delivery {
        /// The topic.
        topic: TopicRef,
        /// Its number there.
        seq: u64,
        /// Echo or not.
        to: Receiver,
    },
    /// Presence, notes, eviction.
    Notice,
}

/// One frame for one session. The text is shared between the receivers of a broadcast.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// For whom.
    pub session: SessionId,
    /// The frame.
    pub text: Utf8Bytes,
    /// What it is.
    pub kind: FrameKind,
}

/// Frames in the order in which they are to be queued.
#[derive(Debug, Default)]
pub struct Outbox {
    /// The frames.
    pub frames: Vec<Outgoing>,
    /// A publish was accepted.
    pub published: bool,
    /// On which topic.
    pub topic: Option<TopicRef>,
    /// How its number was chosen.
    pub number: Numbering,
    /// A publish was refused because its topic's queue was full.
    pub queue_full: bool,
    /// A login was accepted.
    pub logged_in: bool,
    /// A login was refused because its token had expired or was revoked.
    pub token_expired: bool,
}

impl Outbox {
    /// Adds a frame.
    pub fn push(&mut self, session: SessionId, text: Utf8Bytes, kind: FrameKind) {
        self.frames.push(Outgoing { session, text, kind });
    }

    pub(super) fn reply(&mut self, session: SessionId, reply: &Reply<'_>) {
        self.push(session, reply.to_frame(), FrameKind::Reply);
    }

    pub(super) fn notice(&mut self, session: SessionId, text: &Utf8Bytes) {
        self.push(session, text.clone(), FrameKind::Notice);
    }
}
