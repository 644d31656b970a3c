//! What an event of the scenario did to users, in one interval.

use std::collections::BTreeMap;

/// Figures of one time that an event happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// When in the load, milliseconds.
    pub at_ms: u64,
    /// What, as the scenario says it.
    pub what: String,
    /// Users that it hit while they were connected; of a burst its arrivals.
    pub affected: u64,
    /// Of those, who were back in the interval.
    pub back: u64,
    /// Of those, whom a later event hit before they were back.
    pub overtaken: u64,
    /// The longest way back, microseconds.
    pub back_us_max: u64,
    /// How long the way back took, in steps of one in a hundred: see [`EventCounts::back_us`].
    pub back_steps: BTreeMap<u32, u64>,
    /// Messages of others that those missed, as far as numbers tell.
    pub missed: u64,
    /// Messages of others that those fetched.
    pub recovered: u64,
    /// Answers that may have waited for those, because they did not read.
    pub waited_replies: u64,
    /// Messages that may have.
    pub waited_messages: u64,
}

impl EventCounts {
    /// Somebody is back.
    pub fn came_back(&mut self, micros: u64) {
        self.back += 1;
        self.back_us_max = self.back_us_max.max(micros);
        let step = (micros.max(1) as f64).ln() * 100.0;
        *self.back_steps.entry(step.round() as u32).or_default() += 1;
    }

    /// Adds those of another interval or worker.
    pub fn merge(&mut self, other: &EventCounts) {
        self.at_ms = self.at_ms.max(other.at_ms);
        if self.what.is_empty() {
            self.what.clone_from(&other.what);
        }
        self.affected += other.affected;
        self.back += other.back;
        self.overtaken += other.overtaken;
        self.back_us_max = self.back_us_max.max(other.back_us_max);
        for (step, count) in &other.back_steps {
            *self.back_steps.entry(*step).or_default() += count;
        }
        self.missed += other.missed;
        self.recovered += other.recovered;
        self.waited_replies += other.waited_replies;
        self.waited_messages += other.waited_messages;
    }

    /// The time after which this share of those who are back were back: the upper end of its step, at most one percent too
    /// much and never too little; 0 without any.
    pub fn back_us(&self, share: f64) -> u64 {
        let rank = ((self.back as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (step, count) in &self.back_steps {
            seen += count;
            if seen >= rank {
                return (((f64::from(*step) + 0.5) / 100.0).exp().ceil() as u64).min(self.back_us_max);
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_at_most_a_percent_too_much_and_the_longest_is_exact() {
        let mut counts = EventCounts::default();
        (1..=1_000u64).for_each(|number| counts.came_back(number * 1_000));
        let mut twice = counts.clone();
        twice.merge(&counts);
        for (share, wanted) in [(0.5, 500_000.0), (0.99, 990_000.0), (1.0, 1_000_000.0)] {
            let found = twice.back_us(share) as f64 / wanted;
            assert!((1.0..1.0101).contains(&found), "{share}: {found}");
        }
        // Whoever does not read for so long is not back before.
        for pause in [3_000_000, 9_000_000] {
            let mut counts = EventCounts::default();
            [0, 0, 0, 400_000].iter().for_each(|late| counts.came_back(pause + late));
            assert!((pause..pause + pause / 99).contains(&counts.back_us(0.5)), "{counts:?}");
        }
        assert_eq!((twice.back, twice.back_us_max, EventCounts::default().back_us(0.5)), (2_000, 1_000_000, 0));
    }
}
