//! A run, boiled down to what a comparison needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::identity::{load_of, machine_of, target_name};
use crate::results::{EndedBy, OperationFigures, Results};

/// A time with its error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// Microseconds.
    pub us: f64,
    /// Standard error of its natural logarithm, about its relative error; absent when it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
    /// Degrees of freedom of the error: independent blocks of intervals, less one for each stage.
    #[serde(default)]
    pub freedom: u64,
    /// Samples that it was read from.
    pub samples: u64,
}

/// A rate with its error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Per second of load.
    pub per_s: f64,
    /// As of a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
    /// As of a time.
    #[serde(default)]
    pub freedom: u64,
}

/// A share of a whole.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// So many.
    pub part: u64,
    /// Of so many.
    pub whole: u64,
    /// How much more the share varies between blocks of intervals than independent events would; 1 when it does not.
    pub dispersion: f64,
}

/// A run: who it was, and each figure with its error.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSummary {
    /// The run's id.
    pub id: String,
    /// Start of its load, RFC 3339 UTC.
    pub started_at: String,
    /// Version of pbxload.
    pub version: String,
    /// Seconds of load.
    pub load_s: f64,
    /// Name of the scenario.
    #[serde(skip)]
    pub scenario: String,
    /// Name of the target.
    #[serde(skip)]
    pub target: String,
    /// Hash of the load.
    #[serde(skip)]
    pub load_hash: String,
    /// The machine that made the load, in one line.
    #[serde(skip)]
    pub machine: String,
    /// Why the run is not fit to be compared, if it is not.
    #[serde(skip)]
    pub unfit: Option<String>,
    /// Times by the name of their figure.
    #[serde(default)]
    pub times: BTreeMap<String, Time>,
    /// Rates by the name of their figure.
    #[serde(default)]
    pub rates: BTreeMap<String, Rate>,
    /// Shares by the name of their figure.
    #[serde(default)]
    pub shares: BTreeMap<String, Share>,
    /// Microseconds at [`CURVE_QUANTILES`](super::CURVE_QUANTILES), as far as there are samples beyond.
    #[serde(default)]
    pub curves: BTreeMap<String, Vec<f64>>,
}

/// What the ledger counts beside the lost.
pub(super) const LEDGER: [&str; 5] =
    ["delivery.corrupted", "delivery.duplicated", "delivery.late", "delivery.phantom", "delivery.reordered"];

/// Statistics of a histogram that are kept: their word, and their quantile unless it is the mean.
pub(super) const STATISTICS: [(&str, Option<f64>); 6] = [
    ("mean", None),
    ("p50", Some(0.5)),
    ("p90", Some(0.9)),
    ("p95", Some(0.95)),
    ("p99", Some(0.99)),
    ("p999", Some(0.999)),
];

/// Samples without which a statistic is not compared: ten beyond the quantile.
pub(super) fn samples_min(quantile: Option<f64>) -> u64 {
    quantile.map_or(20, |quantile| (10.0 / (1.0 - quantile)).round() as u64)
}

/// The same number of digits everywhere, so that files do not differ in noise: six significant ones.
pub(super) fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let text = format!("{value:.5e}");
    text.parse().unwrap_or(value)
}

impl RunSummary {
    /// The value of a figure, such as `publish.response.p99`: microseconds, per second, or one.
    pub fn value(&self, figure: &str) -> Option<f64> {
        let time = self.times.get(figure).map(|time| time.us);
        let rate = self.rates.get(figure).map(|rate| rate.per_s);
        let share = self.shares.get(figure).map(|share| match figure.ends_with(".ratio") {
            true if share.whole > 0 => share.part as f64 / share.whole as f64,
            _ => share.part as f64,
        });
        time.or(rate).or(share)
    }

    /// Who the run was, and the shares that need no intervals. Times and rates are empty.
    pub(super) fn of(results: &Results) -> RunSummary {
        let run = &results.run;
        let mut summary = RunSummary {
            id: run.id.clone(),
            started_at: run.started_at.clone(),
            version: run.version.clone(),
            load_s: rounded(run.load_s),
            scenario: run.name.clone(),
            target: target_name(&run.target),
            load_hash: load_of(run),
            machine: machine_of(run),
            unfit: unfit(results),
            ..RunSummary::default()
        };
        let delivery = &results.delivery;
        let mut share = |name: &str, part: u64, whole: u64| {
            if whole > 0 {
                summary.shares.insert(name.to_owned(), Share { part, whole, dispersion: 1.0 });
            }
        };
        // Receipts that nobody waited for, such as phantoms, have no whole of their own.
        let witnessed = delivery.expected + delivery.echo_expected;
        share("delivery.lost.ratio", delivery.lost, delivery.expected);
        let counts = [delivery.corrupted, delivery.duplicated, delivery.late, delivery.phantom, delivery.reordered];
        for (name, count) in LEDGER.into_iter().zip(counts) {
            share(name, count, witnessed);
        }
        share("arrivals.missed.ratio", results.arrivals.missed, results.arrivals.planned);
        let settled = |op: &OperationFigures| op.ok + op.failed;
        for (name, op) in &results.operations {
            share(&format!("{name}.failures.ratio"), op.failed, settled(op));
        }
        let sum = |count: fn(&OperationFigures) -> u64| results.operations.values().map(count).sum();
        share("failures.ratio", sum(|op| op.failed), sum(|op| op.ok + op.failed));
        summary
    }
}

fn unfit(results: &Results) -> Option<String> {
    if let Some(from) = results.generator.first_spell_s()
        && results.generator.tolerated_share.is_none()
    {
        return Some(format!("the generator was the bottleneck from second {from:.0} on"));
    }
    match results.run.ended_by {
        EndedBy::Plan => None,
        EndedBy::Interrupt | EndedBy::Terminated => Some("it was broken off".to_owned()),
        EndedBy::Abort => Some("a gate aborted it".to_owned()),
        EndedBy::Crash => Some("it ended without a word".to_owned()),
    }
}
