//! Two small samples, such as a figure of some runs before and after: do they differ, and by how much?

use super::{mean, median, t_cdf, variance};
use crate::random::{Random, below};

/// Up to so many ways to deal the values out, all are tried and the p value is exact.
const EXACT_MAX: u64 = 20_000;

/// The median of all differences `other − one`: how far the second sample is shifted, whatever its outliers.
///
/// Assumes that both have the same shape. 0 when one is empty.
pub fn hodges_lehmann(one: &[f64], other: &[f64]) -> f64 {
    median(&differences(one, other))
}

/// How much more often a value of `other` is above one of `one` than below: −1 to 1. Assumes nothing of the shape.
pub fn cliffs_delta(one: &[f64], other: &[f64]) -> f64 {
    let signs: Vec<f64> = differences(one, other).iter().map(|d| if *d == 0.0 { 0.0 } else { d.signum() }).collect();
    mean(&signs)
}

fn differences(one: &[f64], other: &[f64]) -> Vec<f64> {
    one.iter().flat_map(|a| other.iter().map(move |b| b - a)).collect()
}

/// Probability that means as far apart as these come from dealing the same values out at random; two-sided.
///
/// Exact while there are at most 20,000 ways to deal them out, otherwise from that many `draws`, the observed one
/// counted among them, so it is never 0. Assumes that the values are exchangeable: independent, and of the same
/// distribution if nothing changed. Intervals of one run are not; blocks of them, or whole runs, are.
pub fn permutation_test(one: &[f64], other: &[f64], draws: u32, random: &mut Random) -> f64 {
    let mut pooled = [one, other].concat();
    let (total, size) = (pooled.iter().sum::<f64>(), one.len());
    if size == 0 || other.is_empty() {
        return 1.0;
    }
    let apart = |sum: f64| (sum / size as f64 - (total - sum) / other.len() as f64).abs();
    let observed = apart(one.iter().sum());
    // Sums in another order differ in their last bits.
    let limit = observed * (1.0 - 1e-12);
    if ways(pooled.len() as u64, size as u64) <= EXACT_MAX {
        let (mut as_far, mut all) = (0_u64, 0_u64);
        each_choice(&pooled, size, 0.0, &mut |sum| {
            all += 1;
            as_far += u64::from(apart(sum) >= limit);
        });
        return as_far as f64 / all as f64;
    }
    let mut as_far = 0;
    for _ in 0..draws {
        for at in 0..size {
            let from = at + below(random, (pooled.len() - at) as u64) as usize;
            pooled.swap(at, from);
        }
        as_far += u32::from(apart(pooled[..size].iter().sum()) >= limit);
    }
    f64::from(as_far + 1) / f64::from(draws + 1)
}

/// Binomial coefficient, as far as it matters.
fn ways(n: u64, k: u64) -> u64 {
    (0..k.min(n - k)).try_fold(1_u64, |ways, i| Some(ways.checked_mul(n - i)? / (i + 1))).unwrap_or(u64::MAX)
}

/// Calls with the sum of each choice of so many values.
fn each_choice(values: &[f64], wanted: usize, sum: f64, found: &mut impl FnMut(f64)) {
    if wanted == 0 {
        return found(sum);
    }
    for at in 0..=values.len() - wanted {
        each_choice(&values[at + 1..], wanted - 1, sum + values[at], found);
    }
}

/// Student's t test, two-sided: probability of means as far apart as these if the true ones are equal.
///
/// Assumes independent values, about normal, that vary alike on both sides: what lets few values on one side borrow the
/// spread of the other. 1 with fewer than three values in all, and when nothing varies and the means are equal.
pub fn student_test(one: &[f64], other: &[f64]) -> f64 {
    let (m, n) = (one.len() as f64, other.len() as f64);
    if one.is_empty() || other.is_empty() || one.len() + other.len() < 3 {
        return 1.0;
    }
    let freedom = m + n - 2.0;
    let pooled = ((m - 1.0) * variance(one) + (n - 1.0) * variance(other)) / freedom;
    let apart = (mean(other) - mean(one)).abs();
    if pooled <= 0.0 {
        return if apart > 0.0 { 0.0 } else { 1.0 };
    }
    2.0 * t_cdf(-apart / (pooled * (1.0 / m + 1.0 / n)).sqrt(), freedom)
}

#[cfg(test)]
mod tests {
    use super::super::reference::{agrees, cases, number, numbers};
    use super::*;
    use crate::random::{Purpose, generator};

    #[test]
    fn they_agree_with_scipy_and_numpy() {
        let mut random = generator(1, Purpose::Topology);
        for case in cases("effects") {
            let (one, other) = (numbers(&case["one"]), numbers(&case["other"]));
            agrees(hodges_lehmann(&one, &other), number(&case["hodges_lehmann"]), 1e-12);
            agrees(cliffs_delta(&one, &other), number(&case["cliffs_delta"]), 1e-12);
            agrees(permutation_test(&one, &other, 0, &mut random), number(&case["permutation_p"]), 1e-12);
            agrees(student_test(&one, &other), number(&case["student_p"]), 1e-9);
        }
    }

    #[test]
    fn drawn_permutations_come_near_the_exact_answer() {
        let mut random = generator(2, Purpose::Topology);
        let one: Vec<f64> = (0..20).map(f64::from).collect();
        let other: Vec<f64> = (0..20).map(|value| f64::from(value) + 4.0).collect();
        // 0.0426 of scipy.stats.permutation_test with 200,000 draws.
        let p = permutation_test(&one, &other, 20_000, &mut random);
        assert!((p - 0.0426).abs() < 0.006, "{p}");
        assert_eq!(permutation_test(&one, &[], 10, &mut random), 1.0);
        assert!(permutation_test(&[0.0; 30], &[9.0; 30], 99, &mut random) >= 0.01);
    }
}
