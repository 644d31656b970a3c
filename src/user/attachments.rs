//! The topics that a session is attached to.

use crate::ledger::{AttachEnd, AttachId, AttachRecord, TopicKey};
use crate::ops::Topic;
use crate::protocol::{Dialect, UserId};
use crate::tick::Tick;

use super::resubscribe::Gaps;
use super::world::Call;

/// One topic of a session.
#[derive(Debug)]
pub(super) struct Attachment {
    pub(super) topic: Topic,
    pub(super) key: TopicKey,
    /// For the ledger; `None` for `me`, where no messages come.
    pub(super) id: Option<AttachId>,
    pub(super) requested: Tick,
    pub(super) is_confirmed: bool,
    /// Greatest seq received live.
    pub(super) last_seq: u64,
    /// Which of the 64 seqs up to that one were received; the lowest bit is that one.
    seen: u64,
    /// When a leave was sent; [`Tick::NEVER`] while there is none.
    pub(super) leaving: Tick,
    /// A page of history was given up and may come yet.
    pub(super) has_stray_page: bool,
    /// Number of the first message received live; 0 before.
    first_seq: u64,
    pub(super) gaps: Gaps,
    /// Read and received marks, as the service told them last.
    pub(super) marks: (u64, u64),
}

/// Numbers that were received live.
#[derive(Debug, Clone, Copy)]
pub(super) struct LiveNumbers {
    /// The greatest.
    last: u64,
    /// Which of the 64 up to that one; the lowest bit is that one.
    seen: u64,
}

impl LiveNumbers {
    /// Whether this one was, as far back as is known.
    pub(super) fn has(self, seq: u64) -> bool {
        let behind = self.last.saturating_sub(seq);
        seq > 0 && seq <= self.last && behind < 64 && self.seen & (1 << behind) != 0
    }

    /// How many were, of those from the one to the other.
    pub(super) fn count(self, from: u64, to: u64) -> u64 {
        let first = from.max(self.last.saturating_sub(63));
        (first..=to.min(self.last)).filter(|seq| self.has(*seq)).count() as u64
    }
}

/// The topics of one session, few enough to be searched in order.
#[derive(Debug, Default)]
pub(super) struct Attachments(Vec<Attachment>);

