//! Turns to connect: a service, or its accept queue, that takes so many connections a second gets no more.

use std::time::Duration;

use crate::scenario::Target;
use crate::tick::Tick;

/// The turns of one worker, evenly apart.
#[derive(Debug)]
pub(super) struct Turns {
    /// Between two turns; zero without a limit.
    spacing: Duration,
    next: Tick,
}

impl Turns {
    /// This worker's part of the target's `connect_rate`.
    pub(super) fn new(target: &Target, workers: u32) -> Turns {
        let spacing = target.connect_rate_per_s.map(|rate| f64::from(workers) / rate);
        let spacing = spacing.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or_default();
        Turns { spacing, next: Tick::ZERO }
    }

    /// The next turn, now or later. Whoever takes it has it, used or not.
    pub(super) fn take(&mut self, now: Tick) -> Tick {
        if self.spacing.is_zero() {
            return now;
        }
        let turn = self.next.max(now);
        self.next = turn + self.spacing;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_evenly_apart_and_none_is_saved_up() {
        let millis = |millis: u64| Tick::from_micros(millis * 1_000);
        let mut turns = Turns { spacing: Duration::from_millis(10), next: Tick::ZERO };
        let storm: Vec<Tick> = (0..3).map(|_| turns.take(millis(5))).collect();
        assert_eq!(storm, [millis(5), millis(15), millis(25)]);
        assert_eq!((turns.take(millis(500)), turns.take(millis(500))), (millis(500), millis(510)));
    }
}
