//! Tests of what needs the records of a run: windows, stages, baselines, unusual percentiles, rules that end a run.

use proptest::prelude::*;

use super::*;
use crate::metrics::{Interval, Latency, Sample};
use crate::ops::{FailureKind, OpId};
use crate::results::{
    EndedBy, Fold, GateFigures, GateStatus, IntervalRecord, Outcome, Record, Results, RunEnd, RunInfo, StageFigures,
};
use crate::tick::Tick;

/// Instant at which the load of these runs begins, microseconds.
const START_US: u64 = 2_000_000;

/// A run whose load is 60 s: a ramp of 10 s, and then a hold.
pub(super) fn start(load_s: f64) -> Record {
    let stage = |name: &str, from_s: f64, to_s: f64| StageFigures { name: name.to_owned(), from_s, to_s };
    let stages = vec![stage("ramp-1", 0.0, 10.0), stage("hold-1", 10.0, load_s)];
    Record::Start(Box::new(RunInfo { load_planned_s: load_s, stages, ..RunInfo::default() }))
}

/// A record from one second of the load to another, in which publishes took so long and so many failed.
pub(super) fn record(from_s: f64, to_s: f64, took_us: &[u64], failed: u64) -> Record {
    let tick = |seconds: f64| Tick::from_micros(START_US + (seconds * 1e6) as u64);
    let mut figures = Interval::default();
    let sample =
        |took: u64| Sample { op: OpId::Publish, due: Tick::ZERO, sent: Tick::ZERO, done: Tick::from_micros(took) };
    for &took in took_us {
        figures.started(OpId::Publish);
        figures.ok(sample(took));
    }
    for _ in 0..failed {
        figures.started(OpId::Publish);
        figures.failed(sample(1_000), FailureKind::TimedOut, String::new);
    }
    Record::Interval(Box::new(IntervalRecord {
        from: tick(from_s),
        to: tick(to_s),
        load_start: Tick::from_micros(START_US),
        load_from: Tick::from_micros(START_US),
        part: 0,
        figures,
        ledger: Default::default(),
        health: Default::default(),
    }))
}

pub(super) fn end(ended_by: EndedBy, load_s: f64) -> Record {
    let load_end = Tick::from_micros(START_US + (load_s * 1e6) as u64);
    Record::End(RunEnd { ended_by, ended_at: String::new(), load_end })
}

/// A minute in which each publish takes 10 ms, but so long in the seconds that `slow` names.
fn minute(slow: impl Fn(u64) -> Option<u64>) -> Vec<Record> {
    let seconds = (0..60).map(|second| {
        let took = slow(second).unwrap_or(10_000);
        record(second as f64, second as f64 + 1.0, &[took; 100], 0)
    });
    std::iter::once(start(60.0)).chain(seconds).chain([end(EndedBy::Plan, 60.0)]).collect()
}

pub(super) fn heard(gates: &[Gate], aborts: &[AbortRule], rules: Rules, records: &[Record]) -> (Jury, Results) {
    let (mut jury, mut fold) = (Jury::new(gates, aborts, rules), Fold::new());
    let mut set_up = record(-2.0, 0.0, &[], 0);
    if let Record::Interval(set_up) = &mut set_up {
        (set_up.from, set_up.to) = (Tick::ZERO, set_up.load_from);
    }
    for record in [&set_up].into_iter().chain(records) {
        jury.hear(record);
        fold.push(record);
    }
    (jury, fold.finish())
}

fn judge(text: &str, records: &[Record]) -> GateFigures {
    judge_with(text, records, Rules::default(), &NoBaseline).0
}

fn judge_with(text: &str, records: &[Record], rules: Rules, baseline: &dyn Baseline) -> (GateFigures, Results) {
    let gate = Gate::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let (jury, mut results) = heard(&[gate], &[], rules, records);
    jury.judge(&mut results, baseline);
    (results.gates.remove(0), results)
}

#[track_caller]
fn is(text: &str, records: &[Record], passed: Option<bool>, status: GateStatus) -> GateFigures {
    let judged = judge(text, records);
    assert_eq!((judged.passed, judged.status), (passed, Some(status)), "{judged:?}");
    judged
}

