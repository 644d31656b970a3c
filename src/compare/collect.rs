//! `Collector`: the intervals of a run, kept small, then resampled.

use std::collections::BTreeMap;
use std::ops::Range;

use super::curve::at_quantiles;
use super::summary::{RunSummary, STATISTICS, rounded, samples_min};
use super::{Rate, Time};
use crate::metrics::Latency;
use crate::ops::OpId;
use crate::random::{Purpose, Random, generator};
use crate::results::{IntervalRecord, LatencyFigures, Record, Results};
use crate::stats::{Blocks, Cumulative, block_length, standard_error};

/// Most intervals that are kept; beyond them neighbours are merged.
const UNITS_MAX: usize = 4_096;
/// Resampled runs for each figure: enough for a standard error good to 5 %.
const DRAWS: u32 = 200;
/// Stages of the load that are shorter than this many intervals belong to their neighbour.
const STAGE_MIN: usize = 5;
/// Histograms tell no smaller differences apart.
const ERROR_MIN: f64 = 0.000_5;

/// Reads the records of a run and makes its summary.
#[derive(Debug, Default)]
pub struct Collector {
    units: Vec<Unit>,
}

/// One interval.
#[derive(Debug, Clone, Default)]
struct Unit {
    /// Seconds since the load began.
    from_s: f64,
    to_s: f64,
    ops: BTreeMap<OpId, Counts>,
    delivery: Bins,
}

#[derive(Debug, Clone, Default)]
struct Counts {
    ok: u64,
    failed: u64,
    response: Bins,
}

/// A histogram, coarse and sparse.
#[derive(Debug, Clone, Default)]
struct Bins {
    counts: Vec<(u16, u64)>,
    samples: u64,
    sum_us: f64,
}

impl Bins {
    fn add(&mut self, latency: &Latency) {
        if latency.is_empty() {
            return;
        }
        self.samples += latency.count();
        self.sum_us += latency.mean() * latency.count() as f64;
        self.counts.extend(latency.recorded().map(|(micros, count)| (Cumulative::bin(micros), count)));
        self.tidy();
    }

    fn merge(&mut self, other: &Bins) {
        self.samples += other.samples;
        self.sum_us += other.sum_us;
        self.counts.extend_from_slice(&other.counts);
        self.tidy();
    }

    /// Each bin once.
    fn tidy(&mut self) {
        self.counts.sort_unstable();
        self.counts.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                kept.1 += next.1;
            }
            is_same
        });
    }
}

impl Unit {
    fn merge(&mut self, other: &Unit) {
        self.to_s = other.to_s;
        for (op, theirs) in &other.ops {
            let mine = self.ops.entry(*op).or_default();
            mine.ok += theirs.ok;
            mine.failed += theirs.failed;
            mine.response.merge(&theirs.response);
        }
        self.delivery.merge(&other.delivery);
    }

    fn width(&self) -> f64 {
        self.to_s - self.from_s
    }
}

impl Collector {
    /// No record yet.
    pub fn new() -> Collector {
        Collector::default()
    }

    /// Adds the next record; all but intervals are passed over.
    pub fn push(&mut self, record: &Record) {
        if let Record::Interval(interval) = record {
            self.units.push(unit(interval));
            if self.units.len() > UNITS_MAX {
                self.units = self.units.chunks(2).map(joined).collect();
            }
        }
    }

    /// The summary of the run with these results, or `None` when no interval came.
    pub fn finish(&self, results: &Results) -> Option<RunSummary> {
        let units = equally_wide(&self.units)?;
        let mut summary = RunSummary::of(results);
        let sampler = Sampler::new(&units, results);
        for (name, op) in &results.operations {
            let Some(id) = OpId::by_name(name) else { continue };
            let counts = |unit: &Unit| unit.ops.get(&id).cloned().unwrap_or_default();
            let responses: Vec<Bins> = units.iter().map(|unit| counts(unit).response).collect();
            sampler.times(&format!("{name}.response"), &op.response_us, &responses, &mut summary);
            let ended: Vec<(u64, u64)> = units.iter().map(counts).map(|counts| (counts.ok, counts.failed)).collect();
            sampler.rate(name, op.rate_per_s, &ended, &mut summary);
            sampler.dispersion(&format!("{name}.failures.ratio"), &ended, &mut summary);
        }
        let all = |unit: &Unit| unit.ops.values().fold((0, 0), |sum, op| (sum.0 + op.ok, sum.1 + op.failed));
        sampler.dispersion("failures.ratio", &units.iter().map(all).collect::<Vec<_>>(), &mut summary);
        let deliveries: Vec<Bins> = units.iter().map(|unit| unit.delivery.clone()).collect();
        sampler.times("delivery", &results.delivery.delivery_us, &deliveries, &mut summary);
        Some(summary)
    }
}

