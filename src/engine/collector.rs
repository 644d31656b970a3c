//! The collector: merges what workers hand over, interval by interval, and keeps the ledger.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc as sync_mpsc;
use std::time::Duration;

use super::health;
use crate::ledger::{AttachEnd, AttachRecord, Batch, Book, Ending, LedgerTotals};
use crate::metrics::Interval;
use crate::ops::OpId;
use crate::results::IntervalRecord;
use crate::tick::Tick;

/// Timer lateness at the 99th percentile above which the generator was the bottleneck.
const LAG_P99_US_MAX: u64 = 100_000;
/// Intervals in a row above it that are needed: one alone may be a hiccup of the machine.
const SATURATED_INTERVALS: u32 = 3;

/// What a worker hands over.
#[expect(clippy::large_enum_variant, reason = "a few a second, and nearly all are the large one")]
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

/// Merges intervals of all workers.
pub(super) struct Collector {
    book: Book,
    waiting: Vec<VecDeque<(Tick, Interval, Batch, u64)>>,
    /// Each worker's users online and open requests when it handed over last.
    gauges: Vec<(u64, BTreeMap<OpId, u64>)>,
    returns: Vec<sync_mpsc::Sender<Spent>>,
    /// Figures counted outside the workers, part of the next interval.
    extra: Interval,
    from: Tick,
    load_start: Tick,
    lagging: u32,
    open: u64,
    /// From then on attachments end because the run is over, which excuses nothing.
    closing: Tick,
    has_merged: bool,
}

impl Collector {
    pub(super) fn new(
        returns: Vec<sync_mpsc::Sender<Spent>>,
        late_after: Duration,
        claim_within: Duration,
        from: Tick,
        load_start: Tick,
        extra: Interval,
    ) -> Collector {
        Collector {
            book: Book::new(late_after, claim_within),
            waiting: returns.iter().map(|_| VecDeque::new()).collect(),
            gauges: returns.iter().map(|_| Default::default()).collect(),
            returns,
            extra,
            from,
            load_start,
            lagging: 0,
            open: 0,
            closing: Tick::NEVER,
            has_merged: false,
        }
    }

    /// Takes a hand-over; a record comes out once all workers' intervals are in.
    pub(super) fn take(&mut self, handover: Handover) -> Option<IntervalRecord> {
        match handover {
            Handover::Records { batch } => {
                self.take_batch(batch);
                None
            }
            Handover::Interval { slot, to, figures, mut batch, open, .. } => {
                // The ledger matches by stamp, so a batch need not wait for those of other workers.
                let records = std::mem::take(&mut batch);
                let batch = self.take_batch(records);
                self.gauges[slot as usize] = (figures.users.online, figures.users.open.clone());
                self.waiting[slot as usize].push_back((to, figures, batch, open));
                self.merge()
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
        let (mut first, mut last, mut open) = (Tick::NEVER, Tick::ZERO, 0);
        for (waiting, back) in self.waiting.iter_mut().zip(&self.returns) {
            let Some((to, mut figures, batch, requests)) = waiting.pop_front() else { continue };
            merged.merge(&figures);
            (first, last, open) = (first.min(to), last.max(to), open + requests);
            figures.clear();
            let _ = back.send(Spent { figures, batch });
        }
        self.open = open;
        self.book.clear_interval();
        self.book.settle(first);
        let is_saturated = self.is_saturated(&merged);
        let record = IntervalRecord {
            from: self.from,
            to: last,
            load_start: self.load_start,
            figures: merged,
            ledger: self.book.totals().clone(),
            health: health::sample(self.returns.len() as u32, is_saturated),
        };
        self.from = last;
        self.has_merged = true;
        Some(record)
    }

    fn is_saturated(&mut self, merged: &Interval) -> bool {
        let is_lagging =
            merged.timer_lag.quantile(0.99) > LAG_P99_US_MAX || merged.arrivals.lag.quantile(0.99) > LAG_P99_US_MAX;
        self.lagging = if is_lagging { self.lagging + 1 } else { 0 };
        self.lagging >= SATURATED_INTERVALS
    }

    /// Whether nothing is on its way any more: every request answered, every delivery made.
    pub(super) fn is_settled(&mut self) -> bool {
        self.open == 0 && self.book.is_complete()
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
        for (_, left_over, ..) in self.waiting.iter().flatten() {
            figures.merge(left_over);
        }
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

    fn interval(slot: u32, to: u64, open: u64) -> Handover {
        let mut figures = Interval::default();
        figures.started(OpId::Publish);
        figures.users.online = 1;
        figures.users.open = BTreeMap::from([(OpId::Publish, open)]);
        Handover::Interval { slot, to: Tick::from_micros(to), figures, batch: Batch::default(), open, driven: 0 }
    }

    #[test]
    fn the_last_record_holds_what_no_other_worker_came_to_meet() {
        let returns = (0..2).map(|_| sync_mpsc::channel().0).collect();
        let second = Duration::from_secs(1);
        let mut collector = Collector::new(returns, second, second, Tick::ZERO, Tick::ZERO, Interval::default());
        let mut started = 0;
        for handover in [interval(0, 1, 0), interval(1, 1, 0), interval(0, 2, 1), interval(0, 3, 2), interval(0, 4, 2)]
        {
            if let Some(record) = collector.take(handover) {
                started += record.figures.ops[OpId::Publish.index()].started;
            }
        }
        let last = collector.finish(Tick::from_micros(5), Ending::Drained);
        assert_eq!(started + last.figures.ops[OpId::Publish.index()].started, 5);
        // Gauges are of the end, not sums over intervals: two of worker 0, none of worker 1.
        assert_eq!(last.figures.users.open[&OpId::Publish], 2);
        assert_eq!(last.figures.users.online, 2);
    }
}