#[test]
fn the_worst_window_is_found_and_its_percentile_is_read_off_the_merged_samples() {
    let run = minute(|second| (30..34).contains(&second).then_some(500_000));
    let judged = is("publish.response.p99 over 10s < 300ms", &run, Some(false), GateStatus::NotHeld);
    let window = judged.window.expect("the worst");
    assert!(window.from_s <= 33.0 && window.to_s >= 31.0 && window.to_s - window.from_s == 10.0, "{window:?}");
    assert_eq!((judged.measured.as_str(), judged.samples), ("500 ms", Some(1_000)));
    // Four of ten seconds are slow: their median is not, and neither is that of any window.
    is("publish.response.p50 over 10s < 300ms", &run, Some(true), GateStatus::Held);
    // An average of percentiles would say 206 ms.
    is("publish.response.p90 over 10s < 300ms", &run, Some(false), GateStatus::NotHeld);
    is("publish.response.p99 over 10s < 600ms", &run, Some(true), GateStatus::Held);
    // The whole run has 400 slow ones of 6,000.
    is("publish.response.p90 < 300ms", &run, Some(true), GateStatus::Held);
}

#[test]
fn a_stage_or_a_span_counts_alone() {
    let run = minute(|second| (second < 10).then_some(500_000));
    let judged = is("publish.response.p99 during \"hold\" < 300ms", &run, Some(true), GateStatus::Held);
    assert_eq!((judged.stage.as_str(), judged.samples), ("hold", Some(5_000)));
    is("publish.response.p50 during ramp-1 < 300ms", &run, Some(false), GateStatus::NotHeld);
    is("publish.response.p99 during \"10s..20s\" < 300ms", &run, Some(true), GateStatus::Held);
    is("publish.response.p99 during '5s..20s' < 300ms", &run, Some(false), GateStatus::NotHeld);
    is("publish.response.p99 over 5s during hold < 300ms", &run, Some(true), GateStatus::Held);
    assert_eq!(judge("publish.count during hold == 5000", &run).measured, "5\u{202f}000");
    assert_eq!(judge("publish.rate during hold >= 100/s", &run).measured, "100/s");
    let unknown = is("publish.response.p99 during evening < 300ms", &run, None, GateStatus::NotMeasured);
    assert!(unknown.note.contains("evening"), "{}", unknown.note);
    // A damaged journal without its head has no stages.
    is("publish.response.p99 during hold < 300ms", &run[1..], None, GateStatus::NotMeasured);
}

#[test]
fn a_rate_has_its_lowest_window_and_the_drain_is_none_of_them() {
    let mut run = minute(|_| None);
    run.pop();
    run[41] = record(40.0, 41.0, &[], 0);
    run.extend((60..75).map(|second| record(second as f64, second as f64 + 1.0, &[], 0)));
    run.push(end(EndedBy::Plan, 60.0));
    let judged = is("publish.rate over 5s >= 90/s", &run, Some(false), GateStatus::NotHeld);
    assert_eq!(judged.measured, "80.0/s");
    is("publish.rate over 5s >= 80/s", &run, Some(true), GateStatus::Held);
    is("publish.count over 10s >= 900", &run, Some(true), GateStatus::Held);
    // What took too long is answered after the load, and is not forgotten.
    let mut late = minute(|_| None);
    late.insert(61, record(60.0, 61.0, &[9_000_000; 100], 0));
    is("publish.response.p99 over 5s < 1s", &late, Some(false), GateStatus::NotHeld);
    // Broken off: the seconds after its end are no evidence.
    let mut cut = minute(|_| None);
    cut.truncate(31);
    cut.extend((30..40).map(|second| record(second as f64, second as f64 + 1.0, &[], 0)));
    cut.push(end(EndedBy::Interrupt, 30.0));
    is("publish.rate over 5s >= 90/s", &cut, None, GateStatus::EndedEarly);
}

