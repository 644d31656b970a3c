//! `Interval`: everything that a worker counts between two hand-overs.

use std::collections::BTreeMap;

use super::{CatchUps, EventCounts, FailureLog, Latency, Resubscribed, SendQueueCounts, TargetGauges};
use crate::ops::{FailureKind, OP_COUNT, OpId};
use crate::tick::Tick;

/// One settled operation. `due ≤ sent ≤ done`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Which operation.
    pub op: OpId,
    /// When the plan, or the user, wanted it sent.
    pub due: Tick,
    /// When it was sent.
    pub sent: Tick,
    /// When its reply was judged.
    pub done: Tick,
}

/// A part of an operation that is measured apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// Name resolution.
    Dns,
    /// TCP connect.
    Tcp,
    /// TLS handshake.
    Tls,
    /// WebSocket upgrade.
    Upgrade,
    /// All that precedes the first byte of an HTTP request.
    Connect,
    /// Sending the body.
    Send,
    /// From the last byte sent to the first byte of the reply.
    Wait,
    /// Receiving the reply.
    Receive,
}

impl Phase {
    /// Every phase with its word.
    pub const ALL: [(Phase, &'static str); 8] = [
        (Phase::Dns, "dns"),
        (Phase::Tcp, "tcp"),
        (Phase::Tls, "tls"),
        (Phase::Upgrade, "upgrade"),
        (Phase::Connect, "connect"),
        (Phase::Send, "send"),
        (Phase::Wait, "wait"),
        (Phase::Receive, "receive"),
    ];
}

/// One operation in one interval. `started = ok + failed + those still open`.
#[derive(Debug, Clone, Default)]
pub struct OpFigures {
    /// Begun.
    pub started: u64,
    /// Answered as they should be.
    pub ok: u64,
    /// Failed.
    pub failed: u64,
    /// Done − due, of successes.
    pub response: Latency,
    /// Done − sent, of successes.
    pub service: Latency,
    /// Sent − due, of all.
    pub lag: Latency,
    /// Done − due, of failures.
    pub failed_response: Latency,
    /// Parts, by [`Phase`].
    pub phases: [Latency; Phase::ALL.len()],
}

/// The open model in one interval. `planned = started + missed`.
#[derive(Debug, Clone, Default)]
pub struct ArrivalCounts {
    /// Came due.
    pub planned: u64,
    /// Given to a user.
    pub started: u64,
    /// No user was free.
    pub missed: u64,
    /// Given − due.
    pub lag: Latency,
}

/// Connections in one interval.
#[derive(Debug, Clone, Default)]
pub struct UserCounts {
    /// Online at the end of the interval.
    pub online: u64,
    /// Most online at once in it; adding workers makes this an upper bound of at most one interval's skew.
    pub peak: u64,
    /// Requests without an answer at the end of the interval, by operation.
    pub open: BTreeMap<OpId, u64>,
    /// Successful logins.
    pub logins: u64,
    /// Connections opened again after a loss or failure.
    pub reconnects: u64,
    /// Connections ended by the other side, by close code; `None` without a close frame.
    pub closed_by_code: BTreeMap<Option<u16>, u64>,
    /// Connections given up by this side, because nothing came any more.
    pub dead_links: u64,
    /// Unsolicited `ctrl`, by code.
    pub unsolicited_by_code: BTreeMap<u16, u64>,
    /// Replies after their request had been given up.
    pub late_replies: u64,
    /// Second replies to one request.
    pub duplicate_replies: u64,
    /// Replies to ids that were never sent.
    pub unmatched_replies: u64,
    /// Subscribes that were added after a gap.
    pub resubscribed: Resubscribed,
    /// What users fetched from the history after a lost connection.
    pub caught_up: CatchUps,
    /// What events of the scenario did, by their number.
    pub events: BTreeMap<u64, EventCounts>,
}

/// Kinds of received frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// `ctrl`
    Ctrl,
    /// `data`
    Data,
    /// `meta`
    Meta,
    /// `pres`
    Pres,
    /// `info`
    Info,
    /// The network probe's `0`.
    Probe,
    /// JSON of another shape, or no JSON.
    Malformed,
}

