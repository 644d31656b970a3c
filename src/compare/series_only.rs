//! A summary from `results.json` alone, for a run whose journal is gone.

use super::curve::at_quantiles;
use super::summary::{RunSummary, STATISTICS, rounded, samples_min};
use super::{Rate, Time};
use crate::results::{LatencyFigures, PercentilePoint, Results};
use crate::stats::{block_length, mean, variance};

/// The summary of a run from its results.
///
/// Values are those of the whole run. Errors come from the percentiles of the points of `series`, each weighted alike:
/// the spread of their logarithms, widened by the length of blocks. The points hold p50, p95 and p99, so only those have
/// one. A point's p99 varies more than its share in the whole run's, so these errors are rather too large than too small;
/// with a journal they are exact.
pub fn summarise(results: &Results) -> RunSummary {
    let mut summary = RunSummary::of(results);
    let points = &results.series.points;
    for (name, op) in &results.operations {
        let of = |pick: fn(&PercentilePoint) -> u64| {
            let here = points.iter().filter_map(|point| point.operations.get(name)).filter(|op| op.ok > 0);
            here.map(|op| pick(&op.response_us)).collect::<Vec<_>>()
        };
        times(&format!("{name}.response"), &op.response_us, &of, &mut summary);
        let in_load = points.iter().filter(|point| point.at_s >= 0.0 && point.at_s < results.run.load_s);
        let counts: Vec<f64> = in_load.map(|point| point.operations.get(name).map_or(0.0, |op| op.ok as f64)).collect();
        if op.rate_per_s > 0.0 {
            let (error, freedom) = spread(&counts).unzip();
            let error = error.map(|error| rounded(error / mean(&counts).max(f64::MIN_POSITIVE)));
            let rate = Rate { per_s: rounded(op.rate_per_s), error, freedom: freedom.unwrap_or(0) };
            summary.rates.insert(format!("{name}.rate"), rate);
        }
    }
    let of = |pick: fn(&PercentilePoint) -> u64| {
        points.iter().filter(|point| point.delivered > 0).map(|point| pick(&point.delivery_us)).collect::<Vec<_>>()
    };
    times("delivery", &results.delivery.delivery_us, &of, &mut summary);
    summary
}

fn times(
    name: &str,
    figures: &LatencyFigures,
    of: &dyn Fn(fn(&PercentilePoint) -> u64) -> Vec<u64>,
    summary: &mut RunSummary,
) {
    if figures.count == 0 {
        return;
    }
    for (word, quantile) in STATISTICS {
        let (us, values) = match word {
            "p50" => (figures.p50 as f64, of(|point| point.p50)),
            "p95" => (figures.p95 as f64, of(|point| point.p95)),
            "p99" => (figures.p99 as f64, of(|point| point.p99)),
            "p90" => (figures.p90 as f64, Vec::new()),
            "p999" => (figures.p999 as f64, Vec::new()),
            _ => (figures.mean, Vec::new()),
        };
        let logarithms: Vec<f64> = values.iter().map(|us| (*us).max(1) as f64).map(f64::ln).collect();
        let known = spread(&logarithms).filter(|_| figures.count >= samples_min(quantile));
        let (error, freedom) = known.unzip();
        let error = error.map(|error| rounded(error.max(0.001)));
        let time = Time { us: rounded(us), error, freedom: freedom.unwrap_or(0), samples: figures.count };
        summary.times.insert(format!("{name}.{word}"), time);
    }
    let curve = at_quantiles(figures);
    if !curve.is_empty() {
        summary.curves.insert(name.to_owned(), curve);
    }
}

/// Standard error of the mean of a series with memory, and its degrees of freedom.
fn spread(values: &[f64]) -> Option<(f64, u64)> {
    if values.len() < 4 {
        return None;
    }
    let length = block_length(values).ceil();
    let blocks = (values.len() as f64 / length).floor();
    Some(((variance(values) / blocks).sqrt(), blocks as u64 - 1))
}