#[test]
fn records_that_are_longer_than_a_window_hide_what_is_in_it() {
    let minutes = |slow: Option<u64>| -> Vec<Record> {
        let minute = |at: u64| {
            let took = if Some(at) == slow { 500_000 } else { 10_000 };
            record(at as f64 * 60.0, at as f64 * 60.0 + 60.0, &[took; 1_000], 0)
        };
        let fine = (300..330).map(|second| record(second as f64, second as f64 + 1.0, &[10_000; 100], 0));
        std::iter::once(start(330.0)).chain((0..5).map(minute)).chain(fine).chain([end(EndedBy::Plan, 330.0)]).collect()
    };
    let judged = is("publish.response.p99 over 10s < 300ms", &minutes(None), None, GateStatus::TooCoarse);
    assert!(judged.note.contains("1 min"), "{}", judged.note);
    is("publish.response.p99 over 1m < 300ms", &minutes(None), Some(true), GateStatus::Held);
    is("publish.response.p99 over 1m < 300ms", &minutes(Some(3)), Some(false), GateStatus::NotHeld);
    is("publish.response.p99 over 2m < 300ms", &minutes(Some(0)), Some(false), GateStatus::NotHeld);
    // What does not hold in the part that can be seen does not hold.
    let mut slow = minutes(None);
    for (index, second) in (300..310).enumerate() {
        slow[6 + index] = record(second as f64, second as f64 + 1.0, &[500_000; 100], 0);
    }
    is("publish.response.p99 over 10s < 300ms", &slow, Some(false), GateStatus::NotHeld);
    // The ramp ends in the middle of a record.
    is("publish.response.p99 during ramp-1 < 300ms", &minutes(None), None, GateStatus::TooCoarse);
    is("publish.response.p99 during \"60s..120s\" < 300ms", &minutes(None), Some(true), GateStatus::Held);
}

#[test]
fn windows_with_too_few_samples_say_nothing_and_many_of_them_are_too_many() {
    let sparse = |many: usize| -> Vec<Record> {
        let seconds = (0..60).map(|second| {
            let count = if second % 10 < many { 100 } else { 5 };
            record(second as f64, second as f64 + 1.0, &vec![10_000; count], 0)
        });
        std::iter::once(start(60.0)).chain(seconds).chain([end(EndedBy::Plan, 60.0)]).collect()
    };
    let judged = is("publish.response.p99 over 1s < 300ms", &sparse(8), Some(true), GateStatus::Held);
    assert_eq!(judged.note, "12 of 60 windows had too few samples");
    is("publish.response.p99 over 1s < 300ms", &sparse(3), None, GateStatus::TooFewSamples);
    let none = is("publish.response.p99 over 1s < 300ms", &sparse(0), None, GateStatus::TooFewSamples);
    assert!(none.note.contains("only 5 samples"), "{}", none.note);
    // Asked for by the gate, or by the scenario for all of them.
    is("publish.response.p50 over 1s < 300ms min_samples 200", &sparse(8), None, GateStatus::TooFewSamples);
    let rules = Rules { min_samples: 10_000, ..Rules::default() };
    let (all, _) = judge_with("publish.response.p50 < 300ms", &sparse(8), rules, &NoBaseline);
    assert_eq!((all.passed, all.status), (None, Some(GateStatus::TooFewSamples)));
    let (own, _) = judge_with("publish.response.p50 < 300ms min_samples 50", &sparse(8), rules, &NoBaseline);
    assert_eq!(own.passed, Some(true));
    let (count, _) = judge_with("publish.failed == 0", &sparse(8), rules, &NoBaseline);
    assert_eq!(count.passed, Some(true), "a count is no sample");
    let short = is("publish.response.p50 over 2m < 300ms", &sparse(8), None, GateStatus::NotMeasured);
    assert!(short.note.contains("shorter than the window"), "{}", short.note);
}

#[test]
fn any_percentile_is_read_off_the_whole_run() {
    let took: Vec<u64> = (1..=1_000).map(|millis| millis * 1_000).collect();
    let run = [start(1.0), record(0.0, 1.0, &took, 0), end(EndedBy::Plan, 1.0)];
    assert_eq!(judge("publish.response.p97.5 < 976ms", &run).passed, Some(true));
    assert_eq!(judge("publish.response.p97.5 < 974ms", &run).passed, Some(false));
    assert_eq!(judge("publish.response.p99.9 < 2s", &run).passed, judge("publish.response.p999 < 2s", &run).passed);
    // From results alone it cannot be told, and does not pass.
    let (_, results) = judge_with("publish.response.p50 < 1s", &run, Rules::default(), &NoBaseline);
    let gate = Gate::parse("publish.response.p97.5 < 976ms").expect("a gate");
    assert_eq!(gate.judge(&results, None, None, Rules::default(), &NoBaseline).passed, None);
}

