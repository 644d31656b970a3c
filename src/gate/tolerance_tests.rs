//! Tests of spells in which the generator was the bottleneck: which verdicts bear them, and which gates do not.

use std::time::Duration;

use super::window_tests::{end, heard, record, start};
use super::*;
use crate::ledger::LedgerTotals;
use crate::metrics::{Interval, Sample};
use crate::ops::{FailureKind, OpId};
use crate::results::{EndedBy, GateFigures, GateStatus, IntervalRecord, Outcome, Record, Results, Sign, Spell};
use crate::tick::Tick;

const USUAL: Rules = Rules { min_samples: 0, missing_baseline_fails: false, tolerate: 0.001 };

/// A run of so many seconds with spells of whole seconds, in which publishes take 500 ms instead of 10 ms. As a run of
/// three intervals in a row tells them: the third one tells all three.
fn run(load_s: u64, spells: &[(u64, u64)], slow: impl Fn(u64) -> bool, ended_by: EndedBy) -> Vec<Record> {
    let mut records = vec![start(load_s as f64)];
    for second in 0..load_s {
        let spell = spells.iter().find(|(from, to)| (*from..*to).contains(&second));
        let took = if spell.is_some() || slow(second) { 500_000 } else { 10_000 };
        let mut record = record(second as f64, second as f64 + 1.0, &[took; 20], 0);
        if let (Record::Interval(record), Some((from, _))) = (&mut record, spell) {
            let back = match second - from {
                0 | 1 => None,
                2 => Some(2),
                _ => Some(0),
            };
            record.health.is_undecided = back.is_none();
            record.health.is_saturated = back.is_some();
            let from = back.map(|back| record.from.minus(Duration::from_secs(back)));
            record.health.spells.extend(from.map(|from| Spell { from, to: record.to, signs: [Sign::LagP99].into() }));
        }
        records.push(record);
    }
    records.push(end(ended_by, load_s as f64));
    records
}

fn judged(gates: &[&str], rules: Rules, records: &[Record]) -> Results {
    let gates: Vec<Gate> = gates.iter().map(|text| Gate::parse(text).expect("a gate")).collect();
    let (jury, mut results) = heard(&gates, &[], rules, records);
    jury.judge(&mut results, &NoBaseline);
    results
}

/// An hour with a spell of three seconds.
fn hour() -> Vec<Record> {
    run(3_600, &[(1_000, 1_003)], |_| false, EndedBy::Plan)
}

fn answer(gate: &GateFigures) -> (Option<bool>, Option<GateStatus>) {
    (gate.passed, gate.status)
}

#[test]
fn a_short_spell_in_a_long_run_is_told_and_tolerated() {
    let results = judged(&["publish.response.p99 < 300ms"], USUAL, &hour());
    assert_eq!((results.verdict.outcome, results.verdict.reasons.len()), (Outcome::Pass, 0));
    let generator = &results.generator;
    assert_eq!(
        (generator.spoilt_s, generator.tolerated_share, generator.saturated_from),
        (3.0, Some(0.001), Some(1_002.0))
    );
    insta::assert_snapshot!(results.warnings.join("\n"), @"the generator was the bottleneck for 3.0 s of 3600.0 s of load: from second 1000.0 to 1003.0 (3.0 s, by late timers and arrivals). That was tolerated (`health.tolerate` is 0.1%): what was measured meanwhile is part of the figures, and a gate that only holds without it cannot be told");
    // What the target does is still held against it.
    let results = judged(&["publish.response.p50 < 1ms"], USUAL, &hour());
    assert_eq!(results.verdict.outcome, Outcome::Fail);
}

#[test]
fn more_than_the_share_leaves_no_verdict() {
    let gates = ["publish.response.p50 < 1s"];
    let at = |seconds, spells: &[(u64, u64)], tolerate| {
        let results = judged(&gates, Rules { tolerate, ..USUAL }, &run(seconds, spells, |_| false, EndedBy::Plan));
        assert_eq!(results.generator.tolerated_share.is_some(), results.verdict.outcome == Outcome::Pass);
        assert_eq!(results.warnings.len(), usize::from(results.generator.tolerated_share.is_some()));
        (results.verdict.outcome, results.verdict.reasons.join("\n"))
    };
    let (outcome, why) = at(60, &[(20, 23)], 0.001);
    assert_eq!(outcome, Outcome::NoVerdict);
    insta::assert_snapshot!(why, @"the generator was the bottleneck from second 20.0 on, for 3.0 s of 60.0 s (5.00%): give it more processors or less load");
    assert_eq!(at(10, &[(0, 10)], 0.99).0, Outcome::NoVerdict);
    assert_eq!(at(10, &[(0, 10)], 1.0).0, Outcome::Pass, "all is tolerated");
    assert_eq!(at(60, &[(20, 23)], 0.05).0, Outcome::Pass, "exactly the share");
    assert_eq!(at(1_000, &[(500, 503)], 0.003).0, Outcome::Pass);
    assert_eq!(at(1_000, &[(500, 503)], 0.0).0, Outcome::NoVerdict, "nothing is tolerated");
    assert_eq!(at(1_000, &[(500, 504)], 0.003).0, Outcome::NoVerdict, "a spell too long");
    assert_eq!(at(1_000, &[(300, 303), (500, 503)], 0.003).0, Outcome::NoVerdict, "one spell too many");
}

