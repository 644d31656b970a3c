//! One comparison: what the simulator did, what the harness reported, and whether the two agree.

use serde::Serialize;

/// What a row counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Things.
    Count,
    /// Microseconds.
    Us,
}

/// When a reported figure agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// Only when it is the injected one.
    Exact,
    /// Between these, both included.
    Within(u64, u64),
    /// From this on.
    AtLeast(u64),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The class of fault.
    pub class: &'static str,
    /// What is counted.
    pub what: String,
    /// The simulator's own figure, or the plan's.
    pub injected: u64,
    /// What the harness reported.
    pub reported: u64,
    /// What both count.
    pub unit: Unit,
    /// When they agree.
    pub bound: Bound,
    /// Which two figures are compared.
    pub compared: String,
    /// Whether a row of nothing proves nothing: the fault has to have happened.
    pub must_occur: bool,
    /// Whether the row is the same for every class; shown only when it is off.
    pub is_common: bool,
}

impl Row {
    /// Whether the harness reported what it should have.
    pub fn agrees(&self) -> bool {
        let is_met = match self.bound {
            Bound::Exact => self.injected == self.reported,
            Bound::Within(low, high) => (low..=high).contains(&self.reported),
            Bound::AtLeast(low) => self.reported >= low,
        };
        is_met && (self.injected > 0 || !self.must_occur)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(injected: u64, reported: u64, bound: Bound, must_occur: bool) -> Row {
        Row {
            class: "lose",
            what: String::new(),
            injected,
            reported,
            unit: Unit::Count,
            bound,
            compared: String::new(),
            must_occur,
            is_common: false,
        }
    }

    #[test]
    fn one_more_or_less_is_no_agreement() {
        assert!(row(7, 7, Bound::Exact, true).agrees());
        assert!(!row(7, 6, Bound::Exact, true).agrees());
        assert!(row(100, 103, Bound::Within(100, 105), true).agrees());
        assert!(!row(100, 99, Bound::AtLeast(100), true).agrees());
    }

    #[test]
    fn a_fault_that_never_happened_proves_nothing() {
        assert!(!row(0, 0, Bound::Exact, true).agrees());
        assert!(row(0, 0, Bound::Exact, false).agrees());
    }
}