struct Runs(Vec<f64>);

impl Baseline for Runs {
    fn name(&self) -> Option<&str> {
        Some("nightly")
    }

    fn values(&self, figure: &str) -> Vec<f64> {
        if figure == "publish.response.p99" { self.0.clone() } else { Vec::new() }
    }
}

#[test]
fn a_baseline_is_the_middle_of_its_runs_and_its_absence_is_told() {
    let run = minute(|_| None);
    let with = |text: &str, values: &[f64]| judge_with(text, &run, Rules::default(), &Runs(values.to_vec())).0;
    // Measured: 10 ms, to the three digits of the histogram.
    let judged = with("publish.response.p99 <= baseline + 10%", &[9_500.0, 2.0, 1e9]);
    assert_eq!((judged.passed, judged.limit.as_str()), (Some(true), "10.4 ms (baseline 9.50 ms + 10%)"));
    assert_eq!(with("publish.response.p99 <= baseline + 10%", &[9_000.0]).passed, Some(false));
    assert_eq!(with("publish.response.p99 <= baseline + 2ms", &[9_000.0]).passed, Some(true));
    assert_eq!(with("publish.response.p99 >= baseline - 50%", &[9_000.0, 30_000.0]).passed, Some(true));
    for (judged, why) in [
        (judge("publish.response.p99 <= baseline + 10%", &run), "there is no baseline"),
        (with("publish.response.p95 <= baseline + 10%", &[1.0]), "`nightly` has no `publish.response.p95`"),
        (with("publish.response.p99 during hold <= baseline", &[1.0]), "during \"hold\""),
        (with("publish.response.p99 <= baseline", &[f64::NAN]), "has no"),
    ] {
        assert_eq!((judged.passed, judged.status), (None, Some(GateStatus::NoBaseline)), "{judged:?}");
        assert!(judged.note.contains(why) && judged.measured.contains("ms"), "{judged:?}");
    }
    let rules = Rules { missing_baseline_fails: true, ..Rules::default() };
    let (judged, results) = judge_with("publish.response.p99 <= baseline + 10%", &run, rules, &NoBaseline);
    assert_eq!((judged.passed, judged.status), (Some(false), Some(GateStatus::NoBaseline)));
    assert_eq!(results.verdict.outcome, Outcome::Fail);
    assert!(results.verdict.reasons[0].contains("there is no baseline"), "{:?}", results.verdict);
}

/// When a rule ends a run whose failures are such in each second: (ok, failed).
fn ended_at(rule: &str, seconds: impl Fn(u64) -> (usize, u64)) -> Option<f64> {
    let rule = AbortRule::parse(rule).unwrap_or_else(|error| panic!("{rule}: {error}"));
    let mut jury = Jury::new(&[], &[rule], Rules::default());
    jury.hear(&start(60.0));
    for second in 0..70 {
        let (ok, failed) = seconds(second);
        // Records end a little late, and then a little early.
        let jitter = |second: u64| second as f64 + if second.is_multiple_of(2) { 0.02 } else { 0.0 };
        jury.hear(&record(jitter(second), jitter(second + 1), &vec![10_000; ok], failed));
        if let Some(abort) = jury.abort() {
            assert!(abort.at_s <= second as f64 + 1.1, "{abort:?}");
            return Some(abort.at_s.round());
        }
    }
    None
}

