//! `Latency`: an HDR histogram that costs nothing until its first sample.

use hdrhistogram::Histogram;

/// Longest time that is told apart: one hour. Longer ones are recorded as this.
pub const LATENCY_US_MAX: u64 = 3_600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// Times in microseconds, 1 µs to one hour at three significant digits.
///
/// A histogram with samples takes about 180 KiB, so there is one for each worker and operation, never one for
/// each user. Empty ones take a word.
#[derive(Debug, Clone, Default)]
pub struct Latency(Option<Box<Histogram<u64>>>);

impl Latency {
    /// Records one time; below 1 µs counts as 1 µs.
    pub fn record(&mut self, micros: u64) {
        self.histogram().saturating_record(micros.max(1));
    }

    fn histogram(&mut self) -> &mut Histogram<u64> {
        self.0.get_or_insert_with(|| {
            let histogram = Histogram::new_with_bounds(1, LATENCY_US_MAX, SIGNIFICANT_DIGITS);
            Box::new(histogram.expect("the bounds are constants that the crate accepts"))
        })
    }

    /// The histogram, when anything was recorded since it was made or cleared.
    pub fn get(&self) -> Option<&Histogram<u64>> {
        self.0.as_deref().filter(|histogram| !histogram.is_empty())
    }

    /// Samples.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, |histogram| histogram.len())
    }

    /// Value at a quantile from 0 to 1, microseconds; 0 without samples.
    pub fn quantile(&self, quantile: f64) -> u64 {
        // `value_at_quantile` answers with the upper end of the bucket, which may lie above the largest sample.
        self.get().map_or(0, |histogram| histogram.value_at_quantile(quantile).min(histogram.max()))
    }

    /// Largest value, microseconds; 0 without samples.
    pub fn max(&self) -> u64 {
        self.get().map_or(0, Histogram::max)
    }

    /// Adds all samples of another.
    pub fn merge(&mut self, other: &Latency) {
        if let Some(other) = other.get() {
            self.add(other);
        }
    }

    /// Adds all samples of a histogram, such as one read back from a journal.
    pub fn add(&mut self, other: &Histogram<u64>) {
        let mine = self.histogram();
        if mine.add(other).is_err() {
            // Only a histogram of wider bounds can be refused: its samples above ours are clamped.
            for value in other.iter_recorded() {
                mine.saturating_record_n(value.value_iterated_to(), value.count_at_value());
            }
        }
    }

    /// As [`Latency::add`], without a copy where there is nothing to add to: a journal of a day holds 200,000 histograms.
    pub fn adopt(&mut self, other: Histogram<u64>) {
        let is_like_ours = (other.low(), other.high(), other.sigfig()) == (1, LATENCY_US_MAX, SIGNIFICANT_DIGITS);
        if self.get().is_none() && is_like_ours {
            self.0 = Some(Box::new(other));
        } else {
            self.add(&other);
        }
    }

    /// Forgets all samples and keeps the memory.
    pub fn clear(&mut self) {
        if let Some(histogram) = &mut self.0
            && !histogram.is_empty()
        {
            histogram.reset();
        }
    }
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
        assert!(latency.get().is_none());
        latency.record(5);
        latency.clear();
        assert!(latency.get().is_none());
        assert_eq!(latency.quantile(0.99), 0);
    }
}