#[test]
fn a_spell_of_unknown_length_is_not_tolerated() {
    let mut records = hour();
    for record in &mut records {
        if let Record::Interval(interval) = record {
            interval.health.spells.clear();
        }
    }
    let results = judged(&[], Rules { tolerate: 1.0, ..USUAL }, &records);
    assert_eq!((results.verdict.outcome, results.generator.tolerated_share), (Outcome::NoVerdict, None));
}

#[test]
fn windows_in_which_the_spell_lies_are_left_out() {
    let rules = Rules { tolerate: 0.01, ..USUAL };
    let one = |gate: &str, spells: &[(u64, u64)], slow: fn(u64) -> bool| {
        let mut results = judged(&[gate], rules, &run(400, spells, slow, EndedBy::Plan));
        (results.gates.remove(0), results.verdict.outcome)
    };
    // Of 1 s: they end before the spell is known as one.
    for window in ["1s", "10s", "100s"] {
        let (gate, outcome) = one(&format!("publish.response.max over {window} < 300ms"), &[(200, 203)], |_| false);
        assert_eq!(answer(&gate), (Some(true), Some(GateStatus::Held)), "{gate:?}");
        assert!(gate.note.contains("were left out: the generator was the bottleneck in them"), "{gate:?}");
        assert_eq!((gate.measured.as_str(), outcome), ("10.0 ms", Outcome::Pass));
    }
    let not_held = (Some(false), Some(GateStatus::NotHeld));
    let (gate, _) = one("publish.response.max over 320s < 300ms", &[(200, 203)], |_| false);
    assert_eq!(answer(&gate), not_held, "3 s of 320 s are borne: {gate:?}");
    let (gate, outcome) = one("publish.response.p50 over 290s < 300ms", &[(200, 203)], |_| false);
    assert_eq!(answer(&gate), (None, Some(GateStatus::Spoilt)), "all lie over it: {gate:?}");
    assert_eq!(outcome, Outcome::NoVerdict);
    // What is slow without a spell is found beside it.
    let (gate, _) = one("publish.response.p90 over 10s < 300ms", &[(200, 203)], |second| (300..304).contains(&second));
    assert_eq!(answer(&gate), not_held);
    assert!(gate.window.is_some_and(|window| window.from_s > 250.0), "{gate:?}");
    // Two late intervals are no spell, so they count.
    let (gate, _) = one("publish.response.p90 over 1s < 300ms", &[(200, 202)], |_| false);
    assert_eq!(answer(&gate), not_held);
}

#[test]
fn a_stage_that_is_spoilt_answers_nothing() {
    let (ramp, hold) = ("publish.response.p50 during ramp-1 < 300ms", "publish.response.p50 during hold-1 < 300ms");
    // The ramp is the first ten seconds; the last record of this spell tells of two before it, on the other side.
    let records = run(3_600, &[(8, 11)], |_| false, EndedBy::Plan);
    let results = judged(&[ramp, hold], USUAL, &records);
    assert_eq!(answer(&results.gates[0]), (None, Some(GateStatus::Spoilt)));
    insta::assert_snapshot!(results.gates[0].note, @"the generator was the bottleneck for 2.0 s of its 10.0 s, more than `health.tolerate` is (0.1%)");
    assert_eq!(answer(&results.gates[1]), (Some(true), Some(GateStatus::Held)));
    assert_eq!(results.verdict.outcome, Outcome::NoVerdict);
    // Of nothing tolerated the run as a whole has no verdict, and its gates show what was measured.
    let results = judged(&[ramp], Rules { tolerate: 0.0, ..USUAL }, &records);
    assert_eq!(answer(&results.gates[0]), (Some(true), Some(GateStatus::Held)));
    assert_eq!(results.verdict.outcome, Outcome::NoVerdict);
}