#[test]
fn a_rule_ends_the_run_in_the_interval_in_which_it_has_held_for_long_enough() {
    let broken_from = |from: u64| move |second: u64| if second >= from { (5, 5) } else { (10, 0) };
    assert_eq!(ended_at("failures.ratio > 20%", broken_from(20)), Some(21.0));
    assert_eq!(ended_at("failures.ratio > 20% for 10s", broken_from(20)), Some(30.0));
    assert_eq!(ended_at("failures.ratio > 20% after 30s", broken_from(20)), Some(31.0));
    assert_eq!(ended_at("failures.ratio > 20% for 10s after 30s", broken_from(20)), Some(40.0));
    assert_eq!(ended_at("failures.ratio > 60%", broken_from(20)), None);
    // A good second begins it anew.
    let hiccups = |second: u64| if second.is_multiple_of(5) { (10, 0) } else { (5, 5) };
    assert_eq!(ended_at("failures.ratio > 20% for 5s", hiccups), None);
    assert_eq!(ended_at("failures.ratio > 20% for 4s", hiccups), Some(5.0));
    // A second of which nothing is known neither begins nor ends it.
    let silent = |second: u64| if second.is_multiple_of(2) { (5, 5) } else { (0, 0) };
    assert_eq!(ended_at("failures.ratio > 20% for 10s", silent), Some(11.0));
    assert_eq!(ended_at("failures.ratio > 20%", |_| (0, 0)), None);
    // A server that stands still is no reason to wait.
    let stalled = |second: u64| if second < 15 { (10, 0) } else { (0, 0) };
    assert_eq!(ended_at("publish.rate < 1/s for 5s after 5s", stalled), Some(20.0));
    // The sum of a window, in which one bad second is not enough.
    let one_bad = |second: u64| if second == 20 { (0, 10) } else { (10, 0) };
    assert_eq!(ended_at("failures.ratio over 10s > 20%", one_bad), None);
    assert_eq!(ended_at("failures.ratio over 10s > 20%", broken_from(20)), Some(25.0));
    assert_eq!(ended_at("failures.ratio > 20% min_samples 100", broken_from(20)), None);
    assert_eq!(ended_at("failures.ratio > 20% during ramp-1", broken_from(20)), None);
    // The drain ends nothing.
    assert_eq!(ended_at("failures.ratio > 20%", broken_from(61)), None);
}

#[test]
fn an_aborted_run_fails_with_the_rule_and_what_was_measured() {
    let rule = AbortRule::parse("failures.ratio > 20% for 3s").expect("a rule");
    let mut run: Vec<Record> = minute(|_| None).into_iter().take(11).collect();
    run.extend((10..13).map(|second| record(second as f64, second as f64 + 1.0, &[10_000; 5], 5)));
    let gates = [Gate::parse("publish.count >= 5000").expect("a gate")];
    for (ended_by, outcome) in [(EndedBy::Abort, Outcome::Fail), (EndedBy::Interrupt, Outcome::NoVerdict)] {
        let mut run = run.clone();
        // Somebody else had ended the load before the rule could.
        run.push(end(ended_by, if ended_by == EndedBy::Abort { 13.0 } else { 11.0 }));
        let (jury, mut results) = heard(&gates, std::slice::from_ref(&rule), Rules::default(), &run);
        jury.judge(&mut results, &NoBaseline);
        assert_eq!(results.verdict.outcome, outcome, "{:?}", results.verdict);
        // What an aborted run had not yet counted is not held against it.
        assert_eq!(results.gates[0].status, Some(GateStatus::EndedEarly));
        assert_eq!(results.abort.is_some(), ended_by == EndedBy::Abort);
        if let Some(abort) = &results.abort {
            assert_eq!((abort.from_s, abort.at_s, abort.measured.as_str()), (10.0, 13.0, "50.00% (5 of 10)"));
            assert!(results.verdict.reasons[0].contains("failures.ratio > 20% for 3s"), "{:?}", results.verdict);
        }
        results.generator.saturated_from = Some(1.0);
        assert_eq!(verdict(&results).outcome, Outcome::NoVerdict, "a sick generator proves nothing");
    }
}

