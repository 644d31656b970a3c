//! `Latency`: an HDR histogram that costs nothing until its first sample.

use hdrhistogram::Histogram;

use super::counts::{Counts, LATENCY_US_MAX, bucket_of, times_of};

const SIGNIFICANT_DIGITS: u8 = 3;

/// Times in microseconds, 1 µs to one hour at three significant digits, in the buckets of HdrHistogram.
///
/// A histogram with samples takes some 5 to 20 KiB, so there is one for each worker and operation, never one for
/// each user. Empty ones take a word.
#[derive(Debug, Clone, Default)]
pub struct Latency(Option<Box<Counts>>);

impl Latency {
    /// Records one time; below 1 µs counts as 1 µs.
    pub fn record(&mut self, micros: u64) {
        self.record_n(micros, 1);
    }

    /// Records one time as often as this.
    pub fn record_n(&mut self, micros: u64, samples: u64) {
        self.counts_mut().add(bucket_of(micros.clamp(1, LATENCY_US_MAX)), samples);
    }

    pub(super) fn counts_mut(&mut self) -> &mut Counts {
        self.0.get_or_insert_default()
    }

    pub(super) fn counts(&self) -> Option<&Counts> {
        self.0.as_deref()
    }

    /// Samples since it was made or cleared.
    pub fn count(&self) -> u64 {
        self.counts().map_or(0, Counts::samples)
    }

    /// Whether nothing was recorded since it was made or cleared.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Value at a quantile from 0 to 1, microseconds: the longest time of the bucket in which it lies, for 0 the shortest; 0
    /// without samples.
    pub fn quantile(&self, quantile: f64) -> u64 {
        let rank = ((quantile.min(1.0) * self.count() as f64).ceil() as u64).max(1);
        let mut below = 0;
        let mut buckets = self.buckets();
        let found = buckets.find(|&(_, count)| {
            below += count;
            below >= rank
        });
        let of = |bucket: usize| if quantile <= 0.0 { times_of(bucket).0 } else { longest(bucket) };
        found.map_or(0, |(bucket, _)| of(bucket))
    }

    /// Smallest value, microseconds: the shortest time of its bucket; 0 without samples.
    pub fn min(&self) -> u64 {
        self.buckets().next().map_or(0, |(bucket, _)| times_of(bucket).0)
    }

    /// Largest value, microseconds: the longest time of its bucket; 0 without samples.
    pub fn max(&self) -> u64 {
        self.counts().and_then(Counts::last).map_or(0, longest)
    }

    /// Mean, microseconds, each sample taken as the middle of its bucket; 0 without samples.
    pub fn mean(&self) -> f64 {
        let all = self.count() as f64;
        let middle = |bucket: usize| {
            let (shortest, times) = times_of(bucket);
            (shortest + times / 2) as f64
        };
        self.buckets().fold(0.0, |sum, (bucket, count)| sum + middle(bucket) * count as f64 / all)
    }

    /// Samples of this time or more, as far as they are told apart.
    pub fn count_from(&self, micros: u64) -> u64 {
        let first = bucket_of(micros.clamp(1, LATENCY_US_MAX));
        self.buckets().filter(|&(bucket, _)| bucket >= first).map(|(_, count)| count).sum()
    }

    /// The longest time of every bucket with samples, microseconds, and its samples; ascending.
    pub fn recorded(&self) -> impl Iterator<Item = (u64, u64)> {
        self.buckets().map(|(bucket, count)| (longest(bucket), count))
    }

    fn buckets(&self) -> impl Iterator<Item = (usize, u64)> {
        self.counts().into_iter().flat_map(Counts::filled)
    }

    /// Whether two times are told apart by nothing: they share a bucket.
    pub fn are_alike(one: u64, other: u64) -> bool {
        bucket_of(one.clamp(1, LATENCY_US_MAX)) == bucket_of(other.clamp(1, LATENCY_US_MAX))
    }

    /// Adds all samples of another.
    pub fn merge(&mut self, other: &Latency) {
        if let Some(counts) = other.counts().filter(|counts| counts.samples() > 0) {
            self.counts_mut().merge(counts);
        }
    }

