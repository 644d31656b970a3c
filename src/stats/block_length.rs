//! How long a block of the bootstrap has to be.

use super::mean;

/// The length of blocks that is best for the circular block bootstrap of the mean: Politis and White (2004), with the
/// correction of Patton, Politis and White (2009). At least 1 and at most a third of the series.
///
/// Chosen over the rule of thumb n^(1/3) because it looks at the data: a series without memory gets blocks of 1, which
/// loses no degree of freedom, and one whose intervals hang together for a minute gets blocks that hold that minute.
///
/// Assumes a stationary series with short memory: its autocorrelation dies out within √n lags. A series that never
/// forgets gets the longest blocks there are, and so few of them that the caller sees that little is known.
pub fn block_length(series: &[f64]) -> f64 {
    let n = series.len();
    if n < 4 {
        return 1.0;
    }
    let mean = mean(series);
    let centred: Vec<f64> = series.iter().map(|value| value - mean).collect();
    let length = n as f64;
    let longest = (3.0 * length.sqrt()).min(length / 3.0).ceil();
    // A run of so many insignificant autocorrelations ends the search for the last significant one.
    let run = 5.max(length.log10() as usize);
    let lags_max = (length.sqrt().ceil() as usize + run).min(n - 2);
    let significant = 2.0 * (length.log10() / length).sqrt();
    let product = |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
    let mut covariances = Vec::with_capacity(lags_max + 1);
    let mut correlations = Vec::with_capacity(lags_max + 1);
    let mut last = None;
    for lag in 0..=lags_max {
        let crossed = product(&centred[lag..], &centred[..n - lag]);
        let (tail, head) = (&centred[lag + 1..], &centred[..n - lag - 1]);
        let scale = (product(tail, tail) * product(head, head)).sqrt();
        if lag >= run && last.is_none() && correlations[lag - run..lag].iter().all(|found| *found < significant) {
            last = Some(lag - run);
        }
        covariances.push(crossed / length);
        correlations.push(if scale > 0.0 { crossed.abs() / scale } else { 0.0 });
    }
    let window = last.map_or(lags_max, |last| 2 * last.max(1)).min(lags_max);
    let (mut slope, mut long_run) = (0.0, covariances[0]);
    for (lag, covariance) in covariances.iter().enumerate().take(window + 1).skip(1) {
        let share = lag as f64 / window as f64;
        // A flat top, then down to nothing.
        let weight = if share <= 0.5 { 1.0 } else { 2.0 * (1.0 - share) };
        slope += 2.0 * weight * lag as f64 * covariance;
        long_run += 2.0 * weight * covariance;
    }
    let best = (1.5 * slope * slope / (long_run * long_run)).cbrt() * length.cbrt();
    if best.is_finite() { best.clamp(1.0, longest) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::super::reference::{agrees, cases, number, numbers};
    use super::*;

    #[test]
    fn it_agrees_with_arch() {
        for case in cases("blocks") {
            let theirs = number(&case["circular"]).max(1.0);
            agrees(block_length(&numbers(&case["values"])), theirs, 1e-9);
        }
    }

    #[test]
    fn series_that_never_vary_or_are_short_have_blocks_of_one() {
        assert_eq!(block_length(&[]), 1.0);
        assert_eq!(block_length(&[1.0, 2.0]), 1.0);
        assert_eq!(block_length(&[3.0; 50]), 1.0);
        for length in 4..40 {
            let series: Vec<f64> = (0..length).map(f64::from).collect();
            assert!(block_length(&series) <= f64::from(length));
        }
    }
}