#[test]
fn a_rule_that_ended_the_run_by_a_spell_fails_nothing() {
    let rule = AbortRule::parse("publish.response.p50 > 300ms for 3s").expect("a rule");
    let verdict = |records: &[Record]| {
        let rules = Rules { tolerate: 0.01, ..USUAL };
        let (jury, mut results) = heard(&[], std::slice::from_ref(&rule), rules, records);
        jury.judge(&mut results, &NoBaseline);
        assert!(results.abort.is_some() && results.generator.tolerated_share.is_some());
        (results.verdict.outcome, results.verdict.reasons)
    };
    let (outcome, reasons) = verdict(&run(1_003, &[(1_000, 1_003)], |_| false, EndedBy::Abort));
    assert_eq!(outcome, Outcome::NoVerdict);
    insta::assert_snapshot!(reasons[0], @"the generator was the bottleneck for 3.0 s of the 3.0 s in which `publish.response.p50 > 300ms for 3s` was so");
    let sound = run(1_003, &[(500, 503)], |second| second >= 1_000, EndedBy::Plan);
    assert_eq!(verdict(&sound).0, Outcome::NoVerdict, "the rule was met by the spell first");
    let rule = AbortRule::parse("publish.response.p50 > 300ms for 5s").expect("a rule");
    let (jury, mut results) = heard(
        &[],
        &[rule],
        Rules { tolerate: 0.01, ..USUAL },
        &run(1_005, &[(500, 503)], |second| second >= 1_000, EndedBy::Abort),
    );
    jury.judge(&mut results, &NoBaseline);
    assert_eq!((results.verdict.outcome, results.generator.tolerated_share), (Outcome::Fail, Some(0.01)));
}

/// An hour with a spell of three seconds, in which publishes are as `outside` and `within` say.
fn hour_of(outside: impl Fn(&mut IntervalRecord), within: impl Fn(&mut IntervalRecord)) -> Vec<Record> {
    let mut records = hour();
    let mut ledger = LedgerTotals::default();
    let intervals = records.iter_mut().filter_map(|record| match record {
        Record::Interval(interval) => Some(interval),
        _ => None,
    });
    for (second, interval) in intervals.enumerate() {
        interval.ledger = std::mem::take(&mut ledger);
        if (1_000..1_003).contains(&second) {
            within(interval)
        } else {
            outside(interval)
        }
        ledger = interval.ledger.clone();
    }
    records
}

#[test]
fn a_gate_that_fails_by_a_tolerated_spell_alone_cannot_be_told() {
    let spoilt = (None, Some(GateStatus::Spoilt));
    let not_held = (Some(false), Some(GateStatus::NotHeld));
    let judged = |gate: &str, records: &[Record]| {
        let mut results = judged(&[gate], USUAL, records);
        assert_eq!(results.generator.tolerated_share, Some(0.001));
        let outcome = results.verdict.outcome;
        let gate = results.gates.remove(0);
        assert_eq!(outcome == Outcome::NoVerdict, gate.passed.is_none(), "{gate:?}");
        gate
    };
    let gate = judged("publish.response.max < 300ms", &hour());
    assert_eq!(answer(&gate), spoilt);
    insta::assert_snapshot!(gate.note, @"outside of the generator's own spells it is 10.0 ms, which holds");
    assert_eq!(
        answer(&judged("publish.response.max < 5ms", &hour())),
        not_held,
        "it does not hold without them either"
    );
    // Of a rare operation all may lie in the spell.
    let rare = hour_of(|interval| interval.figures = Interval::default(), |_| {});
    let gate = judged("publish.response.p50 < 300ms", &rare);
    assert_eq!(answer(&gate), spoilt);
    insta::assert_snapshot!(gate.note, @"it was measured in spells of the generator itself: outside of them, there is no sample");
    // Counts, of an interval and of the ledger.
    let fail = |interval: &mut IntervalRecord| {
        interval.figures.started(OpId::Publish);
        let sample = Sample { op: OpId::Publish, due: Tick::ZERO, sent: Tick::ZERO, done: Tick::from_micros(9) };
        interval.figures.failed(sample, FailureKind::TimedOut, String::new);
        interval.ledger.expected += 5;
        interval.ledger.delivered += 5;
        interval.ledger.late += 1;
    };
    let count = |interval: &mut IntervalRecord| {
        interval.ledger.expected += 5;
        interval.ledger.delivered += 5;
    };
    for gate in ["publish.failed == 0", "failures.ratio < 0.001%", "delivery.late == 0"] {
        assert_eq!(answer(&judged(gate, &hour_of(count, fail))), spoilt, "{gate}");
        assert_eq!(answer(&judged(gate, &hour_of(fail, count))), not_held, "{gate}");
        assert_eq!(answer(&judged(gate, &hour_of(count, count))), (Some(true), Some(GateStatus::Held)), "{gate}");
    }
}
