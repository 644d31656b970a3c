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
