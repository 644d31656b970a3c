//! `series.csv`: the figures over time, one row per point and operation.
//!
//! Figures of the whole run at that point (users, deliveries, the generator) stand in a row of their own whose
//! `operation` is empty, so that a sum over a column counts nothing twice. Cells without a sample are empty, not 0.

use std::io::{self, Write};

use crate::results::{PercentilePoint, Results, SeriesPoint};

/// Columns that name a row, columns of an operation, columns of the whole run.
const HEADER: [&str; 24] = [
    "at_s",
    "interval_s",
    "operation",
    "ok",
    "failed",
    "response_us_p50",
    "response_us_p95",
    "response_us_p99",
    "response_us_max",
    "online",
    "delivered",
    "delivery_us_p50",
    "delivery_us_p95",
    "delivery_us_p99",
    "delivery_us_max",
    "arrivals_planned",
    "arrivals_missed",
    "bytes_sent",
    "bytes_received",
    "cpu_percent",
    "rss_bytes",
    "lag_us_p99",
    "saturated",
    "marks",
];

const OPERATION_COLUMNS: usize = 6;
const RUN_COLUMNS: usize = 15;

/// Writes the series.
pub(super) fn write(results: &Results, out: &mut impl Write) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(HEADER)?;
    for point in &results.series.points {
        let interval = results.series.width_of(point).to_string();
        let at = point.at_s.to_string();
        rows.write_record(run_row(results, point, &at, &interval))?;
        for (name, operation) in &point.operations {
            let mut row = vec![at.clone(), interval.clone(), harmless(name)];
            row.extend([operation.ok.to_string(), operation.failed.to_string()]);
            row.extend(percentiles(&operation.response_us, operation.ok));
            row.resize(row.len() + RUN_COLUMNS, String::new());
            rows.write_record(row)?;
        }
    }
    rows.flush()
}

fn run_row(results: &Results, point: &SeriesPoint, at: &str, interval: &str) -> Vec<String> {
    let mut row = vec![at.to_owned(), interval.to_owned()];
    row.resize(row.len() + 1 + OPERATION_COLUMNS, String::new());
    row.extend([point.online.to_string(), point.delivered.to_string()]);
    row.extend(percentiles(&point.delivery_us, point.delivered));
    row.extend([
        point.arrivals_planned.to_string(),
        point.arrivals_missed.to_string(),
        point.bytes_sent.to_string(),
        point.bytes_received.to_string(),
        point.cpu_percent.to_string(),
        point.rss_bytes.to_string(),
        point.lag_us_p99.to_string(),
        point.saturated.to_string(),
        marks(results, point.at_s),
    ]);
    row
}

fn percentiles(point: &PercentilePoint, samples: u64) -> [String; 4] {
    if samples == 0 {
        return Default::default();
    }
    [point.p50, point.p95, point.p99, point.max].map(|value| value.to_string())
}

fn marks(results: &Results, at_s: f64) -> String {
    let inside = results.series.marks.iter().filter(|mark| mark.from_s <= at_s && at_s < mark.to_s);
    harmless(&inside.map(|mark| mark.label.as_str()).collect::<Vec<_>>().join("; "))
}

/// A spreadsheet takes a cell that begins like a formula for one; the apostrophe is its own way to say "text".
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn csv_of(results: &Results) -> String {
        let mut out = Vec::new();
        write(results, &mut out).expect("memory takes it");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn each_point_has_its_own_row_and_one_for_each_operation() {
        insta::assert_snapshot!(csv_of(&fixture::one_point()), @r##"
        at_s,interval_s,operation,ok,failed,response_us_p50,response_us_p95,response_us_p99,response_us_max,online,delivered,delivery_us_p50,delivery_us_p95,delivery_us_p99,delivery_us_max,arrivals_planned,arrivals_missed,bytes_sent,bytes_received,cpu_percent,rss_bytes,lag_us_p99,saturated,marks
        0,1,,,,,,,,2,0,,,,,0,0,0,0,3.5,16777216,0,false,hold 2 users
        0,1,publish,9,1,900,1500,2100,2100,,,,,,,,,,,,,,,
        0,1,upload,0,1,,,,,,,,,,,,,,,,,,,
        "##);
    }

    #[test]
    fn no_series_is_a_header() {
        assert_eq!(csv_of(&Results::default()).trim_end(), HEADER.join(","));
    }

    #[test]
    fn a_label_is_no_formula() {
        assert_eq!(harmless("=1+1"), "'=1+1");
        assert_eq!(harmless("publish"), "publish");
    }
}
