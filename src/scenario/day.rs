//! `load.day`: a load curve as a table of times of day, run through faster than the clock.
//!
//! `users = { "06:00" = 50, "09:00" = 1000 }` is linear between its points, and from the last one on to the first of the
//! next day. It becomes curves of ordinary stages, called by their times.

use std::ops::Range;
use std::time::Duration;

use toml::de::DeValue;

use super::curves::{Curve, Unit};
use super::problem::Problem;
use super::quantity::STAGE_MAX;
use super::read::{Fields, Reader, Value, in_order};
use super::users::USERS_MAX;
use super::{Day, Stage};

pub(super) const DAY_KEYS: &[&str] = &["speed_up", "start", "days", "opening", "users", "arrivals"];
const SPEED_UP_MAX: f64 = 1_440.0;
const DAYS_MAX: u64 = 366;
const OPENING: Duration = Duration::from_secs(30);
const MINUTES_A_DAY: u32 = 24 * 60;

/// A point of the day: its minute, the value there, and its place in the text.
type Points = Vec<(u32, f64, Range<usize>)>;

/// Reads `load.day`: the day, the curve of users, and that of arrivals where it has one.
pub(super) fn day(reader: &mut Reader, value: &Value<'_>) -> Option<(Day, Curve, Option<Curve>)> {
    let fields = reader.table("`load.day`", value, DAY_KEYS)?;
    let speed_up = match fields.get("speed_up") {
        Some(value) => {
            let kind = "a number from 1 to 1440: 24 makes an hour of a day";
            match reader.number("`speed_up`", value, kind) {
                Some(speed_up) if (1.0..=SPEED_UP_MAX).contains(&speed_up) => Some(speed_up),
                Some(_) => {
                    reader.problem(
                        Problem::at(value.span(), "`speed_up` is out of range").expected(format!("expected {kind}")),
                    );
                    None
                }
                None => None,
            }
        }
        None => Some(1.0),
    };
    let days = match fields.get("days") {
        Some(value) => reader.whole("`days`", value, 1..=DAYS_MAX),
        None => Some(1),
    };
    let opening = match fields.get("opening") {
        Some(value) => reader.duration("`opening`", value, Duration::ZERO..=STAGE_MAX),
        None => Some(OPENING),
    };
    let way = "say how many users are online when: `users = { \"06:00\" = 50, \"09:00\" = 1000, \"18:00\" = 200 }`";
    let users = fields.need(reader, "users", way).and_then(|value| points(reader, value, Unit::Users));
    let arrivals = match fields.get("arrivals") {
        Some(value) => points(reader, value, Unit::Arrivals).map(Some),
        None => Some(None),
    };
    let start = match fields.get("start") {
        Some(value) => reader.parsed("`start`", value, "a time of day such as `06:00`", minute_of_day).map(Some),
        None => Some(None),
    };
    let (speed_up, users, arrivals) = (speed_up?, users?, arrivals?);
    let start = start?.unwrap_or_else(|| users.first().map_or(0, |(minute, ..)| *minute));
    let day = Day { speed_up, start, days: u32::try_from(days?).ok()?, opening: opening? };
    let length = day.opening + day.time_of(u64::from(day.days) * u64::from(MINUTES_A_DAY));
    if length > STAGE_MAX {
        reader.problem(
            Problem::at(value.span(), "`load.day` lasts longer than a year").help("raise `speed_up`, or lower `days`"),
        );
        return None;
    }
    let users = curve(reader, &fields, &day, &users, Unit::Users)?;
    let arrivals = match arrivals {
        Some(points) => Some(curve(reader, &fields, &day, &points, Unit::Arrivals)?),
        None => None,
    };
    Some((day, users, arrivals))
}

fn points(reader: &mut Reader, value: &Value<'_>, unit: Unit) -> Option<Points> {
    let (name, example) = match unit {
        Unit::Users => ("`load.day.users`", "a table such as `{ \"06:00\" = 50, \"09:00\" = 1000 }`"),
        Unit::Arrivals => ("`load.day.arrivals`", "a table such as `{ \"06:00\" = \"1/s\", \"09:00\" = \"50/s\" }`"),
    };
    let DeValue::Table(table) = value.get_ref() else {
        return reader.wrong_kind(name, value, example);
    };
    if table.is_empty() {
        reader.problem(Problem::at(value.span(), format!("{name} is empty")).expected(format!("expected {example}")));
        return None;
    }
    let before = reader.count();
    let mut points = Points::new();
    for (key, value) in in_order(table) {
        let text = key.get_ref().as_ref();
        let minute = minute_of_day(text);
        if minute.is_none() {
            let message = format!("`{}` is no time of day", super::read::shorten(text));
            reader.problem(
                Problem::at(key.span(), message).expected("expected a time from `00:00` to `23:59`, in quotes"),
            );
        }
        let at = format!("`{}`", super::read::shorten(text));
        let amount = match unit {
            Unit::Users => reader.whole(&at, value, 0..=USERS_MAX).map(|users| users as f64),
            Unit::Arrivals => reader.rate(&at, value),
        };
        if let (Some(minute), Some(amount)) = (minute, amount) {
            points.push((minute, amount, value.span()));
        }
    }
    points.sort_by_key(|(minute, ..)| *minute);
    if reader.count() > before {
        return None;
    }
    if points.iter().all(|(_, amount, _)| *amount == 0.0) {
        reader.problem(Problem::at(value.span(), format!("{name} never rises above zero")));
        return None;
    }
    Some(points)
}

