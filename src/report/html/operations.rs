//! The table of operations.

use crate::report::{figures, wording};
use crate::results::{LatencyFigures, OperationFigures, Results};

use super::balance::TimeRow;
use super::figure::Cell;
use super::timeline::Timeline;

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) started: String,
    pub(super) ok: String,
    pub(super) failed: String,
    /// Share of the settled ones.
    pub(super) failed_share: String,
    pub(super) any_failed: bool,
    pub(super) open: String,
    pub(super) rate: String,
    /// Empty without samples.
    pub(super) response: Vec<Cell>,
    pub(super) service_p99: String,
    pub(super) lag_p99: String,
    /// An SVG element, or empty.
    pub(super) sparkline: String,
}

/// The columns of [`Row::response`].
pub(super) const RESPONSE_COLUMNS: [&str; 6] = ["p50", "p90", "p95", "p99", "p99.9", "max"];

/// Rows in the order of names.
pub(super) fn rows(results: &Results, timeline: &Timeline<'_>) -> Vec<Row> {
    let row = |(name, operation): (&String, &OperationFigures)| Row {
        name: name.clone(),
        started: figures::count(operation.started),
        ok: figures::count(operation.ok),
        failed: figures::count(operation.failed),
        failed_share: figures::share(operation.failed, operation.ok.saturating_add(operation.failed)),
        any_failed: operation.failed > 0,
        open: figures::count(operation.open),
        rate: figures::rate(operation.rate_per_s),
        response: response(&operation.response_us),
        service_p99: p99(&operation.service_us),
        lag_p99: p99(&operation.lag_us),
        sparkline: timeline.sparkline(name).unwrap_or_default(),
    };
    wording::in_order(results).into_iter().map(row).collect()
}

/// Every percentile of every histogram, for those who want to know.
pub(super) fn every_time(results: &Results) -> Vec<TimeRow> {
    let mut rows = Vec::new();
    for (name, operation) in wording::in_order(results) {
        for (kind, latency) in [
            ("response", &operation.response_us),
            ("service", &operation.service_us),
            ("lag", &operation.lag_us),
            ("failed after", &operation.failed_us),
        ] {
            if latency.count > 0 {
                rows.push(TimeRow::new(format!("{name} {kind}"), "", latency));
            }
        }
    }
    rows
}

fn p99(latency: &LatencyFigures) -> String {
    if latency.count == 0 { figures::NO_FIGURE.to_owned() } else { figures::micros(latency.p99) }
}

fn response(latency: &LatencyFigures) -> Vec<Cell> {
    if latency.count == 0 {
        return Vec::new();
    }
    let LatencyFigures { p50, p90, p95, p99, p999, max, .. } = latency;
    [(p50, 2), (p90, 10), (p95, 20), (p99, 100), (p999, 1_000), (max, 0)]
        .map(|(value, samples_min)| Cell::of(*value, latency.count, samples_min))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn percentiles_of_few_samples_are_marked() {
        let latency = LatencyFigures { count: 40, p50: 5, p99: 9, max: 9, ..LatencyFigures::default() };
        let doubted: Vec<_> = response(&latency).iter().map(|cell| !cell.doubt.is_empty()).collect();
        assert_eq!(doubted, [false, false, false, true, true, false]);
    }

    #[test]
    fn an_operation_that_never_succeeded_has_no_percentiles() {
        let results = fixture::one_point();
        let rows = rows(&results, &Timeline::new(&results));
        assert_eq!(rows[1].name, "upload");
        assert!(rows[1].response.is_empty());
        assert_eq!(rows[1].sparkline, "");
    }
}
