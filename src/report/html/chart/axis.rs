//! Axes: from a value to a place between 0 and 1, and where the ticks go.

use crate::report::figures;

/// What an axis counts; decides the steps between ticks and how they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report::html) enum Unit {
    /// A number of things.
    Count,
    /// A percentage.
    Percent,
    /// Bytes, in binary steps.
    Bytes,
    /// Microseconds.
    Micros,
}

/// A tick: where it is and what it says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// Place on the axis, 0 to 1.
    pub(super) place: f64,
    /// What it says.
    pub(super) label: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    Linear {
        from: f64,
        to: f64,
    },
    /// Equal ratios take equal room.
    Log {
        from: f64,
        to: f64,
    },
    /// Each further nine of a quantile takes equal room, as HdrHistogram plots it.
    Nines {
        to: f64,
    },
}

/// An axis with its ticks.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::html) struct Axis {
    scale: Scale,
    pub(super) ticks: Vec<Tick>,
    /// What the numbers are, where the ticks do not say it.
    pub(super) unit: &'static str,
    /// What the same axis says in another way, in a row of its own; empty for most.
    pub(super) second: Vec<Tick>,
    /// What the numbers of that row are.
    pub(super) second_unit: &'static str,
}

/// About as many steps as fit beside a chart.
const STEPS: f64 = 4.0;

/// A run shorter than this is marked in seconds and tenths.
const SECONDS_BELOW: f64 = 4.0;

/// Share of the axis that the height of a label takes.
const LABEL_ROOM: f64 = 0.1;

const MINUTES_A_DAY: f64 = 24.0 * 60.0;

impl Axis {
    fn of(scale: Scale, ticks: Vec<Tick>, unit: &'static str) -> Axis {
        Axis { scale, ticks, unit, second: Vec::new(), second_unit: "" }
    }

    /// From zero to a round number at or above `max`.
    pub(in crate::report::html) fn linear(max: f64, unit: Unit) -> Axis {
        let max = if max.is_finite() && max > 0.0 { max } else { 1.0 };
        let scale = match unit {
            Unit::Bytes => 1_024_f64.powi((max.ln() / 1_024_f64.ln()).floor().max(0.0) as i32),
            _ => 1.0,
        };
        let mut step = round_step(max / scale / STEPS) * scale;
        if unit == Unit::Count {
            step = step.max(1.0);
        }
        let steps = (max / step - 1e-9).ceil().max(1.0);
        let to = steps * step;
        let tick = |index: u32| {
            let value = f64::from(index) * step;
            Tick { place: value / to, label: linear_label(value, unit) }
        };
        Axis::of(Scale::Linear { from: 0.0, to }, (0..=steps as u32).map(tick).collect(), "")
    }

    /// Microseconds, logarithmic, from a round number at or below `min` to one at or above `max`.
    pub(in crate::report::html) fn log_micros(min: u64, max: u64) -> Axis {
        let exact = |value: u64| value.max(1) as f64;
        let (from, mut to) = (round_down(exact(min)), round_up(exact(max.max(min))));
        if to <= from {
            to = round_up(from * 1.5);
        }
        let decades = (to / from).log10();
        let ends_only = decades > 2.1;
        let mut ticks = Vec::new();
        for exponent in from.log10().floor() as i32..=to.log10().ceil() as i32 {
            for digit in [1.0, 2.0, 5.0] {
                let value = digit * 10_f64.powi(exponent);
                let place = (value / from).log10() / decades;
                // Where there is no room for all, the decades and both ends are labelled.
                let end = !(0.001..=0.999).contains(&place);
                if (-0.001..=1.001).contains(&place) && (digit == 1.0 || end || !ends_only) {
                    ticks.push(Tick { place, label: micros_label(value) });
                }
            }
        }
        if ends_only {
            // An end that is no decade gives way to the decade beside it.
            let crowded = |a: &Tick, b: &Tick| b.place - a.place < LABEL_ROOM;
            if ticks.len() > 1 && crowded(&ticks[ticks.len() - 2], &ticks[ticks.len() - 1]) {
                ticks.pop();
            }
            if ticks.len() > 1 && crowded(&ticks[0], &ticks[1]) {
                ticks.remove(0);
            }
        }
        Axis::of(Scale::Log { from, to }, ticks, "log scale")
    }

    /// Seconds of the run, from `from` to `to`, with ticks at the steps of a clock.
    pub(in crate::report::html) fn time(from: f64, to: f64) -> Axis {
        let from = if from.is_finite() { from } else { 0.0 };
        let to = if to.is_finite() && to > from { to } else { from + 1.0 };
        let step = clock_step((to - from) / 6.0);
        let first = (from / step).ceil() as i64;
        let last = (to / step).floor() as i64;
        let tick = |index: i64| {
            let at = index as f64 * step;
            Tick { place: (at - from) / (to - from), label: clock_label(at, to) }
        };
        let ticks = (first..=last.min(first.saturating_add(12))).map(tick).collect();
        let unit = match to {
            to if to < SECONDS_BELOW => "",
            to if to < 3_600.0 => "m:ss",
            _ => "h:mm",
        };
        Axis::of(Scale::Linear { from, to }, ticks, unit)
    }

