//! Gates: bounds on figures of a run, and the verdict that follows from them.
//!
//! `publish.response.p99 over 10s during "hold" < 250ms` names a figure of the table in `figures.rs`, says which part of
//! the run it is about, and compares the worst of it with a bound. A gate that cannot be told, for want of samples or
//! because nothing was measured, never passes. Knows results, records and operations' names, and nothing of how a run is
//! made. Start reading at [`Gate`]; a [`Jury`] hears the records of a run, because windows are not in its results, and
//! judges it at the end. The grammar is in `docs/gates.md`.

mod abort;
mod bound;
mod drift;
mod error;
mod evaluate;
mod facts;
mod figures;
mod jury;
#[cfg(test)]
mod language_tests;
mod limit;
mod parse;
mod parse_bound;
mod percentile;
mod quantity;
mod reading;
mod sound;
mod span;
mod tally;
#[cfg(test)]
mod tests;
mod tolerance;
#[cfg(test)]
mod tolerance_tests;
mod track;
mod verdict;
#[cfg(test)]
mod window_tests;
mod windows;

use std::fmt;
use std::ops::Range;
use std::time::Duration;

pub use abort::AbortRule;
pub use bound::{Baseline, Bound, NoBaseline, Sign, Slack};
pub use error::GateError;
pub use facts::ScenarioFacts;
pub use figures::{Figure, FigureDescription, catalogue};
pub use jury::{Jury, Rules};
pub use limit::{Decimal, Limit, Unit};
pub use percentile::Percentile;
pub use quantity::{Quantity, Statistic};
pub use span::Span;
pub use verdict::verdict;

pub use crate::results::Severity;

/// One bound on one figure.
#[derive(Debug, Clone)]
pub struct Gate {
    figure: Figure,
    /// The worst of all windows of this length is judged.
    window: Option<Duration>,
    /// Only this part of the load counts.
    span: Option<Span>,
    comparison: Comparison,
    bound: Bound,
    min_samples: Option<u64>,
    severity: Severity,
    /// As in the scenario.
    written: String,
    places: Places,
}

/// Where the parts of an expression stand in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Places {
    figure: Range<usize>,
    window: Range<usize>,
    span: Range<usize>,
    bound: Range<usize>,
}

/// How the measured figure is compared with the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Comparison {
    /// Every comparison with its sign.
    pub const ALL: [(Comparison, &'static str); 6] = [
        (Comparison::Less, "<"),
        (Comparison::LessOrEqual, "<="),
        (Comparison::Greater, ">"),
        (Comparison::GreaterOrEqual, ">="),
        (Comparison::Equal, "=="),
        (Comparison::NotEqual, "!="),
    ];

    /// Whether it holds for a measured figure that stands in this order to the limit.
    pub fn holds(self, measured_to_limit: std::cmp::Ordering) -> bool {
        match self {
            Comparison::Less => measured_to_limit.is_lt(),
            Comparison::LessOrEqual => measured_to_limit.is_le(),
            Comparison::Greater => measured_to_limit.is_gt(),
            Comparison::GreaterOrEqual => measured_to_limit.is_ge(),
            Comparison::Equal => measured_to_limit.is_eq(),
            Comparison::NotEqual => measured_to_limit.is_ne(),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = Comparison::ALL.iter().find(|(comparison, _)| comparison == self).map_or("", |(_, sign)| sign);
        f.write_str(sign)
    }
}

impl Gate {
    /// A gate made of its parts. `None` when the limit's unit does not fit the figure.
    pub fn new(figure: Figure, comparison: Comparison, limit: Limit) -> Option<Gate> {
        if !figure.quantity().units().contains(&limit.unit) {
            return None;
        }
        Gate::parse(&format!("{figure} {comparison} {limit}")).ok()
    }

    /// The same gate with another consequence.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity) -> Gate {
        self.severity = severity;
        self
    }

    /// The figure that is bounded.
    pub fn figure(&self) -> &Figure {
        &self.figure
    }

    /// The figure with its window and its span: what a baseline knows it by.
    pub fn measure(&self) -> String {
        let window = self.window.map(|window| format!(" over {}", span::duration_text(window)));
        let span = self.span.as_ref().map(|span| format!(" during {span}"));
        format!("{}{}{}", self.figure, window.unwrap_or_default(), span.unwrap_or_default())
    }

    /// Length of the windows that it looks at, if it looks at windows.
    pub fn window(&self) -> Option<Duration> {
        self.window
    }

    /// Samples that its figure needs to say anything, when it is read off a histogram.
    pub fn samples_min(&self) -> Option<u64> {
        self.figure.statistic().map(|statistic| statistic.samples_min().max(self.min_samples.unwrap_or(0)))
    }

    /// What it leads to.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The expression as in the scenario.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// Whether more of what is measured makes it hold.
    fn wants_more(&self) -> bool {
        matches!(self.comparison, Comparison::Greater | Comparison::GreaterOrEqual)
    }
}

/// The same meaning, however it was written.
impl PartialEq for Gate {
    fn eq(&self, other: &Gate) -> bool {
        let meaning = |gate: &Gate| (gate.window, gate.comparison, gate.bound, gate.min_samples, gate.severity);
        meaning(self) == meaning(other) && self.figure == other.figure && self.span == other.span
    }
}

/// In one form, whatever the blanks of the scenario.
impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.measure(), self.comparison, self.bound)?;
        match self.min_samples {
            Some(count) => write!(f, " min_samples {count}"),
            None => Ok(()),
        }
    }
}