impl Attachments {
    pub(super) fn find(&mut self, topic: &Topic) -> Option<&mut Attachment> {
        self.0.iter_mut().find(|attachment| attachment.topic == *topic)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Attachment> {
        self.0.iter_mut()
    }

    pub(super) fn get(&self, topic: &Topic) -> Option<&Attachment> {
        self.0.iter().find(|attachment| attachment.topic == *topic)
    }

    /// The attachment that a frame names on the wire.
    pub(super) fn find_wire(&mut self, name: &str, call: &Call<'_>) -> Option<&mut Attachment> {
        self.0.iter_mut().find(|attachment| is_named(&attachment.topic, name, call))
    }

    /// Begins an attachment.
    pub(super) fn request(&mut self, call: &mut Call<'_>, topic: Topic, key: TopicKey, id: AttachId, at: Tick) {
        let id = (topic != Topic::Me).then_some(id);
        if let Some(id) = id {
            call.books.batch.attachments.push(AttachRecord::Requested { id, topic: key, at });
        }
        // A user has two or three: the usual room for four would be the greatest part of what it takes.
        if self.0.len() == self.0.capacity() && self.0.len() < 4 {
            self.0.reserve_exact(1);
        }
        self.0.push(Attachment::new(topic, key, id, at));
    }

    /// The server confirmed it.
    pub(super) fn confirm(&mut self, call: &mut Call<'_>, topic: &Topic, at: Tick) {
        let Some(attachment) = self.find(topic) else { return };
        attachment.is_confirmed = true;
        if let Some(id) = attachment.id {
            call.books.batch.attachments.push(AttachRecord::Confirmed { id, at });
        }
    }

    /// It is over.
    pub(super) fn end(&mut self, call: &mut Call<'_>, topic: &Topic, now: Tick, how: AttachEnd) {
        if let Some(index) = self.0.iter().position(|attachment| attachment.topic == *topic) {
            let attachment = self.0.swap_remove(index);
            attachment.record_end(call, now, how);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Attachment> {
        self.0.iter()
    }

    /// The session is over.
    pub(super) fn end_all(&mut self, call: &mut Call<'_>, requested: Tick, now: Tick, how: AttachEnd) {
        for mut attachment in self.0.drain(..) {
            // Whoever had asked to leave, or was never sure to be attached, misses nothing.
            let is_interrupted = how != AttachEnd::Interrupted || attachment.can_miss();
            let how = if is_interrupted { how } else { AttachEnd::ConnectionLost };
            attachment.leaving = attachment.leaving.min(requested);
            attachment.record_end(call, now, how);
        }
    }
}

impl Attachment {
    /// Asked for, and not confirmed yet.
    fn new(topic: Topic, key: TopicKey, id: Option<AttachId>, requested: Tick) -> Attachment {
        Attachment {
            topic,
            key,
            id,
            requested,
            is_confirmed: false,
            last_seq: 0,
            seen: 0,
            leaving: Tick::NEVER,
            has_stray_page: false,
            first_seq: 0,
            gaps: Gaps::default(),
            marks: (0, 0),
        }
    }

    /// Notes a message that was received live; whether it is the first with its seq. A repeat has no delivery time
    /// of its own; what comes more than 64 messages late is taken for one.
    pub(super) fn receive(&mut self, seq: u64) -> bool {
        if seq == 0 {
            return true;
        }
        if seq > self.last_seq {
            let step = seq - self.last_seq;
            self.seen = if step < 64 { (self.seen << step) | 1 } else { 1 };
            self.last_seq = seq;
            return true;
        }
        let behind = self.last_seq - seq;
        let bit = if behind < 64 { 1 << behind } else { 0 };
        let is_first = bit & !self.seen != 0;
        self.seen |= bit;
        is_first
    }

    /// Whether a message was received live, as far back as is known.
    pub(super) fn has_live(&self, seq: u64) -> bool {
        self.live().has(seq)
    }

    /// What was received live, as far back as is known.
    pub(super) fn live(&self) -> LiveNumbers {
        LiveNumbers { last: self.last_seq, seen: self.seen }
    }

    /// Whether something can be missed here that has to be fetched.
    pub(super) fn can_miss(&self) -> bool {
        self.id.is_some() && self.is_confirmed && self.leaving == Tick::NEVER
    }

    /// When to look at a gap that the message just received has opened.
    pub(super) fn new_gap(&mut self, now: Tick) -> Option<Tick> {
        if self.first_seq == 0 {
            self.first_seq = self.last_seq;
        }
        self.gaps.note(self.first_seq, self.last_seq, self.seen, now)
    }

    fn record_end(&self, call: &mut Call<'_>, now: Tick, how: AttachEnd) {
        if let Some(id) = self.id {
            let requested = self.leaving.min(now);
            call.books.batch.attachments.push(AttachRecord::Ended { id, requested, done: now, how });
        }
    }
}

/// Whether a wire name means this topic, as this user names it.
pub(super) fn is_named(topic: &Topic, name: &str, call: &Call<'_>) -> bool {
    match topic {
        Topic::Me => name == "me",
        Topic::User(user) => UserId::parse(name, dialect(call).user_ids) == Some(*user),
        Topic::Group(group) => call.directory.group_name(*group) == Some(name),
        Topic::Other(other) => **other == *name,
    }
}

fn dialect(call: &Call<'_>) -> &'static Dialect {
    call.plan.scenario.target.dialect
}

/// The ledger's key of a topic: the same on both sides of a conversation.
pub(super) fn topic_key(topic: &Topic, own: Option<UserId>, call: &Call<'_>) -> TopicKey {
    match topic {
        Topic::Me => TopicKey(0),
        Topic::User(peer) => TopicKey::of_pair(own.unwrap_or(UserId(0)), *peer),
        Topic::Group(group) => TopicKey::of_name(call.directory.group_name(*group).unwrap_or_default()),
        Topic::Other(name) => TopicKey::of_name(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_is_known_and_a_straggler_is_not_one() {
        let mut attachment = Attachment::new(Topic::Me, TopicKey(0), None, Tick::ZERO);
        let mut receive = |seq: u64| attachment.receive(seq);
        assert!(receive(7) && receive(9) && receive(8));
        assert!(!receive(7) && !receive(8) && !receive(9));
        assert!(receive(200) && !receive(9), "too far behind to be told from a repeat");
        assert!(receive(0) && receive(0), "without a number nothing is known");
    }
}
