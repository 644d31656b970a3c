//! What was run, and how that went.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Severity, WindowFigures};
use crate::results::{DayFigures, Hardware};

/// What was run, where and when.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    /// Unique id of the run, a UUID.
    pub id: String,
    /// Name of the scenario.
    pub name: String,
    /// Description of the scenario.
    pub description: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// URL of the target, or `embedded`.
    pub target: String,
    /// Dialect spoken.
    pub dialect: String,
    /// Whether certificates were verified: `on`, `off`, or `none` on a plain connection.
    pub tls_verification: String,
    /// Hash of the scenario as it ran, hexadecimal.
    pub scenario_hash: String,
    /// Hash of the load that the scenario makes: without gates, seed, description and the place of the target.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub load_hash: String,
    /// Virtual users planned.
    pub users_planned: u32,
    /// Length of the load planned, seconds.
    pub load_planned_s: f64,
    /// Stages of the load curves with their names, in seconds of the load; empty for runs of older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageFigures>,
    /// The longest stretch of the load in which the plan changes nothing, seconds of the load; absent when there is none,
    /// and in runs of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steady: Option<WindowFigures>,
    /// The day that the load stood for; absent for a load that is no day, and in runs of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<DayFigures>,
    /// Version of this tool.
    pub version: String,
    /// Machine that made the load: processor count and system.
    pub machine: String,
    /// The same, as far as it matters to whether two runs can be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware: Option<Hardware>,
    /// Start of the load, RFC 3339 UTC.
    pub started_at: String,
    /// End of the run, RFC 3339 UTC.
    pub ended_at: String,
    /// Seconds of load actually applied.
    pub load_s: f64,
    /// What ended the run.
    pub ended_by: EndedBy,
    /// The command line that repeats it.
    pub command: String,
    /// What it is judged by, as that was when it began; absent in runs of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<RulesInfo>,
}

/// What a run is judged by: gates as they were understood, with the values that variables had.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RulesInfo {
    /// Gates and rules of `abort_when`, in their order.
    pub gates: Vec<WrittenGate>,
    /// Samples that a time or a ratio needs at least.
    pub min_samples: u64,
    /// Whether a gate whose baseline is missing fails the run.
    pub missing_baseline_fails: bool,
    /// Share of the load, 0 to 1, that the generator's own spells may cover: `health.tolerate`.
    pub tolerate: f64,
}

/// A gate, or a rule of `abort_when`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct WrittenGate {
    /// Its text.
    pub gate: String,
    /// What its failure means; absent for a rule of `abort_when`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

/// What ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The plan was carried out.
    #[default]
    Plan,
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM, or SIGHUP.
    Terminated,
    /// A gate that aborts.
    Abort,
    /// The process ended without a word; rebuilt from the journal.
    Crash,
}

/// A hole in a run: it was killed, or broken off, and went on later with its plan where it was. The hole is no part of
/// the load's time, which goes on at the same second.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Interruption {
    /// Second of the load at which it happened.
    pub at_s: f64,
    /// End of the last interval before it, RFC 3339 UTC.
    pub from: String,
    /// When the load went on, RFC 3339 UTC.
    pub to: String,
    /// Seconds from the one to the other.
    pub lasted_s: f64,
}

/// Intervals of a run that are missing from its journal. Seconds of the load; negative in the set-up.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct HoleFigures {
    /// End of what is there before it.
    pub from_s: f64,
    /// Beginning of what is there after it.
    pub to_s: f64,
    /// Seconds of it while users came back after an interruption, when the load's time stands still; as far as is known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub return_s: f64,
}

fn is_zero(seconds: &f64) -> bool {
    *seconds == 0.0
}

/// A stage of a load curve.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct StageFigures {
    /// Its name: the scenario's, or one such as `hold-1`.
    pub name: String,
    /// Its beginning, seconds of the load.
    pub from_s: f64,
    /// Its end, seconds of the load.
    pub to_s: f64,
}

/// The rule of `abort_when` that ended a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct AbortFigures {
    /// The rule as written in the scenario.
    pub rule: String,
    /// What was measured last, with its unit.
    pub measured: String,
    /// Since when it was so, seconds of the load.
    pub from_s: f64,
    /// When that was long enough, seconds of the load.
    pub at_s: f64,
}
