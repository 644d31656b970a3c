//! What a figure is compared with: a limit as written, or a baseline with some slack.

use std::fmt;

use super::{Decimal, Figure, Limit, Quantity, Unit};
use crate::results::figures;

/// What a figure is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A limit as written.
    Fixed(Limit),
    /// The same figure of an earlier run.
    Baseline(Option<Slack>),
}

/// How far from the baseline a figure may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slack {
    /// Which way.
    pub sign: Sign,
    /// How far.
    pub number: Decimal,
    /// `%` is a part of the baseline; every other unit is an amount.
    pub unit: Unit,
}

/// Above or below the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// `+`
    Plus,
    /// `-`
    Minus,
}

/// Figures of earlier runs, for gates that compare with them.
pub trait Baseline {
    /// What the baseline is called; `None` when there is none at all.
    fn name(&self) -> Option<&str>;
    /// The values of a figure, such as `publish.response.p99` or `publish.response.p99 during "hold"`, one for each run
    /// that makes the baseline, in microseconds, bytes or one; empty when it has none.
    fn values(&self, figure: &str) -> Vec<f64>;
}

/// No baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NoBaseline;

impl Baseline for NoBaseline {
    fn name(&self) -> Option<&str> {
        None
    }

    fn values(&self, _: &str) -> Vec<f64> {
        Vec::new()
    }
}

/// A bound whose baseline is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Resolved {
    Fixed(Limit),
    Baseline { value: f64, limit: f64 },
}

impl Bound {
    /// Looks the baseline up; `Err` says why there is none.
    pub(super) fn resolve(&self, measure: &str, baseline: &dyn Baseline) -> Result<Resolved, String> {
        let slack = match self {
            Bound::Fixed(limit) => return Ok(Resolved::Fixed(*limit)),
            Bound::Baseline(slack) => slack,
        };
        let Some(name) = baseline.name() else {
            return Err("there is no baseline to compare with".to_owned());
        };
        let values = baseline.values(measure);
        let Some(value) = median(values) else {
            return Err(format!("the baseline `{name}` has no `{measure}`"));
        };
        let off = slack.map_or(0.0, |slack| {
            let amount = Limit { number: slack.number, unit: slack.unit }.in_base_unit();
            let amount = if slack.unit == Unit::Percent { amount * value } else { amount };
            if slack.sign == Sign::Plus { amount } else { -amount }
        });
        Ok(Resolved::Baseline { value, limit: value + off })
    }

    /// For people, with the baseline's value where it is known.
    pub(super) fn text(&self, figure: &Figure, resolved: Option<&Resolved>) -> String {
        match (self, resolved) {
            (Bound::Fixed(limit), _) => limit.text(),
            (Bound::Baseline(_), Some(Resolved::Baseline { value, limit })) => {
                let [limit, value] = [*limit, *value].map(|amount| amount_text(amount, figure.quantity()));
                let slack = self.to_string().replacen("baseline", &format!("baseline {value}"), 1);
                format!("{limit} ({slack})")
            }
            (Bound::Baseline(_), _) => self.to_string(),
        }
    }
}

/// The middle of the values; finite ones alone count.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        even if even.is_multiple_of(2) => Some(f64::midpoint(values[middle - 1], values[middle])),
        _ => Some(values[middle]),
    }
}

/// An amount in its base unit, as every report writes it.
pub(super) fn amount_text(amount: f64, quantity: Quantity) -> String {
    let sign = if amount < 0.0 { "−" } else { "" };
    let size = amount.abs();
    let text = match quantity {
        Quantity::Time if size > 0.0 && size < 1.0 => "<1 µs".to_owned(),
        Quantity::Time => figures::micros(size.round() as u64),
        Quantity::Bytes => figures::bytes(size.round() as u64),
        Quantity::Rate => figures::rate(size),
        Quantity::Count => figures::count(size.round() as u64),
        Quantity::Ratio => figures::percent(size * 100.0),
        Quantity::Number => figures::number(size),
        Quantity::Drift => format!("{}%/h", figures::number(size * 100.0)),
        Quantity::DriftOfRatio => format!("{}pp/h", figures::number(size * 100.0)),
    };
    format!("{sign}{text}")
}

/// As in the grammar.
impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Fixed(limit) => limit.fmt(f),
            Bound::Baseline(None) => f.write_str("baseline"),
            Bound::Baseline(Some(Slack { sign, number, unit })) => {
                let sign = if *sign == Sign::Plus { "+" } else { "-" };
                write!(f, "baseline {sign} {}", Limit { number: *number, unit: *unit })
            }
        }
    }
}
