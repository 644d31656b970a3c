//! Figures over time: one point an interval, neighbours merged (as histograms) until the charts can carry them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GaugePoint;

/// Figures over time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Usual width of a point, seconds.
    pub interval_s: f64,
    /// The points, ascending in time. Where one is missing nothing was recorded.
    pub points: Vec<SeriesPoint>,
    /// Named spans and instants of the run, such as the stages of the load and the drain.
    pub marks: Vec<Mark>,
}

/// One interval.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SeriesPoint {
    /// Start of the interval, seconds since the load began.
    pub at_s: f64,
    /// Width of this point, seconds; absent in results of builds that had points of one width only.
    #[serde(default)]
    pub width_s: f64,
    /// Users online at its end.
    pub online: u64,
    /// Operations of this interval, by name.
    pub operations: BTreeMap<String, OperationPoint>,
    /// Deliveries received in this interval.
    pub delivered: u64,
    /// Delivery time, microseconds.
    pub delivery_us: PercentilePoint,
    /// Arrivals due in this interval.
    pub arrivals_planned: u64,
    /// Arrivals for which no user was free.
    pub arrivals_missed: u64,
    /// Bytes sent in frames.
    pub bytes_sent: u64,
    /// Bytes received in frames.
    pub bytes_received: u64,
    /// Processor time of the process, in percent of one core.
    pub cpu_percent: f64,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// Most open descriptors.
    #[serde(default)]
    pub descriptors: u64,
    /// Processor time of the busiest worker thread, in percent of one core.
    #[serde(default)]
    pub worker_cpu_percent: f64,
    /// Bytes in the send queues of the sampled connections.
    #[serde(default)]
    pub send_queue_bytes: u64,
    /// 99th percentile of the workers' timer lateness, microseconds.
    pub lag_us_p99: u64,
    /// The target's own figures, by name; none where none could be read. Where nobody looked they are those of the point
    /// before.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub target: BTreeMap<String, GaugePoint>,
    /// Whether the generator was the bottleneck.
    pub saturated: bool,
}

impl Series {
    /// Width of one of its points, seconds.
    pub fn width_of(&self, point: &SeriesPoint) -> f64 {
        if point.width_s > 0.0 { point.width_s } else { self.interval_s }
    }
}

/// One operation in one interval.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct OperationPoint {
    /// Successes.
    pub ok: u64,
    /// Failures.
    pub failed: u64,
    /// Response time of successes, microseconds.
    pub response_us: PercentilePoint,
}

/// Percentiles of one interval, microseconds; zero when it has no sample.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct PercentilePoint {
    /// Median.
    pub p50: u64,
    /// 95th percentile.
    pub p95: u64,
    /// 99th percentile.
    pub p99: u64,
    /// Largest.
    pub max: u64,
}

/// A named span or instant of the run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Mark {
    /// Start, seconds since the load began.
    pub from_s: f64,
    /// End, seconds; equal to the start for an instant.
    pub to_s: f64,
    /// What it is, such as `ramp to 200 users`, `drain`.
    pub label: String,
}
