//! The day that a load stood for, when it was given as a table of times of day.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::figures;

/// A day that was run through faster than the clock.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct DayFigures {
    /// Minute of the day at which it begins.
    pub start_minute: u32,
    /// Second of the load at which it begins.
    pub from_s: f64,
    /// So many times as fast as the clock.
    pub speed_up: f64,
}

impl DayFigures {
    /// Minutes since midnight of the first day at a second of the load; `None` before the day begins, and where the
    /// figures are none.
    pub fn minute_at(&self, at_s: f64) -> Option<f64> {
        let minutes = (at_s - self.from_s) * self.speed_up / 60.0;
        (minutes.is_finite() && minutes >= 0.0 && self.speed_up > 0.0).then(|| minutes + f64::from(self.start_minute))
    }

    /// The time of day at a second of the load, such as `09:30`.
    pub fn clock_at(&self, at_s: f64) -> Option<String> {
        self.minute_at(at_s).map(figures::time_of_day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_of_the_load_are_times_of_the_day_once_it_has_begun() {
        let day = DayFigures { start_minute: 360, from_s: 60.0, speed_up: 24.0 };
        let at = |seconds: f64| day.clock_at(seconds);
        assert_eq!(at(59.0), None);
        assert_eq!(at(60.0).as_deref(), Some("06:00"));
        assert_eq!(at(60.0 + 3.5 * 150.0).as_deref(), Some("09:30"));
        assert_eq!(at(60.0 + 19.0 * 150.0).as_deref(), Some("01:00"), "of the next day");
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(DayFigures { speed_up: odd, ..day }.minute_at(100.0), None, "{odd}");
        }
    }
}
