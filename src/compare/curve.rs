//! Quantile curves at a few fixed places, for the picture of two sides.

use super::summary::rounded;
use crate::results::LatencyFigures;

/// The places.
pub const CURVE_QUANTILES: [f64; 13] =
    [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9995, 0.9999];

/// The curve at those places that have at least a sample beyond them.
pub(super) fn at_quantiles(latency: &LatencyFigures) -> Vec<f64> {
    if latency.count == 0 || latency.curve.len() < 2 {
        return Vec::new();
    }
    let last = 1.0 - 1.0 / latency.count as f64;
    let places = CURVE_QUANTILES.into_iter().filter(|quantile| *quantile <= last);
    places.map(|quantile| rounded(at(&latency.curve, quantile))).collect()
}

/// Between two points of a curve, in a straight line.
fn at(curve: &[(f64, u64)], quantile: f64) -> f64 {
    let after = curve.partition_point(|(place, _)| *place < quantile).min(curve.len() - 1);
    let (right, high) = curve[after];
    let (left, low) = curve[after.saturating_sub(1)];
    if right <= left {
        return high as f64;
    }
    let share = ((quantile - left) / (right - left)).clamp(0.0, 1.0);
    low as f64 + share * (high as f64 - low as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Latency;

    #[test]
    fn a_curve_ends_with_its_samples() {
        let mut latency = Latency::default();
        (1..=1_000).for_each(|micros| latency.record(micros));
        let curve = at_quantiles(&(&latency).into());
        assert_eq!(curve.len(), CURVE_QUANTILES.iter().filter(|quantile| **quantile <= 0.999).count());
        assert!(curve.is_sorted());
        assert!((curve[3] - 500.0).abs() < 5.0, "{curve:?}");
        assert!(at_quantiles(&LatencyFigures::default()).is_empty());
    }
}
