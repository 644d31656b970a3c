//! `Tick`: an instant of a run, and all arithmetic on time.
//!
//! A tick is the number of whole microseconds since the run's clock was started. It fits in a publish id, it
//! subtracts without surprises, and it cannot be mixed up with wall-clock time. Only `engine::clock` makes
//! ticks from the machine's clock; everything else receives them.

use std::ops::{Add, AddAssign};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant of a run, in microseconds since the run's clock was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tick(u64);

impl Tick {
    /// The start of the run's clock.
    pub const ZERO: Tick = Tick(0);
    /// Later than anything that happens: "no deadline".
    pub const NEVER: Tick = Tick(u64::MAX);

    /// The tick this many microseconds after the start.
    pub const fn from_micros(micros: u64) -> Tick {
        Tick(micros)
    }

    /// The tick this long after the start; a duration beyond 584,000 years is [`Tick::NEVER`].
    pub fn from_duration(since_start: Duration) -> Tick {
        Tick(micros(since_start))
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Seconds since the start, for people and charts.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Time since the start.
    pub const fn since_start(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// Microseconds from `earlier` to this tick; 0 when `earlier` is in fact later.
    pub const fn micros_since(self, earlier: Tick) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Time from `earlier` to this tick; zero when `earlier` is in fact later.
    pub const fn since(self, earlier: Tick) -> Duration {
        Duration::from_micros(self.micros_since(earlier))
    }

    /// This tick moved back, no further than the start.
    pub fn minus(self, by: Duration) -> Tick {
        Tick(self.0.saturating_sub(micros(by)))
    }

    /// The next multiple of `period` strictly after this tick; `period` of zero counts as one microsecond.
    pub fn next_multiple(self, period: Duration) -> Tick {
        let period = micros(period).max(1);
        Tick((self.0 / period).saturating_add(1).saturating_mul(period))
    }
}

impl Add<Duration> for Tick {
    type Output = Tick;

    fn add(self, by: Duration) -> Tick {
        Tick(self.0.saturating_add(micros(by)))
    }
}

impl AddAssign<Duration> for Tick {
    fn add_assign(&mut self, by: Duration) {
        *self = *self + by;
    }
}

/// Whole microseconds of a duration, saturating.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_absorbs_additions() {
        assert_eq!(Tick::NEVER + Duration::from_secs(1), Tick::NEVER);
    }

    #[test]
    fn differences_do_not_go_below_zero() {
        let early = Tick::from_micros(10);
        let late = Tick::from_micros(25);
        assert_eq!(late.micros_since(early), 15);
        assert_eq!(early.micros_since(late), 0);
    }

    #[test]
    fn next_multiple_is_strictly_later() {
        let second = Duration::from_secs(1);
        assert_eq!(Tick::ZERO.next_multiple(second), Tick::from_micros(1_000_000));
        assert_eq!(Tick::from_micros(1_000_000).next_multiple(second), Tick::from_micros(2_000_000));
        assert_eq!(Tick::from_micros(1_999_999).next_multiple(second), Tick::from_micros(2_000_000));
    }
}
