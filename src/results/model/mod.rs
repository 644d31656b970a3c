//! The figures of a whole run.

mod delivery;
mod judging;
mod operations;
mod run;
mod users;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DriftFigures, GeneratorFigures, InvariantFigures, Series, TargetFigures};

pub use delivery::*;
pub use judging::*;
pub use operations::*;
pub use run::*;
pub use users::*;

/// Format number of `results.json` that this build writes; it reads this and older ones.
pub const RESULTS_FORMAT: u32 = 1;

/// Everything that is known about a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Results {
    /// Format number, see [`RESULTS_FORMAT`].
    pub format: u32,
    /// What was run, where and when.
    pub run: RunInfo,
    /// The answer.
    pub verdict: Verdict,
    /// Figures of each operation that the scenario uses, by its name.
    pub operations: BTreeMap<String, OperationFigures>,
    /// The delivery ledger.
    pub delivery: DeliveryFigures,
    /// The open model.
    pub arrivals: ArrivalFigures,
    /// What the service promises of its messages, looked at throughout the run, and how often it was broken.
    #[serde(default)]
    pub invariants: Vec<InvariantFigures>,
    /// Virtual users and their connections.
    pub users: UserFigures,
    /// What the scenario's events did, in order of time: each time that one happened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventFigures>,
    /// Bytes and frames on the wire.
    pub traffic: TrafficFigures,
    /// Every gate of the scenario, those that only warn included, with what was measured.
    pub gates: Vec<GateFigures>,
    /// The rule of `abort_when` that ended the run; absent when none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort: Option<AbortFigures>,
    /// Every kind of failure, with examples.
    pub failures: Vec<FailureFigures>,
    /// The target's own figures, where the scenario says how they are had.
    #[serde(default, skip_serializing_if = "TargetFigures::is_empty")]
    pub target: TargetFigures,
    /// Whether figures drifted while the load held still: what drifted first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<DriftFigures>,
    /// The generator's own health.
    pub generator: GeneratorFigures,
    /// Doubts that travel with the figures.
    pub warnings: Vec<String>,
    /// Each time the run was killed, or broken off, and resumed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interruptions: Vec<Interruption>,
    /// What of the run nothing is known of, because its journal is damaged; none in a sound one. Sums and rates are then
    /// those of the rest, and there is no verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<HoleFigures>,
    /// Figures over time, for the charts.
    pub series: Series,
}
