//! A comparison and a trend for people: a table for the terminal, Markdown, and the words that the pages share.

use std::io::{self, Write};

use super::text::Layout;
use super::untrusted::{cut, one_line};
use super::{figures, text};
use crate::compare::{Call, Comparison, Difference, FigureTrend, Kind, Trend};

/// Writes the table of a comparison: what differs first, the answer last.
pub fn write_text(comparison: &Comparison, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    for (name, side) in [("baseline", &comparison.baseline), ("compared", &comparison.runs)] {
        let runs = figures::counted(side.runs.len() as u64, "run");
        writeln!(
            out,
            "{name}  {} ({runs} of {} on {})",
            one_line(&side.name),
            one_line(&side.scenario),
            one_line(&side.machine)
        )?;
    }
    writeln!(out)?;
    let head = ["figure", "baseline", "compared", "change", "interval", "call"].map(str::to_owned).to_vec();
    let mut rows = vec![head];
    rows.extend(in_order(comparison).iter().map(|difference| row(difference)));
    for (index, line) in text::table_lines(&rows).into_iter().enumerate() {
        let call = index.checked_sub(1).and_then(|index| in_order(comparison).get(index).map(|found| found.call));
        let line = line.trim_end();
        writeln!(
            out,
            "{}",
            match call {
                Some(Call::Worse) => layout.red(line),
                Some(Call::Better) => layout.green(line),
                _ => line.to_owned(),
            }
        )?;
    }
    for skip in &comparison.skipped {
        writeln!(out, "skipped  {}: {}", one_line(&skip.figure), skip.why)?;
    }
    writeln!(out)?;
    for reason in &comparison.reasons {
        writeln!(out, "note  {}", one_line(reason))?;
    }
    let word = comparison.call.word().to_uppercase();
    let word = match comparison.call {
        Call::Worse => layout.red(&word),
        Call::Better | Call::Same => layout.green(&word),
        Call::CannotTell => word,
    };
    writeln!(out, "{word}  {}", sentence(comparison))
}

/// The answer in one sentence.
pub fn sentence(comparison: &Comparison) -> String {
    let parts = [Call::Worse, Call::Better, Call::Same, Call::CannotTell].map(|call| {
        format!("{} {}", comparison.count(call), if call == Call::CannotTell { "cannot be told" } else { call.word() })
    });
    let percent = comparison.limits.confidence * 100.0;
    let all = figures::counted(comparison.figures.len() as u64, "figure");
    format!("of {all}: {}; at {percent}% for all intervals together", parts.join(", "))
}

/// What differs comes first, then in the order of names.
pub(super) fn in_order(comparison: &Comparison) -> Vec<&Difference> {
    let mut order: Vec<&Difference> = comparison.figures.iter().collect();
    let rank = |call: Call| match call {
        Call::Worse => 0,
        Call::Better => 1,
        _ => 2,
    };
    order.sort_by_key(|difference| rank(difference.call));
    order
}

fn row(difference: &Difference) -> Vec<String> {
    let [baseline, run, change, interval] = cells_of(difference);
    let call = match difference.note.is_empty() {
        true => difference.call.word().to_owned(),
        false => format!("{} ({})", difference.call.word(), difference.note),
    };
    vec![cut(&difference.figure, 44), baseline, run, change, interval, call]
}

/// Both values, the change, and its interval.
pub fn cells_of(difference: &Difference) -> [String; 4] {
    let kind = difference.kind;
    let interval = match (difference.low, difference.high) {
        (Some(low), Some(high)) => format!("{} to {}", change(kind, low), change(kind, high)),
        _ => figures::NO_FIGURE.to_owned(),
    };
    [value(kind, difference.baseline), value(kind, difference.run), change(kind, difference.change), interval]
}

/// A value of a kind of figure.
pub(super) fn value(kind: Kind, value: f64) -> String {
    match kind {
        Kind::Time => figures::micros(value.max(0.0) as u64),
        Kind::Rate => figures::rate(value),
        Kind::Share if value == 0.0 => "0%".to_owned(),
        Kind::Share => format!("{}%", digits(value * 100.0)),
    }
}

/// A change: percent, or percentage points of a share.
pub(super) fn change(kind: Kind, change: f64) -> String {
    let sign = if change < 0.0 { "−" } else { "+" };
    let size = digits(change.abs() * 100.0);
    match kind {
        Kind::Share => format!("{sign}{size} pp"),
        _ => format!("{sign}{size}%"),
    }
}

