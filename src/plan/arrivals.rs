//! When each arrival is due: the open model's schedule, without drift.
//!
//! The rate is piecewise linear, so the expected number of arrivals by time t is a piecewise quadratic with an
//! exact inverse. Even spacing inverts it at 1, 2, 3, …; a Poisson process inverts it at the running sum of
//! exponential gaps. Each due time is computed from the start of its stage, never from the one before.

use rand_distr::{Distribution, Exp1};

use crate::random::{Purpose, Random, generator};
use crate::scenario::{Spacing, Stage};
use crate::tick::Tick;

/// The arrivals of one slot, in order of time, as ticks since the load began.
#[derive(Debug, Clone)]
pub struct Arrivals {
    stages: Vec<RateStage>,
    stage: usize,
    spacing: Spacing,
    random: Random,
    slot: u32,
    slots: u32,
    /// Arrivals given out.
    given: u64,
    /// Poisson: sum of the gaps so far, in expected arrivals.
    sum: f64,
}

#[derive(Debug, Clone, Copy)]
struct RateStage {
    start_s: f64,
    length_s: f64,
    from: f64,
    to: f64,
    /// Expected arrivals before it.
    before: f64,
}

impl RateStage {
    fn expected(&self) -> f64 {
        (self.from + self.to) / 2.0 * self.length_s
    }

    /// Seconds into the stage at which `count` arrivals of it are expected.
    fn invert(&self, count: f64) -> f64 {
        if self.length_s == 0.0 {
            return 0.0;
        }
        let slope = (self.to - self.from) / self.length_s;
        // The usual root formula loses all digits for a slope near 0; this form of it does not.
        let root = (self.from * self.from + 2.0 * slope * count).max(0.0).sqrt();
        let divisor = self.from + root;
        if divisor == 0.0 { 0.0 } else { (2.0 * count / divisor).clamp(0.0, self.length_s) }
    }
}

impl Arrivals {
    /// The arrivals of a slot.
    pub fn new(stages: &[Stage], spacing: Spacing, seed: u64, slot: u32, slots: u32) -> Arrivals {
        let (mut start_s, mut rate, mut before) = (0.0, 0.0, 0.0);
        let stages = stages
            .iter()
            .map(|stage| {
                let to = stage.to.unwrap_or(rate);
                let made = RateStage { start_s, length_s: stage.over.as_secs_f64(), from: rate, to, before };
                (start_s, rate, before) = (start_s + made.length_s, to, before + made.expected());
                made
            })
            .collect();
        let random = generator(seed, Purpose::Arrivals);
        Arrivals { stages, stage: 0, spacing, random, slot, slots: slots.max(1), given: 0, sum: 0.0 }
    }

    /// The same arrivals without those that were due by `offset`.
    pub fn after(mut self, offset: std::time::Duration) -> Arrivals {
        let offset = Tick::from_duration(offset);
        if offset > Tick::ZERO {
            let mut next = self.clone();
            // Each is drawn, so that the rest is what it would have been.
            while next.next().is_some_and(|due| due <= offset) {
                self = next.clone();
            }
        }
        self
    }

    /// The count of all slots' expected arrivals at which this slot's next one is due.
    fn next_count(&mut self) -> f64 {
        let slots = f64::from(self.slots);
        match self.spacing {
            Spacing::Even => self.given as f64 * slots + f64::from(self.slot) + 1.0,
            Spacing::Poisson => {
                // One process for all slots, dealt out in turn, so that the arrivals of a run do not depend on how
                // many workers share them. Each slot draws the others' gaps too, which costs it 10 ns each.
                let others = if self.given == 0 { self.slot } else { self.slots - 1 };
                for _ in 0..=others {
                    let gap: f64 = Exp1.sample(&mut self.random);
                    self.sum += gap;
                }
                self.sum
            }
        }
    }
}

impl Iterator for Arrivals {
    type Item = Tick;

