//! The collector: merges what workers hand over, interval by interval, and keeps the ledger.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc as sync_mpsc;
use std::time::Duration;

use super::diagnosis::Answers;
use super::health;
use super::monitor::Monitor;
use super::scrape::{Inbox, Replaced};
use crate::ledger::{
    AttachEnd, AttachId, AttachRecord, Batch, Book, Ending, Finding, Gap, LedgerTotals, PastRecord, Question,
};
use crate::metrics::{Interval, Sample};
use crate::ops::{FailureKind, OpId};
use crate::results::{IntervalRecord, WorkerSample};
use crate::tick::Tick;

/// How long after its publish was answered a message is owed before its receiver is asked whether it is attached.
const OVERDUE: Duration = Duration::from_secs(5);

/// What a worker hands over.
#[expect(clippy::large_enum_variant, reason = "nearly all are intervals, and of those one a second and worker")]
pub(super) enum Handover {
    /// Records for the ledger, in the middle of an interval.
    Records {
        /// The records.
        batch: Batch,
    },
    /// An interval.
    Interval {
        /// Whose.
        slot: u32,
        /// Its end.
        to: Tick,
        /// Counters and histograms.
        figures: Interval,
        /// Records for the ledger.
        batch: Batch,
        /// Requests without an answer.
        open: u64,
        /// Users that have a driver.
        driven: u32,
        /// What its thread had of its processor.
        load: WorkerSample,
    },
    /// A token was refreshed in the background, or not.
    Refresh {
        /// When.
        sample: Sample,
        /// What came of it.
        result: Result<(), (FailureKind, String)>,
    },
    /// The worker has ended.
    Done,
}

/// Books that were merged, cleared, on their way back to a worker.
#[derive(Default)]
pub(super) struct Spent {
    pub(super) figures: Interval,
    pub(super) batch: Batch,
}

/// What a person who watches the run wants to know; a copy made once an interval.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Users online.
    pub online: u64,
    /// Requests without an answer.
    pub open: u64,
    /// The ledger so far.
    pub ledger: LedgerTotals,
}

/// One worker's interval, until all workers' are in.
struct Waiting {
    to: Tick,
    figures: Interval,
    batch: Batch,
    open: u64,
    load: WorkerSample,
}

/// Merges intervals of all workers.
pub(super) struct Collector {
    book: Book,
    waiting: Vec<VecDeque<Waiting>>,
    /// Each worker's users online and open requests when it handed over last.
    gauges: Vec<(u64, BTreeMap<OpId, u64>)>,
    returns: Vec<sync_mpsc::Sender<Spent>>,
    /// Figures counted outside the workers, part of the next interval.
    extra: Interval,
    from: Tick,
    load_start: Tick,
    load_from: Tick,
    part: u32,
    monitor: Monitor,
    /// Why the generator is the bottleneck, once it is; told once.
    evidence: Option<String>,
    /// What the machine did beside the run, until it is told.
    pressure: Option<String>,
    was_saturated: bool,
    is_loading: bool,
    open: u64,
    /// Attachments that are owed a message have been asked about up to then.
    asked_until: Tick,
    /// From then on attachments end because the run is over, which excuses nothing.
    closing: Tick,
    has_merged: bool,
    /// The target's own figures, as they come in.
    inbox: Inbox,
}

impl Collector {
    pub(super) fn new(
        returns: Vec<sync_mpsc::Sender<Spent>>,
        late_after: Duration,
        claim_within: Duration,
        from: Tick,
        load_start: Tick,
        extra: Interval,
        monitor: Monitor,
    ) -> Collector {
        Collector {
            book: Book::new(late_after, claim_within),
            waiting: returns.iter().map(|_| VecDeque::new()).collect(),
            gauges: returns.iter().map(|_| Default::default()).collect(),
            returns,
            extra,
            from,
            load_start,
            load_from: load_start,
            part: 0,
            monitor,
            evidence: None,
            pressure: None,
            was_saturated: false,
            is_loading: true,
            open: 0,
            asked_until: Tick::ZERO,
            closing: Tick::NEVER,
            has_merged: false,
            inbox: Inbox::default(),
        }
    }

    /// The collector of a part that was resumed and takes up the load then.
    pub(super) fn of_part(self, part: u32, load_from: Tick) -> Collector {
        Collector { part, load_from, ..self }
    }

    /// The same, of a run whose users do not read for so long at times.
    pub(super) fn with_pauses(self, longest: Duration) -> Collector {
        Collector { book: self.book.with_pauses(longest), ..self }
    }

