//! What the method promises: equal runs are called equal, and a slower tail is called slower.

use super::synthetic::{Shape, records, summarised, summary};
use super::*;
use crate::results::Record;

fn compared(one: &RunSummary, other: &RunSummary) -> Comparison {
    compare(("one", std::slice::from_ref(one)), ("other", std::slice::from_ref(other)), &Limits::default())
}

#[test]
fn of_200_pairs_of_equal_runs_at_most_5_percent_are_called_different() {
    let mut different = Vec::new();
    for pair in 0..200 {
        let shape = Shape::ALL[pair % Shape::ALL.len()];
        let seed = 1_000 + 2 * pair as u64;
        let comparison = compared(&summary(shape, seed, 1.0), &summary(shape, seed + 1, 1.0));
        if matches!(comparison.call, Call::Worse | Call::Better) {
            different.push(shape);
        }
    }
    assert!(different.len() <= 10, "{different:?}");
}

#[test]
fn of_100_pairs_with_a_fifth_more_on_p99_at_least_95_are_called_worse() {
    let mut missed = Vec::new();
    for pair in 0..100 {
        let shape = Shape::ALL[pair % Shape::ALL.len()];
        let seed = 5_000 + 2 * pair as u64;
        let comparison = compared(&summary(shape, seed, 1.0), &summary(shape, seed + 1, 1.2));
        let p99 = comparison.figures.iter().find(|figure| figure.figure == "publish.response.p99").expect("compared");
        if p99.call != Call::Worse {
            missed.push((shape, p99.clone()));
        }
    }
    assert!(missed.len() <= 5, "{missed:#?}");
}

#[test]
fn wide_and_narrow_intervals_of_one_run_give_the_error_of_narrow_ones() {
    let narrow = records(Shape::Autocorrelated, 77, 1.0, 60);
    // As an old journal is: ten seconds to an interval for the first half.
    let mut mixed: Vec<Record> = Vec::new();
    for (at, record) in narrow.iter().enumerate() {
        match (mixed.last_mut(), record) {
            (Some(Record::Interval(last)), Record::Interval(next)) if at <= 60 && (at - 1) % 10 != 0 => {
                last.figures.merge(&next.figures);
                (last.to, last.ledger) = (next.to, next.ledger.clone());
            }
            _ => mixed.push(record.clone()),
        }
    }
    assert!(mixed.len() < narrow.len() - 50, "{}", mixed.len());
    let error = |records: &[Record]| summarised(records).times["publish.response.p50"].error.expect("an error");
    let (one, other) = (error(&narrow), error(&mixed));
    assert!((0.4..2.5).contains(&(other / one)), "{one} and {other}");
}

#[test]
fn what_happened_in_one_second_has_no_error_and_is_not_called_different() {
    let burst = |micros: u64| {
        let mut collector = Collector::new();
        let times = vec![micros; 300];
        (0..60).for_each(|second| collector.push_second(if second == 0 { &times } else { &[] }, 0));
        let mut latency = crate::metrics::Latency::default();
        (0..300).for_each(|_| latency.record(micros));
        let response_us = (&latency).into();
        let publish = crate::results::OperationFigures {
            started: 300,
            ok: 300,
            rate_per_s: 5.0,
            response_us,
            ..Default::default()
        };
        let mut results =
            crate::results::Results { operations: [("publish".to_owned(), publish)].into(), ..Default::default() };
        results.run.load_s = 60.0;
        collector.finish(&results).expect("there are intervals")
    };
    let comparison = compared(&burst(7_000), &burst(500));
    assert_eq!(comparison.call, Call::CannotTell, "that nothing failed is not enough: {comparison:#?}");
    assert!(comparison.figures.iter().all(|figure| figure.kind == Kind::Share || figure.call == Call::CannotTell));
}

#[test]
fn another_machine_load_target_or_scenario_cannot_be_told() {
    let one = summary(Shape::Steady, 1, 1.0);
    let slower = |change: fn(&mut RunSummary)| {
        let mut run = summary(Shape::Steady, 2, 2.0);
        change(&mut run);
        run
    };
    assert_eq!(compared(&one, &slower(|_| {})).call, Call::Worse);
    type Case = (fn(&mut RunSummary), &'static str, Option<Across>);
    let cases: [Case; 5] = [
        (|run| run.machine = "another".into(), "different machines", Some(Across::Machine)),
        (|run| run.load_hash = "another".into(), "has changed", Some(Across::Scenario)),
        (|run| run.scenario = "another".into(), "different scenarios", Some(Across::Scenario)),
        (|run| run.target = "another".into(), "different targets", Some(Across::Target)),
        (|run| run.unfit = Some("the generator was the bottleneck".into()), "bottleneck", None),
    ];
    for (change, why, across) in cases {
        let comparison = compared(&one, &slower(change));
        assert_eq!(comparison.call, Call::CannotTell, "{why}");
        assert!(comparison.reasons.iter().any(|reason| reason.contains(why)), "{why}: {:?}", comparison.reasons);
        assert!(comparison.figures.iter().all(|figure| figure.call == Call::CannotTell));
        if let Some(across) = across {
            let limits = Limits { across: vec![across], ..Limits::default() };
            let allowed = compare(("one", std::slice::from_ref(&one)), ("other", &[slower(change)]), &limits);
            assert_eq!(allowed.call, Call::Worse, "{why}");
        }
    }
}

#[test]
fn figures_of_one_side_are_skipped_and_failures_are_told() {
    let one = summary(Shape::Steady, 1, 1.0);
    let mut other = summary(Shape::Steady, 2, 1.0);
    other.shares.get_mut("failures.ratio").expect("there").part = 900;
    other.times.retain(|name, _| !name.ends_with(".p95"));
    other.shares.get_mut("delivery.lost.ratio").expect("there").part = 2;
    let comparison = compared(&one, &other);
    assert_eq!(
        comparison.skipped,
        [Skip { figure: "publish.response.p95".into(), why: "only the baseline has it".into() }]
    );
    let call = |name: &str| comparison.figures.iter().find(|figure| figure.figure == name).map(|figure| figure.call);
    assert_eq!(call("failures.ratio"), Some(Call::Worse));
    assert_eq!(call("delivery.lost.ratio"), Some(Call::CannotTell), "two of 30,000 may be chance");
    assert_eq!(call("delivery.duplicated"), Some(Call::Same));
}

#[test]
fn results_without_a_journal_can_be_compared_too() {
    let results = |seed, tail| {
        let mut fold = crate::results::Fold::new();
        records(Shape::Steady, seed, tail, 120).iter().for_each(|record| fold.push(record));
        summarise(&fold.finish())
    };
    let same = compared(&results(1, 1.0), &results(2, 1.0));
    assert!(matches!(same.call, Call::Same | Call::CannotTell), "{same:#?}");
    let slower = compared(&results(1, 1.0), &results(2, 1.5));
    assert_eq!(slower.call, Call::Worse, "{slower:#?}");
}
