//! `summary.md`: what a CI job shows beside a build.

use std::io::{self, Write};

use crate::results::{LatencyFigures, OperationFigures, Outcome, Results, Severity};

use super::events::{self, Happening};
use super::{doubts, failures, figures, promises, untrusted, wording};

/// Writes the summary.
pub(super) fn write(results: &Results, out: &mut impl Write) -> io::Result<()> {
    let run = &results.run;
    let mark = match results.verdict.outcome {
        Outcome::Pass => "✅",
        Outcome::Fail => "❌",
        Outcome::NoVerdict => "⚠️",
    };
    writeln!(out, "## {mark} {}: {}\n", wording::outcome(results.verdict.outcome), text(&run.name))?;
    writeln!(out, "{}.\n", sentence(&wording::verdict(results)))?;
    for reason in &results.verdict.reasons {
        writeln!(out, "- {}", sentence(reason))?;
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
    failures(results, out)?;
    delivery(results, out)?;
    events(results, out)?;
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
            Some(false) if gate.severity == Severity::Warn => "⚠️ warning",
            Some(false) => "❌ **fail**",
            None => "⚠️ cannot be told",
        };
        let (name, measured) = (text(&gate.gate), text(wording::measured(gate)));
        writeln!(out, "| {result} | {name} | {measured} | {} | {} |", text(&gate.limit), text(&wording::remark(gate)))?;
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
    for (name, operation) in wording::in_order(results) {
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
    let replies = promises::replies(results);
    if !replies.is_empty() {
        writeln!(out, "{}\n", replies.join(" · "))?;
    }
    if promises::broken(results).next().is_some() {
        writeln!(out, "### Broken promises\n")?;
        for promise in promises::broken(results) {
            writeln!(out, "- {}", text(&promises::line(promise)))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Longest example of a failure, characters.
const EXAMPLE_MAX: usize = 200;

/// The first example of each kind of failure.
fn failures(results: &Results, out: &mut impl Write) -> io::Result<()> {
    let (kinds, rest) = failures::kinds(results);
    if kinds.is_empty() {
        return Ok(());
    }
    writeln!(out, "### Failures\n")?;
    for kind in kinds {
        let example = match kind.example.as_str() {
            "" => String::new(),
            example => format!(": <code>{}</code>", text(&untrusted::cut(example, EXAMPLE_MAX))),
        };
        writeln!(out, "- {}{example}", text(&kind.says))?;
    }
    if !rest.is_empty() {
        writeln!(out, "- {rest}")?;
    }
    writeln!(out)
}

/// Events that are told one by one.
const EVENTS_MAX: usize = 10;

/// What the scenario's events did, and when the run was interrupted.
fn events(results: &Results, out: &mut impl Write) -> io::Result<()> {
    let happenings = events::happenings(results, EVENTS_MAX);
    if happenings.is_empty() {
        return Ok(());
    }
    writeln!(out, "### Events\n")?;
    for happening in &happenings.shown {
        let mark = if happening.is_bad() { "⚠️ " } else { "" };
        writeln!(out, "- {mark}{}", text(&happening.line()))?;
    }
    for kind in happenings.rest.iter().map(Happening::line) {
        writeln!(out, "- Others: {}", text(&kind))?;
    }
    writeln!(out)
}

/// A sentence whose quoted pieces are code: as elements, in which escapes work, where in a code span they would not.
fn sentence(untrusted: &str) -> String {
    let pieces = wording::pieces(untrusted).into_iter().map(|piece| match piece.quoted {
        true => format!("<code>{}</code>", text(piece.text)),
        false => text(piece.text),
    });
    pieces.collect()
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
        write(results, &mut out).expect("memory takes it");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_failed_run_in_a_job_summary() {
        insta::assert_snapshot!(markdown_of(&fixture::rich()), @r##"
        ## ❌ Fail: friday-morning

        2 of 6 required gates did not hold.

        - <code>publish.response.p99 &lt; 250ms</code> did not hold: 311 ms
        - <code>delivery.lost == 0</code> did not hold: 2

        wss://pbx.staging.example.com:8887 · 200 users · 10 min of load · seed 42 · 2026-05-08 09:12:03 UTC

        > **Warning:** no interval was recorded from 6:42 to 6:48: the generator was suspended for 6 s

        ### Gates

        | | gate | measured | limit | |
        |---|---|---:|---:|---|
        | ❌ **fail** | publish.response.p99 &lt; 250ms | 311 ms | 250 ms | 24% over the limit |
        | ✅ pass | delivery.p99 &lt; 500ms | 399 ms | 500 ms |  |
        | ❌ **fail** | delivery.lost == 0 | 2 | 0 | 2 messages were accepted and stored but not pushed |
        | ✅ pass | failures.ratio &lt; 0.5% | 0.209% | 0.5% |  |
        | ✅ pass | arrivals.missed &lt;= 10 | 7 | 10 |  |
        | ⚠️ cannot be told | history.response.p99 &lt; 1s | no samples | 1 s | the operation never succeeded |
        | ⚠️ warning | publish.service.p99 over 10s during "hold-1" &lt; 300ms | 352 ms | 300 ms | at 5:05–5:15 of hold-1: 52.0 ms above the limit |

        ### Operations

        | operation | started | ok | failed | open | rate | p50 | p95 | p99 | p99.9 | max |
        |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
        | connect | 193 | 193 | 0 | 0 | 0.322/s | 3.40 ms | 86.1 ms | 258 ms | 374 ms | 374 ms |
        | login | 193 | 193 | 0 | 0 | 0.322/s | 6.20 ms | 157 ms | 470 ms | 682 ms | 682 ms |
        | subscribe | 276 | 275 | 1 | 0 | 0.458/s | 2.30 ms | 58.2 ms | 174 ms | 268 ms | 268 ms |
        | publish | 20 708 | 20 664 | 43 | 1 | 34.4/s | 4.10 ms | 104 ms | 311 ms | 515 ms | 617 ms |
        | leave | 186 | 186 | 0 | 0 | 0.310/s | 1.15 ms | 29.1 ms | 87.2 ms | 126 ms | 126 ms |
        | upload | 1 246 | 1 244 | 2 | 0 | 2.07/s | 61.0 ms | 1.54 s | 4.63 s | 7.66 s | 8.27 s |
        | download | 969 | 965 | 4 | 0 | 1.61/s | 34.0 ms | 861 ms | 2.58 s | 4.27 s | 4.53 s |
        | disconnect | 168 | 168 | 0 | 0 | 0.280/s | 310 µs | 7.85 ms | 23.5 ms | 33.2 ms | 33.2 ms |

        Response time of successes, from when the work was due.

        ### Failures

        - publish rejected(503), 29 times, from 5:06 to 5:52: <code>{"ctrl":{"id":"…","code":503,"text":"too many requests"}}</code>
        - publish timed\_out, 14 times, from 4:58 to 6:01: <code>no reply within 10 s, topic p2p \`1001\`–\`1002\`</code>
        - upload timed\_out, 3 times, from 5:11 to 5:40
        - connect upgrade(502), 1 time, at 5:31: <code>HTTP/1.1 502 Bad Gateway</code>

        ### Delivery

        **64 328 expected = 64 280 delivered + 2 lost + 46 excused**

        duplicated 1 · reordered 0 · phantom 0 · corrupted 0 · misdelivered 0 · late 12 · foreign 0

        Delivery time p50 5.20 ms · p99 399 ms · max 798 ms

        late replies 9

        <sub>pbxload 0.1.0 · scenario 9f2c4e7ab1d05836</sub>
        "##);
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
            let first = rows.next().expect("a header");
            assert!(rows.all(|columns| columns == first), "{table}");
        }
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(text("a|b `c` <i>@d</i>\n[x](y)"), "a\\|b \\`c\\` &lt;i&gt;&#64;d&lt;/i&gt;\\\\n\\[x\\](y)");
    }
}
