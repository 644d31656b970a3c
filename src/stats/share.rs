//! Shares of a whole, such as failures among operations.

/// Wilson's score interval of a share, at so many standard errors; sound for few and for none.
///
/// Assumes that each of the whole is in the part or not, independently. Where they come in bursts, divide both counts by
/// how much more they vary than that. Counts need not be whole. 0 to 1 when there is nothing.
pub fn wilson(part: f64, whole: f64, errors: f64) -> (f64, f64) {
    if whole.is_nan() || whole <= 0.0 {
        return (0.0, 1.0);
    }
    let (share, square) = ((part / whole).clamp(0.0, 1.0), errors * errors);
    let centre = share + square / (2.0 * whole);
    let reach = errors * (share * (1.0 - share) / whole + square / (4.0 * whole * whole)).max(0.0).sqrt();
    let scale = 1.0 + square / whole;
    (((centre - reach) / scale).clamp(0.0, share), ((centre + reach) / scale).clamp(share, 1.0))
}

/// Interval of the difference `other − one` of two shares, each given as part and whole: Newcombe's (1998, method 10),
/// made of Wilson's intervals. It keeps its level where the usual one fails: near 0 and 1, which is where failures are.
pub fn share_difference(one: (f64, f64), other: (f64, f64), errors: f64) -> (f64, f64) {
    let share = |(part, whole): (f64, f64)| if whole > 0.0 { part / whole } else { 0.0 };
    let (a, b) = (share(one), share(other));
    let ((a_low, a_high), (b_low, b_high)) = (wilson(one.0, one.1, errors), wilson(other.0, other.1, errors));
    (b - a - (b - b_low).hypot(a_high - a), b - a + (b_high - b).hypot(a - a_low))
}

#[cfg(test)]
mod tests {
    use super::super::reference::{agrees, cases, numbers};
    use super::*;
    use crate::stats::normal_quantile;

    #[test]
    fn they_agree_with_statsmodels() {
        let errors = normal_quantile(0.975);
        let pair = |value: &serde_json::Value| {
            let [part, whole] = numbers(value)[..] else { panic!("{value} is a pair") };
            (part, whole)
        };
        for case in cases("shares") {
            let (one, other) = (pair(&case["one"]), pair(&case["other"]));
            let (low, high) = wilson(one.0, one.1, errors);
            agrees(low, pair(&case["wilson"]).0, 1e-9);
            agrees(high, pair(&case["wilson"]).1, 1e-9);
            let (low, high) = share_difference(one, other, errors);
            agrees(low, super::super::reference::number(&case["low"]), 1e-9);
            agrees(high, super::super::reference::number(&case["high"]), 1e-9);
        }
    }

    #[test]
    fn nothing_says_nothing() {
        assert_eq!(wilson(0.0, 0.0, 2.0), (0.0, 1.0));
        let (low, high) = share_difference((0.0, 0.0), (0.0, 100.0), 2.0);
        assert!(low <= -0.9 && high > 0.0, "{low} {high}");
    }
}
