//! Randomness of a run: one named generator for each user, made from the run's seed and the user's index.
//!
//! PCG-XSH-RR 64/32 is named on purpose: a run repeats with the same seed on any later build, which generators
//! that may change between releases do not promise. 16 bytes a user.

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;

/// The generator that every random choice of a run is made with.
pub type Random = Pcg32;

/// What a generator is for; each purpose draws from a stream of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Choices of one virtual user.
    User(u32),
    /// Arrivals of the open model.
    Arrivals,
    /// Who talks to whom.
    Topology,
}

/// The generator for a purpose of the run with this seed.
pub fn generator(seed: u64, purpose: Purpose) -> Random {
    let stream = match purpose {
        Purpose::User(index) => u64::from(index),
        Purpose::Arrivals => 1 << 40,
        Purpose::Topology => 1 << 41,
    };
    // The seed alone would start all streams from one state; mixing decorrelates their first draws.
    Pcg32::new(mix(seed ^ stream.rotate_left(17)), mix(stream))
}

/// A uniform number in `0.0..1.0`.
pub fn unit(random: &mut Random) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A uniform number in `0..bound`; 0 when `bound` is 0.
pub fn below(random: &mut Random, bound: u64) -> u64 {
    ((u128::from(random.next_u64()) * u128::from(bound)) >> 64) as u64
}

/// SplitMix64's finalizer: spreads every input bit over the whole word.
pub fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_for_ever() {
        let mut random = generator(7, Purpose::User(3));
        let drawn: Vec<u32> = (0..3).map(|_| random.next_u32()).collect();
        assert_eq!(drawn, [4_062_037_819, 1_963_215_221, 2_592_447_967]);
    }

    #[test]
    fn users_draw_different_numbers() {
        let mut first = generator(7, Purpose::User(0));
        let mut second = generator(7, Purpose::User(1));
        assert_ne!(first.next_u64(), second.next_u64());
    }

    #[test]
    fn uniform_draws_stay_in_range() {
        let mut random = generator(1, Purpose::Topology);
        for _ in 0..10_000 {
            assert!((0.0..1.0).contains(&unit(&mut random)));
            assert!(below(&mut random, 7) < 7);
        }
        assert_eq!(below(&mut random, 0), 0);
    }
}
