//! Drift of whole runs that are made up: planted ones are found, flat ones are not, short ones cannot be told.

use super::*;
use crate::metrics::Interval;
use crate::ops::OpId;
use crate::random::{Purpose, Random, generator, unit};
use crate::tick::Tick;

/// Hours of intervals of this width: publishes around 20 ms, a target's memory around 100 MB, both growing by this share
/// an hour, and noise that hangs together for about a minute.
fn run(seed: u64, hours: f64, width_s: u64, growth: f64) -> Results {
    let mut random = generator(seed, Purpose::Topology);
    let mut fold = Fold::new();
    let load_s = hours * 3_600.0;
    let steady = Some(WindowFigures { from_s: 0.0, to_s: load_s });
    fold.push(&Record::Start(Box::new(RunInfo { steady, ..RunInfo::default() })));
    let mut noise = 0.0;
    let normal = |random: &mut Random| (0..12).map(|_| unit(random)).sum::<f64>() - 6.0;
    let keeps = (-(width_s as f64) / 60.0).exp();
    for at_s in (0..load_s as u64).step_by(width_s as usize) {
        let middle = at_s + width_s / 2;
        let level = 1.0 + growth * middle as f64 / 3_600.0;
        noise = keeps * noise + 0.05 * (1.0 - keeps * keeps).sqrt() * normal(&mut random);
        let mut figures = Interval::default();
        let publish = &mut figures.ops[OpId::Publish.index()];
        for _ in 0..8 * width_s.min(10) {
            let factor = level * (1.0 + noise) * (1.0 + 0.1 * normal(&mut random)).max(0.1);
            publish.response.record((20_000.0 * factor) as u64);
            (publish.started, publish.ok) = (publish.started + 1, publish.ok + 1);
        }
        figures.target.scrapes = 1;
        figures.target.saw("rss_bytes", 1e8 * level * (1.0 + 0.02 * normal(&mut random)));
        figures.target.saw("cpu_s", middle as f64);
        let record = IntervalRecord {
            from: Tick::from_micros(at_s * 1_000_000),
            to: Tick::from_micros((at_s + width_s) * 1_000_000),
            load_start: Tick::ZERO,
            load_from: Tick::ZERO,
            part: 0,
            figures,
            ledger: Default::default(),
            health: HealthSample { rss_bytes: 50_000_000, ..HealthSample::default() },
        };
        fold.push(&Record::Interval(Box::new(record)));
    }
    fold.finish()
}

fn of<'a>(results: &'a Results, figure: &str) -> &'a DriftFigures {
    results.drift.iter().find(|drift| drift.figure == figure).unwrap_or_else(|| panic!("no {figure}"))
}

const WATCHED: [&str; 3] = ["publish.response.p50", "publish.response.p99", "target.rss_bytes"];

#[test]
fn flat_noise_drifts_in_at_most_one_of_twenty_runs() {
    let mut drifting = 0;
    let runs = 24;
    for seed in 0..runs {
        let results = run(seed, 0.5, 10, 0.0);
        drifting += WATCHED.iter().filter(|figure| of(&results, figure).verdict == DriftVerdict::Drifting).count();
        assert_eq!(of(&results, "generator.rss_bytes").verdict, DriftVerdict::Steady);
        assert_eq!(of(&results, "failures.ratio").says, "failures.ratio stayed at 0%");
        assert!(results.drift.iter().all(|drift| drift.figure != "target.cpu_s"), "a counter has no drift");
    }
    assert!(drifting * 20 <= runs as usize * WATCHED.len(), "{drifting} of {}", runs as usize * WATCHED.len());
}

#[test]
fn a_planted_percent_a_minute_is_found_every_time() {
    for seed in 0..8 {
        let results = run(seed, 0.75, 10, 0.6);
        for figure in WATCHED {
            let drift = of(&results, figure);
            assert_eq!(drift.verdict, DriftVerdict::Drifting, "seed {seed}: {}", drift.says);
            let (low, high) = drift.percent_per_hour_95.expect("a level");
            // In percent of the level at the window's beginning, a tenth of the run in.
            let planted = 60.0 / (1.0 + 0.6 * 0.075);
            assert!(low < planted * 1.15 && high > planted * 0.85, "seed {seed}: {}", drift.says);
            assert!(drift.says.contains("grew by"), "{}", drift.says);
        }
    }
}

#[test]
fn the_width_of_old_intervals_changes_nothing_that_matters() {
    for width_s in [2, 10, 60] {
        let results = run(7, 3.0, width_s, 0.1);
        let drift = of(&results, "target.rss_bytes");
        assert_eq!(drift.verdict, DriftVerdict::Drifting, "{width_s} s: {}", drift.says);
        assert!((drift.percent_per_hour.expect("a level") - 9.6).abs() < 1.0, "{width_s} s: {}", drift.says);
    }
}

#[test]
fn a_short_run_cannot_be_told_and_says_why() {
    let results = run(1, 0.1, 1, 0.6);
    let drift = of(&results, "publish.response.p99");
    assert_eq!((drift.verdict, drift.per_hour, drift.blocks), (DriftVerdict::CannotTell, None, 0));
    assert!(drift.says.contains("held still for 6 min"), "{}", drift.says);
    let results = run(1, 0.35, 60, 0.6);
    let drift = of(&results, "publish.response.p50");
    assert_eq!(drift.verdict, DriftVerdict::CannotTell);
    assert!(drift.says.contains("up to 1 min wide there, too coarse for blocks of"), "{}", drift.says);
}
