//! The verdict: what the gates, and the doubts about the run itself, add up to.

use super::tolerance;
use crate::ops::OpId;
use crate::results::{EndedBy, GateFigures, GateStatus, OperationFigures, Outcome, Results, Severity, Verdict};

/// What the judged gates and the run's own health say.
///
/// No verdict whatever the gates say: the generator was the bottleneck, or the books do not close, so the figures are in
/// doubt. Otherwise a gate that does not hold fails the run, even one that was broken off: more load would not have mended
/// it. After that come the reasons for which a run without a failed gate still says nothing.
pub fn verdict(results: &Results) -> Verdict {
    let mut doubts = saturation(results);
    doubts.extend(spoilt_abort(results));
    doubts.extend(holes(results));
    doubts.extend(open_books(results));
    let required = || results.gates.iter().filter(|gate| gate.severity == Severity::Require);
    let gates = required().filter(|gate| gate.passed == Some(false)).map(not_held);
    let failed: Vec<String> = aborted(results).into_iter().chain(gates).collect();
    if doubts.is_empty() && !failed.is_empty() {
        // A run that was broken off says so, whatever else it says.
        let reasons = failed.into_iter().chain(broken_off(results)).collect();
        return Verdict { outcome: Outcome::Fail, reasons };
    }
    doubts.extend(broken_off(results));
    if results.operations.values().all(|op| op.ok == 0) {
        doubts.push("nothing was measured: not one operation succeeded".to_owned());
    }
    doubts.extend(required().filter(|gate| gate.passed.is_none()).map(not_told));
    // Not the verdict, and still what the reader wants to know.
    doubts.extend(failed);
    let outcome = if doubts.is_empty() { Outcome::Pass } else { Outcome::NoVerdict };
    Verdict { outcome, reasons: doubts }
}

pub(super) fn not_held(gate: &GateFigures) -> String {
    if gate.status == Some(GateStatus::NoBaseline) {
        return not_told(gate);
    }
    let window = gate.window.map(|window| format!(" from second {:.1} to {:.1}", window.from_s, window.to_s));
    format!("`{}` does not hold: measured {}{}, {}", gate.gate, gate.measured, window.unwrap_or_default(), gate.note)
}

pub(super) fn not_told(gate: &GateFigures) -> String {
    format!("`{}` cannot be told: {}", gate.gate, gate.note)
}

fn aborted(results: &Results) -> Option<String> {
    let abort = results.abort.as_ref()?;
    Some(format!(
        "`{}` of `abort_when` was so from second {:.1} to {:.1}, measured {} at last",
        abort.rule, abort.from_s, abort.at_s, abort.measured
    ))
}

/// The generator was the bottleneck, and for longer than is tolerated.
fn saturation(results: &Results) -> Vec<String> {
    let generator = &results.generator;
    let Some(from_s) = generator.first_spell_s().filter(|_| generator.tolerated_share.is_none()) else {
        return Vec::new();
    };
    let share = generator.spoilt_s / results.run.load_s;
    let length = if generator.spoilt_s > 0.0 && share.is_finite() {
        let spells = match generator.spells.len() {
            0 | 1 => String::new(),
            spells => format!("in {spells} spells "),
        };
        let (spoilt_s, load_s) = (generator.spoilt_s, results.run.load_s);
        format!(", {spells}for {spoilt_s:.1} s of {load_s:.1} s ({:.2}%)", share * 100.0)
    } else {
        String::new()
    };
    vec![format!(
        "the generator was the bottleneck from second {from_s:.1} on{length}: give it more processors or less load"
    )]
}

/// What ended the run may have been the generator's own doing, although its spells are short beside the whole load.
fn spoilt_abort(results: &Results) -> Option<String> {
    let abort = results.abort.as_ref()?;
    let spoilt_s = tolerance::spoilt_beyond(results, abort.from_s, abort.at_s)?;
    Some(format!(
        "the generator was the bottleneck for {spoilt_s:.1} s of the {:.1} s in which `{}` was so",
        abort.at_s - abort.from_s,
        abort.rule
    ))
}

fn broken_off(results: &Results) -> Option<String> {
    let run = &results.run;
    let cause = match run.ended_by {
        EndedBy::Plan => return None,
        EndedBy::Interrupt => "was interrupted",
        EndedBy::Terminated => "was terminated",
        EndedBy::Abort => "was aborted by a gate",
        EndedBy::Crash => "ended without a word",
    };
    let (load_s, planned_s) = (run.load_s, run.load_planned_s);
    if planned_s > 0.0 && load_s >= planned_s {
        return Some(format!("the run {cause} after its load of {planned_s:.1} s was over"));
    }
    Some(format!("the run {cause} after {load_s:.1} s of {planned_s:.1} s"))
}

/// What is missing from the journal.
fn holes(results: &Results) -> Option<String> {
    let first = results.holes.first()?;
    let more = match results.holes.len() {
        1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    Some(format!(
        "the journal has a hole: {}{more}. Put the files of `journal/` back from a copy, remove `results.json` and call \
         `pbxload report` again, or run it anew",
        first.in_words()
    ))
}

/// Sums that do not add up, which is a mistake of this program. In a run with holes they cannot.
fn open_books(results: &Results) -> Vec<String> {
    if !results.holes.is_empty() {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let mut check = |what: &str, total: u64, parts: &[(&str, u64)]| {
        let sum = parts.iter().fold(0u64, |sum, (_, part)| sum.saturating_add(*part));
        if total != sum {
            let parts: Vec<String> = parts.iter().map(|(name, count)| format!("{count} {name}")).collect();
            problems.push(format!("internal: books do not close: {what} {total}, but {}", parts.join(" + ")));
        }
    };
    let delivery = &results.delivery;
    check(
        "deliveries expected",
        delivery.expected,
        &[("delivered", delivery.delivered), ("lost", delivery.lost), ("excused", delivery.excused)],
    );
    let arrivals = &results.arrivals;
    check("arrivals planned", arrivals.planned, &[("started", arrivals.started), ("missed", arrivals.missed)]);
    for (name, op) in &results.operations {
        check(&format!("`{name}` started"), op.started, &[("ok", op.ok), ("failed", op.failed), ("open", op.open)]);
    }
    // Where a kill cut the records off, the ledger may be a moment ahead of the operations.
    let is_whole = results.run.ended_by != EndedBy::Crash && results.interruptions.is_empty();
    let publish = results.operations.get(OpId::Publish.name()).filter(|op| is_whole && delivery.published > op.started);
    if let Some(OperationFigures { started, .. }) = publish {
        let published = delivery.published;
        problems
            .push(format!("internal: books do not close: the ledger has {published} publishes, but {started} started"));
    }
    problems
}