impl FrameKind {
    /// Every kind with its word.
    pub const ALL: [(FrameKind, &'static str); 7] = [
        (FrameKind::Ctrl, "ctrl"),
        (FrameKind::Data, "data"),
        (FrameKind::Meta, "meta"),
        (FrameKind::Pres, "pres"),
        (FrameKind::Info, "info"),
        (FrameKind::Probe, "probe"),
        (FrameKind::Malformed, "malformed"),
    ];
}

/// Frames and bytes in one interval.
#[derive(Debug, Clone, Default)]
pub struct TrafficCounts {
    /// Text frames sent.
    pub frames_sent: u64,
    /// Text frames received, by [`FrameKind`].
    pub frames_received: [u64; FrameKind::ALL.len()],
    /// Bytes in text frames sent.
    pub bytes_sent: u64,
    /// Bytes in text frames received.
    pub bytes_received: u64,
    /// Bytes of files uploaded.
    pub bytes_uploaded: u64,
    /// Bytes of files downloaded.
    pub bytes_downloaded: u64,
}

/// Everything that is counted between two hand-overs.
#[derive(Debug, Clone)]
pub struct Interval {
    /// Operations, by [`OpId::index`].
    pub ops: Vec<OpFigures>,
    /// Received − sent of messages of this run, one value for each receiver.
    pub delivery: Latency,
    /// The open model.
    pub arrivals: ArrivalCounts,
    /// Connections.
    pub users: UserCounts,
    /// Frames and bytes.
    pub traffic: TrafficCounts,
    /// Failures.
    pub failures: FailureLog,
    /// Lateness of this worker's timers, its pulse among them: fired − due.
    pub timer_lag: Latency,
    /// Send queues of a sample of the connections.
    pub send_queue: SendQueueCounts,
    /// Processor time of the worker threads in this interval, microseconds.
    pub worker_cpu_us: u64,
    /// The target's own figures.
    pub target: TargetGauges,
}

impl Default for Interval {
    fn default() -> Self {
        Interval {
            ops: (0..OP_COUNT).map(|_| OpFigures::default()).collect(),
            delivery: Latency::default(),
            arrivals: ArrivalCounts::default(),
            users: UserCounts::default(),
            traffic: TrafficCounts::default(),
            failures: FailureLog::default(),
            timer_lag: Latency::default(),
            send_queue: SendQueueCounts::default(),
            worker_cpu_us: 0,
            target: TargetGauges::default(),
        }
    }
}

impl Interval {
    /// Counts an operation as begun.
    pub fn started(&mut self, op: OpId) {
        self.ops[op.index()].started += 1;
    }

    /// Records a success.
    pub fn ok(&mut self, sample: Sample) {
        self.ok_unread(sample);
        let figures = &mut self.ops[sample.op.index()];
        figures.response.record(sample.done.micros_since(sample.due));
        figures.service.record(sample.done.micros_since(sample.sent));
    }

    /// Records a success whose answer waited to be read: when it came nobody knows.
    pub fn ok_unread(&mut self, sample: Sample) {
        let figures = &mut self.ops[sample.op.index()];
        figures.ok += 1;
        figures.lag.record(sample.sent.micros_since(sample.due));
    }

    /// Records a failure.
    pub fn failed(&mut self, sample: Sample, kind: FailureKind, example: impl FnOnce() -> String) {
        self.ops[sample.op.index()].failed_response.record(sample.done.micros_since(sample.due));
        self.failed_unread(sample, kind, example);
    }

    /// Records a failure whose answer waited to be read.
    pub fn failed_unread(&mut self, sample: Sample, kind: FailureKind, example: impl FnOnce() -> String) {
        let figures = &mut self.ops[sample.op.index()];
        figures.failed += 1;
        figures.lag.record(sample.sent.micros_since(sample.due));
        self.failures.record(sample.op, kind, sample.done, example);
    }

