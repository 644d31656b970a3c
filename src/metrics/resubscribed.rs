//! Subscribes that the harness adds by itself, to find out whether a session with a gap is attached at all.

/// What became of them in one interval. `asked` is the sum of the others, and those without an answer yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resubscribed {
    /// Sent.
    pub asked: u64,
    /// Answered with 304: the session had been attached all the time.
    pub still_attached: u64,
    /// Answered with success: the service had ended the attachment without a word.
    pub silently_detached: u64,
    /// Refused.
    pub refused: u64,
    /// Not answered in time, or the connection ended before.
    pub unanswered: u64,
}

impl Resubscribed {
    /// Adds another interval's.
    pub fn merge(&mut self, other: &Resubscribed) {
        self.asked += other.asked;
        self.still_attached += other.still_attached;
        self.silently_detached += other.silently_detached;
        self.refused += other.refused;
        self.unanswered += other.unanswered;
    }
}
