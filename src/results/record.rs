//! What a run writes down while it lasts. The results are a fold over these records, so a run that was killed
//! reports as well as one that ended.

use crate::ledger::LedgerTotals;
use crate::metrics::Interval;
use crate::tick::Tick;

use super::{EndedBy, Interruption, Mark, RunInfo};

/// One record of a run, in the order in which they are written.
#[derive(Debug, Clone)]
pub enum Record {
    /// First: what is run. Its `ended_*` and `load_s` are not known yet.
    Start(Box<RunInfo>),
    /// All workers' figures of one interval.
    Interval(Box<IntervalRecord>),
    /// A named span or instant.
    Mark(Mark),
    /// A doubt that travels with the figures.
    Warning(String),
    /// The run was killed, or broken off, and goes on with its plan where it was.
    Resume(Interruption),
    /// Last: how the run ended.
    End(RunEnd),
}

/// All workers' figures of one interval.
#[derive(Debug, Clone)]
pub struct IntervalRecord {
    /// Start of the interval. The load begins at [`IntervalRecord::load_start`], not at 0.
    pub from: Tick,
    /// End of the interval.
    pub to: Tick,
    /// From where the load's own time counts. A part that was resumed counts on where the part before it ended, so this
    /// may lie before the part began.
    pub load_start: Tick,
    /// When this part of the run took up the load; ticks before it belong to the set-up.
    pub load_from: Tick,
    /// Which part of the run: 0, and one more each time it was resumed. The ledger's totals begin anew with each.
    pub part: u32,
    /// Counters and histograms of this interval.
    pub figures: Interval,
    /// The ledger since the start of the run; its `spread` histogram is of this interval alone.
    pub ledger: LedgerTotals,
    /// The generator at the end of the interval.
    pub health: HealthSample,
}

/// Kinds of failures whose examples are kept when intervals become one: codes come from the server, which may make up
/// a new one for each reply.
const KINDS_WITH_EXAMPLES_MAX: usize = 200;

/// Intervals this close together belong together, microseconds. Fine ones follow each other without any gap; a wider gap
/// is at least one that was lost.
pub(super) const GAP_US_MAX: u64 = 500_000;

impl IntervalRecord {
    /// Length, microseconds.
    pub fn length_us(&self) -> u64 {
        self.to.micros_since(self.from)
    }

    /// Whether all of it precedes the load.
    pub fn is_set_up(&self) -> bool {
        self.to <= self.load_from
    }

    /// Whether `next` goes on where this one ends, so that the two can become one. The set-up stays as it is, and so does
    /// the instant at which the generator became the bottleneck.
    pub fn is_followed_by(&self, next: &IntervalRecord) -> bool {
        let shorter_us = self.length_us().min(next.length_us());
        self.part == next.part
            && self.load_start == next.load_start
            && !self.is_set_up()
            && !next.is_set_up()
            && (self.health.is_saturated || !next.health.is_saturated)
            && next.from.micros_since(self.to) <= (shorter_us / 2).min(GAP_US_MAX)
    }

    /// Makes this interval and the one after it one: counters add up, histograms are merged, gauges keep the last value
    /// and, where they have one, the largest.
    pub fn absorb(&mut self, next: IntervalRecord) {
        let IntervalRecord { to, load_start, load_from, part, figures, ledger, health, .. } = next;
        let mine = &mut self.figures.users;
        let peak = mine.peak.max(mine.online).max(figures.users.peak).max(figures.users.online);
        self.figures.merge(&figures);
        let mine = &mut self.figures.users;
        (mine.online, mine.peak, mine.open) = (figures.users.online, peak, figures.users.open);
        self.figures.failures.keep_examples_of(KINDS_WITH_EXAMPLES_MAX);
        let spread = std::mem::take(&mut self.ledger.spread);
        self.ledger = ledger;
        self.ledger.spread.merge(&spread);
        (self.to, self.load_start, self.load_from, self.part) = (to, load_start, load_from, part);
        self.health = HealthSample {
            rss_bytes: self.health.rss_bytes.max(health.rss_bytes),
            descriptors: self.health.descriptors.max(health.descriptors),
            is_saturated: self.health.is_saturated || health.is_saturated,
            ..health
        };
    }
}

/// The generator at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HealthSample {
    /// Worker threads.
    pub workers: u32,
    /// Processor time of the process since it started, microseconds.
    pub cpu_us: u64,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Whether the generator was the bottleneck in this interval.
    pub is_saturated: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEnd {
    /// What ended it.
    pub ended_by: EndedBy,
    /// When, RFC 3339 UTC.
    pub ended_at: String,
    /// End of the load.
    pub load_end: Tick,
}
