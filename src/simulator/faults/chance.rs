//! How often a fault strikes: at a rate, every so many times, and at most so often.

use rand::RngExt as _;
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::Deserialize;

/// `rate`, `every` or both; `max` ends it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Chance {
    /// Probability of each case, 0 to 1.
    pub rate: Option<f64>,
    /// Strikes each so-manyth case.
    pub every: Option<u64>,
    /// Strikes no more often than this.
    pub max: Option<u64>,
}

impl Chance {
    /// What is wrong with it, if anything.
    pub(super) fn problem(&self) -> Option<&'static str> {
        match (self.rate, self.every) {
            (None, None) => Some("says neither `rate` nor `every`; give one, such as `rate = 0.01` or `every = 100`"),
            (Some(rate), _) if !(0.0..=1.0).contains(&rate) => Some("has a `rate` outside 0 to 1"),
            (_, Some(0)) => Some("has `every = 0`; 1 means each time"),
            _ => None,
        }
    }
}

/// A chance with its memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Roll {
    chance: Chance,
    seen: u64,
    struck: u64,
}

impl Roll {
    pub fn new(chance: Chance) -> Roll {
        Roll { chance, seen: 0, struck: 0 }
    }

    /// Whether the fault strikes this case.
    pub fn strikes(&mut self, random: &mut Pcg64) -> bool {
        self.seen += 1;
        if self.chance.max.is_some_and(|max| self.struck >= max) {
            return false;
        }
        let by_turn = self.chance.every.is_some_and(|every| self.seen.is_multiple_of(every));
        let by_rate = self.chance.rate.is_some_and(|rate| random.random::<f64>() < rate);
        let strikes = by_turn || by_rate;
        self.struck += u64::from(strikes);
        strikes
    }

    /// The fault could not be carried out after all.
    pub fn take_back(&mut self) {
        self.struck = self.struck.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn struck(chance: Chance, cases: usize) -> Vec<usize> {
        let mut random = Pcg64::seed_from_u64(1);
        let mut roll = Roll::new(chance);
        (1..=cases).filter(|_| roll.strikes(&mut random)).collect()
    }

    #[test]
    fn every_and_max_are_exact() {
        let chance = Chance { every: Some(3), max: Some(2), rate: None };
        assert_eq!(struck(chance, 100), [3, 6]);
    }

    #[test]
    fn a_rate_is_kept_and_repeats_with_the_seed() {
        let chance = Chance { rate: Some(0.1), ..Chance::default() };
        let once = struck(chance, 10_000);
        assert_eq!(once, struck(chance, 10_000));
        assert!((800..1200).contains(&once.len()), "{}", once.len());
    }

    #[test]
    fn nonsense_is_named() {
        assert!(Chance::default().problem().is_some());
        assert!(Chance { rate: Some(1.5), ..Chance::default() }.problem().is_some());
        assert!(Chance { every: Some(0), ..Chance::default() }.problem().is_some());
        assert!(Chance { every: Some(1), ..Chance::default() }.problem().is_none());
    }
}