    /// The same as a histogram of the library that reads and writes files; `None` without samples.
    pub fn to_histogram(&self) -> Option<Histogram<u64>> {
        if self.is_empty() {
            return None;
        }
        let histogram = Histogram::new_with_bounds(1, LATENCY_US_MAX, SIGNIFICANT_DIGITS);
        let mut histogram = histogram.expect("the bounds are constants that the crate accepts");
        for (micros, count) in self.recorded() {
            histogram.saturating_record_n(micros, count);
        }
        Some(histogram)
    }

    /// Adds all samples of a histogram of any bounds.
    pub fn add(&mut self, other: &Histogram<u64>) {
        for value in other.iter_recorded() {
            self.record_n(value.value_iterated_to(), value.count_at_value());
        }
    }

    /// Whether a histogram of these bounds has the same buckets.
    pub fn has_bounds(low: u64, high: u64, significant_digits: u32) -> bool {
        (low, high, significant_digits) == (1, LATENCY_US_MAX, u32::from(SIGNIFICANT_DIGITS))
    }

    /// Forgets all samples and keeps most of the memory.
    pub fn clear(&mut self) {
        if let Some(counts) = &mut self.0
            && counts.samples() > 0
        {
            counts.clear();
        }
    }
}

fn longest(bucket: usize) -> u64 {
    let (shortest, times) = times_of(bucket);
    shortest + times - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn merged_parts_equal_the_whole(samples in prop::collection::vec(0u64..10_000_000, 0..200), split in 0usize..200) {
            let mut whole = Latency::default();
            let (mut left, mut right) = (Latency::default(), Latency::default());
            for (index, &sample) in samples.iter().enumerate() {
                whole.record(sample);
                if index < split { left.record(sample) } else { right.record(sample) }
            }
            left.merge(&right);
            prop_assert_eq!(left.count(), whole.count());
            for quantile in [0.0, 0.5, 0.9, 0.99, 1.0] {
                prop_assert_eq!(left.quantile(quantile), whole.quantile(quantile));
            }
        }
    }

    proptest! {
        #[test]
        fn every_figure_is_the_librarys(samples in prop::collection::vec(1u64..=LATENCY_US_MAX, 1..300), from in 1u64..10_000_000) {
            let mut latency = Latency::default();
            let mut histogram = Histogram::<u64>::new_with_bounds(1, LATENCY_US_MAX, 3).expect("constant bounds");
            for &micros in &samples {
                // As many short ones as long ones.
                for micros in [micros, micros % 5_000 + 1] {
                    latency.record(micros);
                    histogram.record(micros).expect("within the bounds");
                }
            }
            prop_assert_eq!((latency.count(), latency.min(), latency.max()), (histogram.len(), histogram.min(), histogram.max()));
            prop_assert_eq!(latency.mean(), histogram.mean());
            prop_assert_eq!(latency.count_from(from), histogram.count_between(from, u64::MAX));
            for quantile in [0.0, 0.001, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0, 1.5] {
                prop_assert_eq!(latency.quantile(quantile), histogram.value_at_quantile(quantile), "{}", quantile);
            }
            prop_assert_eq!(latency.to_histogram(), Some(histogram.clone()));
            let mut again = Latency::default();
            again.add(&histogram);
            prop_assert_eq!(again.pack(), latency.pack());
        }
    }

    #[test]
    fn too_long_is_clamped_and_too_short_is_one() {
        let mut latency = Latency::default();
        latency.record(u64::MAX);
        latency.record(0);
        assert_eq!(latency.count(), 2);
        assert_eq!(latency.quantile(0.0), 1);
        assert!(latency.max() >= LATENCY_US_MAX);
    }

    #[test]
    fn nothing_recorded_has_no_histogram() {
        let mut latency = Latency::default();
        assert!(latency.is_empty());
        latency.record(5);
        latency.clear();
        assert!(latency.is_empty() && latency.to_histogram().is_none());
        assert_eq!((latency.quantile(0.99), latency.min(), latency.max(), latency.mean()), (0, 0, 0, 0.0));
    }
}
