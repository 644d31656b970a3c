//! Tests of every kind of figure, and of every way to a verdict.

use super::*;
use crate::results::{
    ArrivalFigures, DeliveryFigures, EndedBy, GateFigures, GeneratorFigures, HoleFigures, LatencyFigures,
    OperationFigures, Outcome, Results, RunInfo, UserFigures,
};

pub(super) fn gate(text: &str) -> Gate {
    Gate::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn latency(count: u64) -> LatencyFigures {
    let [min, p50, p90, p95, p99, p999, p9999, max] = [1_000, 20_000, 90_000, 95_000, 99_000, 99_900, 99_990, 100_000];
    LatencyFigures { count, min, mean: 31_234.5, p50, p90, p95, p99, p999, p9999, max, curve: Vec::new() }
}

/// A run in which nothing is wrong: 1,000 publishes, 7 of them failed.
pub(super) fn results() -> Results {
    let publish = OperationFigures {
        started: 1_000,
        ok: 993,
        failed: 7,
        open: 0,
        rate_per_s: 49.65,
        failures: [("rejected(503)".to_owned(), 4), ("rejected(409)".to_owned(), 2), ("timed_out".to_owned(), 1)]
            .into(),
        response_us: latency(993),
        service_us: latency(993),
        lag_us: latency(1_000),
        failed_us: latency(7),
        phases_us: Default::default(),
    };
    let connect = OperationFigures {
        started: 20,
        ok: 20,
        phases_us: [("tls".to_owned(), latency(20))].into(),
        ..OperationFigures::default()
    };
    Results {
        run: RunInfo { load_s: 20.0, load_planned_s: 20.0, ended_by: EndedBy::Plan, ..RunInfo::default() },
        operations: [("publish".to_owned(), publish), ("connect".to_owned(), connect)].into(),
        delivery: DeliveryFigures {
            published: 1_000,
            accepted: 993,
            refused: 6,
            unknown: 1,
            expected: 993,
            delivered: 990,
            excused: 3,
            delivery_us: latency(990),
            spread_us: latency(0),
            ..DeliveryFigures::default()
        },
        arrivals: ArrivalFigures { planned: 1_001, started: 1_000, missed: 1, lag_us: latency(1_000) },
        users: UserFigures { peak: 20, logins: 20, ..UserFigures::default() },
        generator: GeneratorFigures {
            workers: 2,
            cpu_s: 1.5,
            rss_bytes_max: 100 << 20,
            lag_us: latency(40_000),
            descriptors_max: 33,
            saturated_from: None,
            ..GeneratorFigures::default()
        },
        ..Results::default()
    }
}

/// `passed`, measured and note of a gate against results.
fn judged(text: &str, results: &Results) -> String {
    let judged = evaluate(&gate(text), results);
    let passed = judged.passed.map_or("?", |passed| if passed { "yes" } else { "no" });
    format!("{passed:>3} | {} | {} | {}", judged.gate, judged.measured, judged.note)
        .trim_end_matches([' ', '|'])
        .to_owned()
}

pub(super) fn evaluate(gate: &Gate, results: &Results) -> GateFigures {
    gate.judge(results, None, None, Rules::default(), &NoBaseline)
}

/// A jury that heard nothing: what the results alone can answer.
fn judge(gates: &[Gate], results: &mut Results) {
    Jury::new(gates, &[], Rules::default()).judge(results, &NoBaseline);
}

fn table(texts: &[&str], results: &Results) -> String {
    texts.iter().map(|text| judged(text, results)).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_kind_of_figure_is_judged() {
    let gates = [
        "publish.response.p99 < 250ms",
        "publish.response.p99 < 0.099s",
        "publish.response.p99<=99ms",
        "publish.response.p999 < 1 s",
        "publish.response.p50 > 1m",
        "publish.response.mean < 31234us",
        "publish.response.count == 993",
        "publish.service.max <= 100ms",
        "publish.lag.p95 < 50ms",
        "publish.failed_response.p50 < 1s",
        "publish.failed_response.p99 < 1s",
        "connect.phase.tls.p95 < 100ms",
        "connect.phase.dns.p95 < 100ms",
        "publish.count == 1000",
        "publish.failed < 7",
        "publish.rate >= 50/s",
        "publish.failures.ratio <= 0.7%",
        "publish.failures.rejected == 6",
        "publish.failures.rejected(409) == 2",
        "publish.failures.timed_out != 1",
        "failures.ratio < 0.1%",
        "failures.count < 10",
        "failures.closed == 0",
        "delivery.p99 < 500ms",
        "delivery.spread.p50 < 1s",
        "delivery.lost == 0",
        "delivery.lost.ratio < 0.1%",
        "delivery.delivered >= 991",
        "arrivals.missed == 0",
        "arrivals.missed.ratio < 0.1%",
        "arrivals.lag.p99 < 100ms",
        "users.peak == 20",
        "users.reconnects == 0",
        "generator.cpu_s < 1s",
        "generator.rss_bytes_max < 64 MiB",
        "generator.descriptors_max < 1000",
    ];
    insta::assert_snapshot!(table(&gates, &results()), @r#"
    yes | publish.response.p99 < 250ms | 99.0 ms
     no | publish.response.p99 < 0.099s | 99.0 ms | exactly the limit
    yes | publish.response.p99<=99ms | 99.0 ms
      ? | publish.response.p999 < 1 s | 99.9 ms | only 993 samples, `p999` needs 1 000
     no | publish.response.p50 > 1m | 20.0 ms | 60.0 s below the limit
     no | publish.response.mean < 31234us | 31.235 ms | <1 µs above the limit
    yes | publish.response.count == 993 | 993
    yes | publish.service.max <= 100ms | 100 ms
     no | publish.lag.p95 < 50ms | 95.0 ms | 45.0 ms above the limit
    yes | publish.failed_response.p50 < 1s | 20.0 ms
      ? | publish.failed_response.p99 < 1s | 99.0 ms | only 7 samples, `p99` needs 100
    yes | connect.phase.tls.p95 < 100ms | 95.0 ms
      ? | connect.phase.dns.p95 < 100ms |  | there is no sample
    yes | publish.count == 1000 | 1 000
     no | publish.failed < 7 | 7 | exactly the limit
     no | publish.rate >= 50/s | 49.65/s | 0.350/s below the limit
    yes | publish.failures.ratio <= 0.7% | 0.700% (7 of 1 000)
    yes | publish.failures.rejected == 6 | 6
    yes | publish.failures.rejected(409) == 2 | 2
     no | publish.failures.timed_out != 1 | 1 | exactly the limit
     no | failures.ratio < 0.1% | 0.686% (7 of 1 020) | 0.5863 percentage points above the limit
    yes | failures.count < 10 | 7
    yes | failures.closed == 0 | 0
    yes | delivery.p99 < 500ms | 99.0 ms
      ? | delivery.spread.p50 < 1s |  | there is no sample
    yes | delivery.lost == 0 | 0
    yes | delivery.lost.ratio < 0.1% | 0% (0 of 993)
     no | delivery.delivered >= 991 | 990 | 1 below the limit
     no | arrivals.missed == 0 | 1 | 1 above the limit
    yes | arrivals.missed.ratio < 0.1% | 0.0999% (1 of 1 001)
    yes | arrivals.lag.p99 < 100ms | 99.0 ms
    yes | users.peak == 20 | 20
    yes | users.reconnects == 0 | 0
     no | generator.cpu_s < 1s | 1.50 s | 500 ms above the limit
     no | generator.rss_bytes_max < 64 MiB | 100 MiB | 36.0 MiB above the limit
    yes | generator.descriptors_max < 1000 | 33
    "#);
}

#[test]
fn a_run_that_measured_nothing_passes_no_gate() {
    let empty = Results::default();
    let gates = [
        "publish.response.p99 < 250ms",
        "publish.response.count < 5",
        "publish.count > 0",
        "publish.failed == 0",
        "publish.rate < 5/s",
        "failures.ratio == 0%",
        "failures.count == 0",
        "delivery.lost == 0",
        "delivery.lost.ratio == 0%",
        "delivery.delivered > 0",
        "arrivals.missed == 0",
        "users.reconnects == 0",
        "generator.cpu_s < 1s",
        "generator.rss_bytes_max < 1 GiB",
        "generator.descriptors_max < 5",
    ];
    insta::assert_snapshot!(table(&gates, &empty), @r#"
     ? | publish.response.p99 < 250ms |  | there is no sample
     ? | publish.response.count < 5 | 0 | there was nothing to count
    no | publish.count > 0 | 0 | exactly the limit
     ? | publish.failed == 0 | 0 | there was nothing to count
     ? | publish.rate < 5/s | 0/s | there was nothing to count
     ? | failures.ratio == 0% |  | there was nothing to take a share of
     ? | failures.count == 0 | 0 | there was nothing to count
     ? | delivery.lost == 0 | 0 | there was nothing to count
     ? | delivery.lost.ratio == 0% |  | there was nothing to take a share of
    no | delivery.delivered > 0 | 0 | exactly the limit
     ? | arrivals.missed == 0 | 0 | there was nothing to count
     ? | users.reconnects == 0 | 0 | there was nothing to count
     ? | generator.cpu_s < 1s |  | it was not measured
     ? | generator.rss_bytes_max < 1 GiB |  | it was not measured
     ? | generator.descriptors_max < 5 | 0 | there was nothing to count
    "#);
    for name in Figure::names() {
        let figure = Figure::by_name(name).expect("a known name");
        let unit = figure.quantity().units()[0];
        for comparison in [Comparison::Less, Comparison::LessOrEqual, Comparison::NotEqual] {
            let limit = Limit { number: Decimal::whole(1_000_000), unit };
            let gate = Gate::new(figure.clone(), comparison, limit).expect("the unit fits");
            assert_ne!(evaluate(&gate, &empty).passed, Some(true), "{gate}");
        }
    }
}

#[test]
fn few_samples_give_no_answer() {
    for (statistic, _) in Statistic::ALL {
        let Some(few) = statistic.samples_min().checked_sub(1) else { continue };
        let gate = gate(&format!("publish.response.{} < 250ms", statistic.word()));
        for (count, passed) in [(few, None), (few + 1, Some(true))] {
            let mut results = results();
            results.operations.get_mut("publish").expect("publish").response_us = latency(count);
            assert_eq!(evaluate(&gate, &results).passed, passed, "{gate} with {count}");
        }
    }
}

fn outcome(gates: &[Gate], change: impl FnOnce(&mut Results)) -> String {
    let mut results = results();
    change(&mut results);
    judge(gates, &mut results);
    let outcome = format!("{:?}", results.verdict.outcome);
    std::iter::once(outcome).chain(results.verdict.reasons).collect::<Vec<_>>().join("\n- ")
}

#[test]
fn every_way_to_a_verdict() {
    let good = || vec![gate("publish.response.p99 < 250ms"), gate("delivery.lost == 0")];
    let bad = || vec![gate("publish.response.p99 < 250ms"), gate("publish.response.p50 < 5ms")];
    let unsure = || vec![gate("publish.failed_response.p99 < 250ms")];
    let broken_off =
        |ended_by| move |results: &mut Results| (results.run.ended_by, results.run.load_s) = (ended_by, 3.5);
    let cases = [
        ("gates hold", outcome(&good(), |_| ())),
        ("no gates", outcome(&[], |_| ())),
        ("a gate fails", outcome(&bad(), |_| ())),
        ("a gate cannot be told", outcome(&unsure(), |_| ())),
        ("failure beats doubt", outcome(&[bad(), unsure()].concat(), |_| ())),
        ("saturated", outcome(&good(), |results| results.generator.saturated_from = Some(12.25))),
        ("saturation beats failure", outcome(&bad(), |results| results.generator.saturated_from = Some(0.0))),
        ("interrupted", outcome(&good(), broken_off(EndedBy::Interrupt))),
        ("terminated", outcome(&good(), broken_off(EndedBy::Terminated))),
        ("crashed", outcome(&good(), broken_off(EndedBy::Crash))),
        ("aborted", outcome(&good(), broken_off(EndedBy::Abort))),
        ("interrupted, and a gate fails", outcome(&bad(), broken_off(EndedBy::Interrupt))),
        ("interrupted before enough", outcome(&[gate("publish.count >= 2000")], broken_off(EndedBy::Interrupt))),
        (
            "nothing measured",
            outcome(&[], |results| {
                results.operations.values_mut().for_each(|op| {
                    (op.open, op.ok) = (op.open + op.ok, 0);
                })
            }),
        ),
        ("no operation at all", outcome(&[], |results| results.operations.clear())),
        ("deliveries do not add up", outcome(&bad(), |results| results.delivery.delivered += 1)),
        ("arrivals do not add up", outcome(&[], |results| results.arrivals.missed = 0)),
        (
            "operations do not add up",
            outcome(&[], |results| {
                results.operations.get_mut("connect").expect("connect").open = 1;
            }),
        ),
    ];
    let shown: Vec<String> = cases.iter().map(|(case, outcome)| format!("{case}: {outcome}")).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    gates hold: Pass
    no gates: Pass
    a gate fails: Fail
    - `publish.response.p50 < 5ms` does not hold: measured 20.0 ms, 15.0 ms above the limit
    a gate cannot be told: NoVerdict
    - `publish.failed_response.p99 < 250ms` cannot be told: only 7 samples, `p99` needs 100
    failure beats doubt: Fail
    - `publish.response.p50 < 5ms` does not hold: measured 20.0 ms, 15.0 ms above the limit
    saturated: NoVerdict
    - the generator was the bottleneck from second 12.2 on: give it more processors or less load
    saturation beats failure: NoVerdict
    - the generator was the bottleneck from second 0.0 on: give it more processors or less load
    - `publish.response.p50 < 5ms` does not hold: measured 20.0 ms, 15.0 ms above the limit
    interrupted: NoVerdict
    - the run was interrupted after 3.5 s of 20.0 s
    terminated: NoVerdict
    - the run was terminated after 3.5 s of 20.0 s
    crashed: NoVerdict
    - the run ended without a word after 3.5 s of 20.0 s
    aborted: NoVerdict
    - the run was aborted by a gate after 3.5 s of 20.0 s
    interrupted, and a gate fails: Fail
    - `publish.response.p50 < 5ms` does not hold: measured 20.0 ms, 15.0 ms above the limit
    - the run was interrupted after 3.5 s of 20.0 s
    interrupted before enough: NoVerdict
    - the run was interrupted after 3.5 s of 20.0 s
    - `publish.count >= 2000` cannot be told: the run ended early; more could have come
    nothing measured: NoVerdict
    - nothing was measured: not one operation succeeded
    no operation at all: NoVerdict
    - nothing was measured: not one operation succeeded
    deliveries do not add up: NoVerdict
    - internal: books do not close: deliveries expected 993, but 991 delivered + 0 lost + 3 excused
    - `publish.response.p50 < 5ms` does not hold: measured 20.0 ms, 15.0 ms above the limit
    arrivals do not add up: NoVerdict
    - internal: books do not close: arrivals planned 1001, but 1000 started + 0 missed
    operations do not add up: NoVerdict
    - internal: books do not close: `connect` started 20, but 20 ok + 0 failed + 1 open
    "#);
}

#[test]
fn a_run_with_a_hole_has_no_verdict_and_its_sums_are_no_mistake_of_this_program() {
    let mut results = results();
    results.holes =
        [(3.0, 9.5), (12.0, 13.0)].map(|(from_s, to_s)| HoleFigures { from_s, to_s, return_s: 0.0 }).to_vec();
    results.delivery.expected += 1;
    judge(&[gate("publish.response.p50 < 1s")], &mut results);
    assert_eq!(results.verdict.outcome, Outcome::NoVerdict);
    insta::assert_snapshot!(results.verdict.reasons.join("\n"), @"the journal has a hole: the figures from second 3.0 to 9.5 of the load are missing, and 1 more. Put the files of `journal/` back from a copy, remove `results.json` and call `pbxload report` again, or run it anew");
}

#[test]
fn more_publishes_than_were_started_are_a_mistake() {
    let mut results = results();
    results.delivery.published += 1;
    judge(&[gate("publish.response.p50 < 1s")], &mut results);
    assert_eq!(results.verdict.outcome, Outcome::NoVerdict);
    assert_eq!(
        results.verdict.reasons,
        ["internal: books do not close: the ledger has 1001 publishes, but 1000 started"]
    );
}

#[test]
fn a_gate_that_warns_never_fails_the_run() {
    let mut results = results();
    let warn = |text| gate(text).with_severity(Severity::Warn);
    let gates =
        [gate("publish.response.p99 < 250ms"), warn("publish.response.p50 < 5ms"), warn("publish.response.p9999 < 1s")];
    judge(&gates, &mut results);
    assert_eq!((results.verdict.outcome, results.gates.len()), (Outcome::Pass, 3));
    insta::assert_snapshot!(results.warnings.join("\n"), @r#"
    `publish.response.p50 < 5ms` does not hold: measured 20.0 ms, 15.0 ms above the limit
    `publish.response.p9999 < 1s` cannot be told: only 993 samples, `p9999` needs 10 000
    "#);
    judge(&gates, &mut results);
    assert_eq!(results.warnings.len(), 2, "judging anew does not repeat the warnings");
}
