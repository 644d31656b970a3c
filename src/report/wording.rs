//! Sentences that more than one report says about the same figures.

use crate::ops::OpId;
use crate::results::{EndedBy, GateFigures, GaugeUnit, GeneratorFigures, OperationFigures, Outcome, Results, Severity};

use super::figures;
use super::untrusted::one_line;

/// The answer in one or two words.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "Pass",
        Outcome::Fail => "Fail",
        Outcome::NoVerdict => "No verdict",
    }
}

/// The answer in a sentence: what is in the way of a verdict, or how many gates held.
pub fn verdict(results: &Results) -> String {
    if results.verdict.outcome == Outcome::NoVerdict
        && let Some(obstacle) = obstacle(results)
    {
        return obstacle;
    }
    let gates: Vec<&GateFigures> = results.gates.iter().filter(|gate| gate.severity == Severity::Require).collect();
    let broken = gates.iter().filter(|gate| gate.passed == Some(false)).count();
    let open = gates.iter().filter(|gate| gate.passed.is_none()).count();
    let kind = if results.gates.len() > gates.len() { "required gate" } else { "gate" };
    let all = figures::counted(gates.len() as u64, kind);
    match results.verdict.outcome {
        Outcome::Pass if gates.is_empty() => "the run was carried out; the scenario has no gates".to_owned(),
        Outcome::Fail if results.abort.is_some() => "the run had clearly failed and was ended early".to_owned(),
        Outcome::Pass if gates.len() == 1 => format!("the {kind} held"),
        Outcome::Pass => format!("all {all} held"),
        Outcome::Fail if broken > 0 => format!("{broken} of {all} did not hold"),
        Outcome::Fail => "the run failed".to_owned(),
        Outcome::NoVerdict if open > 0 => format!("{open} of {all} cannot be told"),
        Outcome::NoVerdict => "this run cannot say whether the target is good enough".to_owned(),
    }
}

/// The first reason of a verdict when it is none of a gate's, up to what it explains.
fn obstacle(results: &Results) -> Option<String> {
    let reason = results.verdict.reasons.first()?;
    let is_of_gate = |gate: &GateFigures| reason.starts_with(&format!("`{}`", gate.gate));
    if results.gates.iter().any(is_of_gate) {
        return None;
    }
    let reason = reason.strip_prefix("internal: ").unwrap_or(reason);
    Some(one_line(reason.split_once(": ").map_or(reason, |(reason, _)| reason)))
}

/// The result of one gate as a word of equal width everywhere.
pub fn gate(gate: &GateFigures) -> &'static str {
    match gate.passed {
        Some(true) => "PASS",
        Some(false) if gate.severity == Severity::Warn => "WARN",
        Some(false) => "FAIL",
        None => "----",
    }
}

/// What was measured for a gate, or the words for nothing.
pub fn measured(gate: &GateFigures) -> &str {
    if gate.measured.is_empty() { figures::NO_SAMPLES } else { &gate.measured }
}

/// Where in the load the measured value was taken; nothing for a figure of the whole run.
pub fn place(gate: &GateFigures) -> String {
    match (gate.window, gate.stage.as_str()) {
        (None, stage) => stage.to_owned(),
        (Some(window), stage) => {
            let at = format!("{}–{}", figures::position(window.from_s), figures::position(window.to_s));
            if stage.is_empty() { at } else { format!("{at} of {stage}") }
        }
    }
}

/// What a gate has to say beside its figures: where it was measured, and how far off.
pub fn remark(gate: &GateFigures) -> String {
    let place = place(gate);
    match (place.is_empty(), gate.note.is_empty()) {
        (true, _) => gate.note.clone(),
        (false, true) => format!("at {place}"),
        (false, false) => format!("at {place}: {}", gate.note),
    }
}

