//! The verdict, and the gates that it comes from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Pass, fail, or no verdict.
    pub outcome: Outcome,
    /// Why, one sentence each; empty for a pass.
    pub reasons: Vec<String>,
}

/// Pass, fail, or no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every gate held.
    Pass,
    /// A gate did not hold.
    Fail,
    /// The run cannot say: the generator was the bottleneck, too few samples, or interrupted.
    #[default]
    NoVerdict,
}

/// What a gate that does not hold leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The run fails.
    #[default]
    Require,
    /// The results carry a warning.
    Warn,
}

/// What became of a gate, for machines; `note` says it for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateStatus {
    /// It held.
    Held,
    /// It did not hold.
    NotHeld,
    /// Too few samples for an answer.
    TooFewSamples,
    /// Nothing was measured.
    NotMeasured,
    /// It compares with a baseline, and there is none.
    NoBaseline,
    /// Its window is finer than the intervals that are kept.
    TooCoarse,
    /// The run ended before it could be told.
    EndedEarly,
    /// The generator was the bottleneck for more of its window or its stage than is tolerated.
    Spoilt,
}

/// A stretch of the load.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct WindowFigures {
    /// Its beginning, seconds of the load.
    pub from_s: f64,
    /// Its end, seconds of the load.
    pub to_s: f64,
}

/// One gate, judged.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct GateFigures {
    /// As written in the scenario.
    pub gate: String,
    /// What it leads to when it does not hold; absent in older results, which list required gates alone.
    #[serde(default)]
    pub severity: Severity,
    /// What was measured, with its unit; empty when there was nothing to measure.
    pub measured: String,
    /// The limit, with its unit.
    pub limit: String,
    /// Whether it held; absent when it cannot be told.
    pub passed: Option<bool>,
    /// What became of it; absent in older results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<GateStatus>,
    /// Samples behind what was measured, where it is read off samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<u64>,
    /// The stage or the span that it looks at; empty for the whole run.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stage: String,
    /// The worst window, or the span that was looked at; absent for a figure of the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowFigures>,
    /// Why it cannot be told, how far off it was, or what was left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}
