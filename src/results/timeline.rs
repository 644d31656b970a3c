//! The series of a run while it is being folded: one point an interval, neighbours merged as histograms.
//!
//! A week of intervals has to fit, so the number of points is bounded: when there would be more, points get at least
//! twice as wide and neighbours become one. Widths are those of the records, which may be of any: a journal keeps 1 s of
//! the last hour, and 10 s and 60 s of what is older.

use std::time::Duration;

use super::record::GAP_US_MAX;
use super::{GaugePoint, IntervalRecord, OperationPoint, PercentilePoint, SeriesPoint, WorkerSample};
use crate::metrics::{Gauge, Latency, TargetGauges};
use crate::ops::OpId;
use crate::tick::Tick;

/// Most points of a series: as many as a chart draws.
const POINTS_MAX: usize = 600;
/// Usual length of an interval. One of less than a quarter of it makes no point of its own: its rates would be those of an
/// instant. Microseconds.
const USUAL_US: u64 = 1_000_000;
/// The narrowest that points get once not every interval has one of its own, microseconds.
const WIDTH_US_MIN: u64 = 1_000_000;

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
    /// What a point has to reach, microseconds; 0 while every interval is one.
    width_us: u64,
    /// Longest interval seen, microseconds.
    interval_us: u64,
    /// Processor time at the end of the latest interval.
    cpu_us: Option<u64>,
    /// Nothing joins the latest point: the run was interrupted after it.
    is_cut: bool,
}

/// Counters and histograms of one point.
#[derive(Debug, Clone, Default)]
pub(super) struct Point<H> {
    from: Tick,
    to: Tick,
    online: u64,
    /// Successes, failures, response times; by operation, in their order.
    pub(super) operations: Vec<(OpId, (u64, u64, H))>,
    pub(super) delivery: H,
    timer_lag: H,
    arrivals_planned: u64,
    arrivals_missed: u64,
    bytes_sent: u64,
    bytes_received: u64,
    cpu_us: u64,
    pub(super) rss_bytes: u64,
    descriptors: u64,
    worker_cpu_percent: f64,
    send_queue_bytes: u64,
    pub(super) target: TargetGauges,
    is_saturated: bool,
}

