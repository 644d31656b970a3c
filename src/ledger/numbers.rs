//! `Numbers`: which numbers of a topic messages were given, as a few ranges.

/// Most ranges kept; the lowest is forgotten beyond that, and with it what could be said below.
const RANGES_MAX: usize = 64;

/// A set of numbers that is dense as a rule: ranges `low..=high`, ascending, never touching each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    ranges: Vec<(u64, u64)>,
    /// What is below was forgotten, and is taken for new.
    floor: u64,
}

impl Numbers {
    /// Adds a number; false when it was there already.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        // Nearly always it is the next one.
        if let Some((_, high)) = self.ranges.last_mut()
            && Some(number) == high.checked_add(1)
        {
            *high = number;
            return true;
        }
        if number < self.floor {
            return true;
        }
        let at = self.ranges.partition_point(|&(_, high)| high < number);
        if self.ranges.get(at).is_some_and(|&(low, _)| low <= number) {
            return false;
        }
        let follows = at > 0 && self.ranges[at - 1].1.checked_add(1) == Some(number);
        let precedes = self.ranges.get(at).is_some_and(|&(low, _)| Some(low) == number.checked_add(1));
        match (follows, precedes) {
            (true, true) => {
                self.ranges[at - 1].1 = self.ranges[at].1;
                self.ranges.remove(at);
            }
            (true, false) => self.ranges[at - 1].1 = number,
            (false, true) => self.ranges[at].0 = number,
            (false, false) => {
                self.ranges.insert(at, (number, number));
                if self.ranges.len() > RANGES_MAX {
                    self.floor = self.ranges.remove(0).1.saturating_add(1);
                }
            }
        }
        true
    }

    /// What is missing between the lowest and the highest, as `low..=high`.
    pub(super) fn gaps(&self) -> impl Iterator<Item = (u64, u64)> {
        self.ranges.windows(2).map(|pair| (pair[0].1 + 1, pair[1].0 - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_set_and_knows_its_gaps(numbers in prop::collection::vec(1..60u64, 0..80)) {
            let (mut ranges, mut set) = (Numbers::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(ranges.insert(number), set.insert(number));
            }
            let missing: Vec<u64> = ranges.gaps().flat_map(|(low, high)| low..=high).collect();
            let bounds = set.first().copied().unwrap_or(1)..set.last().copied().unwrap_or(1);
            let wanted: Vec<u64> = bounds.filter(|number| !set.contains(number)).collect();
            prop_assert_eq!(missing, wanted);
        }
    }

    #[test]
    fn gaps_without_end_take_no_memory_without_end() {
        let mut ranges = Numbers::default();
        for number in 1..10_000 {
            assert!(ranges.insert(number * 2));
        }
        assert!(ranges.ranges.len() <= RANGES_MAX);
        assert!(!ranges.insert(19_998) && ranges.insert(19_999));
    }
}
