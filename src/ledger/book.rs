//! `Book`: matches publishes, deliveries and attachments of all workers.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use super::batch::{AttachId, AttachRecord, Batch, DeliveryRecord, PublishOutcome, PublishRecord, TopicKey};
use super::receivers::Receivers;
use super::topic::{Absence, Facts, Topic, Window, WindowEnd};
use super::totals::{ExcuseReason, LedgerTotals};
use crate::random::mix;
use crate::tick::Tick;

/// How long a message stays on the books after it was accepted, so that a straggler or a repeat finds it.
const LINGER: Duration = Duration::from_secs(2);
/// How long an incomplete message is waited for before it is lost in the middle of a run.
const GIVE_UP: Duration = Duration::from_secs(600);
/// How long a receiver that was attaching may still get the message.
const ATTACH_RACE: Duration = Duration::from_secs(30);
/// Most incomplete messages kept; the oldest is given up beyond that.
const INCOMPLETE_MAX: usize = 1_000_000;

/// Matches what workers saw. Call [`Book::take`] for each batch of an interval, then [`Book::settle`].
pub struct Book {
    late_after: Duration,
    claim_within: Duration,
    topics: HashMap<TopicKey, Topic, Mixed>,
    places: HashMap<AttachId, (TopicKey, usize), Mixed>,
    messages: HashMap<u64, Message, Mixed>,
    /// Keys of messages that have not been looked at, oldest first.
    fresh: VecDeque<(Tick, u64)>,
    /// Keys of messages that were looked at and are not complete, oldest first.
    incomplete: VecDeque<u64>,
    /// By user, the first counter that has not been reported: what is below is a real message.
    reported: Vec<u32>,
    totals: LedgerTotals,
}

/// How a run ended, as far as deliveries are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// What was on its way had its time: what is missing is lost.
    Drained,
    /// There was no time for that: what is missing is excused.
    BrokenOff,
}

#[derive(Debug)]
struct Message {
    topic: TopicKey,
    sent: Tick,
    seq: u64,
    first: Tick,
    last: Tick,
    receivers: Receivers,
    /// Deliveries to others than the publisher, counted so far.
    delivered: u32,
    /// Copies with changed content, counted so far.
    corrupted: u32,
    /// Who was found missing when it was looked at; already part of the totals.
    missing: Vec<(u32, Absence)>,
    claim: Claim,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// Received by somebody; its publisher has not reported it yet.
    Unclaimed,
    Claimed {
        outcome: PublishOutcome,
        settled: Tick,
        own: Option<AttachId>,
        echo: bool,
    },
}

impl Book {
    /// An empty book. `late_after` is when a delivery counts as late, `claim_within` how long after a publish
    /// its publisher reports the outcome at the latest.
    pub fn new(late_after: Duration, claim_within: Duration) -> Book {
        Book {
            late_after,
            claim_within: claim_within + LINGER,
            topics: HashMap::default(),
            places: HashMap::default(),
            messages: HashMap::default(),
            fresh: VecDeque::new(),
            incomplete: VecDeque::new(),
            reported: Vec::new(),
            totals: LedgerTotals::default(),
        }
    }

    /// Enters what a worker saw.
    pub fn take(&mut self, batch: &Batch) {
        self.totals.foreign += batch.foreign;
        for record in &batch.attachments {
            self.attach(*record);
        }
        for record in &batch.publishes {
            self.publish(*record);
        }
        for record in &batch.deliveries {
            self.deliver(*record);
        }
    }

    fn attach(&mut self, record: AttachRecord) {
        match record {
            AttachRecord::Requested { id, topic, at } => {
                let window = Window { id, requested: at, confirmed: Tick::NEVER, end: None, highest_seq: 0 };
                let place = self.topics.entry(topic).or_default().add(window);
                self.places.insert(id, (topic, place));
            }
            AttachRecord::Confirmed { id, at } => {
                if let Some(window) = self.window_mut(id) {
                    window.confirmed = at;
                }
            }
            AttachRecord::Ended { id, requested, done, how } => {
                if let Some(window) = self.window_mut(id) {
                    window.end = Some(WindowEnd { requested, done, how });
                }
            }
        }
    }

    fn window_mut(&mut self, id: AttachId) -> Option<&mut Window> {
        let &(topic, place) = self.places.get(&id)?;
        self.topics.get_mut(&topic)?.window_mut(place)
    }