    /// The same axis with times of day below it: at `begins` it is `minute`, and a second is `minutes_a_second`.
    pub(in crate::report::html) fn with_times_of_day(
        mut self,
        begins: f64,
        minute: f64,
        minutes_a_second: f64,
    ) -> Axis {
        let Scale::Linear { from, to } = self.scale else { return self };
        let is_sound = minutes_a_second.is_finite() && minutes_a_second > 0.0 && begins.is_finite();
        let minutes = (to - begins.max(from)) * minutes_a_second;
        if !is_sound || !(1.0..1e7).contains(&minutes) {
            return self;
        }
        let step = day_step(minutes / 6.0);
        // Whole days are counted from where the first begins, as its stages are.
        let (first, second_unit) =
            if step < MINUTES_A_DAY { ((minute / step).ceil() * step, "time of day") } else { (minute, "") };
        let tick = |index: u32| {
            let at = first + f64::from(index) * step;
            let place = (begins + (at - minute) / minutes_a_second - from) / (to - from);
            let day = ((at - minute) / MINUTES_A_DAY).round() + 1.0;
            let label = if step < MINUTES_A_DAY { figures::time_of_day(at) } else { format!("day {day}") };
            Tick { place, label }
        };
        self.second = (0..13).map(tick).filter(|tick| (0.0..=1.0).contains(&tick.place)).collect();
        self.second_unit = second_unit;
        self
    }

    /// Runs by their number, from 1.
    pub(in crate::report::html) fn runs(count: usize) -> Axis {
        let (from, to) = (0.5, count.max(1) as f64 + 0.5);
        let step = round_step(count as f64 / 8.0).max(1.0);
        let places = (1..=8).map(|index| f64::from(index) * step).take_while(|at| *at <= to);
        let ticks = [1.0].into_iter().filter(|_| step > 1.0).chain(places);
        let tick = |at: f64| Tick { place: (at - from) / (to - from), label: format!("{at}") };
        Axis::of(Scale::Linear { from, to }, ticks.map(tick).collect(), "run")
    }

    /// Quantiles up to as many nines as that many samples can tell apart.
    pub(in crate::report::html) fn quantiles(samples: u64) -> Axis {
        let to = (samples.max(1) as f64).log10().ceil().clamp(2.0, 6.0);
        let labels = ["0", "90", "99", "99.9", "99.99", "99.999", "99.9999"];
        let mut ticks = vec![Tick { place: 0.5_f64.recip().log10() / to, label: "50".to_owned() }];
        ticks.extend(
            labels
                .iter()
                .enumerate()
                .take(to as usize + 1)
                .map(|(nines, label)| Tick { place: nines as f64 / to, label: (*label).to_owned() }),
        );
        Axis::of(Scale::Nines { to }, ticks, "percentile")
    }

    /// Where a value is: 0 at the beginning of the axis, 1 at its end, never outside.
    pub(in crate::report::html) fn place(&self, value: f64) -> f64 {
        let place = match self.scale {
            Scale::Linear { from, to } => (value - from) / (to - from),
            Scale::Log { from, to } => (value.max(from) / from).log10() / (to / from).log10(),
            Scale::Nines { to } => -(1.0 - value).max(10_f64.powf(-to)).log10() / to,
        };
        if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// The number of 1, 2, 5, 10, … that is next at or above `value`.
fn round_step(value: f64) -> f64 {
    let decade = 10_f64.powf(value.log10().floor());
    let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| digit * decade >= value * 0.999_999).unwrap_or(10.0);
    digit * decade
}

fn round_up(value: f64) -> f64 {
    round_step(value)
}

fn round_down(value: f64) -> f64 {
    let decade = 10_f64.powf((value.log10() + 1e-9).floor());
    let digit = [5.0, 2.0].into_iter().find(|digit| digit * decade <= value * 1.000_001).unwrap_or(1.0);
    digit * decade
}

fn clock_step(wanted: f64) -> f64 {
    const STEPS: [f64; 19] = [
        0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0,
        21_600.0, 43_200.0,
    ];
    STEPS.into_iter().find(|step| *step >= wanted).unwrap_or_else(|| round_step(wanted / 86_400.0) * 86_400.0)
}

/// Minutes between times of day.
fn day_step(wanted: f64) -> f64 {
    const STEPS: [f64; 12] = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 180.0, 240.0, 360.0, 720.0];
    let days = || round_step(wanted / MINUTES_A_DAY).max(1.0) * MINUTES_A_DAY;
    STEPS.into_iter().find(|step| *step >= wanted).unwrap_or_else(days)
}

fn clock_label(at: f64, to: f64) -> String {
    if to < SECONDS_BELOW {
        return format!("{at:.1} s");
    }
    let whole = at.round() as i64;
    if to >= 3_600.0 { format!("{}:{:02}", whole / 3_600, whole / 60 % 60) } else { figures::position(at) }
}

fn linear_label(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => {
            let text = figures::bytes(value.round() as u64);
            let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
            format!("{} {unit}", trimmed(number))
        }
        Unit::Percent => format!("{}%", short(value)),
        Unit::Micros => micros_label(value),
        Unit::Count => short(value),
    }
}