    /// Records a part of an operation.
    pub fn phase(&mut self, op: OpId, phase: Phase, micros: u64) {
        self.ops[op.index()].phases[phase as usize].record(micros);
    }

    /// Lateness of timers and of arrivals together: how late this program did what it had to do.
    pub fn lateness(&self) -> Latency {
        let mut lateness = self.timer_lag.clone();
        lateness.merge(&self.arrivals.lag);
        lateness
    }

    /// Adds another worker's interval, or a later interval of the same worker.
    pub fn merge(&mut self, other: &Interval) {
        for (mine, theirs) in self.ops.iter_mut().zip(&other.ops) {
            mine.merge(theirs);
        }
        self.delivery.merge(&other.delivery);
        self.arrivals.merge(&other.arrivals);
        self.users.merge(&other.users);
        self.traffic.merge(&other.traffic);
        self.failures.merge(&other.failures);
        self.timer_lag.merge(&other.timer_lag);
        self.send_queue.merge(&other.send_queue);
        self.worker_cpu_us += other.worker_cpu_us;
        self.target.merge(&other.target);
    }

    /// The same counts without a histogram, which take little memory: for those who keep many intervals.
    pub fn counters(&self) -> Interval {
        // Field by field: one that is added later is decided on here.
        let Interval {
            ops,
            delivery: _,
            arrivals,
            users,
            traffic,
            failures,
            timer_lag: _,
            send_queue,
            worker_cpu_us,
            target,
        } = self;
        let ArrivalCounts { planned, started, missed, lag: _ } = arrivals;
        let counts =
            |op: &OpFigures| OpFigures { started: op.started, ok: op.ok, failed: op.failed, ..OpFigures::default() };
        Interval {
            ops: ops.iter().map(counts).collect(),
            delivery: Latency::default(),
            arrivals: ArrivalCounts { planned: *planned, started: *started, missed: *missed, lag: Latency::default() },
            users: users.clone(),
            traffic: traffic.clone(),
            failures: failures.clone(),
            timer_lag: Latency::default(),
            send_queue: *send_queue,
            worker_cpu_us: *worker_cpu_us,
            target: target.clone(),
        }
    }

    /// Forgets everything and keeps the memory of the histograms. Open requests and online users are gauges:
    /// their owner sets them before each hand-over.
    pub fn clear(&mut self) {
        for figures in &mut self.ops {
            figures.clear();
        }
        self.delivery.clear();
        self.timer_lag.clear();
        self.send_queue = SendQueueCounts::default();
        self.failures.clear();
        self.arrivals.lag.clear();
        let lag = std::mem::take(&mut self.arrivals.lag);
        self.arrivals = ArrivalCounts { lag, ..ArrivalCounts::default() };
        self.users = UserCounts::default();
        self.traffic = TrafficCounts::default();
        self.worker_cpu_us = 0;
        self.target = TargetGauges::default();
    }
}

impl OpFigures {
    fn latencies(&mut self) -> impl Iterator<Item = &mut Latency> {
        let OpFigures { response, service, lag, failed_response, phases, .. } = self;
        [response, service, lag, failed_response].into_iter().chain(phases)
    }

    fn merge(&mut self, other: &OpFigures) {
        self.started += other.started;
        self.ok += other.ok;
        self.failed += other.failed;
        let theirs = [&other.response, &other.service, &other.lag, &other.failed_response];
        for (mine, theirs) in self.latencies().zip(theirs.into_iter().chain(&other.phases)) {
            mine.merge(theirs);
        }
    }

