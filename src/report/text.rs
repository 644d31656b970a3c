//! The table that a terminal shows at the end of a run. Colour repeats what the words already say.

use std::io::{self, Write};

use crate::results::{LatencyFigures, OperationFigures, Outcome, Results, Severity};

use super::untrusted::{cut, one_line};
use super::{doubts, drift, events, failures, figures, promises, wording};

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
    /// Columns of the terminal; a table leaves out what does not fit. Taken for at least 60.
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
    failures(results, layout, out)?;
    delivery(results, layout, out)?;
    events(results, layout, out)?;
    own(results, layout, out)?;
    drift(results, layout, out)?;
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
    writeln!(
        out,
        "{}\n",
        cut(&facts.into_iter().filter(|fact| !fact.is_empty()).collect::<Vec<_>>().join(" · "), layout.columns)
    )
}

/// A column of the table of operations: its name and its cell.
type Column = (&'static str, fn(&OperationFigures) -> String);

const STARTED: Column = ("started", |operation| figures::count(operation.started));
const OK: Column = ("ok", |operation| figures::count(operation.ok));
const FAILED: Column = ("failed", |operation| figures::count(operation.failed));
const OPEN: Column = ("open", |operation| figures::count(operation.open));
const RATE: Column = ("rate", |operation| figures::rate(operation.rate_per_s));
const P50: Column = ("p50", |operation| time(&operation.response_us, |response| response.p50));
const P95: Column = ("p95", |operation| time(&operation.response_us, |response| response.p95));
const P99: Column = ("p99", |operation| time(&operation.response_us, |response| response.p99));
const P999: Column = ("p99.9", |operation| time(&operation.response_us, |response| response.p999));
const MAX: Column = ("max", |operation| time(&operation.response_us, |response| response.max));
const LAG: Column = ("lag p99", |operation| time(&operation.lag_us, |lag| lag.p99));

/// Choices of columns: the first whose table fits the terminal is taken, or the last.
const COLUMNS: [&[Column]; 3] = [
    &[STARTED, OK, FAILED, OPEN, RATE, P50, P95, P99, P999, MAX, LAG],
    &[STARTED, FAILED, OPEN, RATE, P50, P95, P99, P999, MAX],
    &[OK, FAILED, P50, P99, MAX],
];

fn operations(results: &Results, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    if results.operations.is_empty() {
        return writeln!(out, "no operation was carried out\n");
    }
    let mut lines = Vec::new();
    for columns in COLUMNS {
        lines = table(results, columns);
        if lines.iter().all(|line| line.chars().count() <= layout.columns) {
            break;
        }
    }
    lines.iter().try_for_each(|line| writeln!(out, "{}", line.trim_end()))?;
    writeln!(out)
}

fn table(results: &Results, columns: &[Column]) -> Vec<String> {
    let names = columns.iter().map(|(name, _)| (*name).to_owned());
    let mut rows: Vec<Vec<String>> = vec![std::iter::once("operation".to_owned()).chain(names).collect()];
    for (name, operation) in wording::in_order(results) {
        let cells = columns.iter().map(|(_, cell)| cell(operation));
        rows.push(std::iter::once(cut(name, 16)).chain(cells).collect());
    }
    let widths = widths(&rows);
    rows.iter().map(|row| padded(row, &widths)).collect()
}

fn time(latency: &LatencyFigures, pick: fn(&LatencyFigures) -> u64) -> String {
    if latency.count == 0 { figures::NO_FIGURE.to_owned() } else { figures::micros(pick(latency)) }
}

fn delivery(results: &Results, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    let delivery = &results.delivery;
    let broken = delivery.lost > 0;
    let balance = wording::balance(results);
    section("deliveries", &if broken { layout.red(&balance) } else { balance }, out)?;
    let irregular = wording::irregular(results).map(|(word, count)| format!("{word} {}", figures::count(count)));
    list("", &irregular, layout, out)?;
    section("", &latency_line(&delivery.delivery_us), out)?;
    let places: Vec<_> =
        wording::lost(results).into_iter().map(|(kind, count)| format!("{kind} {}", figures::count(count))).collect();
    if !places.is_empty() {
        list("  lost", &places, layout, out)?;
    }
    let reasons: Vec<_> = delivery
        .excused_by
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(reason, count)| format!("{} {}", one_line(reason), figures::count(*count)))
        .collect();
    if !reasons.is_empty() {
        list("  excused", &reasons, layout, out)?;
    }
    let replies = promises::replies(results);
    if !replies.is_empty() {
        list("  replies", &replies, layout, out)?;
    }
    for promise in promises::broken(results) {
        section("  broken", &layout.yellow(&cut(&promises::line(promise), 4 * layout.columns)), out)?;
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

/// Events that are told one by one.
const EVENTS_MAX: usize = 5;

/// What the scenario's events did, and when the run was interrupted.
fn events(results: &Results, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    let happenings = events::happenings(results, EVENTS_MAX);
    let mut name = "events";
    for happening in &happenings.shown {
        let line = happening.line();
        section(name, &if happening.is_bad() { layout.yellow(&line) } else { line }, out)?;
        name = "";
    }
    for kind in &happenings.rest {
        section("  others", &kind.line(), out)?;
    }
    Ok(())
}

/// The first example of each kind of failure.
fn failures(results: &Results, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    let (kinds, rest) = failures::kinds(results);
    let mut name = "failures";
    for kind in kinds {
        section(name, &cut(&kind.says, layout.columns - NAME_WIDTH), out)?;
        if !kind.example.is_empty() {
            section("", &format!("  {}", cut(&kind.example, 2 * (layout.columns - NAME_WIDTH - 2))), out)?;
        }
        name = "";
    }
    if !rest.is_empty() {
        section("", &rest, out)?;
    }
    Ok(())
}

/// The target's own figures.
fn own(results: &Results, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    let note = wording::scrapes(results);
    if !note.is_empty() {
        section("target", &note, out)?;
    }
    for line in wording::own_lines(results) {
        section("", &cut(&line, layout.columns - NAME_WIDTH), out)?;
    }
    Ok(())
}

/// What drifted; nothing on a run too short to tell, which the page says.
fn drift(results: &Results, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    if !drift::is_told(results) {
        return Ok(());
    }
    let drifts = drift::drifts(results);
    section("drift", &drifts.summary, out)?;
    for line in &drifts.drifting {
        section("  drifting", &layout.yellow(&one_line(line)), out)?;
    }
    Ok(())
}

fn generator(results: &Results, layout: Layout, out: &mut impl Write) -> io::Result<()> {
    let generator = &results.generator;
    let lag = match generator.lag_us.count {
        0 => figures::NO_SAMPLES.to_owned(),
        _ => format!("p99 {}", figures::micros(generator.lag_us.p99)),
    };
    let facts = [
        figures::counted(u64::from(generator.workers), "worker"),
        format!("cpu {}", figures::seconds(generator.cpu_s)),
        format!("memory {}", figures::bytes(generator.rss_bytes_max)),
        format!("own lag {lag}"),
    ];
    list("generator", &facts, layout, out)?;
    if let Some(bottleneck) = wording::bottleneck(generator) {
        let tolerated = if generator.tolerated_share.is_some() { ": tolerated" } else { "" };
        section("", &layout.yellow(&format!("was the bottleneck {bottleneck}{tolerated}")), out)?;
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
                    Some(false) if gate.severity == Severity::Require => layout.red(word),
                    Some(false) => layout.yellow(word),
                    None => layout.yellow(word),
                };
                (coloured, one_line(&wording::remark(gate)))
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

/// Width of the names at the left.
const NAME_WIDTH: usize = 12;

fn section(name: &str, line: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{name:<NAME_WIDTH$}{line}")
}

/// Items with dots between them, on as many lines as they need.
fn list(name: &str, items: &[String], layout: Layout, out: &mut impl Write) -> io::Result<()> {
    let (mut name, mut line) = (name, String::new());
    for item in items {
        let width = NAME_WIDTH + line.chars().count() + 3 + item.chars().count();
        if !line.is_empty() && width > layout.columns {
            section(name, &line, out)?;
            (name, line) = ("", String::new());
        }
        if !line.is_empty() {
            line.push_str(" · ");
        }
        line.push_str(item);
    }
    section(name, &line, out)
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Rows as lines of a table.
pub(super) fn table_lines(rows: &[Vec<String>]) -> Vec<String> {
    let widths = widths(rows);
    // The last column is words.
    let line = |row: &Vec<String>| match row.split_last() {
        Some((last, cells)) => format!("{}  {last}", padded(cells, &widths)),
        None => String::new(),
    };
    rows.iter().map(line).collect()
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

    pub(super) fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(super) fn red(self, text: &str) -> String {
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
        write(results, layout, &mut out).expect("memory takes it");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_failed_run_on_a_terminal() {
        insta::assert_snapshot!(text_of(&fixture::rich(), Layout::default()), @r##"
        friday-morning
        wss://pbx.staging.example.com:8887 · 200 users · 10 min of load · seed 42 · 2026-05-08 09:12:03 UTC

        operation   started  failed  open     rate      p50      p95      p99    p99.9      max
        connect         193       0     0  0.322/s  3.40 ms  86.1 ms   258 ms   374 ms   374 ms
        login           193       0     0  0.322/s  6.20 ms   157 ms   470 ms   682 ms   682 ms
        subscribe       276       1     0  0.458/s  2.30 ms  58.2 ms   174 ms   268 ms   268 ms
        publish      20 708      43     1   34.4/s  4.10 ms   104 ms   311 ms   515 ms   617 ms
        leave           186       0     0  0.310/s  1.15 ms  29.1 ms  87.2 ms   126 ms   126 ms
        upload        1 246       2     0   2.07/s  61.0 ms   1.54 s   4.63 s   7.66 s   8.27 s
        download        969       4     0   1.61/s  34.0 ms   861 ms   2.58 s   4.27 s   4.53 s
        disconnect      168       0     0  0.280/s   310 µs  7.85 ms  23.5 ms  33.2 ms  33.2 ms

        failures    publish rejected(503), 29 times, from 5:06 to 5:52
                      {"ctrl":{"id":"…","code":503,"text":"too many requests"}}
                    publish timed_out, 14 times, from 4:58 to 6:01
                      no reply within 10 s, topic p2p `1001`–`1002`
                    upload timed_out, 3 times, from 5:11 to 5:40
                    connect upgrade(502), 1 time, at 5:31
                      HTTP/1.1 502 Bad Gateway
        deliveries  64 328 expected = 64 280 delivered + 2 lost + 46 excused
                    duplicated 1 · reordered 0 · phantom 0 · corrupted 0 · misdelivered 0 · late 12
                    foreign 0
                    delivery time p50 5.20 ms · p95 134 ms · p99 399 ms · max 798 ms
          excused   connection lost 6 · raced with a detach 9 · raced with an attach 31
          replies   late replies 9
        arrivals    20 664 planned = 20 657 started + 7 missed
        generator   2 workers · cpu 1 min 21 s · memory 59.0 MiB · own lag p99 241 µs

              gate                                                  measured   limit
        FAIL  publish.response.p99 < 250ms                            311 ms  250 ms  24% over the limit
        PASS  delivery.p99 < 500ms                                    399 ms  500 ms
        FAIL  delivery.lost == 0                                           2       0  2 messages were accepted and stored but not pushed
        PASS  failures.ratio < 0.5%                                   0.209%    0.5%
        PASS  arrivals.missed <= 10                                        7      10
        ----  history.response.p99 < 1s                           no samples     1 s  the operation never succeeded
        WARN  publish.service.p99 over 10s during "hold-1" < 30…      352 ms  300 ms  at 5:05–5:15 of hold-1: 52.0 ms above the limit

        warning: no interval was recorded from 6:42 to 6:48: the generator was suspended for 6 s
        FAIL: 2 of 6 required gates did not hold
          - `publish.response.p99 < 250ms` did not hold: 311 ms
          - `delivery.lost == 0` did not hold: 2
        "##);
    }

    #[test]
    fn an_empty_run_on_a_narrow_terminal() {
        let narrow = Layout { columns: 40, ..Layout::default() };
        insta::assert_snapshot!(text_of(&Results::default(), narrow), @r##"

        0 users · 0 s of load · seed 0 · –

        no operation was carried out

        deliveries  0 expected = 0 delivered + 0 lost + 0 excused
                    duplicated 0 · reordered 0 · phantom 0
                    corrupted 0 · misdelivered 0 · late 0
                    foreign 0
                    delivery time: no samples
        generator   0 workers · cpu 0 s · memory 0 B
                    own lag no samples

        NO VERDICT: this run cannot say whether the target is good enough
        "##);
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
