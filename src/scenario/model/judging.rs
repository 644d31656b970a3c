//! What the run is judged by, and what is kept of it.

use std::ops::Range;
use std::time::Duration;

/// From where on the generator is the bottleneck. Shares are 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Health {
    /// 99th percentile of the lateness of timers and arrivals in an interval.
    pub lag_p99: Duration,
    /// Share of a core that a worker's thread may use.
    pub worker_cpu: f64,
    /// Share of the time in which a worker could run that it may have to wait for a processor.
    pub starvation: f64,
    /// Share of the machine's memory that the process may use.
    pub memory: f64,
    /// Bytes that may wait in the send queue of a connection; no limit when absent, because a full one is as a rule
    /// the other side's slowness.
    pub send_queue: Option<u64>,
    /// How many intervals in a row make the bottleneck; one alone may be a hiccup of the machine.
    pub intervals: u32,
    /// Share of the load that such spells may cover without taking the verdict from the run; 0 for none.
    ///
    /// A thousandth as a rule: as many samples as fall into it, a percentile of the whole run up to p99 stands ten times
    /// further from the end, so spells as short as that do not move it by more than a tenth of its distance. They prove
    /// nothing about `max` and about percentiles from p99.9 on, which may be made of them alone; and where a spell is a
    /// larger part of what a gate looks at, its stage or its window, that gate is not answered from it.
    pub tolerate: f64,
}

/// How long intervals of the journal stay as fine as they were measured; `fine` ≤ `medium`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Journal {
    /// So long at 1 s.
    pub fine: Duration,
    /// So long at 10 s; older ones at 60 s.
    pub medium: Duration,
}

/// A gate as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateText {
    /// The expression.
    pub text: String,
    /// What its failure means.
    pub severity: GateSeverity,
    /// Its bytes in the scenario's text, quotes included, or beyond the text's end those of a flag.
    pub place: Range<usize>,
}

/// What a gate's failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateSeverity {
    /// The run fails.
    Require,
    /// The run passes with a warning.
    Warn,
    /// No gate: what it says ends the run.
    Abort,
}

/// What holds for all gates of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GateRules {
    /// Samples that a time or a ratio needs at least.
    pub min_samples: u64,
    /// Whether a gate whose baseline is missing fails the run; otherwise the run has no verdict.
    pub missing_baseline_fails: bool,
}