    fn next(&mut self) -> Option<Tick> {
        let count = self.next_count();
        self.given += 1;
        loop {
            let stage = self.stages.get(self.stage)?;
            let within = count - stage.before;
            // A whisker of tolerance: 0.1 × 10 must not miss its last arrival to rounding.
            if within <= stage.expected() + 1e-6 {
                let seconds = stage.start_s + stage.invert(within);
                return Some(Tick::from_micros((seconds * 1e6).round() as u64));
            }
            self.stage += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn ramp(to: f64, seconds: f64) -> Stage {
        Stage { to: Some(to), over: Duration::from_secs_f64(seconds) }
    }

    fn hold(seconds: f64) -> Stage {
        Stage { to: None, over: Duration::from_secs_f64(seconds) }
    }

    fn even(stages: &[Stage]) -> Vec<u64> {
        Arrivals::new(stages, Spacing::Even, 1, 0, 1).map(Tick::as_micros).collect()
    }

    #[test]
    fn a_constant_rate_is_exact_after_an_hour() {
        let due = even(&[ramp(1_000.0, 0.0), hold(3_600.0)]);
        assert_eq!(due.len(), 3_600_000);
        assert_eq!((due[0], due[999], due[3_599_999]), (1_000, 1_000_000, 3_600_000_000));
        assert!(due.iter().enumerate().all(|(index, &at)| at == (index as u64 + 1) * 1_000));
    }

    #[test]
    fn a_ramp_integrates_exactly() {
        // 0 to 300 a second over 2 s: 300 arrivals, a quarter of them in the first half.
        let due = even(&[ramp(300.0, 2.0), hold(1.0), ramp(0.0, 1.0)]);
        assert_eq!(due.iter().filter(|&&at| at <= 1_000_000).count(), 75);
        assert_eq!(due.iter().filter(|&&at| at <= 2_000_000).count(), 300);
        assert_eq!(due.len(), 300 + 300 + 150);
    }

    #[test]
    fn slots_interleave_even_arrivals() {
        let stages = [ramp(100.0, 1.0), hold(5.0)];
        let mut merged: Vec<u64> =
            (0..3).flat_map(|slot| Arrivals::new(&stages, Spacing::Even, 1, slot, 3).map(Tick::as_micros)).collect();
        merged.sort_unstable();
        assert_eq!(merged, even(&stages));
    }

    #[test]
    fn poisson_arrivals_are_the_same_for_any_number_of_slots() {
        let stages = [ramp(100.0, 1.0), hold(5.0), ramp(0.0, 1.0)];
        let merged = |slots: u32| {
            let mut due: Vec<Tick> =
                (0..slots).flat_map(|slot| Arrivals::new(&stages, Spacing::Poisson, 5, slot, slots)).collect();
            due.sort_unstable();
            due
        };
        assert_eq!(merged(3), merged(1));
        assert!(merged(1).len() > 400);
    }

    #[test]
    fn poisson_arrivals_have_the_mean_and_the_variance() {
        let stages = [ramp(200.0, 0.0), hold(500.0)];
        let mut seconds = vec![0f64; 500];
        for slot in 0..2 {
            for due in Arrivals::new(&stages, Spacing::Poisson, 9, slot, 2) {
                seconds[(due.as_secs_f64() as usize).min(499)] += 1.0;
            }
        }
        let mean = seconds.iter().sum::<f64>() / 500.0;
        let variance = seconds.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / 499.0;
        assert!((mean - 200.0).abs() < 3.0, "{mean}");
        assert!((variance / mean - 1.0).abs() < 0.25, "{variance}");
    }

    #[test]
    fn the_rest_is_what_it_would_have_been() {
        let stages = [ramp(50.0, 1.0), hold(3.0)];
        for spacing in [Spacing::Even, Spacing::Poisson] {
            let all = Arrivals::new(&stages, spacing, 5, 1, 2);
            let rest: Vec<Tick> = all.clone().after(Duration::from_millis(2_500)).collect();
            let expected: Vec<Tick> = all.filter(|due| *due > Tick::from_micros(2_500_000)).collect();
            assert!(!rest.is_empty() && rest == expected, "{spacing:?}");
        }
    }

    proptest! {
        #[test]
        fn any_curve_integrates_exactly_up_to_the_end_of_each_stage(
            rates in prop::collection::vec((0f64..500.0, 0.1f64..3.0), 1..6), slots in 1u32..5,
        ) {
            let stages: Vec<Stage> = rates.iter().map(|&(to, seconds)| ramp(to, seconds)).collect();
            let all: Vec<u64> = (0..slots)
                .flat_map(|slot| Arrivals::new(&stages, Spacing::Even, 1, slot, slots).map(Tick::as_micros))
                .collect();
            let (mut end_s, mut rate, mut integral) = (0.0, 0.0, 0.0);
            for &(to, seconds) in &rates {
                (end_s, integral, rate) = (end_s + seconds, integral + (rate + to) / 2.0 * seconds, to);
                let due = all.iter().filter(|&&at| at as f64 <= end_s * 1e6).count() as f64;
                // One that is due at the very end may be rounded to the other side of it.
                prop_assert!((due - integral).abs() < 1.0 + 1e-3, "{due} due of {integral}");
            }
        }

        #[test]
        fn schedules_never_go_backwards(
            rates in prop::collection::vec((0f64..500.0, 0f64..3.0), 1..6), poisson: bool, seed: u64,
        ) {
            let stages: Vec<Stage> = rates.iter().map(|&(to, seconds)| ramp(to, seconds)).collect();
            let spacing = if poisson { Spacing::Poisson } else { Spacing::Even };
            let due: Vec<Tick> = Arrivals::new(&stages, spacing, seed, 0, 1).collect();
            prop_assert!(due.windows(2).all(|pair| pair[0] <= pair[1]));
            let total: f64 = rates.iter().map(|rate| rate.1).sum();
            prop_assert!(due.iter().all(|due| due.as_secs_f64() <= total + 0.001));
        }
    }
}