fn unit(record: &IntervalRecord) -> Unit {
    let seconds = |tick: crate::tick::Tick| tick.as_secs_f64() - record.load_start.as_secs_f64();
    let mut unit = Unit { from_s: seconds(record.from), to_s: seconds(record.to), ..Unit::default() };
    for (&op, figures) in OpId::ALL.iter().zip(&record.figures.ops) {
        if figures.ok + figures.failed > 0 {
            let counts = unit.ops.entry(op).or_default();
            (counts.ok, counts.failed) = (figures.ok, figures.failed);
            counts.response.add(&figures.response);
        }
    }
    unit.delivery.add(&record.figures.delivery);
    unit
}

fn joined(units: &[Unit]) -> Unit {
    let mut whole = units[0].clone();
    units[1..].iter().for_each(|unit| whole.merge(unit));
    whole
}

/// Intervals of about the same width: narrow ones are joined up to the widest. A long run's journal has wide intervals
/// where it is old and narrow ones at its end, and a resampled run must not count them alike.
fn equally_wide(units: &[Unit]) -> Option<Vec<Unit>> {
    let widest = units.iter().map(Unit::width).fold(0.0, f64::max);
    let mut equal: Vec<Unit> = Vec::new();
    for unit in units {
        match equal.last_mut() {
            // What belongs to the set-up is never joined to what belongs to the load.
            Some(last) if last.width() + unit.width() / 2.0 < widest && (last.from_s < 0.0) == (unit.from_s < 0.0) => {
                last.merge(unit);
            }
            _ => equal.push(unit.clone()),
        }
    }
    (!equal.is_empty()).then_some(equal)
}

/// Resamples the intervals of one run.
struct Sampler {
    stages: Vec<Range<usize>>,
    /// Intervals of the load alone.
    load: Range<usize>,
    seed: u64,
}

impl Sampler {
    fn new(units: &[Unit], results: &Results) -> Sampler {
        let load_s = results.run.load_s;
        let place = |at_s: f64| units.partition_point(|unit| f64::midpoint(unit.from_s, unit.to_s) < at_s);
        let load = place(0.0)..place(load_s);
        let mut bounds = vec![0, load.start, load.end, units.len()];
        // The drain comes after the load, and marks of other things than its stages would only make shorter stages.
        let stages = results.series.marks.iter().filter(|mark| mark.to_s <= load_s + 1e-6 && mark.to_s > mark.from_s);
        bounds.extend(stages.map(|mark| place(mark.from_s)));
        bounds.sort_unstable();
        bounds.dedup();
        let mut stages: Vec<Range<usize>> = Vec::new();
        for pair in bounds.windows(2) {
            match stages.last_mut() {
                Some(last) if pair[1] - pair[0] < STAGE_MIN || last.len() < STAGE_MIN => last.end = pair[1],
                _ => stages.push(pair[0]..pair[1]),
            }
        }
        // The same run gives the same errors, to the last digit.
        let seed = results.run.id.bytes().fold(1, |seed, byte| crate::random::mix(seed ^ u64::from(byte)));
        Sampler { stages, load, seed }
    }

    fn random(&self) -> Random {
        generator(self.seed, Purpose::Topology)
    }

    /// Intervals that hold what a figure is made of, less one. What all happened in one second, such as the sign-in before
    /// the load, is the same in each resampled run, and nothing is known of its error.
    fn spread_of(&self, samples: impl Fn(usize) -> u64) -> u64 {
        let occupied = self.stages.iter().flat_map(Clone::clone).filter(|at| samples(*at) > 0).count();
        (occupied as u64).saturating_sub(1)
    }

    /// Blocks as long as the memory of this series, taken about the mean of each stage.
    fn blocks(&self, stages: &[Range<usize>], series: impl Fn(usize) -> f64) -> Blocks {
        let mut centred = Vec::new();
        for stage in stages {
            let values: Vec<f64> = stage.clone().map(&series).collect();
            let mean = crate::stats::mean(&values);
            centred.extend(values.iter().map(|value| value - mean));
        }
        Blocks::new(stages.to_vec(), block_length(&centred))
    }

    fn times(&self, name: &str, figures: &LatencyFigures, bins: &[Bins], summary: &mut RunSummary) {
        if figures.count == 0 {
            return;
        }
        let binned: Vec<Vec<(u16, u64)>> = bins.iter().map(|bins| bins.counts.clone()).collect();
        let cumulative = Cumulative::new(&binned);
        for (word, quantile) in STATISTICS {
            let us = match (word, quantile) {
                ("p50", _) => figures.p50 as f64,
                ("p90", _) => figures.p90 as f64,
                ("p95", _) => figures.p95 as f64,
                ("p99", _) => figures.p99 as f64,
                ("p999", _) => figures.p999 as f64,
                _ => figures.mean,
            };
            let mut time = Time { us: rounded(us), error: None, freedom: 0, samples: figures.count };
            if figures.count >= samples_min(quantile)
                && let Some(cumulative) = &cumulative
                && let Some((error, freedom)) = match quantile {
                    Some(quantile) => self.quantile_error(cumulative, quantile),
                    None => self.mean_error(bins),
                }
            {
                let samples = |at: usize| bins[at].samples;
                (time.error, time.freedom) =
                    (Some(rounded(error.max(ERROR_MIN))), freedom.min(self.spread_of(samples)));
            }
            summary.times.insert(format!("{name}.{word}"), time);
        }
        let curve = at_quantiles(figures);
        if !curve.is_empty() {
            summary.curves.insert(name.to_owned(), curve);
        }
    }

