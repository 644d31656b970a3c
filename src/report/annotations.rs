//! GitHub's workflow commands: what failed, and what is doubtful, as annotations of the job.
//!
//! `::error title=T::M`, one line each. In M, `%`, CR and LF are escaped, in T `:` and `,` too; so nothing that a server
//! says can begin a command of its own.

use std::io::{self, Write};

use crate::results::{GateFigures, Outcome, Results, Severity};

use super::untrusted::one_line;
use super::{doubts, wording};

/// Most annotations: GitHub shows ten of a kind for a step.
const ANNOTATIONS_MAX: usize = 10;

/// Writes them; nothing for a run that has nothing to complain of.
pub fn write(results: &Results, out: &mut impl Write) -> io::Result<()> {
    let name = &results.run.name;
    let outcome = results.verdict.outcome;
    if outcome != Outcome::Pass {
        let title = format!("{name}: {}", wording::outcome(outcome));
        let reasons = results.verdict.reasons.join("\n");
        let message = if reasons.is_empty() { wording::verdict(results) } else { reasons };
        command(out, "error", &title, &message)?;
    }
    let of = |severity: Severity, passed: Option<bool>| {
        results.gates.iter().filter(move |gate| gate.severity == severity && gate.passed == passed)
    };
    for gate in of(Severity::Require, Some(false)).take(ANNOTATIONS_MAX - 1) {
        command(out, "error", &format!("{name}: gate failed"), &sentence(gate))?;
    }
    let unsure = of(Severity::Require, None).chain(of(Severity::Warn, Some(false))).chain(of(Severity::Warn, None));
    let mut left = ANNOTATIONS_MAX;
    for gate in unsure.take(ANNOTATIONS_MAX) {
        let title = if gate.passed.is_none() { "gate cannot be told" } else { "gate warns" };
        command(out, "warning", &format!("{name}: {title}"), &sentence(gate))?;
        left -= 1;
    }
    // A gate that warns is among the warnings of the run too.
    let is_told = |doubt: &String| results.gates.iter().any(|gate| doubt.contains(&format!("`{}`", gate.gate)));
    for doubt in doubts::of(results).iter().filter(|doubt| !is_told(doubt)).take(left) {
        command(out, "warning", name, doubt)?;
    }
    Ok(())
}

fn sentence(gate: &GateFigures) -> String {
    let remark = wording::remark(gate);
    let remark = if remark.is_empty() { String::new() } else { format!("; {remark}") };
    format!("{}: measured {}, limit {}{remark}", gate.gate, wording::measured(gate), gate.limit)
}

fn command(out: &mut impl Write, kind: &str, title: &str, message: &str) -> io::Result<()> {
    let lines: Vec<String> = message.lines().map(one_line).collect();
    let title = data(&one_line(title)).replace(':', "%3A").replace(',', "%2C");
    writeln!(out, "::{kind} title={title}::{}", data(&lines.join("\n")))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn annotations_of(results: &Results) -> String {
        let mut out = Vec::new();
        write(results, &mut out).expect("memory takes it");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_failed_run_is_annotated_gate_by_gate() {
        insta::assert_snapshot!(annotations_of(&fixture::rich()), @r#"
        ::error title=friday-morning%3A Fail::`publish.response.p99 < 250ms` did not hold: 311 ms%0A`delivery.lost == 0` did not hold: 2
        ::error title=friday-morning%3A gate failed::publish.response.p99 < 250ms: measured 311 ms, limit 250 ms; 24%25 over the limit
        ::error title=friday-morning%3A gate failed::delivery.lost == 0: measured 2, limit 0; 2 messages were accepted and stored but not pushed
        ::warning title=friday-morning%3A gate cannot be told::history.response.p99 < 1s: measured no samples, limit 1 s; the operation never succeeded
        ::warning title=friday-morning%3A gate warns::publish.service.p99 over 10s during "hold-1" < 300ms: measured 352 ms, limit 300 ms; at 5:05–5:15 of hold-1: 52.0 ms above the limit
        ::warning title=friday-morning::no interval was recorded from 6:42 to 6:48: the generator was suspended for 6 s
        "#);
    }

    #[test]
    fn each_annotation_is_a_line_and_no_text_begins_a_command() {
        for (name, results) in fixture::all() {
            let text = annotations_of(&results);
            assert!(text.lines().count() <= 2 * ANNOTATIONS_MAX + 1, "{name}");
            for line in text.lines() {
                let rest = line.strip_prefix("::error title=").or(line.strip_prefix("::warning title="));
                let (title, _) = rest.unwrap_or_else(|| panic!("{line}")).split_once("::").expect("a message");
                assert!(!title.contains([':', ',']), "{line}");
                assert!(!line.chars().any(char::is_control), "{line}");
            }
        }
        assert_eq!(data("50%\r\nx"), "50%25%0D%0Ax");
    }
}
