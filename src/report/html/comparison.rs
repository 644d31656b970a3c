//! The pages of a comparison and of a trend, in the style of the report.

use std::io::{self, Write};

use askama::Template;

use super::chart::{Axis, Chart, Hover, Point, Region, RegionKind, Shape, Unit};
use super::figure::{Fact, Figure, Key};
use crate::compare::{CURVE_QUANTILES, Call, Comparison, FigureTrend, Kind, Side, Trend};
use crate::report::comparison::{cells_of, in_order, kind_of, sentence, told, value};
use crate::report::figures;
use crate::report::untrusted::VisibleText;

#[derive(Template)]
#[template(path = "comparison.html")]
struct ComparisonPage<'a> {
    comparison: &'a Comparison,
    class: &'static str,
    word: String,
    sentence: String,
    sides: Vec<SideFacts>,
    rows: Vec<Row<'a>>,
    curves: Vec<Figure>,
}

struct SideFacts {
    name: &'static str,
    facts: Vec<Fact>,
}

struct Row<'a> {
    class: &'static str,
    figure: &'a str,
    call: &'static str,
    cells: [String; 4],
    note: &'a str,
}

#[derive(Template)]
#[template(path = "trend.html")]
struct TrendPage<'a> {
    trend: &'a Trend,
    facts: Vec<Fact>,
    changes: Vec<(String, String, &'static str)>,
    charts: Vec<Figure>,
}

/// Writes the page of a comparison.
pub(in crate::report) fn write_comparison(comparison: &Comparison, out: &mut impl Write) -> io::Result<()> {
    let rows = in_order(comparison).into_iter().map(|difference| Row {
        class: class(difference.call),
        figure: &difference.figure,
        call: difference.call.word(),
        cells: cells_of(difference),
        note: &difference.note,
    });
    let word = comparison.call.word();
    let page = ComparisonPage {
        comparison,
        class: class(comparison.call),
        word: format!("{}{}", word[..1].to_uppercase(), &word[1..]),
        sentence: sentence(comparison),
        sides: vec![
            SideFacts { name: "Baseline", facts: facts(&comparison.baseline) },
            SideFacts { name: "Compared", facts: facts(&comparison.runs) },
        ],
        rows: rows.collect(),
        curves: curves(comparison),
    };
    render(&page, out)
}

fn render(page: &impl Template, out: &mut impl Write) -> io::Result<()> {
    let mut text = VisibleText::default();
    page.render_into(&mut text).map_err(io::Error::other)?;
    out.write_all(text.into_string().as_bytes())
}

fn class(call: Call) -> &'static str {
    match call {
        Call::Worse => "fail",
        Call::Better | Call::Same => "pass",
        Call::CannotTell => "none",
    }
}

fn facts(side: &Side) -> Vec<Fact> {
    let runs: Vec<String> = side.runs.iter().map(|(id, at, _)| format!("{} ({id})", figures::instant(at))).collect();
    let version = side.runs.last().map_or("", |(_, _, version)| version.as_str());
    vec![
        Fact::new("From", side.name.as_str()),
        Fact::new("Scenario", side.scenario.as_str()).noted(format!("load {}", side.load_hash)),
        Fact::new("Target", side.target.as_str()),
        Fact::new("Machine", side.machine.as_str()),
        Fact::new("Runs", runs.join(", ")),
        Fact::new("Version", version),
    ]
}

/// A chart for each time that both sides have a curve of.
fn curves(comparison: &Comparison) -> Vec<Figure> {
    let other = &comparison.runs.curves;
    let both = comparison.baseline.curves.iter().filter_map(|(name, one)| Some((name, one, other.get(name)?)));
    both.filter(|(_, one, other)| one.len() > 1 && other.len() > 1)
        .map(|(name, one, other)| overlaid(name, one, other))
        .collect()
}

fn overlaid(name: &str, one: &[f64], other: &[f64]) -> Figure {
    let all = || one.iter().chain(other).map(|us| us.max(1.0) as u64);
    let (min, max) = (all().min().unwrap_or(1), all().max().unwrap_or(1));
    let points = |curve: &[f64]| -> Vec<Point> {
        CURVE_QUANTILES.iter().zip(curve).map(|(quantile, us)| Point { x: *quantile, y: Some(*us) }).collect()
    };
    let last = CURVE_QUANTILES[one.len().max(other.len()).min(CURVE_QUANTILES.len()) - 1];
    let hovers =
        CURVE_QUANTILES.windows(2).zip(one.windows(2).zip(other.windows(2))).map(|(places, (one, other))| Hover {
            from: places[0],
            to: places[1],
            text: format!(
                "p{}\nbaseline {}\ncompared {}",
                places[1] * 100.0,
                figures::micros(one[1] as u64),
                figures::micros(other[1] as u64)
            ),
        });
    let chart = Chart {
        title: name.to_owned(),
        description: format!("From {} to {}.", figures::micros(min), figures::micros(max)),
        x: Axis::quantiles((1.0 / (1.0 - last)).round() as u64),
        y: Axis::log_micros(min, max),
        regions: Vec::new(),
        names: false,
        shapes: vec![
            Shape::Line { class: "s1".to_owned(), points: points(one) },
            Shape::Line { class: "s2".to_owned(), points: points(other) },
        ],
        hovers: hovers.collect(),
    };
    Figure::of(
        &chart,
        "by percentile, log scale".to_owned(),
        vec![Key::new("s1", "baseline"), Key::new("s2", "compared")],
    )
}

