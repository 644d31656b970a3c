//! The difference of two sides, from any number of runs on each.

use crate::stats::t_quantile;

/// A figure of one run, on a scale on which differences add up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) error: f64,
    pub(super) freedom: f64,
}

/// `other − one`, and how far off that may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    /// Mean of the first side.
    pub(super) base: f64,
    pub(super) difference: f64,
    pub(super) reach: f64,
}

impl Interval {
    /// The difference of two sides with an interval that errs with this probability. Neither side may be empty.
    ///
    /// Within a run the error is the one that its intervals show. What runs vary beyond that is estimated from the runs
    /// of both sides together (DerSimonian and Laird 1986) and added to each; with one run on each side nothing is known
    /// of it, and it is taken for nothing. Student's t takes the place of the normal distribution, with the degrees of
    /// freedom of both kinds of error (Satterthwaite 1946).
    pub(super) fn of(one: &[Estimate], other: &[Estimate], error_probability: f64) -> Interval {
        let sides = [one, other];
        let between = between_runs(sides);
        let (mut within_variance, mut whole_variance, mut uncertainty) = (0.0, 0.0, 0.0);
        let mut means = [0.0; 2];
        for (side, mean) in sides.iter().zip(&mut means) {
            let weights: Vec<f64> = side.iter().map(|run| 1.0 / (run.error.powi(2) + between)).collect();
            let sum: f64 = weights.iter().sum();
            for (run, weight) in side.iter().zip(&weights) {
                let share = weight / sum;
                let own = share * share * run.error.powi(2);
                *mean += share * run.value;
                within_variance += own;
                uncertainty += own * own / run.freedom.max(1.0);
            }
            whole_variance += 1.0 / sum;
        }
        let between_freedom = (one.len() + other.len()).saturating_sub(2).max(1) as f64;
        uncertainty += (whole_variance - within_variance).max(0.0).powi(2) / between_freedom;
        let freedom = if uncertainty > 0.0 { whole_variance * whole_variance / uncertainty } else { 1e9 };
        let reach = t_quantile(1.0 - error_probability / 2.0, freedom) * whole_variance.sqrt();
        Interval { base: means[0], difference: means[1] - means[0], reach }
    }
}

/// Variance between runs of one side, beyond that within them.
fn between_runs(sides: [&[Estimate]; 2]) -> f64 {
    let (mut excess, mut scale) = (0.0, 0.0);
    for side in sides {
        let weights: Vec<f64> = side.iter().map(|run| 1.0 / run.error.powi(2)).collect();
        let sum: f64 = weights.iter().sum();
        let mean = side.iter().zip(&weights).map(|(run, weight)| run.value * weight).sum::<f64>() / sum;
        let spread: f64 = side.iter().zip(&weights).map(|(run, weight)| weight * (run.value - mean).powi(2)).sum();
        excess += spread - (side.len() as f64 - 1.0);
        scale += sum - weights.iter().map(|weight| weight * weight).sum::<f64>() / sum;
    }
    if scale > 0.0 { (excess / scale).max(0.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(values: &[f64]) -> Vec<Estimate> {
        values.iter().map(|value| Estimate { value: *value, error: 0.02, freedom: 60.0 }).collect()
    }

    #[test]
    fn two_runs_have_the_error_that_their_intervals_show() {
        let interval = Interval::of(&runs(&[1.0]), &runs(&[1.1]), 0.05);
        assert!((interval.difference - 0.1).abs() < 1e-12);
        // t of 120 degrees of freedom.
        assert!((interval.reach - 1.9799 * 0.02 * 2f64.sqrt()).abs() < 1e-5, "{interval:?}");
    }

    #[test]
    fn runs_that_vary_more_than_their_intervals_make_it_wider_and_more_runs_narrower() {
        let calm = Interval::of(&runs(&[1.0, 1.01, 0.99]), &runs(&[1.1]), 0.05);
        let wild = Interval::of(&runs(&[1.0, 1.3, 0.8]), &runs(&[1.1]), 0.05);
        assert!(calm.reach < 0.06 && wild.reach > 0.5, "{calm:?} {wild:?}");
        let more = Interval::of(&runs(&[1.0, 1.01, 0.99]), &runs(&[1.1, 1.09, 1.11]), 0.05);
        assert!(more.reach < calm.reach, "{more:?}");
    }
}
