//! The series of a run while it is being folded: one point an interval, neighbours merged as histograms.
//!
//! A week of intervals has to fit, so the number of points is bounded: when there would be more, each two neighbours
//! become one, and from then on a point stands for twice as many intervals. The rule depends on the number of intervals
//! alone, so a fold that follows a run and one that reads its journal later give the same series.

use std::collections::BTreeMap;

use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};

use super::{IntervalRecord, OperationPoint, PercentilePoint, SeriesPoint, WorkerSample};
use crate::metrics::Latency;
use crate::ops::OpId;
use crate::tick::Tick;

/// Most points of a series.
const POINTS_MAX: usize = 1_000;

/// Seconds from `origin` to `at`; negative when `at` is earlier, as in the set-up before the load.
pub(super) fn seconds_since(at: Tick, origin: Tick) -> f64 {
    if at >= origin { at.since(origin).as_secs_f64() } else { -origin.since(at).as_secs_f64() }
}

/// The series so far.
#[derive(Debug)]
pub(super) struct Timeline {
    points_max: usize,
    /// Points that are complete, their histograms packed.
    points: Vec<Point<Packed>>,
    /// The point under way: histograms at full size.
    current: Option<Point<Latency>>,
    /// Intervals in the point under way.
    filled: u64,
    /// Intervals that make a point, less one: a power of two less one.
    extra_per_point: u64,
    /// Longest interval seen, microseconds.
    interval_us: u64,
    /// Processor time at the end of the latest interval.
    cpu_us: Option<u64>,
}

/// Counters and histograms of one point.
#[derive(Debug, Clone, Default)]
struct Point<H> {
    from: Tick,
    to: Tick,
    online: u64,
    operations: BTreeMap<OpId, (u64, u64, H)>,
    delivery: H,
    timer_lag: H,
    arrivals_planned: u64,
    arrivals_missed: u64,
    bytes_sent: u64,
    bytes_received: u64,
    cpu_us: u64,
    rss_bytes: u64,
    descriptors: u64,
    worker_cpu_percent: f64,
    send_queue_bytes: u64,
    is_saturated: bool,
}

/// A histogram that waits to be merged: a few hundred bytes instead of 180 KiB, and none of its samples lost.
#[derive(Debug, Clone, Default)]
struct Packed {
    bytes: Box<[u8]>,
    summary: PercentilePoint,
    count: u64,
}

impl Packed {
    fn of(latency: &Latency) -> Packed {
        let mut bytes = Vec::new();
        if let Some(histogram) = latency.get() {
            let written = V2Serializer::new().serialize(histogram, &mut bytes);
            written.expect("writing a histogram of fixed bounds to memory cannot fail");
        }
        Packed { bytes: bytes.into(), summary: PercentilePoint::from(latency), count: latency.count() }
    }

    fn add_to(&self, latency: &mut Latency) {
        if !self.bytes.is_empty() {
            let histogram = Deserializer::new().deserialize(&mut &self.bytes[..]);
            latency.add(&histogram.expect("these bytes were written by `Packed::of`"));
        }
    }
}

impl Default for Timeline {
    fn default() -> Timeline {
        Timeline::with_points_max(POINTS_MAX)
    }
}

impl Timeline {
    /// A series of at most so many points.
    pub(super) fn with_points_max(points_max: usize) -> Timeline {
        let (points, current) = (Vec::new(), None);
        Timeline { points_max, points, current, filled: 0, extra_per_point: 0, interval_us: 0, cpu_us: None }
    }

    /// Adds an interval.
    pub(super) fn push(&mut self, record: &IntervalRecord) {
        self.interval_us = self.interval_us.max(record.to.micros_since(record.from));
        let cpu_us = self.cpu_us.replace(record.health.cpu_us).map_or(0, |last| {
            // A run that was resumed counts its processor time from 0 again.
            record.health.cpu_us.saturating_sub(last)
        });
        let point = self.current.get_or_insert_with(|| Point { from: record.from, ..Point::default() });
        point.add_interval(record, cpu_us);
        self.filled += 1;
        if self.filled > self.extra_per_point {
            self.complete();
        }
    }

    fn complete(&mut self) {
        let Some(point) = self.current.take() else { return };
        self.filled = 0;
        self.points.push(point.packed());
        if self.points.len() > self.points_max {
            let points = std::mem::take(&mut self.points);
            let (pairs, rest) = points.as_chunks::<2>();
            self.points = pairs.iter().map(|[one, next]| one.unpacked().joined(next).packed()).collect();
            // An odd one out is the first half of the point that is now under way.
            self.current = rest.first().map(Point::unpacked);
            self.filled = rest.first().map_or(0, |_| self.extra_per_point + 1);
            self.extra_per_point = self.extra_per_point * 2 + 1;
        }
    }

    /// Points that are complete.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// Width of a point, seconds.
    pub(super) fn interval_s(&self) -> f64 {
        self.interval_us as f64 * (self.extra_per_point + 1) as f64 / 1e6
    }

    /// The points, in seconds since the load began.
    pub(super) fn points(&self, load_start: Tick) -> Vec<SeriesPoint> {
        let current = self.current.as_ref().map(Point::packed);
        self.points.iter().chain(&current).map(|point| point.figures(load_start)).collect()
    }
}