/// A histogram that waits to be merged: a few hundred bytes instead of some 10 KiB, and none of its samples lost.
#[derive(Debug, Clone, Default)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    fn of(latency: &Latency) -> Packed {
        Packed(latency.pack())
    }

    fn add_to(&self, latency: &mut Latency) {
        latency.unpack(&self.0).expect("these bytes were written by `Packed::of`");
    }

    fn unpacked(&self) -> Latency {
        let mut latency = Latency::default();
        self.add_to(&mut latency);
        latency
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
        // Room for all at once: a list that grows leaves holes between the histograms of the points under way, megabytes each.
        let (points, current) = (Vec::with_capacity(points_max + 1), None);
        Timeline { points_max, points, current, width_us: 0, interval_us: 0, cpu_us: None, is_cut: false }
    }

    /// Adds an interval that lies on the load's time at these ticks.
    pub(super) fn push(&mut self, record: &IntervalRecord, from: Tick, to: Tick) {
        let length_us = to.micros_since(from);
        self.interval_us = self.interval_us.max(length_us);
        let cpu_us = self.cpu_us.replace(record.health.cpu_us).map_or(0, |last| {
            // A run that was resumed counts its processor time from 0 again.
            record.health.cpu_us.saturating_sub(last)
        });
        // Of an interval in which the load begins, the load's share.
        let share = length_us as f64 / record.length_us().max(length_us).max(1) as f64;
        let cpu_us = (cpu_us as f64 * share).round() as u64;
        if self.current.as_ref().is_some_and(|point| !point.has_room(from, length_us, self.width_us)) {
            self.complete();
        }
        if self.current.is_none() {
            self.current = self.neighbour(from, length_us);
        }
        self.is_cut = false;
        let point = self.current.get_or_insert_with(|| Point { from, ..Point::default() });
        point.add_interval(record, to, cpu_us);
        if point.is_full(length_us, self.width_us) {
            self.complete();
        }
    }

    /// Takes back the latest point when it, or an interval that begins here, is too short for a point of its own.
    fn neighbour(&mut self, from: Tick, length_us: u64) -> Option<Point<Latency>> {
        let last = self.points.last().filter(|_| !self.is_cut)?;
        let last_us = last.to.micros_since(last.from);
        let is_short = length_us.min(last_us) < self.interval_us.min(USUAL_US) / 4;
        let follows = from.micros_since(last.to) <= (length_us.max(last_us) / 2).min(GAP_US_MAX);
        if is_short && follows { self.points.pop().map(|point| point.unpacked()) } else { None }
    }

    /// Nothing that comes joins what has come: the run was interrupted here.
    pub(super) fn interrupt(&mut self) {
        self.complete();
        self.cpu_us = None;
        self.is_cut = true;
    }

    fn complete(&mut self) {
        let Some(point) = self.current.take() else { return };
        self.points.push(point.packed());
        if self.points.len() > self.points_max {
            self.widen();
        }
    }

    /// Doubles the width of points until they are few enough, with room for as many again.
    fn widen(&mut self) {
        let span_us: u64 = self.points.iter().map(|point| point.to.micros_since(point.from)).sum();
        self.width_us = (self.width_us * 2).max(2 * WIDTH_US_MIN);
        let enough = (self.points_max as u64 * 6 / 10).max(1);
        while self.width_us < span_us.div_ceil(enough) {
            self.width_us *= 2;
        }
        let mut joined: Vec<Point<Packed>> = Vec::new();
        let mut current: Option<Point<Latency>> = None;
        for next in std::mem::take(&mut self.points) {
            let length_us = next.to.micros_since(next.from);
            current = match current.take() {
                Some(point) if point.has_room(next.from, length_us, self.width_us) => Some(point.joined(&next)),
                Some(point) => {
                    joined.push(point.packed());
                    Some(next.unpacked())
                }
                None => Some(next.unpacked()),
            };
            if current.as_ref().is_some_and(|point| point.is_full(length_us, self.width_us)) {
                joined.extend(current.take().map(|point| point.packed()));
            }
        }
        self.points = joined;
        self.current = current;
    }

    /// Points that are complete.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// Everything of the points whose middle lies between two ticks, as one, with the seconds that they cover; `None`
    /// when there is none. Histograms are merged.
    pub(super) fn stretch(&self, from: Tick, to: Tick) -> Option<(Point<Latency>, f64)> {
        let mut covered_us = 0;
        let mut whole: Option<Point<Latency>> = None;
        for point in &self.points {
            let middle = point.from + Duration::from_micros(point.to.micros_since(point.from) / 2);
            if middle < from || middle >= to {
                continue;
            }
            covered_us += point.to.micros_since(point.from);
            whole = Some(match whole.take() {
                None => point.unpacked(),
                Some(whole) => whole.joined(point),
            });
        }
        Some((whole?, covered_us as f64 / 1e6))
    }

    /// Width of the widest point that begins between two ticks, seconds.
    pub(super) fn widest_s(&self, from: Tick, to: Tick) -> f64 {
        let within = self.points.iter().filter(|point| point.from >= from && point.from < to);
        within.map(|point| point.to.micros_since(point.from)).max().unwrap_or(0) as f64 / 1e6
    }

    /// Usual width of a point, seconds.
    pub(super) fn interval_s(&self) -> f64 {
        self.interval_us.max(self.width_us) as f64 / 1e6
    }

    /// The points, in seconds since the load began.
    pub(super) fn points(&self, load_start: Tick) -> Vec<SeriesPoint> {
        let current = self.current.as_ref().map(Point::packed);
        let mut points = Vec::with_capacity(self.points.len() + 1);
        for point in self.points.iter().chain(&current) {
            let mut figures = point.figures(load_start);
            // Nobody looked, as in the short intervals of a drain: that is no gap, which means that it could not be read.
            if point.target.scrapes == 0
                && let Some(SeriesPoint { target, .. }) = points.last()
            {
                figures.target.clone_from(target);
            }
            points.push(figures);
        }
        points
    }
}

