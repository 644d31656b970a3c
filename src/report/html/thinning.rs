//! Fewer points for a chart: neighbours together, counts summed, percentiles never averaged.
//!
//! The results keep percentiles of each interval, not its histogram, so the percentile of a wider one cannot be had.
//! What can be had is the worst of its parts, which is what is drawn, and the caption says so.

use crate::results::{Series, SeriesPoint};

/// Neighbouring points, drawn as one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket<'a> {
    /// Start, seconds of the run.
    pub(super) at_s: f64,
    /// Whether nothing was recorded between the bucket before and this one.
    pub(super) after_gap: bool,
    /// At least one.
    pub(super) points: &'a [SeriesPoint],
}

/// A series in buckets of equal width.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Thinned<'a> {
    /// Width of a bucket, seconds.
    pub(super) width_s: f64,
    /// Width of one point, seconds.
    pub(super) interval_s: f64,
    pub(super) buckets: Vec<Bucket<'a>>,
}

/// The series in at most about `buckets_max` buckets, each a whole number of intervals wide.
pub(super) fn thin(series: &Series, buckets_max: usize) -> Thinned<'_> {
    let points = &series.points;
    let interval_s = interval(series);
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Thinned { width_s: interval_s, interval_s, buckets: Vec::new() };
    };
    let intervals = ((last.at_s - first.at_s) / interval_s).round().max(0.0) + 1.0;
    let width_s = interval_s * round_on_the_clock((intervals / buckets_max.max(1) as f64).ceil().max(1.0), interval_s);
    // Half an interval of grace: a point that came a little early belongs where it was meant to be.
    let index = |point: &SeriesPoint| ((point.at_s - first.at_s) / width_s + 0.5 * interval_s / width_s).floor();
    let mut buckets: Vec<Bucket<'_>> = Vec::new();
    let mut ended: Option<(f64, f64)> = None;
    for group in points.chunk_by(|a, b| index(a) == index(b)) {
        let (here, last) = (index(&group[0]), &group[group.len() - 1]);
        // A point that is wider than a bucket leaves no gap after it.
        let after_gap = ended.is_some_and(|(before, end_s)| {
            here - before > 1.5 && group[0].at_s - end_s > 0.5 * series.width_of(&group[0]).min(width_s)
        });
        buckets.push(Bucket { at_s: group[0].at_s, after_gap, points: group });
        ended = Some((index(last), last.at_s + series.width_of(last)));
    }
    Thinned { width_s, interval_s, buckets }
}

/// As many intervals, or up to twice as many if together they are 10 s, 5 min, and so on.
fn round_on_the_clock(intervals: f64, interval_s: f64) -> f64 {
    const ROUND_S: [f64; 17] = [
        2.0, 4.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 21_600.0,
        86_400.0,
    ];
    if intervals <= 1.0 {
        return 1.0;
    }
    let rounded = ROUND_S.into_iter().map(|seconds| seconds / interval_s);
    let whole = rounded.filter(|number| (number - number.round()).abs() < 1e-6);
    whole.map(f64::round).find(|number| (intervals..=intervals * 2.0).contains(number)).unwrap_or(intervals)
}

fn interval(series: &Series) -> f64 {
    if series.interval_s.is_finite() && series.interval_s > 0.0 {
        return series.interval_s;
    }
    let gaps = series.points.windows(2).map(|pair| pair[1].at_s - pair[0].at_s);
    gaps.filter(|gap| gap.is_finite() && *gap > 0.0).min_by(f64::total_cmp).unwrap_or(1.0)
}

impl Bucket<'_> {
    /// A count, summed.
    pub(super) fn sum(&self, figure: impl Fn(&SeriesPoint) -> u64) -> u64 {
        self.points.iter().map(figure).fold(0, u64::saturating_add)
    }

    /// The largest of a figure that has a value in at least one of the points.
    pub(super) fn worst(&self, figure: impl Fn(&SeriesPoint) -> Option<u64>) -> Option<u64> {
        self.points.iter().filter_map(figure).max()
    }

    /// The largest of a figure that always has a value.
    pub(super) fn largest(&self, figure: impl Fn(&SeriesPoint) -> f64) -> f64 {
        self.points.iter().map(figure).filter(|value| value.is_finite()).fold(0.0, f64::max)
    }

    /// A count as a rate over the time that was recorded; points may be of any width.
    pub(super) fn per_s(&self, interval_s: f64, figure: impl Fn(&SeriesPoint) -> u64) -> f64 {
        let width = |point: &SeriesPoint| if point.width_s > 0.0 { point.width_s } else { interval_s };
        self.sum(figure) as f64 / self.points.iter().map(width).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(times: &[f64]) -> Series {
        let points = times.iter().map(|at_s| SeriesPoint { at_s: *at_s, online: 1, ..SeriesPoint::default() });
        Series { interval_s: 1.0, points: points.collect(), marks: Vec::new() }
    }

    #[test]
    fn few_points_stay_as_they_are_and_gaps_are_marked() {
        let series = series(&[0.0, 1.02, 1.98, 6.0]);
        let thinned = thin(&series, 100);
        let gaps: Vec<_> = thinned.buckets.iter().map(|bucket| bucket.after_gap).collect();
        assert_eq!(gaps, [false, false, false, true]);
        assert_eq!(thinned.width_s, 1.0);
    }

    #[test]
    fn many_points_share_buckets_and_none_is_dropped() {
        let times: Vec<_> = (0..5_000).map(f64::from).collect();
        let series = series(&times);
        let thinned = thin(&series, 600);
        assert!(thinned.buckets.len() <= 600);
        assert_eq!(thinned.width_s, 10.0);
        assert_eq!(thinned.buckets.iter().map(|bucket| bucket.sum(|point| point.online)).sum::<u64>(), 5_000);
    }

    #[test]
    fn no_points_are_no_buckets() {
        assert!(thin(&Series::default(), 10).buckets.is_empty());
    }
}
