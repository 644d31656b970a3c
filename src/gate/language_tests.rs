//! Tests of the gate language: what is read, what is wrong where, and that what is printed is read back.

use proptest::prelude::*;

use super::tests::{evaluate, gate, results};
use super::*;
use crate::ops::OpId;

/// The mistake as a person sees it.
fn shown(text: &str, error: &GateError) -> String {
    let before = text[..error.range.start].chars().count();
    let marked = text[error.range.clone()].chars().count().max(1);
    let help = error.help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default();
    format!("{text}\n{}{} {}{help}", " ".repeat(before), "^".repeat(marked), error.message)
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
        "target.rss_bytes < 1 GiB",
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
    target.rss_bytes < 1 GiB
    ^^^^^^^^^^^^^^^^ unknown figure `target.rss_bytes`
      help: say which of its values: `target.rss_bytes.max`, or `.last`, `.mean`, `.min`, `.first`; `target.rss_bytes.drift` is its change an hour
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