    /// The same, with the target's own figures from there.
    pub(super) fn with_inbox(self, inbox: Inbox) -> Collector {
        Collector { inbox, ..self }
    }

    /// What has to be said about the service's history, about this machine, and about the target's own figures.
    pub(super) fn take_warnings(&mut self) -> Vec<String> {
        let own = self.book.take_warning().into_iter().chain(self.pressure.take());
        own.chain(self.inbox.take_warnings()).collect()
    }

    /// Which processes of the target took the place of others.
    pub(super) fn take_replaced(&self) -> Vec<Replaced> {
        self.inbox.take_replaced()
    }

    /// Takes a hand-over; a record comes out once all workers' intervals are in.
    pub(super) fn take(&mut self, handover: Handover) -> Option<IntervalRecord> {
        match handover {
            Handover::Records { batch } => {
                self.take_batch(batch);
                None
            }
            Handover::Interval { slot, to, figures, mut batch, open, load, .. } => {
                // The ledger matches by stamp, so a batch need not wait for those of other workers.
                let records = std::mem::take(&mut batch);
                let batch = self.take_batch(records);
                self.gauges[slot as usize] = (figures.users.online, figures.users.open.clone());
                self.waiting[slot as usize].push_back(Waiting { to, figures, batch, open, load });
                self.merge()
            }
            Handover::Refresh { sample, result } => {
                self.has_merged = false;
                self.extra.started(OpId::Token);
                match result {
                    Ok(()) => self.extra.ok(sample),
                    Err((kind, detail)) => self.extra.failed(sample, kind, || detail),
                }
                None
            }
            Handover::Done => None,
        }
    }

    fn take_batch(&mut self, mut batch: Batch) -> Batch {
        let closing = self.closing;
        let is_leaving = |record: &AttachRecord| matches!(record, AttachRecord::Ended { how: AttachEnd::Disconnected, requested, .. } if *requested >= closing);
        batch.attachments.retain(|record| !is_leaving(record));
        self.book.take(&batch);
        batch.clear();
        batch
    }

    fn merge(&mut self) -> Option<IntervalRecord> {
        self.has_merged = false;
        if self.waiting.iter().any(VecDeque::is_empty) {
            return None;
        }
        let mut merged = std::mem::take(&mut self.extra);
        let mut loads = Vec::with_capacity(self.waiting.len());
        let (mut first, mut last, mut open) = (Tick::NEVER, Tick::ZERO, 0);
        for (waiting, back) in self.waiting.iter_mut().zip(&self.returns) {
            let Some(Waiting { to, mut figures, batch, open: requests, load }) = waiting.pop_front() else { continue };
            merged.merge(&figures);
            (first, last, open) = (first.min(to), last.max(to), open + requests);
            loads.push(load);
            figures.clear();
            let _ = back.send(Spent { figures, batch });
        }
        merged.target.merge(&self.inbox.take());
        self.open = open;
        self.book.clear_interval();
        self.book.settle(first);
        let mut sample = health::sample(self.returns.len() as u32, false);
        let is_loading = self.is_loading;
        sample.per_worker = if is_loading { loads } else { Vec::new() };
        let look = self.monitor.look(&merged, &sample, self.from, last);
        self.pressure = look.pressure.filter(|_| is_loading);
        let (spell, evidence) = look.spell.filter(|_| is_loading).unzip();
        sample.is_saturated = spell.is_some();
        sample.is_undecided = look.is_undecided && is_loading;
        sample.spells.extend(spell);
        if !std::mem::replace(&mut self.was_saturated, sample.is_saturated) {
            self.evidence = evidence;
        }
        let record = IntervalRecord {
            from: self.from,
            to: last,
            load_start: self.load_start,
            load_from: self.load_from,
            part: self.part,
            figures: merged,
            ledger: self.book.totals().clone(),
            health: sample,
        };
        self.from = last;
        self.has_merged = true;
        Some(record)
    }

    /// Why the generator has become the bottleneck, once each time it does.
    pub(super) fn take_evidence(&mut self) -> Option<String> {
        self.evidence.take()
    }

    /// Whether nothing is on its way any more: every request answered, every delivery made.
    pub(super) fn is_settled(&mut self) -> bool {
        self.open == 0 && self.book.is_complete()
    }

    /// The load is over: what the generator does from now on spoils no figure.
    pub(super) fn begin_draining(&mut self) {
        self.is_loading = false;
    }

    /// What the server's history may explain; see [`Book::questions`].
    pub(super) fn questions(&mut self, now: Tick) -> Vec<Question> {
        self.book.questions(now)
    }

