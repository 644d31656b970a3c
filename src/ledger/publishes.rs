//! Publishes as their authors saw them: accepted, refused, or of unknown outcome, and sometimes accepted after all.

use std::collections::hash_map::Entry;

use super::batch::{PublishOutcome, PublishRecord};
use super::book::Book;
use super::invariant::Invariant;
use super::message::{Claim, Message};
use super::promises::named;
use crate::protocol::Stamp;

impl Book {
    /// A worker tells how a publish ended.
    pub(super) fn publish(&mut self, record: PublishRecord) {
        let (user, counter) = (Stamp::author_of(record.key) as usize, Stamp::counter_of(record.key));
        if self.reported.len() <= user {
            self.reported.resize(user + 1, 0);
        }
        let is_repeat = counter < self.reported[user];
        self.reported[user] = self.reported[user].max(counter + 1);
        if is_repeat {
            // A second report: the acknowledgement came after all.
            return self.publish_again(record);
        }
        self.totals.published += 1;
        match record.outcome {
            PublishOutcome::Accepted { .. } => {
                self.totals.accepted += 1;
                self.totals.echo_accepted += u64::from(record.echo);
            }
            PublishOutcome::Refused => self.totals.refused += 1,
            PublishOutcome::Unknown => self.totals.unknown += 1,
        }
        let claim =
            Claim::Claimed { outcome: record.outcome, settled: record.settled, own: record.own, echo: record.echo };
        match self.messages.entry(record.key) {
            Entry::Vacant(entry) => {
                entry.insert(Message::new(record.topic, record.sent, claim));
                self.fresh.push_back((record.settled, record.key));
            }
            Entry::Occupied(mut entry) => {
                let message = entry.get_mut();
                message.claim = claim;
                if message.topic != record.topic || !message.strays.is_empty() {
                    self.correct_topic(record.key, record.topic);
                }
            }
        }
        self.note_outcome(record);
    }

    fn publish_again(&mut self, record: PublishRecord) {
        let Some(message) = self.messages.get_mut(&record.key) else { return };
        if let Claim::Claimed { outcome, settled, echo, .. } = &mut message.claim
            && *outcome == PublishOutcome::Unknown
            && matches!(record.outcome, PublishOutcome::Accepted { .. })
        {
            (*outcome, *settled) = (record.outcome, record.settled);
            self.totals.unknown -= 1;
            self.totals.accepted += 1;
            self.totals.echo_accepted += u64::from(*echo);
            self.take_back_not_accepted(record.key);
            self.note_outcome(record);
        }
    }

    fn note_outcome(&mut self, record: PublishRecord) {
        if let Some(message) = self.messages.get_mut(&record.key) {
            message.sent = record.sent;
            if let PublishOutcome::Accepted { seq } = record.outcome
                && seq > 0
            {
                let was = std::mem::replace(&mut message.seq, seq);
                let is_same = was == 0 || was == seq;
                self.totals.checks.check(Invariant::SeqUnique, is_same, record.settled, || {
                    format!("{} was acknowledged as {seq} and received as {was}", named(record.key))
                });
            }
        }
    }
}
