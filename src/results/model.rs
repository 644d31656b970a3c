//! The figures of a whole run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DayFigures, DriftFigures};
use super::{GeneratorFigures, Hardware, InvariantFigures, Series, SpreadFigures, TargetFigures};

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
    /// What of the run nothing is known of, because its journal is damaged; none in a sound one. Sums are then those of the
    /// rest, and there is no verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<HoleFigures>,
    /// Figures over time, for the charts.
    pub series: Series,
}

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
    /// SIGTERM.
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
}

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

/// The delivery ledger. `expected = delivered + lost + excused`, to the message.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryFigures {
    /// Publishes sent.
    pub published: u64,
    /// Publishes that the server accepted, or that were seen at a receiver.
    pub accepted: u64,
    /// Publishes that the server refused.
    pub refused: u64,
    /// Publishes whose outcome never became known.
    pub unknown: u64,
    /// Deliveries that had to happen: one for each accepted message and attached session but the publisher's own.
    pub expected: u64,
    /// Deliveries that happened, each counted once.
    pub delivered: u64,
    /// Deliveries that the user fetched from the history after a lost connection; part of `delivered`, and no part of
    /// `delivery_us`.
    #[serde(default)]
    pub recovered: u64,
    /// Deliveries that had to happen and did not.
    pub lost: u64,
    /// Lost deliveries by where they were lost: `not_stored` (accepted, and not in the history), `not_pushed` (in the
    /// history, and not sent to the receiver), `undiagnosed` (the history was not asked).
    #[serde(default)]
    pub lost_by: BTreeMap<String, u64>,
    /// Publishes of unknown outcome that the history does not hold: not accepted. Part of `unknown`.
    #[serde(default)]
    pub not_accepted: u64,
    /// Repeats of a delivery.
    pub duplicated: u64,
    /// Deliveries that came after a later message of the same topic.
    pub reordered: u64,
    /// Messages that carry this run's stamp and that nobody of this run sent.
    pub phantom: u64,
    /// Deliveries missing because they raced with an attach, a detach or a lost connection.
    pub excused: u64,
    /// Excused deliveries by reason.
    pub excused_by: BTreeMap<String, u64>,
    /// Deliveries that came later than the operation timeout; part of `delivered`.
    pub late: u64,
    /// Messages whose content was changed on the way.
    pub corrupted: u64,
    /// Messages of other clients or other runs.
    pub foreign: u64,
    /// Messages of this run that came to a session that was not attached, or on a topic where they were not published.
    #[serde(default)]
    pub misdelivered: u64,
    /// The publisher's own copies: expected.
    pub echo_expected: u64,
    /// The publisher's own copies: delivered.
    pub echo_delivered: u64,
    /// Of accepted messages: the publisher's own copies that need not have come, because it had left or because the run
    /// ended before it was known. `echo_expected + echo_excused` is every accepted message that asked for its echo.
    #[serde(default)]
    pub echo_excused: u64,
    /// Received − sent, one value for each receiver.
    pub delivery_us: LatencyFigures,
    /// From the first receiver of a message to the last, for messages with at least two receivers.
    pub spread_us: LatencyFigures,
    /// The same by how many received the message, ascending; rows without messages are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spread_by_receivers: Vec<SpreadFigures>,
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

/// Virtual users and their connections.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct UserFigures {
    /// Most users online at once.
    pub peak: u64,
    /// Successful logins.
    pub logins: u64,
    /// Connections opened again after a loss or a failure.
    pub reconnects: u64,
    /// Connections that the other side ended, by close code; `none` stands for an end without a close frame.
    pub closed_by_code: BTreeMap<String, u64>,
    /// Connections given up by this side, because nothing had come for the scenario's `dead_after`.
    #[serde(default)]
    pub dead_links: u64,
    /// Evictions and other unsolicited `ctrl`, by code.
    #[serde(default)]
    pub unsolicited_by_code: BTreeMap<String, u64>,
    /// Replies after their request had been given up.
    pub late_replies: u64,
    /// Second replies to one request.
    pub duplicate_replies: u64,
    /// Replies to ids that were never sent, and those without an id that may be about a note.
    pub unmatched_replies: u64,
    /// Subscribes that were added to find out whether a session with a gap is attached. No part of `operations`.
    #[serde(default)]
    pub resubscribed: ResubscribedFigures,
    /// What users fetched from the history after a lost connection. No part of `operations`.
    #[serde(default)]
    pub caught_up: CatchUpFigures,
}

/// One time that an event of the scenario happened.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct EventFigures {
    /// When, seconds of the load.
    pub at_s: f64,
    /// What: the scenario's word for it.
    pub what: String,
    /// Users that it hit while they were connected; of a burst its arrivals.
    pub affected: u64,
    /// Of those, who came back: logged in again, with everything fetched that they had missed.
    pub back: u64,
    /// Time until half of those were back, milliseconds, within half a percent.
    pub back_ms_p50: f64,
    /// Time until 99 % of those were back, milliseconds, within half a percent.
    pub back_ms_p99: f64,
    /// Time until the last of those was back, milliseconds.
    pub back_ms_max: f64,
    /// Messages of others that those missed, as far as the numbers of their topics tell.
    pub missed: u64,
    /// Messages of others that those fetched.
    pub recovered: u64,
    /// Answers that may have waited for those, because they did not read: part of no response or service time.
    #[serde(default)]
    pub waited_replies: u64,
    /// Messages that may have, by the same: delivered, and part of no delivery time.
    #[serde(default)]
    pub waited_messages: u64,
}

/// Fetches from the history after a lost connection. `topics = whole + cut_short + refused + unanswered`, but for those
/// under way when the run ended.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct CatchUpFigures {
    /// Topics whose history was asked for.
    pub topics: u64,
    /// Pages asked for.
    pub pages: u64,
    /// Topics of which everything that was missed was fetched.
    pub whole: u64,
    /// Topics of which more was missed than is fetched at most.
    pub cut_short: u64,
    /// Topics whose history was refused.
    pub refused: u64,
    /// Topics whose history did not come in time, or whose connection ended before.
    pub unanswered: u64,
    /// Publishes of unknown outcome that were found, or found missing.
    pub settled: u64,
}

/// Subscribes that were added after a gap. `asked = still_attached + silently_detached + refused + unanswered`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ResubscribedFigures {
    /// Sent.
    pub asked: u64,
    /// Answered with 304: the session had been attached all the time.
    pub still_attached: u64,
    /// Answered with success: the service had ended the attachment without a word.
    pub silently_detached: u64,
    /// Refused.
    pub refused: u64,
    /// Not answered in time, or the connection ended before.
    pub unanswered: u64,
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