    fn clear(&mut self) {
        (self.started, self.ok, self.failed) = (0, 0, 0);
        self.latencies().for_each(Latency::clear);
    }
}

impl ArrivalCounts {
    fn merge(&mut self, other: &ArrivalCounts) {
        self.planned += other.planned;
        self.started += other.started;
        self.missed += other.missed;
        self.lag.merge(&other.lag);
    }
}

impl UserCounts {
    /// Adds workers of the same interval; gauges add up too.
    fn merge(&mut self, other: &UserCounts) {
        self.online += other.online;
        self.peak += other.peak;
        add_counts(&mut self.open, &other.open);
        self.logins += other.logins;
        self.reconnects += other.reconnects;
        self.dead_links += other.dead_links;
        add_counts(&mut self.closed_by_code, &other.closed_by_code);
        add_counts(&mut self.unsolicited_by_code, &other.unsolicited_by_code);
        self.late_replies += other.late_replies;
        self.duplicate_replies += other.duplicate_replies;
        self.unmatched_replies += other.unmatched_replies;
        self.resubscribed.merge(&other.resubscribed);
        self.caught_up.merge(&other.caught_up);
        for (key, counts) in &other.events {
            self.events.entry(*key).or_default().merge(counts);
        }
    }
}

impl TrafficCounts {
    /// Counts a received frame.
    pub fn received(&mut self, kind: FrameKind, bytes: usize) {
        self.frames_received[kind as usize] += 1;
        self.bytes_received += bytes as u64;
    }

    fn merge(&mut self, other: &TrafficCounts) {
        self.frames_sent += other.frames_sent;
        for (mine, theirs) in self.frames_received.iter_mut().zip(&other.frames_received) {
            *mine += theirs;
        }
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.bytes_uploaded += other.bytes_uploaded;
        self.bytes_downloaded += other.bytes_downloaded;
    }
}

fn add_counts<K: Ord + Copy>(mine: &mut BTreeMap<K, u64>, theirs: &BTreeMap<K, u64>) {
    for (&key, count) in theirs {
        *mine.entry(key).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(op: OpId, due: u64, sent: u64, done: u64) -> Sample {
        let tick = Tick::from_micros;
        Sample { op, due: tick(due), sent: tick(sent), done: tick(done) }
    }

    #[test]
    fn response_counts_from_due_and_service_from_sent() {
        let mut interval = Interval::default();
        interval.ok(sample(OpId::Publish, 100, 150, 400));
        let figures = &interval.ops[OpId::Publish.index()];
        assert_eq!((figures.response.max(), figures.service.max(), figures.lag.max()), (300, 250, 50));
    }

    proptest! {
        #[test]
        fn samples_spread_over_any_number_of_workers_merge_to_the_same(
            samples in prop::collection::vec((0usize..OP_COUNT, 1u64..1_000_000, any::<bool>()), 0..100),
            workers in 1usize..5,
        ) {
            let mut whole = Interval::default();
            let mut parts: Vec<Interval> = (0..workers).map(|_| Interval::default()).collect();
            for (index, &(op, micros, is_ok)) in samples.iter().enumerate() {
                let sample = sample(OpId::ALL[op], 0, micros / 2, micros);
                for interval in [&mut whole, &mut parts[index % workers]] {
                    interval.started(sample.op);
                    if is_ok { interval.ok(sample) } else { interval.failed(sample, FailureKind::TimedOut, String::new) }
                }
            }
            let mut merged = Interval::default();
            parts.iter().for_each(|part| merged.merge(part));
            for (one, other) in whole.ops.iter().zip(&merged.ops) {
                prop_assert_eq!((one.started, one.ok, one.failed), (other.started, other.ok, other.failed));
                prop_assert_eq!(one.response.quantile(0.9), other.response.quantile(0.9));
            }
        }
    }

    #[test]
    fn a_cleared_interval_is_as_new() {
        let mut interval = Interval::default();
        interval.started(OpId::Login);
        interval.failed(sample(OpId::Login, 0, 1, 2), FailureKind::Dns, String::new);
        interval.arrivals.planned = 3;
        interval.traffic.received(FrameKind::Data, 10);
        interval.clear();
        let login = &interval.ops[OpId::Login.index()];
        assert_eq!((login.started, login.failed, login.failed_response.count()), (0, 0, 0));
        assert_eq!((interval.arrivals.planned, interval.traffic.bytes_received), (0, 0));
        assert_eq!(interval.failures.iter().count(), 0);
    }
}
