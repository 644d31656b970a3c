//! Operations, their times and their failures.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Percentiles of one histogram. Unit: microseconds. All zero when `count` is 0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct LatencyFigures {
    /// Samples.
    pub count: u64,
    /// Smallest.
    pub min: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 95th percentile.
    pub p95: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// 99.99th percentile.
    pub p9999: u64,
    /// Largest; values over one hour are recorded as one hour.
    pub max: u64,
    /// Quantile curve for the chart: pairs of quantile (0 to 1) and microseconds, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<(f64, u64)>,
}

/// Figures of one operation. `started = ok + failed + open`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct OperationFigures {
    /// Begun.
    pub started: u64,
    /// Answered as they should be.
    pub ok: u64,
    /// Failed, of any class.
    pub failed: u64,
    /// Still without an answer when the run ended.
    pub open: u64,
    /// Successes per second of load.
    pub rate_per_s: f64,
    /// Failures by class, such as `rejected(503)`.
    pub failures: BTreeMap<String, u64>,
    /// Answered − due, of successes. What gates judge.
    pub response_us: LatencyFigures,
    /// Answered − sent, of successes.
    pub service_us: LatencyFigures,
    /// Sent − due: our own lateness, of all.
    pub lag_us: LatencyFigures,
    /// Failed − due, of failures.
    pub failed_us: LatencyFigures,
    /// Parts of the operation, such as `dns`, `tcp`, `tls`, `upgrade` of `connect`. Microseconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub phases_us: BTreeMap<String, LatencyFigures>,
}

/// One kind of failure of one operation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct FailureFigures {
    /// The operation.
    pub operation: String,
    /// The class, such as `timed_out` or `rejected(503)`.
    pub class: String,
    /// How many.
    pub count: u64,
    /// First one, seconds of the run.
    pub first_s: f64,
    /// Last one, seconds of the run.
    pub last_s: f64,
    /// Up to three examples, redacted. What a server says is untrusted text.
    pub examples: Vec<String>,
}

/// The open model. `planned = started + missed`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ArrivalFigures {
    /// Arrivals that came due.
    pub planned: u64,
    /// Given to a parked user.
    pub started: u64,
    /// No user was free.
    pub missed: u64,
    /// Started − due.
    pub lag_us: LatencyFigures,
}

/// Bytes and frames on the wire, as payload of the WebSocket or HTTP body.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct TrafficFigures {
    /// Text frames sent.
    pub frames_sent: u64,
    /// Text frames received.
    pub frames_received: u64,
    /// Bytes in text frames sent.
    pub bytes_sent: u64,
    /// Bytes in text frames received.
    pub bytes_received: u64,
    /// Bytes of files uploaded.
    pub bytes_uploaded: u64,
    /// Bytes of files downloaded.
    pub bytes_downloaded: u64,
    /// Received frames by verb: `data`, `pres`, `info`, `malformed`, `unknown`.
    pub received_by_kind: BTreeMap<String, u64>,
}
