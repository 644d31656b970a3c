//! What a run writes down while it lasts. The results are a fold over these records, so a run that was killed
//! reports as well as one that ended.

use crate::ledger::LedgerTotals;
use crate::metrics::Interval;
use crate::tick::Tick;

use super::{EndedBy, Mark, RunInfo};

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
    /// When the load began; ticks before it belong to the set-up.
    pub load_start: Tick,
    /// Counters and histograms of this interval.
    pub figures: Interval,
    /// The ledger since the start of the run; its `spread` histogram is of this interval alone.
    pub ledger: LedgerTotals,
    /// The generator at the end of the interval.
    pub health: HealthSample,
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
}

impl WorkerSample {
    /// Share of a core that it used.
    pub fn cpu_share(&self) -> f64 {
        share(self.cpu_us, self.span_us)
    }

    /// Share of the time in which it could run that it had no processor.
    pub fn starved_share(&self) -> f64 {
        share(self.waited_us, self.waited_us + self.cpu_us)
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
