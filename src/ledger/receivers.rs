//! `Receivers`: which attachments of a topic have a message, one bit each.

/// A set of small numbers; no allocation below 64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Receivers {
    Few(u64),
    Many(Vec<u64>),
}

impl Default for Receivers {
    fn default() -> Self {
        Receivers::Few(0)
    }
}

impl Receivers {
    /// Adds a number; false when it was there already.
    pub(super) fn insert(&mut self, slot: usize) -> bool {
        let (word, bit) = (slot / 64, 1u64 << (slot % 64));
        if let Receivers::Few(first) = self {
            if word == 0 {
                let is_new = *first & bit == 0;
                *first |= bit;
                return is_new;
            }
            *self = Receivers::Many(vec![*first]);
        }
        let Receivers::Many(words) = self else { unreachable!("made so above") };
        if words.len() <= word {
            words.resize(word + 1, 0);
        }
        let is_new = words[word] & bit == 0;
        words[word] |= bit;
        is_new
    }

    /// Whether a number is there.
    pub(super) fn contains(&self, slot: usize) -> bool {
        let (word, bit) = (slot / 64, 1u64 << (slot % 64));
        match self {
            Receivers::Few(first) => word == 0 && first & bit != 0,
            Receivers::Many(words) => words.get(word).is_some_and(|bits| bits & bit != 0),
        }
    }

    /// How many numbers are there.
    pub(super) fn len(&self) -> u32 {
        match self {
            Receivers::Few(first) => first.count_ones(),
            Receivers::Many(words) => words.iter().map(|word| word.count_ones()).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_below_and_above_a_word() {
        let mut receivers = Receivers::default();
        for slot in [0, 63, 64, 1_000] {
            assert!(!receivers.contains(slot));
            assert!(receivers.insert(slot));
            assert!(!receivers.insert(slot));
            assert!(receivers.contains(slot));
        }
        assert_eq!(receivers.len(), 4);
        assert!(!receivers.contains(65) && !receivers.contains(100_000));
    }
}