fn micros_label(value: f64) -> String {
    let (number, unit) = match value {
        value if value < 1e3 => (value, "µs"),
        value if value < 1e6 => (value / 1e3, "ms"),
        value => (value / 1e6, "s"),
    };
    format!("{} {unit}", short(number))
}

fn short(value: f64) -> String {
    match value {
        value if value >= 1e15 => format!("{value:.0e}"),
        value if value >= 1e9 => format!("{} G", trimmed(&format!("{:.2}", value / 1e9))),
        value if value >= 1e6 => format!("{} M", trimmed(&format!("{:.2}", value / 1e6))),
        value if value >= 1_000.0 => figures::count(value.round() as u64),
        value => trimmed(&format!("{value:.3}")).to_owned(),
    }
}

fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> String {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect::<Vec<_>>().join(" | ").replace('\u{202f}', " ")
    }

    #[test]
    fn linear_ticks_are_round_and_cover_the_largest_value() {
        assert_eq!(labels(&Axis::linear(197.0, Unit::Count)), "0 | 50 | 100 | 150 | 200");
        assert_eq!(labels(&Axis::linear(200.0, Unit::Count)), "0 | 50 | 100 | 150 | 200");
        assert_eq!(labels(&Axis::linear(0.0, Unit::Count)), "0 | 1");
        assert_eq!(labels(&Axis::linear(3.0, Unit::Count)), "0 | 1 | 2 | 3");
        assert_eq!(labels(&Axis::linear(14.2, Unit::Percent)), "0% | 5% | 10% | 15%");
        assert_eq!(labels(&Axis::linear(62_000_000.0, Unit::Bytes)), "0 B | 20 MiB | 40 MiB | 60 MiB");
        assert_eq!(labels(&Axis::linear(4_800.0, Unit::Count)), "0 | 2 000 | 4 000 | 6 000");
    }

    #[test]
    fn log_ticks_are_1_2_5_or_decades() {
        assert_eq!(labels(&Axis::log_micros(900, 14_000)), "500 µs | 1 ms | 2 ms | 5 ms | 10 ms | 20 ms");
        assert_eq!(labels(&Axis::log_micros(12, 4_000_000)), "10 µs | 100 µs | 1 ms | 10 ms | 100 ms | 1 s | 5 s");
        assert_eq!(labels(&Axis::log_micros(0, 0)), "1 µs | 2 µs");
    }

    #[test]
    fn time_ticks_are_those_of_a_clock() {
        assert_eq!(labels(&Axis::time(0.0, 605.0)), "0:00 | 2:00 | 4:00 | 6:00 | 8:00 | 10:00");
        assert_eq!(labels(&Axis::time(0.0, 14_400.0)), "0:00 | 1:00 | 2:00 | 3:00 | 4:00");
        assert_eq!(labels(&Axis::time(0.0, 1.0)), "0.0 s | 0.2 s | 0.4 s | 0.6 s | 0.8 s | 1.0 s");
        assert_eq!(labels(&Axis::time(f64::NAN, f64::NAN)).split(" | ").count(), 6);
    }

    #[test]
    fn times_of_day_stand_where_they_are() {
        let said = |axis: &Axis| {
            let ticks = axis.second.iter().map(|tick| format!("{} {:.2}", tick.label, tick.place));
            ticks.collect::<Vec<_>>().join(" | ")
        };
        // A day from 06:00 in an hour, after an opening of a minute.
        let axis = Axis::time(0.0, 3_660.0).with_times_of_day(60.0, 360.0, 24.0 / 60.0);
        assert_eq!(said(&axis), "08:00 0.10 | 12:00 0.26 | 16:00 0.43 | 20:00 0.59 | 00:00 0.75 | 04:00 0.92");
        assert_eq!(axis.second_unit, "time of day");
        let week = Axis::time(0.0, 25_200.0).with_times_of_day(0.0, 360.0, 24.0 / 60.0);
        assert_eq!(said(&week), "day 1 0.00 | day 3 0.29 | day 5 0.57 | day 7 0.86");
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300, 1e300] {
            assert_eq!(said(&Axis::time(0.0, 60.0).with_times_of_day(0.0, 0.0, odd)), "", "{odd}");
        }
    }

    #[test]
    fn each_nine_takes_the_same_room() {
        let axis = Axis::quantiles(50_000);
        assert_eq!(labels(&axis), "50 | 0 | 90 | 99 | 99.9 | 99.99 | 99.999");
        assert!((axis.place(0.99) - 0.4).abs() < 1e-9);
        assert_eq!(axis.place(1.0), 1.0);
        assert_eq!(axis.place(0.0), 0.0);
    }

    #[test]
    fn no_value_leaves_the_chart() {
        for axis in [Axis::linear(5.0, Unit::Count), Axis::log_micros(1, 100), Axis::time(0.0, 9.0)] {
            for value in [f64::NAN, f64::INFINITY, -1.0, 1e300, 0.0] {
                assert!((0.0..=1.0).contains(&axis.place(value)), "{value} on {axis:?}");
            }
        }
    }
}
