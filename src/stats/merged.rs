//! Percentiles of merged interval histograms, under resampling.

use std::ops::Range;

/// Width of a bin: values that differ by less than 1 % may share one. Within a bin they are taken to lie evenly.
const RATIO_LN: f64 = 0.009_950_330_853_168_083;
/// Most bins: a little above one hour in microseconds.
const BINS_MAX: usize = 2_300;

/// Histograms of consecutive intervals, summed up so that the merged histogram of any of them is a few subtractions.
///
/// Percentiles are read off the merged histogram; those of the intervals are never averaged.
#[derive(Debug, Clone)]
pub struct Cumulative {
    /// Row *i* holds, for each bin, the samples of intervals before *i* that lie below the bin's end.
    rows: Vec<u64>,
    bins: usize,
    first_bin: usize,
}

impl Cumulative {
    /// The bin of a time in microseconds.
    pub fn bin(micros: u64) -> u16 {
        (((micros.max(1) as f64).ln() / RATIO_LN) as usize).min(BINS_MAX) as u16
    }

    /// Sums up intervals, each a list of bins with their samples; `None` when there is no sample at all.
    pub fn new(intervals: &[Vec<(u16, u64)>]) -> Option<Cumulative> {
        let used = || intervals.iter().flatten().map(|(bin, _)| usize::from(*bin));
        let (first_bin, last) = (used().min()?, used().max()?);
        let bins = last - first_bin + 1;
        let mut rows = vec![0; (intervals.len() + 1) * bins];
        for (index, interval) in intervals.iter().enumerate() {
            let (before, after) = rows.split_at_mut((index + 1) * bins);
            let row = &mut after[..bins];
            for (bin, samples) in interval {
                row[usize::from(*bin) - first_bin] += samples;
            }
            let mut sum = 0;
            for (here, earlier) in row.iter_mut().zip(&before[index * bins..]) {
                sum += *here;
                *here = sum + earlier;
            }
        }
        Some(Cumulative { rows, bins, first_bin })
    }

    /// Samples of these intervals up to the end of a bin.
    fn below(&self, intervals: &[Range<usize>], bin: usize) -> u64 {
        intervals
            .iter()
            .map(|range| self.rows[range.end * self.bins + bin] - self.rows[range.start * self.bins + bin])
            .sum()
    }

    /// Samples of these intervals.
    pub fn samples(&self, intervals: &[Range<usize>]) -> u64 {
        self.below(intervals, self.bins - 1)
    }

    /// Natural logarithm of the time below which this share of the intervals' samples lies; `None` without samples.
    pub fn quantile_ln(&self, intervals: &[Range<usize>], quantile: f64) -> Option<f64> {
        let samples = self.samples(intervals);
        if samples == 0 {
            return None;
        }
        let wanted = quantile * samples as f64;
        let (mut low, mut high) = (0, self.bins - 1);
        while low < high {
            let middle = usize::midpoint(low, high);
            if (self.below(intervals, middle) as f64) < wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let before = if low == 0 { 0 } else { self.below(intervals, low - 1) } as f64;
        let within = self.below(intervals, low) as f64 - before;
        let part = if within > 0.0 { ((wanted - before) / within).clamp(0.0, 1.0) } else { 0.0 };
        Some(((self.first_bin + low) as f64 + part) * RATIO_LN)
    }

    /// Samples of one interval above a time given by its logarithm, and all of its samples.
    pub fn above(&self, interval: usize, time_ln: f64) -> (u64, u64) {
        let here = interval..interval + 1;
        let one = std::slice::from_ref(&here);
        let all = self.samples(one);
        let bin = (time_ln / RATIO_LN) as usize;
        let below = match bin.checked_sub(self.first_bin) {
            None => 0,
            Some(bin) => self.below(one, bin.min(self.bins - 1)),
        };
        (all - below, all)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn percentiles_are_those_of_all_samples_together(
            samples in prop::collection::vec(prop::collection::vec(1u64..50_000_000, 0..20), 1..12),
            chosen in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
            quantile in 0.01f64..0.99,
        ) {
            let binned: Vec<Vec<(u16, u64)>> =
                samples.iter().map(|interval| interval.iter().map(|s| (Cumulative::bin(*s), 1)).collect()).collect();
            let chosen: Vec<usize> = chosen.iter().map(|index| index.index(samples.len())).collect();
            let ranges: Vec<Range<usize>> = chosen.iter().map(|at| *at..*at + 1).collect();
            let mut all: Vec<u64> = chosen.iter().flat_map(|at| samples[*at].clone()).collect();
            all.sort_unstable();
            let Some(cumulative) = Cumulative::new(&binned) else { return Ok(()) };
            prop_assert_eq!(cumulative.samples(&ranges), all.len() as u64);
            let Some(found) = cumulative.quantile_ln(&ranges, quantile) else { return Ok(()) };
            let rank = ((quantile * all.len() as f64).ceil() as usize).clamp(1, all.len());
            let truth = (all[rank - 1] as f64).ln();
            prop_assert!((found - truth).abs() <= 0.0101, "{found} for {truth}");
            let (above, whole) = cumulative.above(chosen[0], found);
            prop_assert!(above <= whole);
        }
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert!(Cumulative::new(&[Vec::new(), Vec::new()]).is_none());
        let one = Cumulative::new(&[vec![(Cumulative::bin(1_000), 5)], Vec::new()]).expect("a sample");
        assert_eq!(one.quantile_ln(std::slice::from_ref(&(1..2)), 0.5), None);
        assert!(Cumulative::bin(u64::MAX) > Cumulative::bin(3_600_000_000));
    }
}
