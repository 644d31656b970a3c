//! `Book`: matches publishes, deliveries and attachments of all workers.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::batch::{AttachEnd, AttachId, AttachRecord, Batch, DeliveryRecord, PublishOutcome, TopicKey};
use super::diagnosis::{Finding, Question};
use super::invariant::Invariant;
use super::message::{Claim, Message};
use super::mixed::Mixed;
use super::promises::named;
use super::topic::{Absence, CatchUp, Topic, Window, WindowEnd};
use super::totals::LedgerTotals;
use crate::protocol::Stamp;
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
    pub(super) late_after: Duration,
    claim_within: Duration,
    /// How long a user may keep everybody waiting because the scenario wants it so; see [`Book::with_pauses`].
    pauses: Duration,
    pub(super) topics: HashMap<TopicKey, Topic, Mixed>,
    pub(super) places: HashMap<AttachId, (TopicKey, usize), Mixed>,
    pub(super) messages: HashMap<u64, Message, Mixed>,
    /// Keys of messages that have not been looked at, oldest first.
    pub(super) fresh: VecDeque<(Tick, u64)>,
    /// Keys of messages that were looked at and are not complete, oldest first.
    pub(super) incomplete: VecDeque<u64>,
    /// Attachments that were interrupted and have not caught up, oldest first.
    pub(super) interrupted: VecDeque<(Tick, AttachId)>,
    /// By user, the first counter that has not been reported: what is below is a real message.
    pub(super) reported: Vec<u32>,
    /// Topic, number and key of messages that were just judged, and when they were accepted.
    pub(super) numbered: Vec<(TopicKey, u64, u64, Tick)>,
    pub(super) totals: LedgerTotals,
    /// A number that was given to a second message, after its topic had come further.
    pub(super) went_back: Option<u64>,
    pub(super) has_told_history: bool,
}

/// How a run ended, as far as deliveries are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// What was on its way had its time: what is missing is lost.
    Drained,
    /// There was no time for that: what is missing is excused.
    BrokenOff,
}

impl Book {
    /// An empty book. `late_after` is when a delivery counts as late, `claim_within` how long after a publish
    /// its publisher reports the outcome at the latest.
    pub fn new(late_after: Duration, claim_within: Duration) -> Book {
        Book {
            late_after,
            claim_within: claim_within + LINGER,
            pauses: Duration::ZERO,
            topics: HashMap::default(),
            places: HashMap::default(),
            messages: HashMap::default(),
            fresh: VecDeque::new(),
            incomplete: VecDeque::new(),
            interrupted: VecDeque::new(),
            reported: Vec::new(),
            numbered: Vec::new(),
            totals: LedgerTotals::default(),
            went_back: None,
            has_told_history: false,
        }
    }

    /// The same, of a run whose users do not read for so long at times: what they are owed, and what they have published,
    /// is waited for as much longer.
    pub fn with_pauses(self, longest: Duration) -> Book {
        Book { claim_within: self.claim_within + longest, pauses: longest, ..self }
    }

    /// Enters what a worker saw.
    pub fn take(&mut self, batch: &Batch) {
        self.totals.foreign += batch.foreign;
        self.totals.misdelivered += batch.misdelivered;
        self.totals.checks.merge(&batch.checks);
        for record in &batch.attachments {
            self.attach(*record);
        }
        for record in &batch.publishes {
            self.publish(*record);
        }
        for record in &batch.deliveries {
            self.deliver(*record);
        }
        for record in &batch.past {
            self.compare_past(*record);
        }
        for record in &batch.recovered {
            self.recover(*record);
        }
        for &(key, finding) in &batch.findings {
            self.learn(key, finding);
        }
    }

    fn attach(&mut self, record: AttachRecord) {
        match record {
            AttachRecord::Requested { id, topic, at } => {
                let window = Window::new(id, at);
                let place = self.topics.entry(topic).or_default().add(window);
                self.places.insert(id, (topic, place));
            }
            AttachRecord::Confirmed { id, at } => {
                // A repeated subscribe is confirmed too; what counts is since when it was certain.
                if let Some(window) = self.window_mut(id) {
                    window.confirmed = window.confirmed.min(at);
                }
            }
            AttachRecord::Ended { id, requested, done, how } => {
                if let Some(window) = self.window_mut(id) {
                    window.end = Some(WindowEnd { requested, done, how });
                    if how == AttachEnd::Interrupted {
                        window.catch_up = CatchUp::Pending;
                        self.interrupted.push_back((done, id));
                    }
                }
            }
            AttachRecord::Continues { id, of } => self.continues(id, of),
            AttachRecord::CaughtUp { id, asked, low, at } => {
                if let Some(window) = self.window_mut(id).filter(|window| window.catch_up == CatchUp::Pending) {
                    window.catch_up = CatchUp::Done { asked, low, at };
                }
            }
            AttachRecord::Abandoned { id } => self.abandon(id),
        }
    }

