//! How figures are written for people: one way for every report and every gate.
//!
//! Three significant digits for measured times, whole numbers for counts, and words where there is no figure. A
//! value that is not quite zero is never written as zero, and one that is not quite everything never as 100%.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What stands where there is nothing to show. A zero there would look like a measurement.
pub const NO_FIGURE: &str = "–";

/// What stands for the percentiles of a histogram without samples.
pub const NO_SAMPLES: &str = "no samples";

/// Narrow no-break space, the thousands separator of ISO 80000-1.
const THIN: char = '\u{202f}';

/// Microseconds, with three significant digits and the unit that suits them: `850 µs`, `1.24 ms`, `12.4 s`.
pub fn micros(micros: u64) -> String {
    if micros < 1_000 {
        return format!("{micros} µs");
    }
    // The bounds are where rounding to three digits would give `1000`.
    let value = micros as f64;
    if value < 999_500.0 {
        return format!("{} ms", three_digits(value / 1e3));
    }
    if value < 119_500_000.0 {
        return format!("{} s", three_digits(value / 1e6));
    }
    seconds(value / 1e6)
}

/// A whole number in groups of three digits: `1 234 567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        // Four digits read well without a gap, but columns line up only when all follow one rule.
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(THIN);
        }
        out.push(digit);
    }
    out
}

/// A number of any kind, with three significant digits or more.
pub fn number(value: f64) -> String {
    let text = positive(value.abs()).unwrap_or_else(|| NO_FIGURE.to_owned());
    if value < 0.0 { format!("−{text}") } else { text }
}

/// A rate per second with three significant digits: `41.8/s`, `1 240/s`.
pub fn rate(per_s: f64) -> String {
    match positive(per_s) {
        Some(text) => format!("{text}/s"),
        None => NO_FIGURE.to_owned(),
    }
}

/// A number with at least three significant digits and no more decimals than they need; nothing when not finite.
fn positive(value: f64) -> Option<String> {
    if !value.is_finite() || value < 0.0 {
        return None;
    }
    Some(match value {
        0.0 => "0".to_owned(),
        value if value < 0.001 => "<0.001".to_owned(),
        value if value < 0.9995 => format!("{value:.3}"),
        value if value < 999.5 => three_digits(value),
        value => count(value.round() as u64),
    })
}

/// Bytes in binary units: `512 B`, `1.50 KiB`, `14.3 MiB`.
pub fn bytes(bytes: u64) -> String {
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        if value < 1_023.5 {
            break;
        }
        value /= 1_024.0;
        unit = larger;
    }
    // 1000 to 1023 have four digits of their own.
    if value >= 999.5 { format!("{value:.0} {unit}") } else { format!("{} {unit}", three_digits(value)) }
}

/// A share of a whole as a percentage; [`NO_FIGURE`] when the whole is nothing.
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return NO_FIGURE.to_owned();
    }
    match part {
        0 => "0%".to_owned(),
        part if part == whole => "100%".to_owned(),
        part => percent(part as f64 / whole as f64 * 100.0),
    }
}

/// A percentage; never 0% or 100% unless it is exactly that.
pub fn percent(percent: f64) -> String {
    match percent {
        0.0 => "0%".to_owned(),
        percent if percent < 0.001 => "<0.001%".to_owned(),
        percent if percent > 99.99 && percent < 100.0 => ">99.99%".to_owned(),
        percent if percent < 1.0 => format!("{percent:.3}%"),
        percent => format!("{percent:.2}%"),
    }
}

/// A length of time with its two largest units: `0.5 s`, `45 s`, `2 min 5 s`, `1 h 30 min`, `2 d 4 h`.
pub fn seconds(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return NO_FIGURE.to_owned();
    }
    if seconds < 59.95 {
        let tenths = format!("{seconds:.1}");
        return format!("{} s", tenths.strip_suffix(".0").unwrap_or(&tenths));
    }
    let whole = seconds.round() as u64;
    let (days, hours, minutes, rest) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60, whole % 60);
    let (large, small) = match (days, hours) {
        (0, 0) => (format!("{minutes} min"), (rest, "s")),
        (0, _) => (format!("{hours} h"), (minutes, "min")),
        _ => (format!("{} d", count(days)), (hours, "h")),
    };
    if small.0 == 0 { large } else { format!("{large} {} {}", small.0, small.1) }
}

