//! Percentiles of a histogram, as results keep them.

use super::{LatencyFigures, PercentilePoint};
use crate::metrics::Latency;

/// Most points of a quantile curve.
const CURVE_POINTS_MAX: usize = 60;
/// Points of the curve for each halving of the distance to 1.
const CURVE_STEPS: u32 = 4;

impl From<&Latency> for LatencyFigures {
    /// Reads every percentile off the whole histogram; without samples all are 0.
    fn from(latency: &Latency) -> LatencyFigures {
        if latency.is_empty() {
            return LatencyFigures::default();
        }
        LatencyFigures {
            count: latency.count(),
            min: latency.min(),
            mean: latency.mean(),
            p50: latency.quantile(0.5),
            p90: latency.quantile(0.9),
            p95: latency.quantile(0.95),
            p99: latency.quantile(0.99),
            p999: latency.quantile(0.999),
            p9999: latency.quantile(0.9999),
            max: latency.max(),
            curve: curve(latency),
        }
    }
}

impl From<&Latency> for PercentilePoint {
    fn from(latency: &Latency) -> PercentilePoint {
        PercentilePoint {
            p50: latency.quantile(0.5),
            p95: latency.quantile(0.95),
            p99: latency.quantile(0.99),
            max: latency.max(),
        }
    }
}

/// Quantiles that grow denser toward 1, as in HdrHistogram's own charts: each halving of the distance to 1 gets the same
/// number of points. It ends where a quantile would stand for less than one sample.
fn curve(latency: &Latency) -> Vec<(f64, u64)> {
    let mut points = Vec::with_capacity(CURVE_POINTS_MAX);
    for step in 0.. {
        let halvings = (step / CURVE_STEPS) as i32;
        let within = f64::from(step % CURVE_STEPS) / f64::from(2 * CURVE_STEPS);
        let beyond = 0.5f64.powi(halvings) * (1.0 - within);
        if points.len() + 1 == CURVE_POINTS_MAX || beyond * (latency.count() as f64) < 1.0 {
            break;
        }
        points.push((1.0 - beyond, latency.quantile(1.0 - beyond)));
    }
    points.push((1.0, latency.max()));
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_recorded_is_zero_everywhere() {
        assert_eq!(LatencyFigures::from(&Latency::default()), LatencyFigures::default());
    }

    #[test]
    fn the_curve_ascends_to_the_largest_value() {
        let mut latency = Latency::default();
        (1..=100_000).for_each(|micros| latency.record(micros));
        let figures = LatencyFigures::from(&latency);
        assert_eq!(figures.curve.len(), CURVE_POINTS_MAX);
        assert!(figures.curve.is_sorted_by(|one, next| one.0 < next.0 && one.1 <= next.1), "{:?}", figures.curve);
        assert_eq!(figures.curve.last(), Some(&(1.0, figures.max)));
        assert!((figures.p99 as i64 - 99_000).abs() < 100, "{}", figures.p99);
        assert!((figures.mean - 50_000.0).abs() < 50.0, "{}", figures.mean);
    }

    #[test]
    fn a_single_sample_is_its_own_percentile() {
        let mut latency = Latency::default();
        latency.record(7);
        let figures = LatencyFigures::from(&latency);
        assert_eq!((figures.count, figures.min, figures.p50, figures.p9999, figures.max), (1, 7, 7, 7, 7));
        assert_eq!(figures.curve, [(0.0, 7), (1.0, 7)]);
    }
}
