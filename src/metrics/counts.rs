//! The counters of an HDR histogram, in pages that are made when their first sample comes.
//!
//! The buckets are those of HdrHistogram for 1 µs to one hour at three significant digits: 2,048 of one microsecond, and then
//! 1,024 for each doubling. All of them together take 184 KiB; times of one operation mostly lie within two or three
//! doublings, so that a histogram takes 5 to 20 KiB of pages, and adding two up touches no more.

/// Longest time that is told apart: one hour. Longer ones are recorded as this.
pub(super) const LATENCY_US_MAX: u64 = 3_600_000_000;

/// Times below 2 to this power have a bucket for each microsecond.
const LINEAR_BITS: u32 = 11;
/// Buckets of each doubling above.
const DOUBLING: usize = 1 << (LINEAR_BITS - 1);
/// Buckets of a page.
const PAGE: usize = 128;
const PAGES: usize = BUCKETS / PAGE;
/// Buckets that there are: up to the end of the doubling in which the longest time lies.
pub(super) const BUCKETS: usize = (bucket_of(LATENCY_US_MAX) / DOUBLING + 1) * DOUBLING;

/// The bucket of a time in microseconds.
pub(super) const fn bucket_of(micros: u64) -> usize {
    let shift = u64::BITS - LINEAR_BITS - (micros | ((1 << LINEAR_BITS) - 1)).leading_zeros();
    ((shift as usize) << (LINEAR_BITS - 1)) + (micros >> shift) as usize
}

/// Times of a bucket, microseconds: the shortest, and how many there are.
pub(super) const fn times_of(bucket: usize) -> (u64, u64) {
    match (bucket / DOUBLING).checked_sub(1) {
        Some(shift) => (((bucket % DOUBLING + DOUBLING) as u64) << shift, 1 << shift),
        None => (bucket as u64, 1),
    }
}

/// Samples by bucket. Which page a bucket is in is its number divided by a constant: nothing is searched.
#[derive(Debug, Clone)]
pub(super) struct Counts {
    samples: u64,
    pages: [Option<Box<[u64; PAGE]>>; PAGES],
}

impl Default for Counts {
    fn default() -> Counts {
        Counts { samples: 0, pages: [const { None }; PAGES] }
    }
}

impl Counts {
    pub(super) fn samples(&self) -> u64 {
        self.samples
    }

    /// Adds samples to a bucket below [`BUCKETS`].
    pub(super) fn add(&mut self, bucket: usize, samples: u64) {
        let page = self.pages[bucket / PAGE].get_or_insert_with(|| Box::new([0; PAGE]));
        let count = &mut page[bucket % PAGE];
        // More than can be counted comes from no run: only from a file that was made on purpose.
        (*count, self.samples) = (count.saturating_add(samples), self.samples.saturating_add(samples));
    }

    pub(super) fn merge(&mut self, other: &Counts) {
        self.samples = self.samples.saturating_add(other.samples);
        for (mine, other) in self.pages.iter_mut().zip(&other.pages) {
            match (mine, other) {
                (_, None) => {}
                (Some(mine), Some(other)) => {
                    mine.iter_mut().zip(other.iter()).for_each(|(mine, other)| *mine = mine.saturating_add(*other));
                }
                (mine @ None, Some(other)) => *mine = Some(other.clone()),
            }
        }
    }

    /// Forgets all samples. Pages that had some are kept for the next ones; the others go, so that one bad spell of a
    /// service costs no memory for ever.
    pub(super) fn clear(&mut self) {
        self.samples = 0;
        for page in &mut self.pages {
            if let Some(counts) = page {
                if counts.iter().all(|&count| count == 0) {
                    *page = None;
                } else {
                    counts.fill(0);
                }
            }
        }
    }

    /// Buckets with samples and how many, from the shortest time to the longest.
    pub(super) fn filled(&self) -> impl Iterator<Item = (usize, u64)> {
        let pages = self.pages.iter().enumerate().filter_map(|(number, page)| Some((number, page.as_ref()?)));
        let all = pages.flat_map(|(number, page)| {
            page.iter().enumerate().map(move |(index, &count)| (number * PAGE + index, count))
        });
        all.filter(|&(_, count)| count > 0)
    }

    /// The last bucket with samples.
    pub(super) fn last(&self) -> Option<usize> {
        let mut pages = self.pages.iter().enumerate().rev().filter_map(|(number, page)| Some((number, page.as_ref()?)));
        pages.find_map(|(number, page)| Some(number * PAGE + page.iter().rposition(|&count| count > 0)?))
    }
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_buckets_are_those_of_hdr_histogram() {
        let theirs = Histogram::<u64>::new_with_bounds(1, LATENCY_US_MAX, 3).expect("constant bounds");
        assert_eq!(BUCKETS, theirs.distinct_values());
        for bucket in 0..BUCKETS {
            let (shortest, times) = times_of(bucket);
            assert_eq!((bucket_of(shortest), bucket_of(shortest + times - 1)), (bucket, bucket));
            assert_eq!(theirs.lowest_equivalent(shortest + times - 1), shortest);
            assert_eq!(theirs.equivalent_range(shortest), times);
        }
    }

    proptest! {
        #[test]
        fn what_is_added_up_is_what_was_added(samples in prop::collection::vec((0..BUCKETS, 1u64..1_000), 0..200)) {
            let (mut one, mut other, mut sums) = (Counts::default(), Counts::default(), std::collections::BTreeMap::new());
            for (index, &(bucket, count)) in samples.iter().enumerate() {
                if index % 2 == 0 { one.add(bucket, count) } else { other.add(bucket, count) }
                *sums.entry(bucket).or_insert(0) += count;
            }
            one.merge(&other);
            prop_assert_eq!(one.last(), sums.keys().last().copied());
            prop_assert_eq!(one.samples(), sums.values().sum::<u64>());
            prop_assert_eq!(one.filled().collect::<Vec<_>>(), sums.into_iter().collect::<Vec<_>>());
            one.clear();
            prop_assert_eq!((one.samples(), one.filled().count(), one.last()), (0, 0, None));
        }
    }

    #[test]
    fn pages_that_are_not_needed_any_more_are_given_back() {
        let mut counts = Counts::default();
        counts.add(100, 1);
        counts.add(20_000, 1);
        counts.clear();
        counts.add(100, 1);
        counts.clear();
        assert_eq!(counts.pages.iter().flatten().count(), 1);
    }
}