impl Point<Latency> {
    fn add_interval(&mut self, record: &IntervalRecord, cpu_us: u64) {
        let figures = &record.figures;
        self.to = record.to;
        self.online = figures.users.online;
        for (&op, theirs) in OpId::ALL.iter().zip(&figures.ops) {
            if theirs.started + theirs.ok + theirs.failed > 0 {
                let (ok, failed, response) = self.operations.entry(op).or_default();
                *ok += theirs.ok;
                *failed += theirs.failed;
                response.merge(&theirs.response);
            }
        }
        self.delivery.merge(&figures.delivery);
        self.timer_lag.merge(&figures.timer_lag);
        self.arrivals_planned += figures.arrivals.planned;
        self.arrivals_missed += figures.arrivals.missed;
        self.bytes_sent += figures.traffic.bytes_sent;
        self.bytes_received += figures.traffic.bytes_received;
        self.cpu_us += cpu_us;
        self.rss_bytes = self.rss_bytes.max(record.health.rss_bytes);
        self.descriptors = self.descriptors.max(record.health.descriptors);
        let busiest = record.health.per_worker.iter().map(WorkerSample::cpu_share).fold(0.0, f64::max);
        self.worker_cpu_percent = self.worker_cpu_percent.max(busiest * 100.0);
        self.send_queue_bytes = self.send_queue_bytes.max(figures.send_queue.bytes);
        self.is_saturated |= record.health.is_saturated;
    }

    fn joined(mut self, next: &Point<Packed>) -> Point<Latency> {
        self.to = next.to;
        self.online = next.online;
        for (&op, (ok, failed, response)) in &next.operations {
            let mine = self.operations.entry(op).or_default();
            mine.0 += ok;
            mine.1 += failed;
            response.add_to(&mut mine.2);
        }
        next.delivery.add_to(&mut self.delivery);
        next.timer_lag.add_to(&mut self.timer_lag);
        self.arrivals_planned += next.arrivals_planned;
        self.arrivals_missed += next.arrivals_missed;
        self.bytes_sent += next.bytes_sent;
        self.bytes_received += next.bytes_received;
        self.cpu_us += next.cpu_us;
        self.rss_bytes = self.rss_bytes.max(next.rss_bytes);
        self.descriptors = self.descriptors.max(next.descriptors);
        self.worker_cpu_percent = self.worker_cpu_percent.max(next.worker_cpu_percent);
        self.send_queue_bytes = self.send_queue_bytes.max(next.send_queue_bytes);
        self.is_saturated |= next.is_saturated;
        self
    }

    fn packed(&self) -> Point<Packed> {
        self.map(Packed::of)
    }
}

impl Point<Packed> {
    fn unpacked(&self) -> Point<Latency> {
        self.map(|packed| {
            let mut latency = Latency::default();
            packed.add_to(&mut latency);
            latency
        })
    }

    fn figures(&self, load_start: Tick) -> SeriesPoint {
        let length_us = self.to.micros_since(self.from);
        let operation = |(op, (ok, failed, response)): (&OpId, &(u64, u64, Packed))| {
            (op.name().to_owned(), OperationPoint { ok: *ok, failed: *failed, response_us: response.summary })
        };
        SeriesPoint {
            at_s: seconds_since(self.from.max(load_start), load_start),
            online: self.online,
            operations: self.operations.iter().map(operation).collect(),
            delivered: self.delivery.count,
            delivery_us: self.delivery.summary,
            arrivals_planned: self.arrivals_planned,
            arrivals_missed: self.arrivals_missed,
            bytes_sent: self.bytes_sent,
            bytes_received: self.bytes_received,
            cpu_percent: if length_us == 0 { 0.0 } else { self.cpu_us as f64 * 100.0 / length_us as f64 },
            rss_bytes: self.rss_bytes,
            descriptors: self.descriptors,
            worker_cpu_percent: self.worker_cpu_percent,
            send_queue_bytes: self.send_queue_bytes,
            lag_us_p99: self.timer_lag.summary.p99,
            saturated: self.is_saturated,
        }
    }
}

impl<H> Point<H> {
    /// The same point with its histograms in another form.
    fn map<T>(&self, form: impl Fn(&H) -> T) -> Point<T> {
        let operations = self.operations.iter().map(|(&op, (ok, failed, h))| (op, (*ok, *failed, form(h))));
        Point {
            from: self.from,
            to: self.to,
            online: self.online,
            operations: operations.collect(),
            delivery: form(&self.delivery),
            timer_lag: form(&self.timer_lag),
            arrivals_planned: self.arrivals_planned,
            arrivals_missed: self.arrivals_missed,
            bytes_sent: self.bytes_sent,
            bytes_received: self.bytes_received,
            cpu_us: self.cpu_us,
            rss_bytes: self.rss_bytes,
            descriptors: self.descriptors,
            worker_cpu_percent: self.worker_cpu_percent,
            send_queue_bytes: self.send_queue_bytes,
            is_saturated: self.is_saturated,
        }
    }
}