    fn publish(&mut self, record: PublishRecord) {
        let (user, counter) = ((record.key >> 30) as usize, (record.key & ((1 << 30) - 1)) as u32);
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
            PublishOutcome::Accepted { .. } => self.totals.accepted += 1,
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
            Entry::Occupied(mut entry) => entry.get_mut().claim = claim,
        }
        self.note_outcome(record);
    }

    fn publish_again(&mut self, record: PublishRecord) {
        let Some(message) = self.messages.get_mut(&record.key) else { return };
        if let Claim::Claimed { outcome, settled, .. } = &mut message.claim
            && *outcome == PublishOutcome::Unknown
            && matches!(record.outcome, PublishOutcome::Accepted { .. })
        {
            (*outcome, *settled) = (record.outcome, record.settled);
            self.totals.unknown -= 1;
            self.totals.accepted += 1;
            self.note_outcome(record);
        }
    }

    fn note_outcome(&mut self, record: PublishRecord) {
        if let Some(message) = self.messages.get_mut(&record.key) {
            message.sent = record.sent;
            if let PublishOutcome::Accepted { seq } = record.outcome
                && seq > 0
            {
                message.seq = seq;
            }
        }
    }

    fn deliver(&mut self, record: DeliveryRecord) {
        let Some(&(topic, place)) = self.places.get(&record.attach) else {
            // Its attachment is long gone: only a repeat of something old can be so late.
            self.totals.duplicated += 1;
            return;
        };
        let message = match self.messages.entry(record.key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let (user, counter) = ((record.key >> 30) as usize, (record.key & ((1 << 30) - 1)) as u32);
                if self.reported.get(user).is_some_and(|&next| counter < next) {
                    self.totals.duplicated += 1;
                    return;
                }
                self.fresh.push_back((record.received, record.key));
                entry.insert(Message::new(topic, record.sent, Claim::Unclaimed))
            }
        };
        if !message.receivers.insert(place) {
            self.totals.duplicated += 1;
            return;
        }
        if message.seq == 0 {
            message.seq = record.seq;
        }
        if !record.is_intact {
            message.corrupted += 1;
            self.totals.corrupted += 1;
        }
        // The author's user index is part of the key, and so is that of an attachment: equal means an echo.
        let is_echo = record.attach.0 >> 32 == record.key >> 30;
        if !is_echo {
            message.first = message.first.min(record.received);
            message.last = message.last.max(record.received);
            message.delivered += 1;
            self.totals.delivered += 1;
            match message.missing.iter().position(|&(missing, _)| missing as usize == place) {
                None => self.totals.expected += 1,
                Some(index) => match message.missing.swap_remove(index).1 {
                    Absence::Owed => self.totals.open -= 1,
                    Absence::Excused(reason) => self.totals.excused[reason as usize] -= 1,
                },
            }
            if record.received.since(record.sent) > self.late_after {
                self.totals.late += 1;
            }
        }
        if let Some(window) = self.topics.get_mut(&topic).and_then(|topic| topic.window_mut(place)) {
            if record.seq < window.highest_seq && !is_echo {
                self.totals.reordered += 1;
            }
            window.highest_seq = window.highest_seq.max(record.seq);
        }
    }

    /// Looks at every message old enough to be judged, given that all workers' batches up to `watermark` are in.
    pub fn settle(&mut self, watermark: Tick) {
        let horizon = watermark.minus(LINGER);
        while let Some(&(since, key)) = self.fresh.front() {
            if since >= horizon {
                break;
            }
            self.fresh.pop_front();
            self.look_at(key, watermark);
        }
        let mut waiting = std::mem::take(&mut self.incomplete);
        let give_up = waiting.len().saturating_sub(INCOMPLETE_MAX);
        for (index, key) in waiting.drain(..).enumerate() {
            let Some(message) = self.messages.get(&key) else { continue };
            if index < give_up || message.sent + GIVE_UP < watermark {
                self.give_up(key);
            } else if self.is_done(message, watermark) {
                self.close(key);
            } else {
                self.incomplete.push_back(key);
            }
        }
        self.forget_windows(watermark);
    }

    /// Judges everything that is left: what is still owed is lost, what nobody claimed is phantom.
    /// Call it after the drain and before connections are closed.
    pub fn finish(&mut self, ending: Ending) {
        while let Some((_, key)) = self.fresh.pop_front() {
            self.look_at(key, Tick::NEVER);
        }
        let lost = self.totals.lost;
        while let Some(key) = self.incomplete.pop_front() {
            self.give_up(key);
        }
        if ending == Ending::BrokenOff {
            // Nobody waited for these: they may have been on their way.
            let unfinished = self.totals.lost - lost;
            self.totals.lost = lost;
            self.totals.excused[ExcuseReason::Unfinished as usize] += unfinished;
        }
    }

    /// Whether nothing is owed: every message so far is complete, judged with what is known now.
    pub fn is_complete(&mut self) -> bool {
        let fresh = self.fresh.iter().map(|&(_, key)| key);
        fresh.chain(self.incomplete.iter().copied()).all(|key| {
            self.messages.get(&key).is_none_or(|message| match message.claim {
                Claim::Unclaimed => false,
                Claim::Claimed { .. } => self.facts(message).is_none_or(|facts| {
                    let missing = self
                        .topics
                        .get(&message.topic)
                        .map(|topic| topic.missing(facts, &message.receivers, self.late_after));
                    let echo = matches!(message.claim, Claim::Claimed { echo: true, .. });
                    missing.is_none_or(|missing| {
                        missing.owes_nothing() && (!echo || !missing.own_attached || missing.own_received)
                    })
                }),
            })
        })
    }

    /// Sums so far.
    pub fn totals(&self) -> &LedgerTotals {
        &self.totals
    }

    /// Forgets the samples of the spread histogram, at the start of an interval.
    pub fn clear_interval(&mut self) {
        self.totals.spread.clear();
    }

    /// Topics, attachments and messages held: for judging whether memory stays flat.
    pub fn footprint(&self) -> (usize, usize, usize) {
        (self.topics.len(), self.places.len(), self.messages.len())
    }

    /// What is known of a message that the server accepted; `None` when there is no sign that it did.
    fn facts(&self, message: &Message) -> Option<Facts> {
        let Claim::Claimed { outcome, settled, own, .. } = message.claim else { return None };
        let accepted = match outcome {
            PublishOutcome::Accepted { .. } => settled.min(message.first),
            _ if message.receivers.len() > 0 => message.first,
            _ => return None,
        };
        Some(Facts { sent: message.sent, accepted, seq: message.seq, own })
    }

    fn look_at(&mut self, key: u64, watermark: Tick) {
        let Some(message) = self.messages.get(&key) else { return };
        let Claim::Claimed { outcome, echo, .. } = message.claim else {
            self.incomplete.push_back(key);
            return;
        };
        let Some(facts) = self.facts(message) else {
            // Refused or unknown, and nobody has it: an unknown one may still turn up.
            if outcome == PublishOutcome::Unknown && watermark != Tick::NEVER {
                self.incomplete.push_back(key);
            } else {
                self.messages.remove(&key);
            }
            return;
        };
        let missing = match self.topics.get(&message.topic) {
            Some(topic) => topic.missing(facts, &message.receivers, self.late_after),
            None => Default::default(),
        };
        self.totals.expected += missing.places.len() as u64;
        for &(_, absence) in &missing.places {
            match absence {
                Absence::Owed => self.totals.open += 1,
                Absence::Excused(reason) => self.totals.excused[reason as usize] += 1,
            }
        }
        if echo && missing.own_attached {
            self.totals.echo_expected += 1;
            self.totals.echo_delivered += u64::from(missing.own_received);
        }
        self.accept_by_evidence(key, outcome);
        let message = self.messages.get_mut(&key).expect("looked up above");
        message.missing = missing.places;
        if message.missing.is_empty() {
            self.close(key);
        } else {
            self.incomplete.push_back(key);
        }
    }

    /// A message that somebody has was accepted, whatever its publisher was told.
    fn accept_by_evidence(&mut self, key: u64, outcome: PublishOutcome) {
        let counted = match outcome {
            PublishOutcome::Accepted { .. } => return,
            PublishOutcome::Refused => &mut self.totals.refused,
            PublishOutcome::Unknown => &mut self.totals.unknown,
        };
        *counted -= 1;
        self.totals.accepted += 1;
        if let Some(Message { claim: Claim::Claimed { outcome, .. }, seq, .. }) = self.messages.get_mut(&key) {
            *outcome = PublishOutcome::Accepted { seq: *seq };
        }
    }

    fn is_done(&self, message: &Message, watermark: Tick) -> bool {
        match message.claim {
            Claim::Unclaimed => message.first + self.claim_within < watermark,
            // A receiver excused for its attach may get the message yet; the other excuses are final.
            Claim::Claimed { outcome: PublishOutcome::Accepted { .. }, .. } => {
                message.missing.iter().all(|&(_, absence)| {
                    absence != Absence::Owed
                        && (absence != Absence::Excused(ExcuseReason::Attach) || message.sent + ATTACH_RACE < watermark)
                })
            }
            // Unknown, and now somebody has it: it has to be looked at again.
            Claim::Claimed { .. } => message.receivers.len() > 0,
        }
    }

    /// Takes a message off the books that is complete, or that has to be looked at once more.
    fn close(&mut self, key: u64) {
        let Some(message) = self.messages.get(&key) else { return };
        match message.claim {
            Claim::Unclaimed => return self.give_up(key),
            Claim::Claimed { outcome: PublishOutcome::Accepted { .. }, .. } => {}
            Claim::Claimed { .. } => return self.look_at(key, Tick::ZERO),
        }
        if message.delivered >= 2 {
            self.totals.spread.record(message.last.micros_since(message.first));
        }
        self.messages.remove(&key);
    }

    fn give_up(&mut self, key: u64) {
        let Some(message) = self.messages.get(&key) else { return };
        match message.claim {
            Claim::Unclaimed => {
                let received = u64::from(message.delivered);
                self.totals.phantom += u64::from(message.receivers.len());
                // Nobody sent it, so nothing in it can have been changed on the way.
                self.totals.corrupted -= u64::from(message.corrupted);
                self.totals.delivered -= received;
                self.totals.expected -= received;
                self.messages.remove(&key);
            }
            Claim::Claimed { outcome: PublishOutcome::Accepted { .. }, .. } => self.lose(key),
            Claim::Claimed { .. } => {
                if message.receivers.len() > 0 {
                    self.look_at(key, Tick::NEVER);
                }
                self.lose(key);
            }
        }
    }

    /// Takes a message off the books; whoever it is still owed to has lost it.
    fn lose(&mut self, key: u64) {
        let Some(message) = self.messages.remove(&key) else { return };
        let owed = message.missing.iter().filter(|(_, absence)| *absence == Absence::Owed).count() as u64;
        self.totals.open -= owed;
        self.totals.lost += owed;
    }

    /// Forgets attachments that no message can ask for any more: none that is on the books, and none whose publisher
    /// has yet to report it. Workers report in turns, so the books are not in the order of sending.
    fn forget_windows(&mut self, watermark: Tick) {
        let fresh = self.fresh.iter().map(|&(since, _)| since).min().unwrap_or(watermark);
        let waiting = self.incomplete.iter().filter_map(|key| self.messages.get(key)).map(|message| message.sent).min();
        let before = fresh.min(watermark).minus(self.claim_within).min(waiting.unwrap_or(watermark));
        let (topics, places) = (&mut self.topics, &mut self.places);
        topics.retain(|_, topic| {
            topic.forget_ended(before, &mut |id| {
                places.remove(&id);
            });
            !topic.is_empty()
        });
    }
}

impl Message {
    fn new(topic: TopicKey, sent: Tick, claim: Claim) -> Message {
        Message {
            topic,
            sent,
            seq: 0,
            first: Tick::NEVER,
            last: Tick::ZERO,
            receivers: Receivers::default(),
            delivered: 0,
            corrupted: 0,
            missing: Vec::new(),
            claim,
        }
    }
}

/// Hashes one word: keys here are numbers of our own making.
#[derive(Debug, Clone, Copy, Default)]
struct Mixed;

#[derive(Debug, Default)]
struct MixedHasher(u64);

impl BuildHasher for Mixed {
    type Hasher = MixedHasher;

    fn build_hasher(&self) -> MixedHasher {
        MixedHasher::default()
    }
}

impl Hasher for MixedHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = mix(self.0 ^ u64::from(byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = mix(self.0 ^ word);
    }
}