#[test]
fn what_the_ledger_counts_in_a_stage_goes_on_across_a_resume() {
    let published = |record: &mut Record, part: u32, count: u64| {
        let Record::Interval(interval) = record else { unreachable!("intervals only") };
        (interval.part, interval.ledger.published, interval.ledger.accepted) = (part, count, count);
    };
    // Ten a second. The second part goes on at second 30, and its ledger begins anew.
    let mut records = minute(|_| None);
    for second in 0..60u64 {
        let (part, since) = if second < 30 { (0, 0) } else { (1, 30) };
        published(&mut records[1 + second as usize], part, 10 * (second + 1 - since));
    }
    let judged = is("delivery.published during hold-1 == 500", &records, Some(true), GateStatus::Held);
    assert_eq!(judged.measured, "500");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn windows_are_those_that_one_would_merge_by_hand(
        took in prop::collection::vec(prop::collection::vec(1_000u64..2_000_000, 20..40), 12..40), length in 2usize..9,
    ) {
        let seconds = took.iter().enumerate().map(|(at, took)| record(at as f64, at as f64 + 1.0, took, 0));
        let run: Vec<Record> = std::iter::once(start(took.len() as f64)).chain(seconds).collect();
        let judged = judge(&format!("publish.response.p90 over {length}s < 1us"), &run);
        let of_window = |window: &[Vec<u64>]| {
            let mut latency = Latency::default();
            window.iter().flatten().for_each(|&took| latency.record(took));
            latency.quantile(0.9)
        };
        let worst = took.windows(length).map(of_window).max().expect("a window");
        prop_assert_eq!(judged.measured, crate::results::figures::micros(worst));
    }
}

#[test]
fn mistakes_against_the_scenario_are_told_at_their_place() {
    let stage = |name: &str, from_s: f64, to_s: f64| StageFigures { name: name.to_owned(), from_s, to_s };
    let facts = ScenarioFacts {
        ops: vec![OpId::Publish],
        has_arrivals: false,
        stages: vec![stage("ramp-1", 0.0, 10.0), stage("ramp-2", 10.0, 10.0), stage("evening peak", 10.0, 60.0)],
        load: Duration::from_secs(60),
        ..ScenarioFacts::default()
    };
    let told = |text: &str| {
        let error = match Gate::parse(text) {
            Ok(gate) => gate.check_against(&facts).err(),
            Err(_) => AbortRule::parse(text).expect("a rule").check_against(&facts).err(),
        };
        let error = error.unwrap_or_else(|| panic!("`{text}` is fine"));
        format!("{}: {} ({})", &text[error.range.clone()], error.message, error.help.unwrap_or_default())
    };
    let wrong = [
        "publish.rate during \"evning peak\" > 5/s",
        "publish.rate during night > 5/s",
        "publish.rate during ramp > 5/s",
        "publish.rate during ramp-2 > 5/s",
        "publish.rate during \"2m..3m\" > 5/s",
        "publish.rate over 500ms > 5/s",
        "publish.rate over 2m > 5/s",
        "publish.rate over 20s during ramp-1 > 5/s",
        "delivery.lost over 10s == 0",
        "publish.open during ramp-1 == 0",
        "failures.ratio > 20% for 50s after 30s",
    ];
    insta::assert_snapshot!(wrong.map(told).join("\n"), @r#"
    "evning peak": no stage is "evning peak" (did you mean `evening peak`?)
    night: no stage is "night" (the stages of `[load]` are `ramp-1`, `ramp-2`, `evening peak`)
    ramp: no stage is "ramp" (there are `ramp-1`, `ramp-2`)
    ramp-2: "ramp-2" takes no time (the load lasts 1m)
    "2m..3m": "2m..3m" is beyond the load (the load lasts 1m)
    500ms: a window of 500ms is finer than what is recorded (a run is recorded once a second: `over 1s` is the finest)
    2m: a window of 2m does not fit into 1m (make it shorter, or leave it out for the whole)
    20s: a window of 20s does not fit into 10s (make it shorter, or leave it out for the whole)
    10s: `delivery.lost` has no windows: it is settled when the run is over (leave the window out: the gate is then about the whole run)
    ramp-1: `publish.open` has no windows: it is what the end of the run leaves open (leave the window out: the gate is then about the whole run)
    failures.ratio > 20% for 50s after 30s: this rule can never end the run, whose load lasts 1m (make `for` and `after` shorter)
    "#);
    for fine in
        ["publish.rate during \"evening peak\" over 50s > 5/s", "delivery.p99 over 10s < 1s", "delivery.lost == 0"]
    {
        assert_eq!(Gate::parse(fine).expect("a gate").check_against(&facts), Ok(()), "{fine}");
    }
}