/// The stages of one curve over all days.
fn curve(reader: &Reader, fields: &Fields<'_, '_>, day: &Day, points: &Points, unit: Unit) -> Option<Curve> {
    debug_assert!(!points.is_empty() || !reader.is_clean());
    let (_, peak, peak_place) = points.iter().max_by(|one, other| one.1.total_cmp(&other.1))?.clone();
    let (key, prefix) = match unit {
        Unit::Users => ("users", ""),
        Unit::Arrivals => ("arrivals", "arrivals "),
    };
    let place = fields.get(key).map_or(fields.place.clone(), |value| value.span());
    let mut curve = Curve { stages: Vec::new(), names: Vec::new(), peak, peak_place, place: place.clone() };
    let mut push = |name: String, stage: Stage| {
        curve.stages.push(stage);
        curve.names.push(Some((format!("{prefix}{name}"), place.clone())));
    };
    let mut level = value_at(points, day.start);
    match unit {
        // Nobody comes at once: whoever is there in the morning gets time to sign in.
        Unit::Users => push("opening".to_owned(), Stage { to: Some(level), over: day.opening }),
        Unit::Arrivals => {
            push("opening".to_owned(), Stage { to: Some(0.0), over: day.opening });
            push("opening ends".to_owned(), Stage { to: Some(level), over: Duration::ZERO });
        }
    }
    // Minutes since midnight of the first day.
    let end = u64::from(day.start) + u64::from(day.days) * u64::from(MINUTES_A_DAY);
    let mut at = u64::from(day.start);
    while at < end {
        let next = next_point(points, at).min(end);
        let value = value_at(points, (next % u64::from(MINUTES_A_DAY)) as u32);
        let today = at.saturating_sub(u64::from(day.start)) / u64::from(MINUTES_A_DAY) + 1;
        let times = format!("{}-{}", clock(at), clock(next));
        let name = if day.days > 1 { format!("day {today} {times}") } else { times };
        push(name, Stage { to: (value != level).then_some(value), over: day.time_of(next - at) });
        (level, at) = (value, next);
    }
    Some(curve)
}

/// The minute of the next point after `at`, counted on over the days.
fn next_point(points: &Points, at: u64) -> u64 {
    let (today, minute) = (at / u64::from(MINUTES_A_DAY), at % u64::from(MINUTES_A_DAY));
    let later = points.iter().map(|(point, ..)| u64::from(*point)).find(|point| *point > minute);
    let first = points.first().map_or(0, |(point, ..)| u64::from(*point)) + u64::from(MINUTES_A_DAY);
    today * u64::from(MINUTES_A_DAY) + later.unwrap_or(first)
}

/// The value at a minute of the day, between the points before and after it, also across midnight.
fn value_at(points: &Points, minute: u32) -> f64 {
    let after = points.iter().position(|(point, ..)| *point > minute);
    let (Some(last), Some(first)) = (points.last(), points.first()) else { return 0.0 };
    let (before, next) = match after {
        Some(0) | None => (last, first),
        Some(index) => (&points[index - 1], &points[index]),
    };
    let since = |from: u32, to: u32| f64::from((to + MINUTES_A_DAY - from) % MINUTES_A_DAY);
    let whole = since(before.0, next.0);
    let part = if whole > 0.0 { since(before.0, minute) / whole } else { 0.0 };
    before.1 + (next.1 - before.1) * part
}

/// `06:30`.
fn minute_of_day(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u32>().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

fn clock(minute: u64) -> String {
    let minute = minute % u64::from(MINUTES_A_DAY);
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

impl Day {
    /// How long so many minutes of the day take.
    fn time_of(&self, minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60).div_f64(self.speed_up)
    }

    /// When it begins, such as `06:00`.
    pub fn starts_at(&self) -> String {
        clock(u64::from(self.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> u32 {
        minute_of_day(text).expect("a time")
    }

    #[test]
    fn values_lie_on_lines_between_the_points_also_across_midnight() {
        let points: Points = vec![(at("06:00"), 100.0, 0..0), (at("09:00"), 1_000.0, 0..0), (at("22:00"), 20.0, 0..0)];
        for (time, value) in [
            ("06:00", 100.0),
            ("07:30", 550.0),
            ("09:00", 1_000.0),
            ("22:00", 20.0),
            ("02:00", 60.0),
            ("05:59", 99.833),
        ] {
            assert!((value_at(&points, at(time)) - value).abs() < 0.001, "{time}: {}", value_at(&points, at(time)));
        }
        assert_eq!(value_at(&vec![(at("12:00"), 7.0, 0..0)], at("03:00")), 7.0);
    }

    #[test]
    fn only_times_of_a_day_are_times_of_day() {
        assert_eq!((minute_of_day("00:00"), minute_of_day("23:59")), (Some(0), Some(1_439)));
        for wrong in ["24:00", "12:60", "9:00", "12", "", "12:00:00", "+1:00", "ab:cd"] {
            assert_eq!(minute_of_day(wrong), None, "{wrong}");
        }
    }
}
