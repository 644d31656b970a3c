//! One message in the ledger, from the first that is heard of it until every delivery is decided.

use super::batch::{AttachId, DeliveryRecord, PublishOutcome, TopicKey};
use super::diagnosis::Finding;
use super::receivers::Receivers;
use super::topic::{Absence, Facts};
use super::totals::ExcuseReason;
use crate::protocol::Stamp;
use crate::tick::Tick;

#[derive(Debug)]
pub(super) struct Message {
    pub(super) topic: TopicKey,
    pub(super) sent: Tick,
    pub(super) seq: u64,
    /// First and last receipt by others than the publisher.
    pub(super) first: Tick,
    pub(super) last: Tick,
    /// First receipt by anybody: its echo proves a message accepted as well.
    pub(super) seen: Tick,
    pub(super) receivers: Receivers,
    /// Deliveries to others than the publisher, counted so far.
    pub(super) delivered: u32,
    /// Of those, to whom it came when they read again.
    pub(super) waited: u32,
    /// Receipts that were counted as late, and as changed.
    pub(super) late: u32,
    pub(super) corrupted: u32,
    /// Who was found missing when it was judged, already part of the totals; `None` until then.
    pub(super) missing: Option<Vec<(u32, Absence)>>,
    /// The publisher's own copy was found missing when it was judged.
    pub(super) awaits_echo: bool,
    pub(super) claim: Claim,
    /// What the history says about it, once it was asked.
    pub(super) finding: Option<Finding>,
    /// Receipts on another topic than the first one, until its publisher says which is right.
    pub(super) strays: Vec<DeliveryRecord>,
    /// Attachments that have it from the history.
    pub(super) recovered: Vec<Recovered>,
}

/// A copy out of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recovered {
    pub(super) by: AttachId,
    /// It is part of the totals.
    pub(super) is_counted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// Received by somebody; its publisher has not reported it yet.
    Unclaimed,
    Claimed {
        outcome: PublishOutcome,
        settled: Tick,
        own: Option<AttachId>,
        echo: bool,
    },
}

impl Message {
    pub(super) fn new(topic: TopicKey, sent: Tick, claim: Claim) -> Message {
        Message {
            topic,
            sent,
            seq: 0,
            first: Tick::NEVER,
            last: Tick::ZERO,
            seen: Tick::NEVER,
            receivers: Receivers::default(),
            delivered: 0,
            waited: 0,
            late: 0,
            corrupted: 0,
            missing: None,
            awaits_echo: false,
            claim,
            finding: None,
            strays: Vec::new(),
            recovered: Vec::new(),
        }
    }

    /// Forgets every receipt: they were on a topic that is not its own.
    pub(super) fn start_again(&mut self, topic: TopicKey) {
        let fresh = Message::new(topic, self.sent, self.claim);
        *self = Message { finding: self.finding, ..fresh };
    }

    /// What is known of it once the server has accepted it; `None` while there is no sign that it did.
    pub(super) fn facts(&self, key: u64) -> Option<Facts> {
        let Claim::Claimed { outcome, settled, own, .. } = self.claim else { return None };
        let accepted = match outcome {
            PublishOutcome::Accepted { .. } => settled.min(self.seen),
            _ if self.receivers.len() > 0 || !self.recovered.is_empty() => self.seen,
            _ => return None,
        };
        Some(Facts { author: u64::from(Stamp::author_of(key)), sent: self.sent, accepted, seq: self.seq, own })
    }

    /// Takes a receiver off the missing ones and tells what had been made of it.
    pub(super) fn found(&mut self, place: usize) -> Option<Absence> {
        let missing = self.missing.as_mut()?;
        let index = missing.iter().position(|&(missing, _)| missing as usize == place)?;
        Some(missing.swap_remove(index).1)
    }

    /// Whether every delivery is decided. A receiver excused for its attach may get the message until
    /// that race is over; the other excuses are final.
    pub(super) fn is_decided(&self, is_attach_over: bool) -> bool {
        let is_open = |absence: &Absence| match absence {
            Absence::Owed => true,
            Absence::Excused(reason) => *reason == ExcuseReason::Attach && !is_attach_over,
        };
        !self.awaits_echo
            && self.missing.as_ref().is_some_and(|missing| !missing.iter().any(|(_, absence)| is_open(absence)))
    }
}
