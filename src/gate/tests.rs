//! Tests of the gate language, of every kind of figure, and of every way to a verdict.

use proptest::prelude::*;

use super::*;
use crate::ops::OpId;
use crate::results::{
    ArrivalFigures, DeliveryFigures, EndedBy, GateFigures, GeneratorFigures, LatencyFigures, OperationFigures, Outcome,
    Results, RunInfo, UserFigures,
};

fn gate(text: &str) -> Gate {
    Gate::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The mistake as a person sees it.
fn shown(text: &str, error: &GateError) -> String {
    let before = text[..error.range.start].chars().count();
    let marked = text[error.range.clone()].chars().count().max(1);
    let help = error.help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default();
    format!("{text}\n{}{} {}{help}", " ".repeat(before), "^".repeat(marked), error.message)
}

fn latency(count: u64) -> LatencyFigures {
    let [min, p50, p90, p95, p99, p999, p9999, max] = [1_000, 20_000, 90_000, 95_000, 99_000, 99_900, 99_990, 100_000];
    LatencyFigures { count, min, mean: 31_234.5, p50, p90, p95, p99, p999, p9999, max, curve: Vec::new() }
}

/// A run in which nothing is wrong: 1,000 publishes, 7 of them failed.
fn results() -> Results {
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

fn evaluate(gate: &Gate, results: &Results) -> GateFigures {
    gate.judge(results, None, Rules::default(), &NoBaseline)
}

/// A jury that heard nothing: what the results alone can answer.
fn judge(gates: &[Gate], results: &mut Results) {
    Jury::new(gates, &[], Rules::default()).judge(results, &NoBaseline);
}

fn table(texts: &[&str], results: &Results) -> String {
    texts.iter().map(|text| judged(text, results)).collect::<Vec<_>>().join("\n")
}

#[test]
fn mistakes_are_shown_at_their_place() {
    let wrong = [
        "",
        "publsh.response.p99 < 250ms",
        "publish.p99 < 250ms",
        "publish.response.p100 < 250ms",
        "publish.response.p99.99999 < 250ms",
        "throughput > 5",
        "upload.phase.dns.p99 < 1s",
        "publish.response.p99 250ms",
        "publish.response.p99 = 250ms",
        "publish.response.p99 => 250ms",
        "publish.response.p99 <",
        "publish.response.p99 < 0.1%",
        "publish.response.p99 < 250",
        "publish.response.p99 < 250 msec",
        "publish.response.p99 < fast",
        "publish.response.p99 < 1,5s",
        "publish.response.p99 < -1ms",
        "failures.ratio < 0.001",
        "delivery.lost == 0%",
        "delivery.lost == 1.5",
        "publish.rate > 50",
        "generator.rss_bytes_max < 512 MB",
        "delivery.lost == 0 or so",
        "delivery.lost ≤ 3",
        "publish.response.p99 over < 1s",
        "publish.response.p99 over 10 < 1s",
        "publish.response.p99 over 0s < 1s",
        "publish.response.p99 over 10s over 5s < 1s",
        "publish.response.p99 during < 1s",
        "publish.response.p99 during \"hold < 1s",
        "publish.response.p99 during \"2m..1m\" < 1s",
        "publish.response.p99 < 1s for 10s",
        "publish.response.p99 < 1s min_samples few",
        "delivery.lost == 0 min_samples 5",
        "publish.response.p99 < 1s over 10s please",
        "publish.response.p99 == baseline",
        "publish.response.p99 <= baseline 10%",
        "publish.response.p99 <= baseline +",
        "publish.response.p99 <= baseline + 10",
        "publish.response.p99 <= baseline + 5pp",
        "publish.rate >= baseline - 110%",
        "failures.ratio <= baseline + 5ms",
    ];
    let shown: Vec<String> = wrong.iter().map(|text| shown(text, &Gate::parse(text).expect_err("a mistake"))).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    ^ a figure is missing
      help: a gate reads like `publish.response.p99 < 250ms`
    publsh.response.p99 < 250ms
    ^^^^^^^^^^^^^^^^^^^ unknown figure `publsh.response.p99`
      help: did you mean `publish.response.p99`?
    publish.p99 < 250ms
    ^^^^^^^^^^^ unknown figure `publish.p99`
      help: did you mean `publish.response.p99`?
    publish.response.p100 < 250ms
    ^^^^^^^^^^^^^^^^^^^^^ unknown figure `publish.response.p100`
      help: did you mean `publish.response.p90`?
    publish.response.p99.99999 < 250ms
    ^^^^^^^^^^^^^^^^^^^^^^^^^^ unknown figure `publish.response.p99.99999`
      help: did you mean `publish.response.p9999`?
    throughput > 5
    ^^^^^^^^^^ unknown figure `throughput`
      help: figures are, for example, `publish.response.p99`, `delivery.lost`, `failures.ratio`, `arrivals.missed`
    upload.phase.dns.p99 < 1s
    ^^^^^^^^^^^^^^^^^^^^ unknown figure `upload.phase.dns.p99`
      help: did you mean `upload.phase.send.p99`?
    publish.response.p99 250ms
                         ^^^^^ a comparison is missing
      help: write one of `<`, `<=`, `>`, `>=`, `==`, `!=` after the figure
    publish.response.p99 = 250ms
                         ^ unknown comparison `=`
      help: write `==`
    publish.response.p99 => 250ms
                         ^^ unknown comparison `=>`
      help: write `>=`
    publish.response.p99 <
                          ^ a limit is missing
      help: write the limit in `us`, `ms`, `s` or `m`, such as `250ms`
    publish.response.p99 < 0.1%
                              ^ `publish.response.p99` is a time, not measured in `%`
      help: write the limit in `us`, `ms`, `s` or `m`, such as `250ms`
    publish.response.p99 < 250
                           ^^^ `publish.response.p99` is a time, so its limit needs a unit
      help: write the limit in `us`, `ms`, `s` or `m`, such as `250ms`
    publish.response.p99 < 250 msec
                               ^^^^ unknown unit `msec`
      help: write `250ms`
    publish.response.p99 < fast
                           ^^^^ `fast` is no limit
      help: write the limit in `us`, `ms`, `s` or `m`, such as `250ms`
    publish.response.p99 < 1,5s
                           ^^^ `1,5` is no number
      help: write digits with at most one point, such as `1500` or `0.25`: 15 digits at most
    publish.response.p99 < -1ms
                           ^^^^ a limit is never negative
      help: write the limit in `us`, `ms`, `s` or `m`, such as `250ms`
    failures.ratio < 0.001
                     ^^^^^ `failures.ratio` is a ratio, so its limit needs a unit
      help: write the limit in percent, such as `0.1%`
    delivery.lost == 0%
                      ^ `delivery.lost` is a count, not measured in `%`
      help: write the limit as a bare whole number, such as `0`
    delivery.lost == 1.5
                     ^^^ `delivery.lost` is a count, `1.5` is no whole number
      help: write the limit as a bare whole number, such as `0`
    publish.rate > 50
                   ^^ `publish.rate` is a rate, so its limit needs a unit
      help: write the limit per second, such as `50/s`
    generator.rss_bytes_max < 512 MB
                                  ^^ unknown unit `MB`
      help: write `512 MiB`
    delivery.lost == 0 or so
                       ^^^^^ unknown unit `or so`
      help: write the limit as a bare whole number, such as `0`
    delivery.lost ≤ 3
                  ^ unknown comparison `≤`
      help: write `<=`
    publish.response.p99 over < 1s
                              ^ `over` needs a duration
      help: write it without blanks, such as `over 10s` or `over 1m30s`
    publish.response.p99 over 10 < 1s
                              ^^ `10` is no duration for `over`
      help: write it without blanks, such as `over 10s` or `over 1m30s`
    publish.response.p99 over 0s < 1s
                              ^^ `0s` is no duration for `over`
      help: write it without blanks, such as `over 10s` or `over 1m30s`
    publish.response.p99 over 10s over 5s < 1s
                                  ^^^^^^^ `over` is said twice
      help: leave one of them out
    publish.response.p99 during < 1s
                                ^ `during` needs the name of a stage
      help: write the name of a stage of `[load]`, such as `during "hold"`, or a span such as `during "1m..2m"`
    publish.response.p99 during "hold < 1s
                                ^^^^^^^^^^ this name has no closing quote
      help: in a scenario a gate with quotes stands best in single quotes: `'… during "hold" < 1s'`
    publish.response.p99 during "2m..1m" < 1s
                                ^^^^^^^^ `2m..1m` is no span
      help: write two instants of the load, the earlier one first, such as `during "1m..2m"`
    publish.response.p99 < 1s for 10s
                                  ^^^ `for` belongs to a rule of `abort_when`
      help: how long a figure may be out of bounds is said there; a gate looks at the whole run, or `over` a window
    publish.response.p99 < 1s min_samples few
                                          ^^^ `min_samples` is a count, not `few`
      help: write a whole number, such as `min_samples 500`
    delivery.lost == 0 min_samples 5
                                   ^ `delivery.lost` has no samples to ask for
      help: it goes with times and ratios, which are read off samples
    publish.response.p99 < 1s over 10s please
                                       ^^^^^^ `please` is not expected here
      help: after the bound stand `over`, `during`, `min_samples`, `for`, `after` or nothing
    publish.response.p99 == baseline
                            ^^^^^^^^ no two runs are equal
      help: write `<=` or `>=` and how far off it may be, such as `<= baseline + 10%`
    publish.response.p99 <= baseline 10%
                                     ^^^ after `baseline` stands `+` or `-`
      help: such as `baseline + 10%` or `baseline + 50ms`
    publish.response.p99 <= baseline +
                                     ^ how far from the baseline?
      help: write a part of the baseline, such as `+ 10%`, or a time, such as `+ 50ms`
    publish.response.p99 <= baseline + 10
                                       ^^ `10` needs a unit
      help: write a part of the baseline, such as `+ 10%`, or a time, such as `+ 50ms`
    publish.response.p99 <= baseline + 5pp
                                       ^^^ `publish.response.p99` is a time, and no `pp` can be added to it
      help: write a part of the baseline, such as `+ 10%`, or a time, such as `+ 50ms`
    publish.rate >= baseline - 110%
                             ^^^^^^ less than nothing of the baseline
      help: write at most `baseline - 100%`
    failures.ratio <= baseline + 5ms
                                 ^^^ `failures.ratio` is a ratio, and no `ms` can be added to it
      help: write a part of the baseline, such as `+ 10%`, or percentage points, such as `+ 0.5pp`
    "#);
}

#[test]
fn a_gate_on_what_the_scenario_never_does_is_a_mistake() {
    let facts = ScenarioFacts { ops: vec![OpId::Connect, OpId::Login], ..ScenarioFacts::default() };
    let wrong = ["  upload.response.p95 < 1s", "arrivals.missed == 0", "delivery.lost == 0"];
    let shown: Vec<String> =
        wrong.iter().map(|text| shown(text, &gate(text).check_against(&facts).expect_err("a mistake"))).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
      upload.response.p95 < 1s
      ^^^^^^ no step of this scenario is `upload`
      help: it uses `connect`, `login`
    arrivals.missed == 0
    ^^^^^^^^ this scenario has no arrivals
      help: give it an open model with `[load] arrivals`
    delivery.lost == 0
    ^^^^^^^^ nothing is delivered: no step of this scenario is `publish`
      help: add a `publish` step or remove the gate
    "#);
    for fine in ["login.response.p99 < 1s", "failures.ratio == 0%", "users.peak > 5", "generator.lag.p99 < 5ms"] {
        assert_eq!(gate(fine).check_against(&facts), Ok(()), "{fine}");
    }
    let facts = ScenarioFacts { ops: vec![OpId::Publish], has_arrivals: true, ..ScenarioFacts::default() };
    for fine in ["arrivals.missed == 0", "delivery.lost == 0"] {
        assert_eq!(gate(fine).check_against(&facts), Ok(()), "{fine}");
    }
}

#[test]
fn gates_that_scenarios_rely_on_are_read() {
    for text in [
        "login.response.p99 < 1s",
        "upload.response.p95 < 1s",
        "publish.response.p99 < 250ms",
        "delivery.p99 < 500ms",
        "delivery.lost == 0",
        "delivery.duplicated == 0",
        "arrivals.missed == 0",
        "failures.ratio < 0.1%",
        "failures.ratio == 0%",
        "upload.count > 0",
        "raw.count > 0",
    ] {
        assert_eq!(gate(text).to_string(), text);
    }
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

#[test]
fn names_are_unambiguous_and_documented() {
    for (index, name) in Figure::names().iter().enumerate() {
        let figure = Figure::by_name(name).expect("a known name");
        assert_eq!(&figure.to_string(), name);
        assert!(index == 0 || Figure::names()[index - 1] != *name, "{name} is there twice");
        // No operation's name may hide a family.
        assert_eq!(figure.operation().is_some(), figure.family() == "<op>", "{name}");
    }
    assert!(catalogue().iter().all(|row| !row.summary.is_empty()));
}

fn any_plain_gate() -> impl Strategy<Value = Gate> {
    let parts = (any::<prop::sample::Index>(), 0usize..6, any::<prop::sample::Index>(), 0u64..1_000_000_000, 0usize..6);
    parts.prop_map(|(name, comparison, unit, number, places)| {
        let figure = Figure::by_name(name.get::<String>(Figure::names())).expect("a known name");
        let quantity = figure.quantity();
        let unit = *unit.get(quantity.units());
        let places = if quantity == Quantity::Count { 0 } else { places };
        let digits = format!("{number:08}");
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let number = if places == 0 { digits.clone() } else { format!("{whole}.{fraction}") };
        let number = Decimal::parse(&number).expect("a number");
        Gate::new(figure, Comparison::ALL[comparison].0, Limit { number, unit }).expect("the unit fits")
    })
}

fn any_span() -> impl Strategy<Value = Span> {
    prop_oneof![
        "[a-z0-9_-]([a-z0-9 _-]{0,20}[a-z0-9_-])?".prop_map(Span::Stage),
        (0u64..9_000, 1u64..9_000).prop_map(|(from, length)| {
            Span::Between(Duration::from_secs(from), Duration::from_secs(from + length))
        }),
    ]
}

/// A gate with everything that the language has, as it is printed.
fn any_gate() -> impl Strategy<Value = String> {
    let window = prop::option::of(1u64..4_000_000);
    let percentile = prop::option::of(1u32..1_000_000);
    let slack = prop::option::of((any::<bool>(), 0u64..100));
    let parts =
        (any_plain_gate(), percentile, window, prop::option::of(any_span()), slack, prop::option::of(1u64..9_999));
    parts.prop_map(|(gate, percentile, window, span, slack, min_samples)| {
        let (mut gate, mut is_time) = (gate, false);
        if let Some(millionths) = percentile {
            let percentile = Percentile::of_millionths(millionths);
            gate = Gate::parse(&format!("publish.service.{percentile} < 1ms")).expect("a gate");
            is_time = true;
        }
        (gate.window, gate.span) = (window.map(Duration::from_millis), span);
        gate.min_samples = min_samples.filter(|_| is_time);
        let is_order = !matches!(gate.comparison, Comparison::Equal | Comparison::NotEqual);
        if let Some((is_plus, number)) = slack.filter(|_| is_order) {
            let sign = if is_plus { Sign::Plus } else { Sign::Minus };
            gate.bound = Bound::Baseline(Some(Slack { sign, number: Decimal::whole(number), unit: Unit::Percent }));
        }
        gate.to_string()
    })
}

proptest! {
    #[test]
    fn a_printed_gate_is_read_back(text in any_gate(), hold in 0u64..90, after in 0u64..90) {
        let gate = Gate::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        prop_assert_eq!(gate.to_string(), text.clone());
        prop_assert_eq!(Gate::parse(&gate.to_string()), Ok(gate));
        if !text.contains("baseline") {
            let rule = AbortRule::parse(&format!("{text} after {after}s for {hold}ms"));
            if hold > 0 {
                let rule = rule.unwrap_or_else(|error| panic!("{text}: {error}"));
                prop_assert_eq!(AbortRule::parse(&rule.to_string()).map(|rule| rule.to_string()), Ok(rule.to_string()));
            } else {
                prop_assert!(rule.is_err());
            }
        }
    }

    #[test]
    fn a_gate_needs_no_blanks(gate in any_plain_gate()) {
        prop_assert_eq!(Gate::parse(&gate.to_string()), Ok(gate.clone()));
        let squeezed = gate.to_string().replace(' ', "");
        prop_assert_eq!(Gate::parse(&squeezed), Ok(gate.clone()), "{}", squeezed);
        let judged = evaluate(&gate, &results());
        prop_assert!(judged.passed.is_some() || !judged.note.is_empty());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}|publish\\.rate ?(over|during|for|<)? ?[\"'0-9a-zµ. ]{0,9}[<>]?\\PC{0,20}|[a-z.]{0,20} ?[<>=!≤]{0,3} ?[0-9.,]{0,20} ?[a-zA-Zµ%/]{0,4}") {
        let rule = AbortRule::parse(&text).map(|_| ());
        for error in [Gate::parse(&text).map(|_| ()), rule].into_iter().filter_map(Result::err) {
            prop_assert!(text.get(error.range.clone()).is_some(), "{:?} in {:?}", error, text);
        }
    }
}
