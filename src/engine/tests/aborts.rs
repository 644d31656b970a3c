//! A run that has clearly failed ends early, with its books closed.

use super::steady::ON_CALL;
use super::*;
use crate::gate::{AbortRule, Jury, NoBaseline, Rules};
use crate::results::{EndedBy, Outcome};

/// Hears the run, and ends it when there is reason to.
struct Judge {
    watch: Watch,
    jury: Jury,
}

impl Observer for Judge {
    fn stage(&mut self, _: &'static str, _: u32, _: u32) {}

    fn record(&mut self, record: Record) {
        self.jury.hear(&record);
        self.watch.record(record);
    }

    fn progress(&mut self, _: &IntervalRecord, _: &Progress) {}

    fn has_seen_enough(&self) -> bool {
        self.jury.abort().is_some()
    }
}

/// An hour of ten arrivals a second, with one rule that may end it; its results, judged.
fn hour(rule: &str, faults: &str, slots: u32) -> Results {
    let load = "users = [ { to = 12, over = \"1s\" }, { hold = \"1h\" } ]\n\
                arrivals = [ { to = \"0/s\", over = \"5s\" }, { to = \"10/s\", over = \"0s\" }, { hold = \"1h\" } ]\ndrain = \"5s\"";
    let personas = ON_CALL.replace("next = \"work\"\n", "on_failure = \"continue\"\n  next = \"work\"\n");
    let plan = plan(&scenario(12, "", load, &personas), slots);
    let faults = FaultPlan::parse(faults).expect("a fault plan");
    let rule = AbortRule::parse(rule).expect("a rule");
    simulated(async move {
        let dialer = served(SimulatorConfig { faults, ..SimulatorConfig::default() });
        let (options, _tell) = options(&plan, &dialer, Duration::from_secs(1));
        let mut judge = Judge { watch: Watch::default(), jury: Jury::new(&[], &[rule], Rules::default()) };
        let outcome = run_local(options, &mut judge).await.expect("a run");
        assert_eq!(outcome.ended_by, EndedBy::Abort);
        let mut results = judge.watch.fold.finish();
        judge.jury.judge(&mut results, &NoBaseline);
        results
    })
}

#[track_caller]
fn assert_ended_within(results: &Results, from_s: f64, to_s: f64) {
    let run = &results.run;
    assert_eq!((run.ended_by, results.verdict.outcome), (EndedBy::Abort, Outcome::Fail), "{:?}", results.verdict);
    assert!((from_s..=to_s).contains(&run.load_s), "after {} s", run.load_s);
    let abort = results.abort.as_ref().expect("the rule");
    // The interval in which the rule was met is the last one of the load.
    assert!(run.load_s - abort.at_s < 1.0, "{abort:?} and {} s", run.load_s);
    let arrivals = &results.arrivals;
    assert_eq!(arrivals.planned, arrivals.started + arrivals.missed, "{arrivals:?}");
    for (name, op) in &results.operations {
        assert_eq!(op.started, op.ok + op.failed + op.open, "{name}");
    }
    let delivery = &results.delivery;
    assert_eq!(delivery.expected, delivery.delivered + delivery.lost + delivery.excused, "{delivery:?}");
}

#[test]
fn a_server_that_refuses_everything_ends_the_run_within_two_intervals() {
    for slots in [1, 2] {
        let results =
            hour("publish.failures.ratio > 50% after 10s", "[[reject]]\nop = \"pub\"\ncode = 503\nevery = 1", slots);
        assert_ended_within(&results, 10.0, 12.0);
        assert!(results.operations["publish"].failed > 20);
        let results =
            hour("publish.failures.ratio > 50% for 5s", "[[reject]]\nop = \"pub\"\ncode = 503\nevery = 1", slots);
        // Arrivals begin after five seconds.
        assert_ended_within(&results, 9.5, 12.5);
    }
}

#[test]
fn a_server_that_stands_still_ends_the_run_within_two_intervals() {
    let results = hour("publish.rate < 1/s for 5s after 10s", "[[stall]]\nat = \"20s\"\nfor = \"1m\"", 1);
    // It stands still since its second 20, of which the set-up took the first moments.
    assert_ended_within(&results, 24.0, 28.0);
    assert!(results.arrivals.missed > 10, "{:?}", results.arrivals);
}