/// What ended the run.
pub fn ended_by(ended_by: EndedBy) -> &'static str {
    match ended_by {
        EndedBy::Plan => "the plan was carried out",
        EndedBy::Interrupt => "interrupted (Ctrl-C)",
        EndedBy::Terminated => "terminated (SIGTERM, or SIGHUP as its session ended)",
        EndedBy::Abort => "aborted by a gate",
        EndedBy::Crash => "rebuilt from the journal, which tells no end",
    }
}

/// For how long the generator was the bottleneck and since when, after "was the bottleneck"; nothing when it never was.
/// Results of older versions know only from where on.
pub fn bottleneck(generator: &GeneratorFigures) -> Option<String> {
    let first = figures::position(generator.first_spell_s()?);
    let length = figures::seconds(generator.spoilt_s);
    Some(match generator.spells.len() as u64 {
        0 => format!("from {first} on"),
        1 => format!("for {length} in one spell, at {first}"),
        spells => format!("for {length} in {} spells, the first at {first}", figures::count(spells)),
    })
}

/// Failed operations and all that were settled.
pub fn failures(results: &Results) -> (u64, u64) {
    let failed = results.operations.values().fold(0_u64, |sum, figures| sum.saturating_add(figures.failed));
    let ok = results.operations.values().fold(0_u64, |sum, figures| sum.saturating_add(figures.ok));
    (failed, failed.saturating_add(ok))
}

/// Operations in the order in which a user does them, which is that of the program's own list.
pub(super) fn in_order(results: &Results) -> Vec<(&String, &OperationFigures)> {
    let mut operations: Vec<_> = results.operations.iter().collect();
    operations.sort_by_key(|(name, _)| OpId::by_name(name).map_or(usize::MAX, OpId::index));
    operations
}

/// Operations, the ones used most first; equal ones by name.
pub fn busiest(results: &Results) -> Vec<(&str, &OperationFigures)> {
    let mut operations: Vec<_> = results.operations.iter().map(|(name, figures)| (name.as_str(), figures)).collect();
    operations.sort_by(|a, b| b.1.started.cmp(&a.1.started).then(a.0.cmp(b.0)));
    operations
}

/// Accepted publishes per second of load; nothing when no load was applied.
pub fn accepted_per_s(results: &Results) -> Option<f64> {
    per_s(results.delivery.accepted, results)
}

/// Deliveries per second of load; nothing when no load was applied.
pub fn delivered_per_s(results: &Results) -> Option<f64> {
    per_s(results.delivery.delivered, results)
}

fn per_s(number: u64, results: &Results) -> Option<f64> {
    (results.run.load_s > 0.0 && results.run.load_s.is_finite()).then(|| number as f64 / results.run.load_s)
}

/// The balance of deliveries as an equation.
pub fn balance(results: &Results) -> String {
    let delivery = &results.delivery;
    format!(
        "{} expected = {} delivered + {} lost + {} excused",
        figures::count(delivery.expected),
        figures::count(delivery.delivered),
        figures::count(delivery.lost),
        figures::count(delivery.excused)
    )
}

/// Where lost deliveries were lost, in words.
pub fn lost(results: &Results) -> Vec<(&'static str, u64)> {
    let words = [
        ("not_stored", "accepted and not stored"),
        ("not_pushed", "stored and not pushed"),
        ("undiagnosed", "not looked up in the history"),
    ];
    let count = |kind: &str| results.delivery.lost_by.get(kind).copied().unwrap_or(0);
    words.into_iter().map(|(kind, word)| (word, count(kind))).filter(|(_, count)| *count > 0).collect()
}