impl Point<Latency> {
    fn add_interval(&mut self, record: &IntervalRecord, to: Tick, cpu_us: u64) {
        let figures = &record.figures;
        self.to = to;
        self.online = figures.users.online;
        for (&op, theirs) in OpId::ALL.iter().zip(&figures.ops) {
            if theirs.started + theirs.ok + theirs.failed > 0 {
                let (ok, failed, response) = self.operation(op);
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
        let busiest = record
            .health
            .per_worker
            .iter()
            .filter(|worker| worker.has_shares())
            .map(WorkerSample::cpu_share)
            .fold(0.0, f64::max);
        self.worker_cpu_percent = self.worker_cpu_percent.max(busiest * 100.0);
        self.send_queue_bytes = self.send_queue_bytes.max(figures.send_queue.bytes);
        self.target.merge(&figures.target);
        self.is_saturated |= record.health.is_saturated;
    }

    fn joined(mut self, next: &Point<Packed>) -> Point<Latency> {
        self.to = next.to;
        self.online = next.online;
        for &(op, (ok, failed, ref response)) in &next.operations {
            let mine = self.operation(op);
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
        self.target.merge(&next.target);
        self.is_saturated |= next.is_saturated;
        self
    }

    fn operation(&mut self, op: OpId) -> &mut (u64, u64, Latency) {
        let place = match self.operations.binary_search_by_key(&op, |(op, _)| *op) {
            Ok(place) => place,
            Err(place) => {
                self.operations.insert(place, (op, Default::default()));
                place
            }
        };
        &mut self.operations[place].1
    }

    fn packed(&self) -> Point<Packed> {
        self.map(Packed::of)
    }
}

impl Point<Packed> {
    fn unpacked(&self) -> Point<Latency> {
        self.map(Packed::unpacked)
    }

    fn figures(&self, load_start: Tick) -> SeriesPoint {
        let length_us = self.to.micros_since(self.from);
        let operation = |(op, (ok, failed, response)): &(OpId, (u64, u64, Packed))| {
            let response_us = PercentilePoint::from(&response.unpacked());
            (op.name().to_owned(), OperationPoint { ok: *ok, failed: *failed, response_us })
        };
        let delivery = self.delivery.unpacked();
        let gauge = |(name, gauge): (&String, &Gauge)| (name.clone(), GaugePoint { last: gauge.last, max: gauge.max });
        SeriesPoint {
            at_s: seconds_since(self.from.max(load_start), load_start),
            width_s: self.to.micros_since(self.from.max(load_start)) as f64 / 1e6,
            online: self.online,
            operations: self.operations.iter().map(operation).collect(),
            delivered: delivery.count(),
            delivery_us: PercentilePoint::from(&delivery),
            arrivals_planned: self.arrivals_planned,
            arrivals_missed: self.arrivals_missed,
            bytes_sent: self.bytes_sent,
            bytes_received: self.bytes_received,
            cpu_percent: if length_us == 0 { 0.0 } else { self.cpu_us as f64 * 100.0 / length_us as f64 },
            rss_bytes: self.rss_bytes,
            descriptors: self.descriptors,
            worker_cpu_percent: self.worker_cpu_percent,
            send_queue_bytes: self.send_queue_bytes,
            lag_us_p99: PercentilePoint::from(&self.timer_lag.unpacked()).p99,
            target: self.target.figures.iter().map(gauge).collect(),
            saturated: self.is_saturated,
        }
    }
}

impl<H> Point<H> {
    /// Whether an interval that begins here belongs to this point: not after a gap, and not when it would make the point
    /// wider than meant by more than half of itself.
    fn has_room(&self, from: Tick, length_us: u64, width_us: u64) -> bool {
        let filled_us = self.to.micros_since(self.from);
        let gap_us = from.micros_since(self.to);
        gap_us <= (length_us / 2).min(GAP_US_MAX) && filled_us + length_us / 2 <= width_us
    }

    /// Whether another interval as long as the last one would make it wider than meant by more than half of that.
    fn is_full(&self, length_us: u64, width_us: u64) -> bool {
        self.to.micros_since(self.from) + length_us / 2 >= width_us
    }

    /// The same point with its histograms in another form.
    fn map<T>(&self, form: impl Fn(&H) -> T) -> Point<T> {
        let operations = self.operations.iter().map(|(op, (ok, failed, h))| (*op, (*ok, *failed, form(h))));
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
            target: self.target.clone(),
            is_saturated: self.is_saturated,
        }
    }
}
