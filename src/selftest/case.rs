//! One class of fault: what is declared, what is carried out, and which figure must equal which.

use std::time::Duration;

use super::evidence::Evidence;
use super::row::{Bound, Row, Unit};
use crate::results::Results;

/// How a case is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Beside others: it compares counts, and those do not depend on how busy the machine is.
    Together,
    /// Alone: it compares times.
    Alone,
    /// In memory, under simulated time, which waits for nothing: twelve minutes take a second. Alone, because it makes
    /// the machine busy.
    Simulated,
}

/// One class of fault.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Its name, for `--only`.
    pub class: &'static str,
    /// The scenario, TOML.
    pub scenario: &'static str,
    /// What is changed in it, as with `--set`.
    pub set: &'static [&'static str],
    /// The declared faults, TOML.
    pub faults: &'static str,
    /// Which of [`Evidence::fault_figures`] may be other than zero; the rows say what they must be.
    pub touches: &'static [&'static str],
    /// Makes the rows.
    pub claims: fn(&Evidence, &mut Claims),
    /// Makes the report of a harness that takes one fault of this class for something harmless, and is otherwise
    /// consistent: the rows have to notice.
    pub overlook_one: fn(&mut Results),
    /// How it is run.
    pub pace: Pace,
}

/// Rows of one case, as they are claimed.
#[derive(Debug)]
pub struct Claims {
    class: &'static str,
    rows: Vec<Row>,
}

impl Claims {
    /// No row yet.
    pub fn new(class: &'static str) -> Claims {
        Claims { class, rows: Vec::new() }
    }

    /// The rows.
    pub fn into_rows(self) -> Vec<Row> {
        self.rows
    }

    /// A declared fault and the figure that must equal it, to the message. It has to have happened.
    pub fn fault(&mut self, what: &str, injected: u64, reported: u64, compared: &str) {
        self.push(what, (injected, reported), Unit::Count, Bound::Exact, compared);
    }

    /// Two figures that must be equal, though nothing need have happened.
    pub fn same(&mut self, what: &str, injected: u64, reported: u64, compared: &str) {
        self.push(what, (injected, reported), Unit::Count, Bound::Exact, compared);
        self.last(|row| row.must_occur = false);
    }

    /// As [`Claims::same`], for what holds in every class.
    pub fn common(&mut self, what: &str, injected: u64, reported: u64, compared: &str) {
        self.same(what, injected, reported, compared);
        self.last(|row| row.is_common = true);
    }

    /// A count that can only be told within a bound.
    pub fn bounded(&mut self, what: &str, injected: u64, reported: u64, bound: Bound, compared: &str) {
        self.push(what, (injected, reported), Unit::Count, bound, compared);
    }

    /// A time, which can only be told within a bound.
    pub fn time(&mut self, what: &str, injected: Duration, reported_us: u64, bound: Bound, compared: &str) {
        self.push(what, (injected.as_micros() as u64, reported_us), Unit::Us, bound, compared);
    }

    fn push(&mut self, what: &str, (injected, reported): (u64, u64), unit: Unit, bound: Bound, compared: &str) {
        let (class, what, compared) = (self.class, what.to_owned(), compared.to_owned());
        let row = Row { class, what, injected, reported, unit, bound, compared, must_occur: true, is_common: false };
        self.rows.push(row);
    }

    fn last(&mut self, change: impl FnOnce(&mut Row)) {
        if let Some(row) = self.rows.last_mut() {
            change(row);
        }
    }
}

impl Case {
    /// All rows: the case's own, and what holds in every class.
    pub fn rows(&self, evidence: &Evidence) -> Vec<Row> {
        let mut claims = Claims::new(self.class);
        (self.claims)(evidence, &mut claims);
        self.common(evidence, &mut claims);
        claims.into_rows()
    }

    fn common(&self, evidence: &Evidence, claims: &mut Claims) {
        let delivery = &evidence.results.delivery;
        let totals = &evidence.injected.totals;
        let sum = delivery.delivered + delivery.lost + delivery.excused;
        claims.common("the balance closes", delivery.expected, sum, "expected = delivered + lost + excused");
        // What was queued for a session that had fallen silent reached nobody.
        let pushed = totals.deliveries_pushed.saturating_sub(evidence.injected.half_open_deliveries);
        let came = pushed + delivery.recovered;
        claims.common("deliveries", came, delivery.delivered, "deliveries pushed, or recovered = delivery.delivered");
        let accepted = totals.publishes_accepted;
        claims.common("publishes", accepted, delivery.accepted, "publishes accepted = delivery.accepted");
        let arrivals = &evidence.results.arrivals;
        claims.common("arrivals", evidence.arrivals_planned, arrivals.planned, "the plan = arrivals.planned");
        let given = arrivals.started + arrivals.missed;
        claims.common("arrivals accounted for", arrivals.planned, given, "planned = started + missed");
        for (name, reported) in evidence.fault_figures() {
            if !self.touches.contains(&name) {
                claims.common(name, 0, reported, "no other fault is reported");
            }
        }
    }
}