/// A position in the run: `3:05`, or `1:03:05` from the first hour on.
pub fn position(seconds: f64) -> String {
    if !seconds.is_finite() {
        return NO_FIGURE.to_owned();
    }
    let whole = seconds.abs() as u64;
    let sign = if seconds < 0.0 && whole > 0 { "−" } else { "" };
    let (hours, minutes, rest) = (whole / 3_600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{sign}{hours}:{minutes:02}:{rest:02}") } else { format!("{sign}{minutes}:{rest:02}") }
}

/// A minute since some midnight as a time of day: `09:30`.
pub fn time_of_day(minute: f64) -> String {
    // A moment short of a full minute is rounding, not the minute before.
    let minute = (minute + 1e-6).rem_euclid(24.0 * 60.0) as u32;
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// An RFC 3339 instant as `2026-05-08 09:12:03 UTC`; a text that is none is shown as it is.
pub fn instant(rfc3339: &str) -> String {
    match rfc3339.parse::<Timestamp>() {
        Ok(timestamp) => timestamp.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) if rfc3339.is_empty() => NO_FIGURE.to_owned(),
        Err(_) => rfc3339.to_owned(),
    }
}

/// `1 user`, `2 users`: a count with its noun, whose plural is made with `s`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

fn three_digits(value: f64) -> String {
    if value < 9.995 {
        format!("{value:.2}")
    } else if value < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_three_digits_and_never_round_up_to_a_thousand() {
        for (value, text) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (1_000, "1.00 ms"),
            (1_240, "1.24 ms"),
            (9_996, "10.0 ms"),
            (123_456, "123 ms"),
            (999_499, "999 ms"),
            (999_500, "1.00 s"),
            (12_400_000, "12.4 s"),
            (119_499_999, "119 s"),
            (119_500_000, "2 min"),
            (3_600_000_000, "1 h"),
        ] {
            assert_eq!(micros(value), text, "{value}");
        }
        assert!(micros(u64::MAX).ends_with('h'));
    }

    #[test]
    fn counts_have_thin_separators() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1\u{202f}000");
        assert_eq!(count(u64::MAX), "18\u{202f}446\u{202f}744\u{202f}073\u{202f}709\u{202f}551\u{202f}615");
    }

    #[test]
    fn shares_are_zero_or_whole_only_when_they_are() {
        assert_eq!(share(0, 0), NO_FIGURE);
        assert_eq!(share(0, 10), "0%");
        assert_eq!(share(1, 10_000_000), "<0.001%");
        assert_eq!(share(9_999_999, 10_000_000), ">99.99%");
        assert_eq!(share(10, 10), "100%");
        assert_eq!(share(1, 800), "0.125%");
        assert_eq!(share(1, 3), "33.33%");
    }

    #[test]
    fn sizes_and_rates_suit_their_unit() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1_023), "1023 B");
        assert_eq!(bytes(1_536), "1.50 KiB");
        assert_eq!(bytes(1_048_575), "1.00 MiB");
        assert_eq!(bytes(u64::MAX), "16.0 EiB");
        assert_eq!(rate(0.0), "0/s");
        assert_eq!(rate(0.0001), "<0.001/s");
        assert_eq!(rate(0.05), "0.050/s");
        assert_eq!(rate(41.83), "41.8/s");
        assert_eq!(rate(1_240.4), "1\u{202f}240/s");
        assert_eq!(rate(f64::NAN), NO_FIGURE);
    }

    #[test]
    fn lengths_and_positions_of_time_are_read_at_a_glance() {
        assert_eq!(seconds(0.5), "0.5 s");
        assert_eq!(seconds(45.0), "45 s");
        assert_eq!(seconds(59.97), "1 min");
        assert_eq!(seconds(125.0), "2 min 5 s");
        assert_eq!(seconds(5_400.0), "1 h 30 min");
        assert_eq!(seconds(187_200.0), "2 d 4 h");
        assert_eq!(seconds(f64::INFINITY), NO_FIGURE);
        assert_eq!(position(65.9), "1:05");
        assert_eq!(position(3_785.0), "1:03:05");
        assert_eq!(position(-2.0), "−0:02");
    }

    #[test]
    fn instants_are_in_utc_and_odd_ones_are_kept() {
        assert_eq!(instant("2026-05-08T11:12:03.5+02:00"), "2026-05-08 09:12:03 UTC");
        assert_eq!(instant("yesterday"), "yesterday");
        assert_eq!(instant(""), NO_FIGURE);
    }
}
