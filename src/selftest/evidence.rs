//! What both sides have to say about one case.

use crate::ledger::Invariant;
use crate::metrics::Latency;
use crate::results::{DriftFigures, LatencyFigures, OperationFigures, Results};
use crate::simulator::InjectedFaults;
use crate::simulator::faults::Operation;

/// What both sides have to say about one case.
#[derive(Debug)]
pub struct Evidence {
    /// What the harness reported.
    pub results: Results,
    /// What the simulator did.
    pub injected: InjectedFaults,
    /// Service times of all publishes that succeeded.
    pub publish_service: Latency,
    /// Times of all connects that succeeded.
    pub connect_service: Latency,
    /// Arrivals of the plan.
    pub arrivals_planned: u64,
    /// Groups of the plan: each is one session and one login of the set-up, and again of the tear-down.
    pub groups: u64,
}

/// A figure that is zero in a run without faults.
pub type FaultFigure = (&'static str, u64);

impl Evidence {
    /// The reported figures of an operation; `None` when it was never begun.
    fn operation(&self, name: &str) -> Option<&OperationFigures> {
        self.results.operations.get(name)
    }

    /// Reported starts of an operation.
    pub fn started(&self, operation: &str) -> u64 {
        self.operation(operation).map_or(0, |figures| figures.started)
    }

    /// Reported successes of an operation.
    pub fn ok(&self, operation: &str) -> u64 {
        self.operation(operation).map_or(0, |figures| figures.ok)
    }

    /// Reported failures of an operation, of one class such as `rejected(503)`.
    pub fn failed(&self, operation: &str, class: &str) -> u64 {
        self.operation(operation).and_then(|figures| figures.failures.get(class)).copied().unwrap_or(0)
    }

    /// Reported response times of publishes.
    pub fn publish_response(&self) -> LatencyFigures {
        self.operation("publish").map(|figures| figures.response_us.clone()).unwrap_or_default()
    }

    /// Publishes that were answered after this time or later, counted from when they were sent.
    pub fn publishes_slower_than(&self, micros: u64) -> u64 {
        self.publish_service.count_from(micros)
    }

    /// Connects that took this time or longer.
    pub fn connects_slower_than(&self, micros: u64) -> u64 {
        self.connect_service.count_from(micros)
    }

    /// What is said of the drift of a figure; `None` when it was not measured.
    pub fn drift(&self, figure: &str) -> Option<&DriftFigures> {
        self.results.drift.iter().find(|drift| drift.figure == figure)
    }

    /// Frames that were no valid message, as reported.
    pub fn malformed(&self) -> u64 {
        self.results.traffic.received_by_kind.get("malformed").copied().unwrap_or(0)
    }

    /// Connections that the other side ended, as reported.
    pub fn closed(&self) -> u64 {
        self.results.users.closed_by_code.values().sum()
    }

    /// Lost deliveries that were lost there, as reported; `place` is such as `not_pushed`.
    pub fn lost_by(&self, place: &str) -> u64 {
        self.results.delivery.lost_by.get(place).copied().unwrap_or(0)
    }

    /// The publishers' own copies that had to come and did not, as reported.
    pub fn echoes_missing(&self) -> u64 {
        let delivery = &self.results.delivery;
        delivery.echo_expected.saturating_sub(delivery.echo_delivered)
    }

    /// Refusals with this code, as the simulator counted them.
    pub fn refused_by_simulator(&self, operation: Operation, code: u16) -> u64 {
        self.injected.rejected.get(&operation).and_then(|codes| codes.get(&code)).copied().unwrap_or(0)
    }

    /// Sessions of the set-up and of the tear-down: the probe has no login.
    pub fn own_logins(&self) -> u64 {
        2 * self.groups
    }

    /// How often a promise of the service was found broken, as reported.
    pub fn broken(&self, promise: &str) -> u64 {
        let of_that_name = self.results.invariants.iter().find(|figures| figures.name == promise);
        of_that_name.map_or(0, |figures| figures.violated)
    }

    /// Every reported figure that is zero in a run without faults. Missed arrivals are none of them: a machine that is
    /// too busy misses some, says so, and still accounts for each.
    pub fn fault_figures(&self) -> Vec<FaultFigure> {
        let Results { delivery, users, operations, .. } = &self.results;
        let asked = &users.resubscribed;
        let mut figures = vec![
            ("failures", operations.values().map(|figures| figures.failed).sum()),
            ("open", operations.values().map(|figures| figures.open).sum()),
            ("refused", delivery.refused),
            ("unknown", delivery.unknown),
            ("lost", delivery.lost),
            ("duplicated", delivery.duplicated),
            ("reordered", delivery.reordered),
            ("phantom", delivery.phantom),
            ("excused", delivery.excused),
            ("late", delivery.late),
            ("corrupted", delivery.corrupted),
            ("foreign", delivery.foreign),
            ("echoes missing", self.echoes_missing()),
            ("closed", self.closed()),
            ("reconnects", users.reconnects),
            ("dead links", users.dead_links),
            ("recovered", delivery.recovered),
            ("unsolicited", users.unsolicited_by_code.values().sum()),
            ("late replies", users.late_replies),
            ("duplicate replies", users.duplicate_replies),
            ("unmatched replies", users.unmatched_replies),
            ("malformed", self.malformed()),
            ("misdelivered", delivery.misdelivered),
            ("silently detached", asked.silently_detached),
            ("asked again", asked.still_attached + asked.refused + asked.unanswered),
        ];
        figures.extend(Invariant::ALL.into_iter().map(|(_, promise, _)| (promise, self.broken(promise))));
        figures
    }
}
