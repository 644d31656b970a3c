//! The table that a terminal shows at the end of a run. Colour repeats what the words already say.

use std::io::{self, Write};

use crate::results::{LatencyFigures, Outcome, Results};

use super::untrusted::{cut, one_line};
use super::{doubts, figures, wording};

/// Whether the terminal gets colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// ANSI escape sequences.
    Ansi,
    /// Characters only: pipes, files, `NO_COLOR`.
    None,
}

/// How the summary is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Whether it is coloured.
    pub colour: Colour,
    /// Columns of the terminal; tables leave columns out below 100, and nothing is narrower than 60.
    pub columns: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Layout { colour: Colour::None, columns: 100 }
    }
}

/// Writes the summary: operations, delivery, generator, gates, and the verdict last, where the eye is.
pub fn write(results: &Results, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    let layout = Layout { columns: layout.columns.max(60), ..layout };
    header(results, layout, out)?;
    operations(results, layout, out)?;
    delivery(results, layout, out)?;
    generator(results, layout, out)?;
    gates(results, layout, out)?;
    verdict(results, layout, out)
}

fn header(results: &Results, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    let run = &results.run;
    writeln!(out, "{}", layout.bold(&cut(&run.name, layout.columns)))?;
    let facts = [
        one_line(&run.target),
        figures::counted(results.users.peak, "user"),
        format!("{} of load", figures::seconds(run.load_s)),
        format!("seed {}", run.seed),
        figures::instant(&run.started_at),
    ];
    writeln!(out, "{}\n", cut(&facts.join(" · "), layout.columns))
}

fn operations(results: &Results, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    if results.operations.is_empty() {
        return writeln!(out, "no operation was carried out\n");
    }
    let wide = layout.columns >= 100;
    let mut rows = vec![if wide {
        strings(&["operation", "started", "failed", "open", "rate", "p50", "p95", "p99", "p99.9", "max"])
    } else {
        strings(&["operation", "ok", "failed", "p50", "p99", "max"])
    }];
    for (name, operation) in &results.operations {
        let [started, ok, failed, open] =
            [operation.started, operation.ok, operation.failed, operation.open].map(figures::count);
        let mut row = vec![cut(name, 16)];
        row.extend(if wide {
            vec![started, failed, open, figures::rate(operation.rate_per_s)]
        } else {
            vec![ok, failed]
        });
        row.extend(response_cells(&operation.response_us, wide));
        rows.push(row);
    }
    aligned(&rows, out)?;
    writeln!(out)
}

fn response_cells(response: &LatencyFigures, wide: bool) -> Vec<String> {
    let LatencyFigures { count, p50, p95, p99, p999, max, .. } = response;
    let values = if wide { vec![p50, p95, p99, p999, max] } else { vec![p50, p99, max] };
    let cell = |value: &&u64| if *count == 0 { figures::NO_FIGURE.to_owned() } else { figures::micros(**value) };
    values.iter().map(cell).collect()
}

fn delivery(results: &Results, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    let delivery = &results.delivery;
    let broken = delivery.lost > 0;
    let balance = wording::balance(results);
    section("deliveries", &if broken { layout.red(&balance) } else { balance }, out)?;
    let irregular = wording::irregular(results).map(|(word, count)| format!("{word} {}", figures::count(count)));
    section("", &irregular.join(" · "), out)?;
    section("", &latency_line(&delivery.delivery_us), out)?;
    let reasons: Vec<_> = delivery
        .excused_by
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(reason, count)| format!("{} {}", one_line(reason), figures::count(*count)))
        .collect();
    if !reasons.is_empty() {
        section("", &format!("excused: {}", reasons.join(" · ")), out)?;
    }
    let arrivals = &results.arrivals;
    if arrivals.planned > 0 {
        let [planned, started, missed] = [arrivals.planned, arrivals.started, arrivals.missed].map(figures::count);
        section("arrivals", &format!("{planned} planned = {started} started + {missed} missed"), out)?;
    }
    Ok(())
}

fn latency_line(latency: &LatencyFigures) -> String {
    if latency.count == 0 {
        return format!("delivery time: {}", figures::NO_SAMPLES);
    }
    let [p50, p95, p99, max] = [latency.p50, latency.p95, latency.p99, latency.max].map(figures::micros);
    format!("delivery time p50 {p50} · p95 {p95} · p99 {p99} · max {max}")
}

