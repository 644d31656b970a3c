//! What a run writes down while it lasts. The results are a fold over these records, so a run that was killed
//! reports as well as one that ended.

use crate::ledger::LedgerTotals;
use crate::metrics::Interval;
use crate::tick::Tick;

use super::{EndedBy, Interruption, Mark, RunInfo, Spell, spells};

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
        let queued = self.figures.send_queue.bytes.max(figures.send_queue.bytes);
        self.figures.merge(&figures);
        self.figures.send_queue.bytes = queued;
        let mine = &mut self.figures.users;
        (mine.online, mine.peak, mine.open) = (figures.users.online, peak, figures.users.open);
        self.figures.failures.keep_examples_of(KINDS_WITH_EXAMPLES_MAX);
        let spread = std::mem::take(&mut self.ledger.spread);
        self.ledger = ledger;
        self.ledger.spread.merge(&spread);
        (self.to, self.load_start, self.load_from, self.part) = (to, load_start, load_from, part);
        let mut per_worker = std::mem::take(&mut self.health.per_worker);
        per_worker.resize(per_worker.len().max(health.per_worker.len()), WorkerSample::default());
        for (worker, next) in per_worker.iter_mut().zip(&health.per_worker) {
            worker.absorb(next);
        }
        let mut found = std::mem::take(&mut self.health.spells);
        spells::join(&mut found, health.spells);
        self.health = HealthSample {
            rss_bytes: self.health.rss_bytes.max(health.rss_bytes),
            descriptors: self.health.descriptors.max(health.descriptors),
            is_saturated: self.health.is_saturated || health.is_saturated,
            spells: found,
            per_worker,
            ..health
        };
    }
}

/// The generator at one instant.
#[derive(Debug, Clone, PartialEq, Default)]
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
    /// Whether it ended above a limit, and the next ones say whether a spell has begun in it.
    pub is_undecided: bool,
    /// The spells in which it was, as far as this interval tells them. None although it was in records of older versions.
    pub spells: Vec<Spell>,
    /// Each worker in this interval, by its number; none outside of the load.
    pub per_worker: Vec<WorkerSample>,
}

/// What one worker's thread had of its processor in an interval, and how late it was. Microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkerSample {
    /// The interval.
    pub span_us: u64,
    /// It ran.
    pub cpu_us: u64,
    /// It could have run and had no processor.
    pub waited_us: u64,
    /// 99th percentile of the lateness of its timers and arrivals; 0 when there were too few for one.
    pub lag_us_p99: u64,
    /// Largest lateness of its timers and arrivals.
    pub lag_us_max: u64,
    /// Of intervals that became one: largest share of a core that it used, millionths.
    pub cpu_ppm_max: u64,
    /// Of intervals that became one: largest share of the time in which it could run without a processor, millionths.
    pub starved_ppm_max: u64,
}

/// Shorter intervals than this, such as the first of a run, say nothing about shares. Microseconds.
const SHARE_SPAN_MIN_US: u64 = 500_000;

impl WorkerSample {
    /// Share of a core that it used, in the busiest of the intervals that this one was made of.
    pub fn cpu_share(&self) -> f64 {
        if self.cpu_ppm_max > 0 { self.cpu_ppm_max as f64 / 1e6 } else { share(self.cpu_us, self.span_us) }
    }

    /// Share of the time in which it could run that it had no processor, in the worst of the intervals that this one was
    /// made of.
    pub fn starved_share(&self) -> f64 {
        if self.starved_ppm_max > 0 {
            self.starved_ppm_max as f64 / 1e6
        } else {
            share(self.waited_us, self.waited_us + self.cpu_us)
        }
    }

    /// Whether it is long enough to say something about shares.
    pub fn has_shares(&self) -> bool {
        self.span_us >= SHARE_SPAN_MIN_US
    }

    /// Makes this interval and the next one: times add up, what is worst stays.
    fn absorb(&mut self, next: &WorkerSample) {
        let ppm_max = |share: fn(&WorkerSample) -> f64| {
            let shares = [&*self, next].into_iter().filter(|sample| sample.has_shares()).map(share);
            (shares.fold(0.0, f64::max) * 1e6).round() as u64
        };
        (self.cpu_ppm_max, self.starved_ppm_max) =
            (ppm_max(WorkerSample::cpu_share), ppm_max(WorkerSample::starved_share));
        self.span_us += next.span_us;
        self.cpu_us += next.cpu_us;
        self.waited_us += next.waited_us;
        self.lag_us_p99 = self.lag_us_p99.max(next.lag_us_p99);
        self.lag_us_max = self.lag_us_max.max(next.lag_us_max);
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
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