fn digits(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        value if value < 0.001 => format!("{value:.1e}"),
        value if value < 0.1 => format!("{value:.3}"),
        value if value < 10.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

/// Writes a comparison as Markdown.
pub fn write_markdown(comparison: &Comparison, out: &mut impl Write) -> io::Result<()> {
    let cell = |text: &str| one_line(text).replace('|', "\\|").replace('<', "&lt;").replace('`', "'");
    writeln!(out, "## {}: {}\n", cell(&comparison.runs.scenario), comparison.call.word())?;
    writeln!(
        out,
        "`{}` against baseline `{}`; {}\n",
        cell(&comparison.runs.name),
        cell(&comparison.baseline.name),
        sentence(comparison)
    )?;
    comparison.reasons.iter().try_for_each(|reason| writeln!(out, "- {}", cell(reason)))?;
    writeln!(
        out,
        "\n| figure | baseline | compared | change | interval | call | note |\n|---|--:|--:|--:|--:|---|---|"
    )?;
    for difference in in_order(comparison) {
        let [baseline, run, change, interval] = cells_of(difference);
        let (figure, call, note) = (cell(&difference.figure), difference.call.word(), cell(&difference.note));
        writeln!(out, "| `{figure}` | {baseline} | {run} | {change} | {interval} | {call} | {note} |")?;
    }
    for skip in &comparison.skipped {
        writeln!(out, "| `{}` | | | | | skipped | {} |", cell(&skip.figure), cell(&skip.why))?;
    }
    Ok(())
}

/// Writes a comparison, or a trend, as JSON.
pub fn write_json(value: &impl serde::Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

/// Writes a trend for the terminal: a line for each figure, and its changes under it.
pub fn write_trend(trend: &Trend, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    let runs = figures::counted(trend.runs.len() as u64, "run");
    writeln!(
        out,
        "{}  {runs} against {} on {}\n",
        one_line(&trend.scenario),
        one_line(&trend.target),
        one_line(&trend.machine)
    )?;
    trend.left_out.iter().try_for_each(|what| writeln!(out, "left out: {}", one_line(what)))?;
    let width = trend.figures.iter().map(|figure| figure.figure.chars().count()).max().unwrap_or(0).min(44);
    for figure in &trend.figures {
        let kind = kind_of(&figure.figure);
        let latest = figure.values.iter().rev().find_map(|found| *found).unwrap_or(0.0);
        let name = format!("{:<width$}", cut(&figure.figure, 44));
        let line =
            format!("{name}  {}  {}", spark(figure, layout.columns.saturating_sub(width + 14)), value(kind, latest));
        let is_worse = figure.changes.last().is_some_and(|change| change.is_worse);
        writeln!(out, "{}", if is_worse { layout.red(&line) } else { line })?;
        for change in &figure.changes {
            writeln!(out, "{:width$}    {}", "", told(trend, figure, change))?;
        }
    }
    Ok(())
}

/// A change of a trend in words.
pub(super) fn told(trend: &Trend, figure: &FigureTrend, found: &crate::compare::Change) -> String {
    let kind = kind_of(&figure.figure);
    let (id, at) = trend.runs.get(found.run).map_or(("", ""), |run| (run.id.as_str(), run.at.as_str()));
    let (was, is, by) = (value(kind, found.before), value(kind, found.after), change(kind, found.change));
    let word = if found.is_worse { "worse" } else { "better" };
    format!("{word} since {} (run {}): {was} → {is}, {by}", figures::instant(at), one_line(id))
}

/// The kind of a figure of the history, by its name.
pub(super) fn kind_of(figure: &str) -> Kind {
    let statistic = figure.rsplit('.').next().unwrap_or_default();
    match statistic {
        "rate" => Kind::Rate,
        "mean" | "p50" | "p90" | "p95" | "p99" | "p999" => Kind::Time,
        _ => Kind::Share,
    }
}

/// The latest values as blocks of eight heights, `·` where there is none.
fn spark(figure: &FigureTrend, columns: usize) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values = &figure.values[figure.values.len().saturating_sub(columns.max(10))..];
    let known = || values.iter().flatten();
    let (low, high) = (known().copied().fold(f64::MAX, f64::min), known().copied().fold(f64::MIN, f64::max));
    let block = |value: f64| match high > low {
        true => BLOCKS[(((value - low) / (high - low)) * 7.0).round() as usize],
        false => BLOCKS[3],
    };
    values.iter().map(|value| value.map_or('·', block)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_never_rounded_to_nothing() {
        for (kind, size, text) in [
            (Kind::Time, 0.204, "+20%"),
            (Kind::Time, -0.0312, "−3.1%"),
            (Kind::Share, 0.000_04, "+0.004 pp"),
            (Kind::Share, 0.000_000_1, "+1.0e-5 pp"),
            (Kind::Rate, 0.0, "+0%"),
        ] {
            assert_eq!(change(kind, size), text);
        }
    }
}