/// What else came, or did not: a word and its count. Everything but `late` and `foreign` should be zero.
pub fn irregular(results: &Results) -> [(&'static str, u64); 7] {
    let delivery = &results.delivery;
    [
        ("duplicated", delivery.duplicated),
        ("reordered", delivery.reordered),
        ("phantom", delivery.phantom),
        ("corrupted", delivery.corrupted),
        ("misdelivered", delivery.misdelivered),
        ("late", delivery.late),
        ("foreign", delivery.foreign),
    ]
}

/// How often the target's own figures were read; empty for a run that read none.
pub fn scrapes(results: &Results) -> String {
    let target = &results.target;
    match (target.scrapes, target.failed) {
        (0, _) => String::new(),
        (scrapes, 0) => format!("read {} times, each time with success", figures::count(scrapes)),
        (scrapes, failed) => format!(
            "read {} times, of which {} gave nothing: where they are missing there is a gap, and no zero",
            figures::count(scrapes),
            figures::count(failed)
        ),
    }
}

/// A value of one of the target's own figures, in the unit that its name tells.
pub fn own_figure(name: &str, value: f64) -> String {
    match GaugeUnit::of(name) {
        _ if !value.is_finite() => figures::NO_FIGURE.to_owned(),
        GaugeUnit::Bytes if value >= 0.0 => figures::bytes(value as u64),
        GaugeUnit::Seconds if value >= 0.0 => figures::micros((value * 1e6) as u64),
        _ => figures::number(value),
    }
}

/// The target's own figures, a line each: from the first value to the last, and the extremes.
pub fn own_lines(results: &Results) -> Vec<String> {
    let lines = results.target.figures.iter().map(|(name, gauge)| {
        let [first, last, min, max] = [gauge.first, gauge.last, gauge.min, gauge.max].map(|v| own_figure(name, v));
        format!("{} {first} → {last}, between {min} and {max}", one_line(name))
    });
    lines.collect()
}

/// A piece of a sentence: words, or something quoted in backticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Whether it stood in backticks.
    pub quoted: bool,
    /// The piece, without them.
    pub text: &'a str,
}

/// A sentence in its pieces; one whose backticks do not pair is all words.
pub fn pieces(sentence: &str) -> Vec<Piece<'_>> {
    if sentence.matches('`').count() % 2 == 1 {
        return vec![Piece { quoted: false, text: sentence }];
    }
    let pieces = sentence.split('`').enumerate().map(|(index, text)| Piece { quoted: index % 2 == 1, text });
    pieces.filter(|piece| !piece.text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::results::SpellFigures;

    #[test]
    fn what_is_in_the_way_of_a_verdict_comes_before_the_gates() {
        let mut results = fixture::saturated();
        assert_eq!(verdict(&results), "the generator was the bottleneck from 7:00 on");
        results.verdict.reasons = vec![format!("`{}` cannot be told: too few samples", results.gates[0].gate)];
        assert_eq!(verdict(&results), "6 of 6 required gates cannot be told");
        results.verdict.reasons =
            vec!["internal: books do not close: deliveries expected 5, but 4 delivered".to_owned()];
        assert_eq!(verdict(&results), "books do not close");
    }

    #[test]
    fn spells_are_counted_where_they_are_known() {
        let mut generator =
            GeneratorFigures { saturated_from: Some(223.0), spoilt_s: 5.0, ..GeneratorFigures::default() };
        assert_eq!(bottleneck(&generator).as_deref(), Some("from 3:43 on"));
        let spell = |from_s: f64| SpellFigures { from_s, to_s: from_s + 2.5, ..SpellFigures::default() };
        generator.spells = vec![spell(222.0)];
        assert_eq!(bottleneck(&generator).as_deref(), Some("for 5 s in one spell, at 3:42"));
        generator.spells.push(spell(600.0));
        assert_eq!(bottleneck(&generator).as_deref(), Some("for 5 s in 2 spells, the first at 3:42"));
        assert_eq!(bottleneck(&GeneratorFigures::default()), None);
    }

    #[test]
    fn quotes_are_told_from_words_only_when_they_pair() {
        let texts = |sentence| pieces(sentence).iter().map(|piece| (piece.quoted, piece.text)).collect::<Vec<_>>();
        assert_eq!(texts("`a < b` did not hold"), [(true, "a < b"), (false, " did not hold")]);
        assert_eq!(texts("a ` b"), [(false, "a ` b")]);
        assert_eq!(texts(""), []);
    }
}