    pub(super) fn window_mut(&mut self, id: AttachId) -> Option<&mut Window> {
        let &(topic, place) = self.places.get(&id)?;
        self.topics.get_mut(&topic)?.window_mut(place)
    }

    pub(super) fn deliver(&mut self, record: DeliveryRecord) {
        let Some(&(topic, place)) = self.places.get(&record.attach) else {
            // Its attachment is long gone: only a repeat of something old can be so late.
            return self.repeated(record);
        };
        let message = match self.messages.entry(record.key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let (user, counter) = (Stamp::author_of(record.key) as usize, Stamp::counter_of(record.key));
                if self.reported.get(user).is_some_and(|&next| counter < next) {
                    return self.repeated(record);
                }
                self.fresh.push_back((record.received, record.key));
                entry.insert(Message::new(topic, record.sent, Claim::Unclaimed))
            }
        };
        if message.topic != topic {
            return self.stray(record);
        }
        if !message.receivers.insert(place) {
            if !self.came_live_after_all(record) {
                self.repeated(record);
            }
            return;
        }
        let checks = &mut self.totals.checks;
        if message.seq == 0 {
            message.seq = record.seq;
        } else if record.seq > 0 {
            let seq = message.seq;
            checks.check(Invariant::SeqUnique, seq == record.seq, record.received, || {
                format!("{} is {seq}, and {} at {}", named(record.key), record.seq, record.attach)
            });
        }
        message.seen = message.seen.min(record.received);
        if !record.is_intact {
            message.corrupted += 1;
            self.totals.corrupted += 1;
            checks.found(Invariant::ContentUnchanged, record.received, || {
                format!("{} (seq {}) came changed to {}", named(record.key), record.seq, record.attach)
            });
        }
        // The author's user index is part of the key, and so is that of an attachment: equal means an echo.
        let is_echo = record.attach.0 >> 32 == u64::from(Stamp::author_of(record.key));
        if !is_echo {
            if record.has_waited {
                message.waited += 1;
            } else {
                message.first = message.first.min(record.received);
                message.last = message.last.max(record.received);
            }
            message.delivered += 1;
            self.totals.delivered += 1;
            match message.found(place) {
                None => self.totals.expected += 1,
                Some(Absence::Owed) => self.totals.open -= 1,
                Some(Absence::Excused(reason)) => self.totals.excused[reason as usize] -= 1,
            }
            if !record.has_waited && record.received.since(record.sent) > self.late_after {
                message.late += 1;
                self.totals.late += 1;
            }
        } else if std::mem::take(&mut message.awaits_echo) {
            self.totals.echo_delivered += 1;
        }
        if let Some(window) = self.topics.get_mut(&topic).and_then(|topic| topic.window_mut(place)) {
            if record.seq > 0 && record.seq < window.highest_seq && !is_echo {
                self.totals.reordered += 1;
                self.totals.checks.found(Invariant::SeqAscending, record.received, || {
                    let (highest, seq) = (window.highest_seq, record.seq);
                    format!("{} (seq {seq}) came to {} after seq {highest}", named(record.key), record.attach)
                });
            }
            window.highest_seq = window.highest_seq.max(record.seq);
        }
    }

    /// Looks at every message old enough to be judged, given that all workers' batches up to `watermark` are in.
    pub fn settle(&mut self, watermark: Tick) {
        self.abandon_old(watermark);
        let horizon = watermark.minus(LINGER);
        // All of them, and not only the first: what one worker saw stands before what another saw earlier.
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.retain(|&(since, key)| {
            let is_due = since < horizon;
            if is_due {
                self.look_at(key, watermark);
            }
            !is_due
        });
        fresh.append(&mut self.fresh);
        self.totals.unjudged = fresh.len() as u64;
        self.fresh = fresh;
        let mut waiting = std::mem::take(&mut self.incomplete);
        let give_up = waiting.len().saturating_sub(INCOMPLETE_MAX);
        // Whatever may still be reported was sent after this; until then its receivers' windows are needed.
        let mut oldest = watermark.minus(self.claim_within);
        for (index, key) in waiting.drain(..).enumerate() {
            let Some(message) = self.messages.get(&key) else { continue };
            if index < give_up || message.sent + GIVE_UP + self.pauses < watermark {
                self.give_up(key, Ending::Drained);
            } else {
                oldest = oldest.min(message.sent);
                self.revisit(key, watermark);
            }
        }
        self.enter_numbers();
        self.forget_windows(oldest);
    }

    /// Looks again at a message that was not complete.
    fn revisit(&mut self, key: u64, watermark: Tick) {
        self.reconsider(key);
        let Some(message) = self.messages.get(&key) else { return };
        match message.claim {
            Claim::Unclaimed if message.seen + self.claim_within < watermark => self.give_up(key, Ending::Drained),
            Claim::Claimed { settled, .. } if message.missing.is_none() && settled < watermark.minus(LINGER) => {
                // Claimed, acknowledged or received since it was looked at.
                self.look_at(key, watermark);
            }
            _ if message.is_decided(message.sent + ATTACH_RACE + self.pauses < watermark) => self.close(key),
            _ => self.incomplete.push_back(key),
        }
    }

    /// Everything that the server's history may explain: messages still owed to somebody, and publishes of unknown
    /// outcome. Call it after the drain; what was too young to be judged is judged now.
    pub fn questions(&mut self, now: Tick) -> Vec<Question> {
        self.abandon_all();
        while let Some((_, key)) = self.fresh.pop_front() {
            self.look_at(key, now);
        }
        self.enter_numbers();
        let is_open = |message: &Message| {
            let owes = message.missing.iter().flatten().any(|(_, absence)| *absence == Absence::Owed);
            owes || matches!(message.claim, Claim::Claimed { outcome: PublishOutcome::Unknown, .. })
        };
        let known = self.incomplete.iter().filter_map(|key| Some((*key, self.messages.get(key)?)));
        known
            .filter(|(_, message)| is_open(message))
            .map(|(key, message)| Question { key, topic: message.topic, seq: message.seq })
            .collect()
    }

    /// Enters what the history says about a message.
    pub fn learn(&mut self, key: u64, finding: Finding) {
        let Some(message) = self.messages.get_mut(&key) else { return };
        let before = message.finding.replace(finding);
        let Claim::Claimed { outcome: PublishOutcome::Unknown, .. } = message.claim else { return };
        match finding {
            // It was accepted after all, and whoever had to get it is owed it.
            Finding::Stored => self.accept_by_evidence(key, PublishOutcome::Unknown),
            Finding::NotStored if before != Some(finding) => self.totals.not_accepted += 1,
            Finding::NotStored => {}
        }
    }

    /// Judges everything that is left: what is still owed is lost, what nobody claimed is phantom.
    /// Call it after the drain and before connections are closed.
    pub fn finish(&mut self, ending: Ending) {
        self.abandon_all();
        while let Some((_, key)) = self.fresh.pop_front() {
            self.look_at(key, Tick::NEVER);
        }
        while let Some(key) = self.incomplete.pop_front() {
            self.give_up(key, ending);
        }
        self.totals.unjudged = 0;
        self.enter_numbers();
    }

    /// Whether nothing is owed: every message so far is complete, judged with what is known now.
    pub fn is_complete(&mut self) -> bool {
        let fresh = self.fresh.iter().map(|&(_, key)| key);
        fresh.chain(self.incomplete.iter().copied()).all(|key| {
            self.messages.get(&key).is_none_or(|message| match message.claim {
                Claim::Unclaimed => false,
                Claim::Claimed { .. } => message.facts(key).is_none_or(|facts| {
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

    fn forget_windows(&mut self, before: Tick) {
        let (topics, places) = (&mut self.topics, &mut self.places);
        topics.retain(|_, topic| {
            topic.forget_ended(before, &mut |id| {
                places.remove(&id);
            });
            !topic.is_empty()
        });
    }
}
