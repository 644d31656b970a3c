//! Gates: bounds on figures of a run, and the verdict that follows from them.
//!
//! `publish.response.p99 < 250ms` names a figure of the table in `figures.rs`, compares it and gives the limit its unit.
//! A gate that cannot be told, for want of samples or because nothing was measured, never passes. Knows results and
//! operations' names, and nothing of how a run is made. Start reading at [`Gate`], then at [`judge`].

mod error;
mod evaluate;
mod facts;
mod figures;
mod limit;
mod parse;
mod quantity;
#[cfg(test)]
mod tests;
mod verdict;

use std::fmt;

pub use error::GateError;
pub use evaluate::evaluate;
pub use facts::ScenarioFacts;
pub use figures::{Figure, FigureDescription, catalogue};
pub use limit::{Decimal, Limit, Unit};
pub use quantity::{Quantity, Statistic};
pub use verdict::{judge, verdict};

/// One bound on one figure.
#[derive(Debug, Clone)]
pub struct Gate {
    figure: Figure,
    comparison: Comparison,
    limit: Limit,
    severity: Severity,
    /// As in the scenario.
    written: String,
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

/// What a gate that does not hold leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Severity {
    /// The run fails.
    #[default]
    Require,
    /// The results carry a warning.
    Warn,
}

impl Gate {
    /// A gate made of its parts. `None` when the limit's unit does not fit the figure.
    pub fn new(figure: Figure, comparison: Comparison, limit: Limit) -> Option<Gate> {
        if !figure.quantity().units().contains(&limit.unit) {
            return None;
        }
        let written = format!("{figure} {comparison} {limit}");
        Some(Gate { figure, comparison, limit, severity: Severity::Require, written })
    }

    /// The same gate with another consequence.
    pub fn with_severity(mut self, severity: Severity) -> Gate {
        self.severity = severity;
        self
    }

    /// The figure that is bounded.
    pub fn figure(&self) -> &Figure {
        &self.figure
    }

    /// Samples that its figure needs to say anything, when it is read off a histogram.
    pub fn samples_min(&self) -> Option<u64> {
        self.figure.statistic().map(Statistic::samples_min)
    }

    /// What it leads to.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The expression as in the scenario.
    pub fn written(&self) -> &str {
        &self.written
    }
}

/// The same meaning, however it was written.
impl PartialEq for Gate {
    fn eq(&self, other: &Gate) -> bool {
        let meaning = |gate: &Gate| (gate.comparison, gate.limit, gate.severity);
        meaning(self) == meaning(other) && self.figure == other.figure
    }
}

/// In one form, whatever the blanks of the scenario.
impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.figure, self.comparison, self.limit)
    }
}