/// Writes the page of a trend.
pub(in crate::report) fn write_trend(trend: &Trend, out: &mut impl Write) -> io::Result<()> {
    let changes = trend.figures.iter().flat_map(|figure| {
        let class = |is_worse| if is_worse { "fail" } else { "pass" };
        figure
            .changes
            .iter()
            .map(move |change| (figure.figure.clone(), told(trend, figure, change), class(change.is_worse)))
    });
    let mut drawn: Vec<&FigureTrend> =
        trend.figures.iter().filter(|figure| figure.values.iter().flatten().count() > 1).collect();
    drawn.sort_by_key(|figure| figure.changes.is_empty());
    let page = TrendPage {
        trend,
        facts: vec![
            Fact::new("Target", trend.target.as_str()),
            Fact::new("Machine", trend.machine.as_str()),
            Fact::new("Runs", figures::count(trend.runs.len() as u64)),
            Fact::new("From", trend.runs.first().map_or(String::new(), |run| figures::instant(&run.at))),
            Fact::new("To", trend.runs.last().map_or(String::new(), |run| figures::instant(&run.at))),
        ],
        changes: changes.collect(),
        charts: drawn.into_iter().map(|figure| over_runs(trend, figure)).collect(),
    };
    render(&page, out)
}

fn over_runs(trend: &Trend, figure: &FigureTrend) -> Figure {
    let kind = kind_of(&figure.figure);
    let scale = if kind == Kind::Share { 100.0 } else { 1.0 };
    let (unit, note) = match kind {
        Kind::Time => (Unit::Micros, "by run"),
        Kind::Rate => (Unit::Count, "per second, by run"),
        Kind::Share => (Unit::Percent, "by run"),
    };
    let points = figure.values.iter().enumerate();
    let points: Vec<Point> =
        points.map(|(at, value)| Point { x: (at + 1) as f64, y: value.map(|value| value * scale) }).collect();
    let max = points.iter().filter_map(|point| point.y).fold(0.0, f64::max);
    let bounds: Vec<usize> = figure.changes.iter().map(|change| change.run).chain([figure.values.len()]).collect();
    let level = |(index, change): (usize, &crate::compare::Change)| -> Vec<Point> {
        let ends = [change.run + 1, bounds[index + 1]];
        ends.map(|at| Point { x: at as f64, y: Some(change.after * scale) }).into()
    };
    let mut shapes: Vec<Shape> = figure
        .changes
        .iter()
        .enumerate()
        .map(level)
        .map(|points| Shape::Line { class: "s2".to_owned(), points })
        .collect();
    shapes.push(Shape::Line { class: "s1".to_owned(), points });
    let region = |change: &crate::compare::Change| Region {
        from: change.run as f64 + 0.5,
        to: figure.values.len() as f64 + 0.5,
        label: if change.is_worse { "worse" } else { "better" }.to_owned(),
        kind: RegionKind::Mark,
    };
    let hovers = figure.values.iter().zip(&trend.runs).enumerate().filter_map(|(at, (found, run))| {
        let text = format!("{}\n{}\n{}", figures::instant(&run.at), run.id, value(kind, (*found)?));
        Some(Hover { from: at as f64 + 0.5, to: at as f64 + 1.5, text })
    });
    let chart = Chart {
        title: figure.figure.clone(),
        description: format!("{} runs, {} changes.", figure.values.len(), figure.changes.len()),
        x: Axis::runs(figure.values.len()),
        y: Axis::linear(max, unit),
        regions: figure.changes.iter().map(region).collect(),
        names: false,
        shapes,
        hovers: hovers.collect(),
    };
    let mut legend = vec![Key::new("s1", "run")];
    if !figure.changes.is_empty() {
        legend.push(Key::new("s2", "level since a change"));
    }
    Figure::of(&chart, note.to_owned(), legend)
}
