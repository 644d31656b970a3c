//! Limits: an exact decimal number with a unit, and figures printed in the same units.
//!
//! Decimals stay decimals: as binary fractions 7 of 1,000 would be more than 0.7 %.

use std::cmp::Ordering;
use std::fmt;

use crate::results::figures;

/// Most digits of a limit, before and after the point together.
const DIGITS_MAX: usize = 15;

/// A decimal number, exactly as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    mantissa: u64,
    /// Digits after the point; no trailing zeros.
    places: u32,
    /// Only a change can be.
    is_negative: bool,
}

impl Decimal {
    /// A whole number.
    pub const fn whole(number: u64) -> Decimal {
        Decimal { mantissa: number, places: 0, is_negative: false }
    }

    /// Reads digits with at most one point. `None` for anything else, and for more than 15 digits.
    pub fn parse(text: &str) -> Option<Decimal> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let has_point = text.contains('.');
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || (has_point && fraction.is_empty()) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        if whole.len() + fraction.len() > DIGITS_MAX {
            return None;
        }
        let mantissa = format!("{whole}{fraction}").parse().ok()?;
        Some(Decimal { mantissa, places: fraction.len() as u32, is_negative: false })
    }

    /// The same below zero.
    pub const fn negated(self) -> Decimal {
        Decimal { is_negative: !self.is_negative, ..self }
    }

    /// Whether it has no digits after the point.
    pub const fn is_whole(self) -> bool {
        self.places == 0
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_negative {
            f.write_str("-")?;
        }
        if self.places == 0 {
            return write!(f, "{}", self.mantissa);
        }
        let scale = 10u64.pow(self.places);
        let width = self.places as usize;
        write!(f, "{}.{:0width$}", self.mantissa / scale, self.mantissa % scale)
    }
}

/// Unit of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A bare number.
    None,
    /// `us`
    Microseconds,
    /// `ms`
    Milliseconds,
    /// `s`
    Seconds,
    /// `m`
    Minutes,
    /// `%`
    Percent,
    /// `pp`: percentage points, for the distance from a baseline.
    Points,
    /// `%/h`
    PercentPerHour,
    /// `pp/h`
    PointsPerHour,
    /// `/s`
    PerSecond,
    /// `B`
    Bytes,
    /// `KiB`
    Kibibytes,
    /// `MiB`
    Mebibytes,
    /// `GiB`
    Gibibytes,
}

impl Unit {
    /// Every unit with its word, and its size in the base unit as a fraction. Base units: microseconds, bytes, one.
    pub const ALL: [(Unit, &'static str, (u64, u64)); 14] = [
        (Unit::None, "", (1, 1)),
        (Unit::Microseconds, "us", (1, 1)),
        (Unit::Milliseconds, "ms", (1_000, 1)),
        (Unit::Seconds, "s", (1_000_000, 1)),
        (Unit::Minutes, "m", (60_000_000, 1)),
        (Unit::Percent, "%", (1, 100)),
        (Unit::Points, "pp", (1, 100)),
        (Unit::PercentPerHour, "%/h", (1, 100)),
        (Unit::PointsPerHour, "pp/h", (1, 100)),
        (Unit::PerSecond, "/s", (1, 1)),
        (Unit::Bytes, "B", (1, 1)),
        (Unit::Kibibytes, "KiB", (1 << 10, 1)),
        (Unit::Mebibytes, "MiB", (1 << 20, 1)),
        (Unit::Gibibytes, "GiB", (1 << 30, 1)),
    ];

    /// The unit with this word.
    pub fn by_word(word: &str) -> Option<Unit> {
        Unit::ALL.iter().find(|(_, known, _)| *known == word).map(|(unit, ..)| *unit)
    }

    fn row(self) -> (&'static str, (u64, u64)) {
        Unit::ALL.iter().find(|(unit, ..)| *unit == self).map_or(("", (1, 1)), |&(_, word, size)| (word, size))
    }

    /// What stands between a number and this unit.
    pub(super) const fn space(self) -> &'static str {
        match self {
            Unit::Bytes | Unit::Kibibytes | Unit::Mebibytes | Unit::Gibibytes => " ",
            _ => "",
        }
    }
}

/// A number with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The number.
    pub number: Decimal,
    /// Its unit.
    pub unit: Unit,
}

impl Limit {
    /// In the base unit: microseconds, bytes, or one. Only for differences that people read.
    pub fn in_base_unit(self) -> f64 {
        let (_, (size, parts)) = self.unit.row();
        let sign = if self.number.is_negative { -1.0 } else { 1.0 };
        sign * self.number.mantissa as f64 * size as f64 / (parts as f64 * 10f64.powi(self.number.places as i32))
    }

    /// As every report writes it: `250 ms`, `0.5%`.
    pub(super) fn text(self) -> String {
        match self.unit {
            Unit::Microseconds => format!("{} µs", self.number),
            Unit::Minutes => format!("{} min", self.number),
            Unit::Milliseconds | Unit::Seconds => format!("{} {}", self.number, self.unit.row().0),
            Unit::None if self.number.is_whole() => figures::count(self.number.mantissa),
            _ => self.to_string(),
        }
    }

    /// How `part / whole`, in the base unit, stands to this limit. Exact; `whole` is not 0.
    pub fn compare_fraction(self, part: u64, whole: u64) -> Ordering {
        if self.number.is_negative {
            // No fraction of whole numbers lies below zero.
            return Ordering::Greater;
        }
        let (_, (size, parts)) = self.unit.row();
        // At most 2^64 · 100 · 10^15 on the left; on the right the parser's bound on digits leaves room for any whole.
        let measured = u128::from(part).saturating_mul(u128::from(parts) * 10u128.pow(self.number.places));
        let limit = u128::from(self.number.mantissa).saturating_mul(u128::from(size)).saturating_mul(u128::from(whole));
        measured.cmp(&limit)
    }

    /// How a figure that is no whole number, in the base unit, stands to this limit.
    pub fn compare(self, measured: f64) -> Ordering {
        measured.total_cmp(&self.in_base_unit())
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.number, self.unit.space(), self.unit.row().0)
    }
}

/// A time to the microsecond: a figure just beyond its limit must not look equal to it.
pub(super) fn exact_time(micros: f64) -> String {
    match micros.abs() {
        below if below < 1e3 => format!("{} µs", trimmed(micros, 3)),
        below if below < 1e6 => format!("{} ms", trimmed(micros / 1e3, 3)),
        _ => format!("{} s", trimmed(micros / 1e6, 6)),
    }
}

/// A number with at most so many digits after the point, and no trailing zeros.
pub(super) fn trimmed(number: f64, places: usize) -> String {
    let text = format!("{number:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
