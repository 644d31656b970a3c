//! The table: figure, measured, bar, how they compare.

use std::fmt;

/// What a figure has to be.
#[derive(Debug, Clone, Copy)]
pub enum Bar {
    AtMost(f64),
    AtLeast(f64),
    /// For information.
    None,
}

#[derive(Debug)]
struct Row {
    figure: String,
    measured: Vec<f64>,
    unit: &'static str,
    bar: Bar,
}

/// Figures in the order in which they were measured.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Row>,
    /// Tiny runs are held to no bar.
    is_unjudged: bool,
}

impl Table {
    /// No figure yet.
    pub fn new(is_unjudged: bool) -> Table {
        Table { rows: Vec::new(), is_unjudged }
    }

    /// Adds a figure: its values in several runs, of which the median counts.
    pub fn add(&mut self, figure: impl Into<String>, measured: &[f64], unit: &'static str, bar: Bar) {
        let bar = if self.is_unjudged { Bar::None } else { bar };
        let row = Row { figure: figure.into(), measured: measured.to_vec(), unit, bar };
        eprintln!("  {row}");
        self.rows.push(row);
    }
}

/// The middle value; of two, their mean.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

/// Four significant digits at most, thousands apart.
fn number(value: f64) -> String {
    let places = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.places$}");
    let (whole, part) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && digit.is_ascii_digit() {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + part
}

/// Nothing of a bar of 0, which has none.
fn ratio(measured: f64, bar: f64) -> String {
    if bar == 0.0 { String::new() } else { number(measured / bar) }
}

impl Row {
    fn cells(&self) -> [String; 6] {
        let median = median(&self.measured);
        let spread = match self.measured.len() {
            1 => String::new(),
            _ => {
                let low = self.measured.iter().copied().fold(f64::INFINITY, f64::min);
                let high = self.measured.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                format!("{}–{}", number(low), number(high))
            }
        };
        let (bar, ratio, met) = match self.bar {
            Bar::AtMost(bar) => (format!("≤ {}", number(bar)), ratio(median, bar), median <= bar),
            Bar::AtLeast(bar) => (format!("≥ {}", number(bar)), ratio(median, bar), median >= bar),
            Bar::None => return [self.figure.clone(), self.with_unit(median), spread, "".into(), "".into(), "".into()],
        };
        let met = if met { "met" } else { "MISSED" };
        [self.figure.clone(), self.with_unit(median), spread, bar, ratio, met.to_owned()]
    }

    fn with_unit(&self, value: f64) -> String {
        format!("{} {}", number(value), self.unit).trim_end().to_owned()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.cells().join(" | ").trim_end_matches([' ', '|']))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["figure", "median", "of all runs", "bar", "ratio to the bar", ""].map(str::to_owned);
        let rows: Vec<[String; 6]> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let widths: [usize; 6] =
            std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
        for (index, row) in rows.iter().enumerate() {
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                let pad = " ".repeat(width - cell.chars().count());
                let cell = if column == 0 { format!("{cell}{pad}") } else { format!("{pad}{cell}") };
                write!(f, "| {cell} ")?;
            }
            writeln!(f, "|")?;
            if index == 0 {
                let rules: Vec<String> = widths.iter().map(|width| "-".repeat(width + 1)).collect();
                writeln!(f, "|{} |{}:|", rules[0], rules[1..].join(":|"))?;
            }
        }
        Ok(())
    }
}