    /// Numbers that the history is to be asked about; see [`Book::gaps`].
    pub(super) fn gaps(&self) -> Vec<Gap> {
        self.book.gaps()
    }

    /// Enters what was found while the history was read.
    pub(super) fn learn_past(&mut self, answers: &Answers, now: Tick) {
        for gap in &answers.gaps {
            self.book.gap_is_real(*gap, now);
        }
        for &(key, seq) in &answers.past {
            self.book.past_agrees(PastRecord { key, seq, received: now });
        }
        for problem in &answers.differing {
            self.book.past_differs(now, || problem.clone());
        }
    }

    /// Attachments that are still owed a message.
    pub(super) fn owed(&self) -> Vec<AttachId> {
        self.book.owed()
    }

    /// Attachments that a message is overdue at, each message once: the service may have ended them without a word.
    pub(super) fn overdue(&mut self) -> Vec<AttachId> {
        let until = self.from.minus(OVERDUE);
        let from = std::mem::replace(&mut self.asked_until, until);
        if self.has_merged && from < until { self.book.owed_since(from, until) } else { Vec::new() }
    }

    /// Whether a request has no answer yet.
    pub(super) fn is_waiting(&self) -> bool {
        self.open > 0
    }

    /// Enters what the history says about a message.
    pub(super) fn learn(&mut self, key: u64, finding: Finding) {
        self.book.learn(key, finding);
    }

    /// From now on users leave because the run is over.
    pub(super) fn begin_closing(&mut self, at: Tick) {
        self.closing = at;
    }

    /// Whether the last hand-over completed an interval.
    pub(super) fn has_merged(&self) -> bool {
        self.has_merged
    }

    /// Judges what is left and makes the last record.
    pub(super) fn finish(mut self, now: Tick, ending: Ending) -> IntervalRecord {
        self.book.clear_interval();
        self.book.finish(ending);
        // Workers end one by one: who ended last has intervals over that no other worker's came to meet.
        let mut figures = self.extra;
        for left_over in self.waiting.iter().flatten() {
            figures.merge(&left_over.figures);
        }
        figures.target.merge(&self.inbox.take());
        (figures.users.online, figures.users.peak) = (0, 0);
        figures.users.open.clear();
        for (online, open) in &self.gauges {
            figures.users.online += online;
            for (op, count) in open {
                *figures.users.open.entry(*op).or_default() += count;
            }
        }
        IntervalRecord {
            from: self.from,
            to: now.max(self.from),
            load_start: self.load_start,
            load_from: self.load_from,
            part: self.part,
            figures,
            ledger: self.book.totals().clone(),
            health: health::sample(self.returns.len() as u32, false),
        }
    }

    pub(super) fn progress(&self, record: &IntervalRecord) -> Progress {
        Progress { online: record.figures.users.online, open: self.open, ledger: record.ledger.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handover(slot: u32, started: u64, ok: u64) -> Handover {
        let mut figures = Interval::default();
        let publish = &mut figures.ops[OpId::Publish.index()];
        (publish.started, publish.ok) = (started, ok);
        figures.users.open = [(OpId::Publish, started - ok)].into();
        Handover::Interval {
            slot,
            to: Tick::ZERO,
            figures,
            batch: Batch::default(),
            open: started - ok,
            driven: 0,
            load: WorkerSample::default(),
        }
    }

    #[test]
    fn what_a_faster_worker_handed_over_last_is_part_of_the_last_record() {
        let (returns, _kept): (Vec<_>, Vec<_>) = (0..2).map(|_| sync_mpsc::channel()).unzip();
        let wait = Duration::from_secs(1);
        let mut collector = Collector::new(
            returns,
            wait,
            wait,
            Tick::ZERO,
            Tick::ZERO,
            Interval::default(),
            Monitor::new(Default::default(), u64::MAX),
        );
        assert!(collector.take(handover(0, 5, 5)).is_none());
        let merged = collector.take(handover(1, 4, 2)).expect("both are in");
        // The second worker was held up: the first has handed over twice since.
        for (started, ok) in [(6, 6), (3, 2)] {
            assert!(collector.take(handover(0, started, ok)).is_none());
        }
        let last = collector.finish(Tick::ZERO, Ending::Drained);
        let publish = OpId::Publish.index();
        let started = |record: &IntervalRecord| record.figures.ops[publish].started;
        assert_eq!((started(&merged), started(&last)), (9, 9));
        assert_eq!(last.figures.users.open, [(OpId::Publish, 3)].into());
    }
}