    fn quantile_error(&self, cumulative: &Cumulative, quantile: f64) -> Option<(f64, u64)> {
        let time_ln = cumulative.quantile_ln(&self.stages, quantile)?;
        // What an interval adds to the percentile: samples above it, less those that had to be.
        let blocks = self.blocks(&self.stages, |interval| {
            let (above, all) = cumulative.above(interval, time_ln);
            above as f64 - (1.0 - quantile) * all as f64
        });
        let error =
            standard_error(&blocks, DRAWS, &mut self.random(), |drawn| cumulative.quantile_ln(drawn, quantile))?;
        Some((error, blocks.freedom() as u64))
    }

    fn mean_error(&self, bins: &[Bins]) -> Option<(f64, u64)> {
        let mean_of = |drawn: &[Range<usize>]| {
            let chosen = drawn.iter().flat_map(|range| &bins[range.clone()]);
            let (sum, samples) = chosen.fold((0.0, 0), |sum, bins| (sum.0 + bins.sum_us, sum.1 + bins.samples));
            (samples > 0).then(|| sum / samples as f64)
        };
        let mean = mean_of(&self.stages)?;
        let blocks = self.blocks(&self.stages, |at| bins[at].sum_us - mean * bins[at].samples as f64);
        let error = standard_error(&blocks, DRAWS, &mut self.random(), |drawn| Some(mean_of(drawn)?.ln()))?;
        Some((error, blocks.freedom() as u64))
    }

    /// Stages of the load alone.
    fn load_stages(&self) -> Vec<Range<usize>> {
        let inside = |stage: &Range<usize>| stage.start.max(self.load.start)..stage.end.min(self.load.end);
        self.stages.iter().map(inside).filter(|stage| stage.start < stage.end).collect()
    }

    fn rate(&self, name: &str, per_s: f64, ended: &[(u64, u64)], summary: &mut RunSummary) {
        let stages = self.load_stages();
        if per_s <= 0.0 || stages.is_empty() {
            return;
        }
        let blocks = self.blocks(&stages, |at| ended[at].0 as f64);
        let sum = |drawn: &[Range<usize>]| {
            let ok: u64 = drawn.iter().flat_map(|range| &ended[range.clone()]).map(|(ok, _)| ok).sum();
            (ok > 0).then(|| (ok as f64).ln())
        };
        let error = standard_error(&blocks, DRAWS, &mut self.random(), sum);
        let error = error.map(|error| rounded(error.max(ERROR_MIN)));
        let freedom = (blocks.freedom() as u64).min(self.spread_of(|at| ended[at].0));
        let rate = Rate { per_s: rounded(per_s), error, freedom };
        summary.rates.insert(format!("{name}.rate"), rate);
    }

    /// How much more the share of failures varies than independent failures would.
    fn dispersion(&self, name: &str, ended: &[(u64, u64)], summary: &mut RunSummary) {
        let Some(share) = summary.shares.get_mut(name).filter(|share| share.part > 0) else { return };
        let whole: f64 = ended.iter().map(|(ok, failed)| (ok + failed) as f64).sum();
        let ratio = share.part as f64 / share.whole as f64;
        let blocks = self.blocks(&self.stages, |at| {
            let (ok, failed) = ended[at];
            failed as f64 - ratio * (ok + failed) as f64
        });
        let of = |drawn: &[Range<usize>]| {
            let chosen = drawn.iter().flat_map(|range| &ended[range.clone()]);
            let (ok, failed) = chosen.fold((0, 0), |sum, (ok, failed)| (sum.0 + ok, sum.1 + failed));
            (ok + failed > 0).then(|| failed as f64 / (ok + failed) as f64)
        };
        let independent = ratio * (1.0 - ratio) / whole;
        if let Some(error) = standard_error(&blocks, DRAWS, &mut self.random(), of)
            && independent > 0.0
        {
            share.dispersion = rounded((error * error / independent).max(1.0));
        }
    }
}

#[cfg(test)]
impl Collector {
    /// Adds an interval of one second with these response times of publishes, without the way through a histogram.
    pub(super) fn push_second(&mut self, times_us: &[u64], failed: u64) {
        let from_s = self.units.len() as f64;
        let mut response = Bins { samples: times_us.len() as u64, ..Bins::default() };
        response.sum_us = times_us.iter().map(|us| *us as f64).sum();
        response.counts = times_us.iter().map(|us| (Cumulative::bin(*us), 1)).collect();
        response.tidy();
        let counts = Counts { ok: response.samples, failed, response };
        self.units.push(Unit {
            from_s,
            to_s: from_s + 1.0,
            ops: [(OpId::Publish, counts)].into(),
            delivery: Bins::default(),
        });
    }
}
