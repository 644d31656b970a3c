//! `summary.md`: what a CI job shows beside a build.

use std::io::{self, Write};

use crate::results::{LatencyFigures, OperationFigures, Outcome, Results};

use super::{doubts, figures, untrusted, wording};

/// Writes the summary.
pub(super) fn write(results: &Results, out: &mut impl Write) -> io::Result<()> {
    let run = &results.run;
    let mark = match results.verdict.outcome {
        Outcome::Pass => "✅",
        Outcome::Fail => "❌",
        Outcome::NoVerdict => "⚠️",
    };
    writeln!(out, "## {mark} {}: {}\n", wording::outcome(results.verdict.outcome), text(&run.name))?;
    writeln!(out, "{}.\n", wording::verdict(results))?;
    for reason in &results.verdict.reasons {
        writeln!(out, "- {}", text(reason))?;
    }
    if !results.verdict.reasons.is_empty() {
        writeln!(out)?;
    }
    writeln!(
        out,
        "{} · {} · {} of load · seed {} · {}\n",
        text(&run.target),
        figures::counted(results.users.peak, "user"),
        figures::seconds(run.load_s),
        run.seed,
        text(&figures::instant(&run.started_at)),
    )?;
    for doubt in doubts::of(results) {
        writeln!(out, "> **Warning:** {}\n", text(&doubt))?;
    }
    gates(results, out)?;
    operations(results, out)?;
    delivery(results, out)?;
    writeln!(out, "<sub>pbxload {} · scenario {}</sub>", text(&run.version), text(&run.scenario_hash))
}

fn gates(results: &Results, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "### Gates\n")?;
    if results.gates.is_empty() {
        return writeln!(out, "The scenario has none.\n");
    }
    writeln!(out, "| | gate | measured | limit | |\n|---|---|---:|---:|---|")?;
    for gate in &results.gates {
        let result = match gate.passed {
            Some(true) => "✅ pass",
            Some(false) => "❌ **fail**",
            None => "⚠️ cannot be told",
        };
        let (name, measured) = (text(&gate.gate), text(wording::measured(gate)));
        writeln!(out, "| {result} | {name} | {measured} | {} | {} |", text(&gate.limit), text(&gate.note))?;
    }
    writeln!(out)
}

fn operations(results: &Results, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "### Operations\n")?;
    if results.operations.is_empty() {
        return writeln!(out, "None was carried out.\n");
    }
    writeln!(out, "| operation | started | ok | failed | open | rate | p50 | p95 | p99 | p99.9 | max |")?;
    writeln!(out, "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")?;
    for (name, operation) in &results.operations {
        let OperationFigures { started, ok, failed, open, .. } = operation;
        let counts = [started, ok, failed, open].map(|count| figures::count(*count)).join(" | ");
        let rate = figures::rate(operation.rate_per_s);
        writeln!(out, "| {} | {counts} | {rate} | {} |", text(name), response(&operation.response_us))?;
    }
    writeln!(out, "\nResponse time of successes, from when the work was due.\n")
}

fn response(response: &LatencyFigures) -> String {
    let LatencyFigures { count, p50, p95, p99, p999, max, .. } = response;
    if *count == 0 {
        return format!("{} | | | |", figures::NO_SAMPLES);
    }
    [p50, p95, p99, p999, max].map(|value| figures::micros(*value)).join(" | ")
}

fn delivery(results: &Results, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "### Delivery\n\n**{}**\n", wording::balance(results))?;
    let irregular = wording::irregular(results).map(|(word, count)| format!("{word} {}", figures::count(count)));
    writeln!(out, "{}\n", irregular.join(" · "))?;
    let delivery = &results.delivery.delivery_us;
    if delivery.count > 0 {
        let [p50, p99, max] = [delivery.p50, delivery.p99, delivery.max].map(figures::micros);
        writeln!(out, "Delivery time p50 {p50} · p99 {p99} · max {max}\n")?;
    }
    Ok(())
}

/// Text that stays text: no cell, tag, link, emphasis or code span can begin in it.
fn text(untrusted: &str) -> String {
    let mut out = String::with_capacity(untrusted.len());
    for character in untrusted::one_line(untrusted).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '!' | '\\' => out.extend(['\\', character]),
            // An entity mentions nobody.
            '@' => out.push_str("&#64;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn markdown_of(results: &Results) -> String {
        let mut out = Vec::new();
        write(results, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_failed_run_in_a_job_summary() {
        insta::assert_snapshot!(markdown_of(&fixture::rich()));
    }

    #[test]
    fn an_empty_run_has_words_instead_of_zeros() {
        let summary = markdown_of(&Results::default());
        assert!(summary.contains("The scenario has none."), "{summary}");
        assert!(summary.contains("None was carried out."), "{summary}");
        assert!(!summary.contains("0 µs"), "{summary}");
    }

    #[test]
    fn tables_keep_their_columns_whatever_the_text() {
        let summary = markdown_of(&fixture::hostile());
        assert!(!summary.contains("<script"), "{summary}");
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        for table in summary.split("\n\n").filter(|block| block.starts_with('|')) {
            let mut rows = table.lines().map(cells);
            let first = rows.next().unwrap();
            assert!(rows.all(|columns| columns == first), "{table}");
        }
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(text("a|b `c` <i>@d</i>\n[x](y)"), "a\\|b \\`c\\` &lt;i&gt;&#64;d&lt;/i&gt;\\\\n\\[x\\](y)");
    }
}
