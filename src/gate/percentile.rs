//! Percentiles, exactly as written: `p99`, `p999` and `p99.9`, `p97.5`.

use std::fmt;

/// A millionth is the finest step: `p99.9999`.
const WHOLE: u32 = 1_000_000;
/// Percentiles whose words have no point, as the keys of the results have none.
const WITHOUT_POINT: [(u32, &str); 2] = [(999_000, "p999"), (999_900, "p9999")];

/// A percentile above 0 and below 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percentile {
    millionths: u32,
}

impl Percentile {
    /// One that is known to lie between 0 and 100.
    pub(super) const fn of_millionths(millionths: u32) -> Percentile {
        assert!(millionths > 0 && millionths < WHOLE);
        Percentile { millionths }
    }

    /// Reads `p99`, `p99.9`, `p999` (which is 99.9) or `p9999`.
    pub fn by_word(word: &str) -> Option<Percentile> {
        let number = word.strip_prefix('p')?;
        let (whole, fraction) = match number.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            // Of more than two digits the others are those after the point.
            None => number.split_at_checked(2).unwrap_or((number, "")),
        };
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_plain = (1..=2).contains(&whole.len()) && !(whole.len() == 2 && whole.starts_with('0'));
        // `p100` is neither 10.0 nor the largest: nobody can tell what was meant.
        if !is_plain || fraction.len() > 4 || !is_number(whole) || !is_number(fraction) || number.starts_with("100") {
            return None;
        }
        let millionths = format!("{whole}{fraction:0<4}").parse().ok()?;
        (millionths > 0).then_some(Percentile { millionths })
    }

    /// From 0 to 1.
    pub fn quantile(self) -> f64 {
        f64::from(self.millionths) / f64::from(WHOLE)
    }

    /// Samples below which it says nothing: so many that at least one lies beyond it, on the side that is nearer.
    pub const fn samples_min(self) -> u64 {
        let beyond = if self.millionths * 2 >= WHOLE { WHOLE - self.millionths } else { self.millionths };
        WHOLE.div_ceil(beyond) as u64
    }
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, word)) = WITHOUT_POINT.iter().find(|(millionths, _)| *millionths == self.millionths) {
            return f.write_str(word);
        }
        let (whole, fraction) = (self.millionths / 10_000, self.millionths % 10_000);
        if fraction == 0 {
            return write!(f, "p{whole}");
        }
        write!(f, "p{whole}.{}", format!("{fraction:04}").trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_write_it_is_read_and_written_in_one() {
        for (word, written, samples) in [
            ("p50", "p50", 2),
            ("p99", "p99", 100),
            ("p999", "p999", 1_000),
            ("p99.9", "p999", 1_000),
            ("p99.90", "p999", 1_000),
            ("p9999", "p9999", 10_000),
            ("p97.5", "p97.5", 40),
            ("p975", "p97.5", 40),
            ("p99.9999", "p99.9999", 1_000_000),
            ("p5", "p5", 20),
            ("p0.1", "p0.1", 1_000),
        ] {
            let percentile = Percentile::by_word(word).unwrap_or_else(|| panic!("{word}"));
            assert_eq!((percentile.to_string().as_str(), percentile.samples_min()), (written, samples), "{word}");
        }
        for wrong in
            ["p", "p0", "p100", "p1000", "p05", "p99.", "p.9", "99", "p99.99999", "p9x", "p99.9.9", "p-1", "p٩"]
        {
            assert_eq!(Percentile::by_word(wrong), None, "{wrong}");
        }
    }
}
