//! Runs made of random numbers, with known differences: what the tests of a comparison compare.

use std::time::Duration;

use super::{Collector, RunSummary};
use crate::ledger::LedgerTotals;
use crate::metrics::Interval;
use crate::ops::OpId;
use crate::random::{Purpose, Random, generator, unit};
use crate::results::*;
use crate::tick::Tick;

/// How the times of a run are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One narrow hump.
    Steady,
    /// One in fourteen takes another, slower path, ten times as long.
    Bimodal,
    /// Log-normal with σ = 1: the 99th percentile is ten times the median.
    HeavyTailed,
    /// Slow and fast spells: each second is as the one before it, and a little else.
    Autocorrelated,
}

impl Shape {
    pub(super) const ALL: [Shape; 4] = [Shape::Steady, Shape::Bimodal, Shape::HeavyTailed, Shape::Autocorrelated];

    /// A time in microseconds and a bound that about one in twenty is above.
    fn draw(self, spell: f64, random: &mut Random) -> (f64, f64) {
        let normal = normal(random);
        match self {
            Shape::Steady => (20_000.0 * (0.25 * normal).exp(), 20_000.0 * (0.25_f64 * 1.645).exp()),
            Shape::Bimodal => {
                let slow = if unit(random) < 0.07 { 10.0 } else { 1.0 };
                (15_000.0 * slow * (0.2 * normal).exp(), 120_000.0)
            }
            Shape::HeavyTailed => (8_000.0 * normal.exp(), 8_000.0 * 1.645_f64.exp()),
            Shape::Autocorrelated => {
                (20_000.0 * (0.1 * spell + 0.25 * normal).exp(), 20_000.0 * (0.27_f64 * 1.645).exp())
            }
        }
    }
}

fn normal(random: &mut Random) -> f64 {
    // Box and Muller: half of what it gives, and still quicker than a quantile.
    let (radius, angle) = (unit(random).max(1e-12), unit(random));
    (-2.0 * radius.ln()).sqrt() * (angle * std::f64::consts::TAU).cos()
}

/// Seconds of a run.
const SECONDS: u64 = 120;

fn run_info(seed: u64) -> RunInfo {
    let system = "linux x86_64".to_owned();
    RunInfo {
        id: format!("00000000-0000-7000-8000-{seed:012}"),
        name: "synthetic".to_owned(),
        target: "embedded".to_owned(),
        load_hash: "0123456789abcdef".to_owned(),
        hardware: Some(Hardware { cpu: "Example CPU".to_owned(), processors: 4, system, memory_gib: 16 }),
        version: "0.1.0".to_owned(),
        started_at: format!("2026-05-08T09:{:02}:03Z", seed % 60),
        load_planned_s: SECONDS as f64,
        ..RunInfo::default()
    }
}

/// The times and the failures of each second; those of the slowest twentieth are `tail` times as long.
fn seconds(shape: Shape, seed: u64, tail: f64, samples_per_s: u64) -> Vec<(Vec<u64>, u64)> {
    let mut random = generator(seed, Purpose::User(9));
    let mut spell = 0.0;
    let mut second = || {
        spell = 0.6 * spell + normal(&mut random);
        let (mut times, mut failed) = (Vec::new(), 0);
        for _ in 0..samples_per_s {
            if unit(&mut random) < 0.004 {
                failed += 1;
                continue;
            }
            let (us, bound) = shape.draw(spell, &mut random);
            times.push(if us > bound { us * tail } else { us } as u64);
        }
        (times, failed)
    };
    (0..SECONDS).map(|_| second()).collect()
}

/// Records of such a run.
pub(super) fn records(shape: Shape, seed: u64, tail: f64, samples_per_s: u64) -> Vec<Record> {
    let mut records = vec![Record::Start(Box::new(run_info(seed)))];
    let mut ledger = LedgerTotals::default();
    for (second, (times, failed)) in seconds(shape, seed, tail, samples_per_s).into_iter().enumerate() {
        let from = Tick::from_micros(second as u64 * 1_000_000);
        let mut figures = Interval::default();
        let ok = times.len() as u64;
        let publish = &mut figures.ops[OpId::Publish.index()];
        (publish.started, publish.ok, publish.failed) = (ok + failed, ok, failed);
        times.iter().for_each(|us| publish.response.record(*us));
        ledger.published += ok;
        ledger.accepted += ok;
        ledger.expected += ok;
        ledger.delivered += ok;
        let to = from + Duration::from_secs(1);
        let health = HealthSample { workers: 1, ..HealthSample::default() };
        let (load_start, load_from, part) = (Tick::ZERO, Tick::ZERO, 0);
        let ledger = ledger.clone();
        let record = IntervalRecord { from, to, load_start, load_from, part, figures, ledger, health };
        records.push(Record::Interval(Box::new(record)));
    }
    let load_end = Tick::from_micros(SECONDS * 1_000_000);
    let ended_at = "2026-05-08T10:00:00Z".to_owned();
    records.push(Record::End(RunEnd { ended_by: EndedBy::Plan, ended_at, load_end }));
    records
}

/// The summary of such a run, with 250 samples a second; quicker than by way of records.
pub(super) fn summary(shape: Shape, seed: u64, tail: f64) -> RunSummary {
    let (mut collector, mut all, mut all_failed) = (Collector::new(), Vec::new(), 0);
    for (times, failed) in seconds(shape, seed, tail, 250) {
        collector.push_second(&times, failed);
        all.extend(times);
        all_failed += failed;
    }
    all.sort_unstable();
    let at = |quantile: f64| all[(quantile * all.len() as f64) as usize];
    let response_us = LatencyFigures {
        count: all.len() as u64,
        mean: all.iter().sum::<u64>() as f64 / all.len() as f64,
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        curve: vec![(0.0, all[0]), (0.5, at(0.5)), (0.99, at(0.99)), (1.0, all[all.len() - 1])],
        ..LatencyFigures::default()
    };
    let ok = all.len() as u64;
    let rate_per_s = ok as f64 / SECONDS as f64;
    let publish = OperationFigures {
        started: ok + all_failed,
        ok,
        failed: all_failed,
        rate_per_s,
        response_us,
        ..Default::default()
    };
    let mut results =
        Results { run: run_info(seed), operations: [("publish".to_owned(), publish)].into(), ..Default::default() };
    results.run.load_s = SECONDS as f64;
    (results.delivery.expected, results.delivery.delivered) = (ok, ok);
    collector.finish(&results).expect("there are intervals")
}

/// The summary of these records.
pub(super) fn summarised(records: &[Record]) -> RunSummary {
    let (mut fold, mut collector) = (Fold::new(), Collector::new());
    for record in records {
        fold.push(record);
        collector.push(record);
    }
    collector.finish(&fold.finish()).expect("there are intervals")
}
