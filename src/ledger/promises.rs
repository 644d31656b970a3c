//! What the book checks beside its sums: numbers of a topic, messages on a topic that is not theirs, the history.

use std::collections::BTreeSet;

use super::batch::{AttachId, DeliveryRecord, PastRecord, TopicKey};
use super::book::Book;
use super::diagnosis::Gap;
use super::invariant::Invariant;
use super::message::{Claim, Message};
use super::topic::Absence;
use crate::protocol::Stamp;
use crate::tick::Tick;

/// Receipts of one message kept until its publisher says where they should have come.
const STRAYS_MAX: usize = 4_096;
/// Attachments and gaps that are asked about after the drain.
const ASKED_MAX: usize = 4_096;
/// Attachments that are asked about at once in the middle of a run.
const ASKED_AT_ONCE_MAX: usize = 256;

/// A message in words.
pub fn named(key: u64) -> String {
    format!("message {} of user {}", Stamp::counter_of(key), Stamp::author_of(key))
}

impl std::fmt::Display for AttachId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "user {}", self.0 >> 32)
    }
}

impl Book {
    /// A second receipt.
    pub(super) fn repeated(&mut self, record: DeliveryRecord) {
        self.totals.duplicated += 1;
        self.totals.checks.found(Invariant::ExactlyOnce, record.received, || {
            format!("{} (seq {}) came to {} again", named(record.key), record.seq, record.attach)
        });
    }

    /// A receipt on another topic than that of the message.
    pub(super) fn stray(&mut self, record: DeliveryRecord) {
        let Some(message) = self.messages.get_mut(&record.key) else { return };
        if message.claim == Claim::Unclaimed && message.strays.len() < STRAYS_MAX {
            // Either of the two topics may be the right one: its publisher will say.
            message.strays.push(record);
        } else {
            self.totals.misdelivered += 1;
        }
    }

    /// Its publisher says where a message belongs: what came elsewhere was no delivery of it.
    pub(super) fn correct_topic(&mut self, key: u64, topic: TopicKey) {
        let Some(message) = self.messages.get_mut(&key) else { return };
        let strays = std::mem::take(&mut message.strays);
        if message.topic != topic {
            let totals = &mut self.totals;
            totals.misdelivered += u64::from(message.receivers.len());
            totals.delivered -= u64::from(message.delivered);
            totals.expected -= u64::from(message.delivered);
            totals.late -= u64::from(message.late);
            totals.corrupted -= u64::from(message.corrupted);
            message.start_again(topic);
        }
        for record in strays {
            self.deliver(record);
        }
    }

    /// Notes the number of an accepted message.
    pub(super) fn number(&mut self, key: u64, topic: TopicKey, seq: u64, at: Tick) {
        if seq > 0 {
            self.numbered.push((topic, seq, key, at));
        }
    }

    /// Enters the numbers of all messages that were just judged. In their order: what several workers saw of a topic is
    /// judged worker by worker, and would be all gaps until the last one's is in.
    pub(super) fn enter_numbers(&mut self) {
        let mut numbered = std::mem::take(&mut self.numbered);
        numbered.sort_by_key(|(topic, seq, ..)| (*topic, *seq));
        let checks = &mut self.totals.checks;
        for (topic, seq, key, at) in numbered.drain(..) {
            let Some(topic) = self.topics.get_mut(&topic) else { continue };
            checks.holds(Invariant::SeqDense);
            if !topic.numbers.insert(seq) {
                checks.found(Invariant::SeqUnique, at, || {
                    format!("{} is {seq}, and so is another message of its topic", named(key))
                });
            }
        }
        self.numbered = numbered;
    }

    /// Compares a message of the history with what is known of it.
    pub(super) fn compare_past(&mut self, record: PastRecord) {
        let known = self.messages.get(&record.key).map_or(0, |message| message.seq);
        let is_same = known == 0 || known == record.seq;
        self.totals.checks.check(Invariant::HistoryAsLive, is_same, record.received, || {
            format!("{} was {known}, and is {} in the history", named(record.key), record.seq)
        });
    }

    /// The history holds this message, and not as it was sent.
    pub fn past_differs(&mut self, at: Tick, example: impl FnOnce() -> String) {
        self.totals.checks.broken(Invariant::HistoryAsLive, at, example);
    }

    /// The history holds this message as it was sent, under this number.
    pub fn past_agrees(&mut self, record: PastRecord) {
        self.compare_past(record);
    }

    /// Numbers that were skipped, as far as is known; ask the history about them. Call it after [`Book::questions`].
    pub fn gaps(&self) -> Vec<Gap> {
        let mut topics: Vec<_> =
            self.topics.iter().filter(|(_, topic)| topic.numbers.gaps().next().is_some()).collect();
        topics.sort_by_key(|(key, _)| **key);
        let gaps = topics.into_iter().filter_map(|(&key, topic)| {
            let reader = topic.somebody()?;
            Some(topic.numbers.gaps().map(move |(low, high)| Gap { topic: key, reader, low, high }))
        });
        gaps.flatten().take(ASKED_MAX).collect()
    }

    /// The history has nothing under these numbers either.
    pub fn gap_is_real(&mut self, gap: Gap, at: Tick) {
        self.totals.checks.found(Invariant::SeqDense, at, || match gap {
            Gap { low, high, .. } if low == high => format!("no message of a topic has seq {low}"),
            Gap { low, high, .. } => format!("no message of a topic has seq {low} to {high}"),
        });
    }

    /// Attachments that last and are still owed a message: the service may have ended them without a word.
    pub fn owed(&self) -> Vec<AttachId> {
        self.owed_of(|_| true)
    }

    /// As [`Book::owed`], of messages whose outcome became known after `from`, and at `to` at the latest. A few.
    pub fn owed_since(&self, from: Tick, to: Tick) -> Vec<AttachId> {
        let mut owed = self.owed_of(
            |message| matches!(message.claim, Claim::Claimed { settled, .. } if from < settled && settled <= to),
        );
        owed.truncate(ASKED_AT_ONCE_MAX);
        owed
    }

    fn owed_of(&self, is_meant: impl Fn(&Message) -> bool) -> Vec<AttachId> {
        let mut owed = BTreeSet::new();
        let known = self.incomplete.iter().filter_map(|key| self.messages.get(key));
        for message in known.filter(|message| is_meant(message)) {
            let Some(topic) = self.topics.get(&message.topic) else { continue };
            let places = message.missing.iter().flatten().filter(|(_, absence)| *absence == Absence::Owed);
            owed.extend(places.filter_map(|(place, _)| topic.lasting(*place as usize)));
            if owed.len() >= ASKED_MAX {
                break;
            }
        }
        owed.into_iter().collect()
    }
}
