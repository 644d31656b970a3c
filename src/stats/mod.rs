//! Statistics: resampling, trends, change points, shares. Pure functions of numbers, each with its assumptions named.
//!
//! Knows nothing of runs, figures or files. Chance comes from a generator that the caller hands in, so the same data
//! give the same answer on every machine. Every method is checked against an independent implementation (scipy,
//! pymannkendall, arch, statsmodels, MongoDB's signal-processing-algorithms), whose figures are in
//! `tests/data/stats/reference.json` beside the script that made them. The distributions are our own: the two that are
//! needed are shorter than what a crate of statistics would bring along.
//!
//! | question | start at |
//! |---|---|
//! | how far may a figure of a series be off? | [`Blocks`], [`block_length`] |
//! | and a percentile of merged histograms? | [`Cumulative`] |
//! | is a share of one side higher than that of the other? | [`share_difference`] |
//! | do two small samples differ, and by how much? | [`permutation_test`], [`hodges_lehmann`] |
//! | does a series rise or fall, and how fast? | [`mann_kendall`], [`theil_sen`] |
//! | does a figure of a steady run drift? | [`drift`](drift()) |
//! | where does a series change its level? | [`change_points`] |

mod block_length;
mod bootstrap;
mod change_points;
mod distributions;
mod drift;
mod merged;
#[cfg(test)]
mod reference;
mod share;
mod trend;
mod two_samples;

pub use block_length::block_length;
pub use bootstrap::{Blocks, standard_error};
pub use change_points::{ChangeTest, change_points};
pub use distributions::{normal_cdf, normal_quantile, t_cdf, t_quantile};
pub use drift::{DRIFT_VALUES_MIN, Drift, drift};
pub use merged::Cumulative;
pub use share::{share_difference, wilson};
pub use trend::{Autocorrelation, MannKendall, TheilSen, mann_kendall, theil_sen};
pub use two_samples::{cliffs_delta, hodges_lehmann, permutation_test, student_test};

/// Arithmetic mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Variance with n − 1 in the denominator; 0 of fewer than two.
pub fn variance(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

/// Median, the mean of the two middle ones of an even number; 0 of nothing. Not a number sorts last.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_have_a_middle_too() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0, 1.0]), 2.0);
        assert_eq!(median(&[3.0, 9.0, 1.0]), 3.0);
        assert_eq!((mean(&[]), variance(&[5.0]), variance(&[1.0, 3.0])), (0.0, 0.0, 2.0));
    }
}