fn generator(results: &Results, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    let generator = &results.generator;
    let lag = match generator.lag_us.count {
        0 => figures::NO_SAMPLES.to_owned(),
        _ => format!("p99 {}", figures::micros(generator.lag_us.p99)),
    };
    let line = format!(
        "{} · cpu {} · memory {} · own lag {lag}",
        figures::counted(u64::from(generator.workers), "worker"),
        figures::seconds(generator.cpu_s),
        figures::bytes(generator.rss_bytes_max),
    );
    section("generator", &line, out)?;
    if let Some(from_s) = generator.saturated_from {
        let line = format!("was the bottleneck from {} on", figures::position(from_s));
        section("", &layout.yellow(&line), out)?;
    }
    writeln!(out)
}

fn gates(results: &Results, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    if results.gates.is_empty() {
        return Ok(());
    }
    let mut rows = vec![strings(&["gate", "measured", "limit", ""])];
    for gate in &results.gates {
        let name = cut(&gate.gate, layout.columns.saturating_sub(50));
        rows.push(vec![name, one_line(wording::measured(gate)), one_line(&gate.limit), String::new()]);
    }
    let widths = widths(&rows);
    for (index, row) in rows.iter().enumerate() {
        // Padded before it is coloured: an escape sequence has a length but no width.
        let (word, note) = match index.checked_sub(1).map(|gate| &results.gates[gate]) {
            None => ("    ".to_owned(), String::new()),
            Some(gate) => {
                let word = wording::gate(gate);
                let coloured = match gate.passed {
                    Some(true) => layout.green(word),
                    Some(false) => layout.red(word),
                    None => layout.yellow(word),
                };
                (coloured, one_line(&gate.note))
            }
        };
        let line = format!("{word}  {}  {note}", padded(&row[..3], &widths));
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)
}

fn verdict(results: &Results, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    for doubt in doubts::of(results) {
        writeln!(out, "{} {}", layout.yellow("warning:"), one_line(&doubt))?;
    }
    let word = wording::outcome(results.verdict.outcome).to_uppercase();
    let coloured = match results.verdict.outcome {
        Outcome::Pass => layout.green(&word),
        Outcome::Fail => layout.red(&word),
        Outcome::NoVerdict => layout.yellow(&word),
    };
    writeln!(out, "{coloured}: {}", wording::verdict(results))?;
    for reason in &results.verdict.reasons {
        writeln!(out, "  - {}", one_line(reason))?;
    }
    Ok(())
}

fn section(name: &str, line: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{name:<12}{line}")
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn aligned(rows: &[Vec<String>], out: &mut impl Write) -> io::Result<()> {
    let widths = widths(rows);
    rows.iter().try_for_each(|row| writeln!(out, "{}", padded(row, &widths).trim_end()))
}

fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column| {
        rows.iter().filter_map(move |row: &Vec<String>| row.get(column)).map(|cell: &String| cell.chars().count())
    };
    (0..columns).map(|column| width(column).max().unwrap_or(0)).collect()
}

/// The first column to the left, figures to the right.
fn padded(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
        0 => format!("{cell:<width$}"),
        _ => format!("{cell:>width$}"),
    });
    cells.collect::<Vec<_>>().join("  ")
}

impl Layout {
    fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self.colour {
            Colour::Ansi => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Colour::None => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn text_of(results: &Results, layout: Layout) -> String {
        let mut out = Vec::new();
        write(results, layout, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_failed_run_on_a_terminal() {
        insta::assert_snapshot!(text_of(&fixture::rich(), Layout::default()));
    }

    #[test]
    fn an_empty_run_on_a_narrow_terminal() {
        let narrow = Layout { columns: 40, ..Layout::default() };
        insta::assert_snapshot!(text_of(&Results::default(), narrow));
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let coloured = text_of(&fixture::rich(), Layout { colour: Colour::Ansi, ..Layout::default() });
        let mut plain = coloured.clone();
        for code in ["[1;31m", "[32m", "[33m", "[1m", "[0m"] {
            plain = plain.replace(&format!("\u{1b}{code}"), "");
        }
        assert_ne!(coloured, plain);
        assert_eq!(plain, text_of(&fixture::rich(), Layout::default()));
    }

    #[test]
    fn tables_fit_their_terminal() {
        for columns in [60, 80, 100, 140] {
            let text = text_of(&fixture::rich(), Layout { columns, ..Layout::default() });
            let table = text.lines().skip(3).take_while(|line| !line.is_empty());
            assert!(table.clone().count() > 3);
            for line in table {
                assert!(line.chars().count() <= columns, "{columns}: {line}");
            }
        }
    }

    #[test]
    fn servers_cannot_write_escape_sequences() {
        assert!(!text_of(&fixture::hostile(), Layout::default()).contains('\u{1b}'));
    }
}
