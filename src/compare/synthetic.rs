//! Runs made of random numbers, with known differences: what the tests of a comparison compare.

use std::time::Duration;

use super::{Collector, RunSummary};
use crate::ledger::LedgerTotals;
use crate::metrics::{Interval, Latency};
use crate::ops::OpId;
use crate::random::{Purpose, Random, generator, unit};
use crate::results::*;
use crate::stats::normal_quantile;
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
    normal_quantile(unit(random).clamp(1e-12, 1.0 - 1e-12))
}

/// Seconds of a run.
const SECONDS: u64 = 120;

/// Records of a run: publishes with times of this shape, those of the slowest twentieth `tail` times as long.
pub(super) fn records(shape: Shape, seed: u64, tail: f64, samples_per_s: u64) -> Vec<Record> {
    let mut random = generator(seed, Purpose::User(9));
    let run = RunInfo {
        id: format!("00000000-0000-7000-8000-{seed:012}"),
        name: "synthetic".to_owned(),
        target: "embedded".to_owned(),
        load_hash: "0123456789abcdef".to_owned(),
        hardware: Some(Hardware {
            cpu: "Example CPU".to_owned(),
            processors: 4,
            system: "linux".into(),
            memory_gib: 16,
        }),
        version: "0.1.0".to_owned(),
        started_at: format!("2026-05-08T09:{:02}:03Z", seed % 60),
        load_planned_s: SECONDS as f64,
        ..RunInfo::default()
    };
    let mut records = vec![Record::Start(Box::new(run))];
    let mut ledger = LedgerTotals::default();
    let mut spell = 0.0;
    for second in 0..SECONDS {
        let from = Tick::from_micros(second * 1_000_000);
        let mut figures = Interval::default();
        spell = 0.7 * spell + normal(&mut random);
        let mut response = Latency::default();
        let (mut ok, mut failed) = (0, 0);
        for _ in 0..samples_per_s {
            if unit(&mut random) < 0.004 {
                failed += 1;
                continue;
            }
            let (mut us, bound) = shape.draw(spell, &mut random);
            if us > bound {
                us *= tail;
            }
            response.record(us as u64);
            ok += 1;
        }
        let publish = &mut figures.ops[OpId::Publish.index()];
        (publish.started, publish.ok, publish.failed) = (ok + failed, ok, failed);
        publish.response = response;
        ledger.published += ok;
        ledger.accepted += ok;
        ledger.expected += ok;
        ledger.delivered += ok;
        let to = from + Duration::from_secs(1);
        let health = HealthSample { workers: 1, ..HealthSample::default() };
        let record = IntervalRecord { from, to, load_start: Tick::ZERO, figures, ledger: ledger.clone(), health };
        records.push(Record::Interval(Box::new(record)));
    }
    let load_end = Tick::from_micros(SECONDS * 1_000_000);
    let ended_at = "2026-05-08T10:00:00Z".to_owned();
    records.push(Record::End(RunEnd { ended_by: EndedBy::Plan, ended_at, load_end }));
    records
}

/// The summary of such a run, with 250 samples a second.
pub(super) fn summary(shape: Shape, seed: u64, tail: f64) -> RunSummary {
    summarised(&records(shape, seed, tail, 250))
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
