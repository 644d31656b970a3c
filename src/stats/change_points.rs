//! Where does a series change its level? Hierarchical divisive estimation with energy statistics.

use super::two_samples::student_test;
use crate::random::{Random, below};

/// How a candidate proves that it is a change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ChangeTest {
    /// E-divisive's own: of so many shuffled series few have a candidate as good. Assumes nothing of the shape, and
    /// independent values between changes. As MongoDB uses it.
    Permutation {
        /// Shuffled series; the least p value is 1/(draws + 1).
        draws: u32,
    },
    /// Student's t test between the neighbouring segments, as Hunter and Apache Otava do: more power with few runs, and the
    /// same answer each time; assumes that means of segments are about normal. The candidate was chosen because it looks
    /// like a change, so its p value is too small: be strict.
    Student,
}

/// Places at which the level changes: each is the index of the first value after a change, ascending.
///
/// E-divisive (Matteson and James 2014) for one variable with α = 1: the split with the greatest energy distance between
/// its sides is the candidate; if it is significant at `p_max` the sides are searched in turn. No segment is shorter than
/// `segment_min`. Assumes that changes are abrupt and that values between them are independent. Work grows with the square
/// of the length, times the draws.
pub fn change_points(
    values: &[f64],
    segment_min: usize,
    test: ChangeTest,
    p_max: f64,
    random: &mut Random,
) -> Vec<usize> {
    let segment_min = segment_min.max(1);
    let mut bounds = vec![0, values.len()];
    loop {
        let segments = bounds.windows(2).map(|pair| (pair[0], pair[1]));
        let candidates = segments.filter_map(|(from, to)| {
            let (at, statistic) = best_split(&values[from..to], segment_min)?;
            Some((from + at, statistic))
        });
        let Some((at, statistic)) = candidates.max_by(|one, other| one.1.total_cmp(&other.1)) else { break };
        let place = bounds.partition_point(|bound| *bound < at);
        let p = match test {
            ChangeTest::Permutation { draws } => shuffled_p(values, &bounds, segment_min, statistic, draws, random),
            ChangeTest::Student => student_test(&values[bounds[place - 1]..at], &values[at..bounds[place]]),
        };
        if p > p_max {
            break;
        }
        bounds.insert(place, at);
    }
    bounds[1..bounds.len() - 1].to_vec()
}

/// The split with the greatest statistic: where its second part begins, and the statistic.
fn best_split(values: &[f64], segment_min: usize) -> Option<(usize, f64)> {
    let statistics = split_statistics(values);
    let last = values.len().checked_sub(segment_min)?;
    let splits = statistics.into_iter().enumerate().take(last + 1).skip(segment_min);
    // Of equals the first.
    splits.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// Scaled energy distance between the values before each index and those from it on.
fn split_statistics(values: &[f64]) -> Vec<f64> {
    let n = values.len();
    // Sums of distances: between the sides, within the left one, within the right one (each pair once).
    let (mut between, mut left, mut right) = (0.0, 0.0, 0.0);
    for (at, value) in values.iter().enumerate() {
        right += values[at + 1..].iter().map(|later| (later - value).abs()).sum::<f64>();
    }
    let mut statistics = Vec::with_capacity(n);
    for (at, value) in values.iter().enumerate() {
        let (l, r) = (at as f64, (n - at) as f64);
        let energy = if at == 0 {
            0.0
        } else {
            l * r / (l + r) * (2.0 * between / (l * r) - 2.0 * left / (l * l) - 2.0 * right / (r * r))
        };
        statistics.push(energy);
        let to_left: f64 = values[..at].iter().map(|other| (other - value).abs()).sum();
        let to_right: f64 = values[at + 1..].iter().map(|other| (other - value).abs()).sum();
        between += to_right - to_left;
        left += to_left;
        right -= to_right;
    }
    statistics
}

/// Share of series, shuffled within their segments, whose best candidate is as good.
fn shuffled_p(
    values: &[f64],
    bounds: &[usize],
    segment_min: usize,
    statistic: f64,
    draws: u32,
    random: &mut Random,
) -> f64 {
    let mut shuffled = values.to_vec();
    let mut as_good = 0;
    for _ in 0..draws {
        let mut best = f64::NEG_INFINITY;
        for pair in bounds.windows(2) {
            let segment = &mut shuffled[pair[0]..pair[1]];
            for at in (1..segment.len()).rev() {
                segment.swap(at, below(random, at as u64 + 1) as usize);
            }
            best = best.max(best_split(segment, segment_min).map_or(f64::NEG_INFINITY, |(_, found)| found));
        }
        as_good += u32::from(best >= statistic * (1.0 - 1e-12));
    }
    f64::from(as_good + 1) / f64::from(draws + 1)
}

#[cfg(test)]
mod tests {
    use super::super::reference::{agrees, cases, numbers};
    use super::*;
    use crate::random::{Purpose, generator};

    #[test]
    fn statistics_and_changes_agree_with_mongodb() {
        for case in cases("changes") {
            let values = numbers(&case["values"]);
            for (ours, theirs) in split_statistics(&values).into_iter().zip(numbers(&case["statistic"])) {
                agrees(ours, theirs, 1e-9);
            }
            let theirs: Vec<usize> = numbers(&case["found"]).into_iter().map(|at| at as usize).collect();
            for test in [ChangeTest::Permutation { draws: 199 }, ChangeTest::Student] {
                let p_max = if test == ChangeTest::Student { 0.001 } else { 0.05 };
                let ours = change_points(&values, 1, test, p_max, &mut generator(1, Purpose::Topology));
                assert_eq!(ours, theirs, "{test:?}");
            }
        }
    }

    #[test]
    fn short_and_flat_series_never_change() {
        let mut random = generator(1, Purpose::Topology);
        for values in [vec![], vec![1.0], vec![1.0, 9.0], vec![4.0; 30]] {
            for test in [ChangeTest::Permutation { draws: 99 }, ChangeTest::Student] {
                assert!(change_points(&values, 2, test, 0.01, &mut random).is_empty(), "{values:?}");
            }
        }
    }
}
