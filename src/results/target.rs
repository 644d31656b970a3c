//! The target's own figures over a whole run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metrics::{Gauge, TargetGauges};

/// What the target's own endpoints and its process said of it during the load.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct TargetFigures {
    /// Attempts to read a source.
    pub scrapes: u64,
    /// Those that gave nothing; no value is made up for them.
    pub failed: u64,
    /// What was read, by the name that the scenario gives it.
    pub figures: BTreeMap<String, GaugeFigures>,
}

/// A figure of one instant, over the run. Its unit is the source's own.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct GaugeFigures {
    /// First value.
    pub first: f64,
    /// Last value.
    pub last: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Arithmetic mean of all values.
    pub mean: f64,
    /// How many values.
    pub samples: u64,
}

/// A figure of the target in one point of the series.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct GaugePoint {
    /// Latest value.
    pub last: f64,
    /// Largest value.
    pub max: f64,
}

/// What a figure of the target is, as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GaugeUnit {
    /// `…_bytes`.
    Bytes,
    /// `…_s` and `…_seconds`.
    Seconds,
    /// Anything else.
    Number,
}

impl GaugeUnit {
    /// The unit of the figure with this name.
    pub fn of(name: &str) -> GaugeUnit {
        // A rate of something a second is no time.
        if name.ends_with("_bytes") {
            GaugeUnit::Bytes
        } else if (name.ends_with("_s") && !name.ends_with("_per_s")) || name.ends_with("_seconds") {
            GaugeUnit::Seconds
        } else {
            GaugeUnit::Number
        }
    }
}

impl TargetFigures {
    pub(super) fn of(gauges: &TargetGauges) -> TargetFigures {
        let figures = gauges.figures.iter().map(|(name, gauge)| {
            let Gauge { first, last, min, max, sum: _, count } = *gauge;
            (name.clone(), GaugeFigures { first, last, min, max, mean: gauge.mean(), samples: count })
        });
        TargetFigures { scrapes: gauges.scrapes, failed: gauges.failed, figures: figures.collect() }
    }

    /// Whether the run looked at nothing of the target's own.
    pub fn is_empty(&self) -> bool {
        self.scrapes == 0
    }
}
