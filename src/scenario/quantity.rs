//! Durations, rates and think times, as a scenario writes them.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::problem::Problem;
use super::read::{Reader, Value};
use super::{THINK_MAX, Think};

/// Longest stage of a load curve.
pub(super) const STAGE_MAX: Duration = Duration::from_secs(31_557_600);
/// Longest timeout: what the histograms can hold.
pub(super) const TIMEOUT_MAX: Duration = Duration::from_secs(3_600);
/// Highest rate: beyond what one machine can send.
pub(super) const RATE_MAX: f64 = 10_000_000.0;

const DURATION: &str = "a duration such as `250ms`, `10s` or `1h 30m`";
const RATE: &str = "a rate such as `200/s`, `3000/min` or `10/h`";
const THINK: &str = "a pause such as `5s`, `uniform 1s 9s`, `exponential 5s`, `normal 5s 1s` or `log-normal 5s 2s`";

/// A duration such as `1h 30m`.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

/// Events per second.
pub(super) fn parse_rate(text: &str) -> Option<f64> {
    let (number, unit) = text.split_once('/')?;
    let seconds = match unit.trim() {
        "s" | "sec" | "second" => 1.0,
        "m" | "min" | "minute" => 60.0,
        "h" | "hour" => 3_600.0,
        _ => return None,
    };
    let number = number.trim();
    // The parser of floats also takes `inf`, `1e9` and `+1`.
    if !number.starts_with(|c: char| c.is_ascii_digit()) || !number.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    number.parse::<f64>().ok().map(|number| number / seconds).filter(|rate| rate.is_finite())
}

impl Reader {
    /// A duration within bounds.
    pub(super) fn duration(
        &mut self,
        name: &str,
        value: &Value<'_>,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        if let Some(number) = value.get_ref().as_integer() {
            return self.without_unit(name, value, DURATION, &format!("{number}s"));
        }
        let duration = self.parsed(name, value, DURATION, parse_duration)?;
        if range.contains(&duration) {
            return Some(duration);
        }
        let bounds = match (duration < *range.start(), range.start().is_zero()) {
            (true, _) => format!("at least {}", humantime::format_duration(*range.start())),
            (false, _) => format!("at most {}", humantime::format_duration(*range.end())),
        };
        let message = format!("{name} is too {}", if duration < *range.start() { "short" } else { "long" });
        self.problem(Problem::at(value.span(), message).expected(format!("expected {bounds}")));
        None
    }

    /// A bare number where a quantity belongs.
    fn without_unit<T>(&mut self, name: &str, value: &Value<'_>, kind: &str, with_unit: &str) -> Option<T> {
        let problem = Problem::at(value.span(), format!("{name} is a number without a unit"));
        self.problem(problem.expected(format!("expected {kind}")).help(format!("did you mean `\"{with_unit}\"`?")));
        None
    }

    /// A rate, per second.
    pub(super) fn rate(&mut self, name: &str, value: &Value<'_>) -> Option<f64> {
        if let Some(number) = value.get_ref().as_integer() {
            return self.without_unit(name, value, RATE, &format!("{number}/s"));
        }
        let rate = self.parsed(name, value, RATE, parse_rate)?;
        if rate <= RATE_MAX {
            return Some(rate);
        }
        let message = format!("{name} is too high");
        self.problem(Problem::at(value.span(), message).expected("expected at most `10000000/s`"));
        None
    }

    /// A think time.
    pub(super) fn think(&mut self, value: &Value<'_>) -> Option<Think> {
        let name = "`think`";
        if let Some(number) = value.get_ref().as_integer() {
            return self.without_unit(name, value, THINK, &format!("{number}s"));
        }
        let text = self.text_as(name, value, THINK)?;
        let problem = match parse_think(text.text) {
            Ok(think) => return Some(think),
            Err(ThinkError::Form) => Problem::at(text.place, format!("`think` cannot be read: `{}`", text.shown))
                .expected(format!("expected {THINK}")),
            Err(ThinkError::Word(_)) if text.text != text.shown => {
                Problem::at(text.place, format!("`think` cannot be read: `{}`", text.shown))
            }
            Err(ThinkError::Word(word)) => {
                let words = ["constant", "uniform", "exponential", "normal", "log-normal"];
                Problem::at(text.place, format!("unknown distribution `{word}` in `think`")).nearest(&word, words)
            }
            Err(ThinkError::Count(word, wants)) => {
                Problem::at(text.place, format!("`{word}` takes {wants}")).expected(format!("expected {THINK}"))
            }
            Err(ThinkError::Order) => {
                Problem::at(text.place, "the shorter bound of `uniform` comes first").help("swap the two durations")
            }
            Err(ThinkError::ZeroMean(word)) => Problem::at(text.place, format!("the mean of `{word}` cannot be zero"))
                .help("leave `think` out for no pause at all"),
            Err(ThinkError::Long) => Problem::at(text.place, "`think` is too long")
                .expected(format!("expected at most {}", humantime::format_duration(THINK_MAX))),
        };
        self.problem(problem);
        None
    }
}

enum ThinkError {
    Form,
    Word(String),
    Count(&'static str, &'static str),
    Order,
    ZeroMean(&'static str),
    Long,
}

fn parse_think(text: &str) -> Result<Think, ThinkError> {
    let mut words = text.split_whitespace();
    let first = words.next().ok_or(ThinkError::Form)?;
    if first.starts_with(|c: char| c.is_ascii_digit()) {
        return bounded(Think::Constant(parse_duration(text).ok_or(ThinkError::Form)?));
    }
    let durations: Vec<Duration> =
        words.map(|word| parse_duration(word).ok_or(ThinkError::Form)).collect::<Result<_, _>>()?;
    let think = match (first, durations.as_slice()) {
        ("constant", [pause]) => Think::Constant(*pause),
        ("uniform", [low, high]) if low > high => return Err(ThinkError::Order),
        ("uniform", [low, high]) => Think::Uniform(*low, *high),
        ("exponential", [mean]) if mean.is_zero() => return Err(ThinkError::ZeroMean("exponential")),
        ("exponential", [mean]) => Think::Exponential(*mean),
        ("normal", [mean, deviation]) => Think::Normal(*mean, *deviation),
        ("log-normal", [mean, _]) if mean.is_zero() => return Err(ThinkError::ZeroMean("log-normal")),
        ("log-normal", [mean, deviation]) => Think::LogNormal(*mean, *deviation),
        ("constant", _) => return Err(ThinkError::Count("constant", "one duration")),
        ("uniform", _) => return Err(ThinkError::Count("uniform", "two durations, the shorter one first")),
        ("exponential", _) => return Err(ThinkError::Count("exponential", "one duration, its mean")),
        ("normal", _) => return Err(ThinkError::Count("normal", "two durations, mean and deviation")),
        ("log-normal", _) => return Err(ThinkError::Count("log-normal", "two durations, mean and deviation")),
        _ => return Err(ThinkError::Word(first.to_owned())),
    };
    bounded(think)
}

fn bounded(think: Think) -> Result<Think, ThinkError> {
    let longest = match think {
        Think::Constant(longest) | Think::Uniform(_, longest) | Think::Exponential(longest) => longest,
        Think::Normal(mean, deviation) | Think::LogNormal(mean, deviation) => mean.max(deviation),
    };
    if longest > THINK_MAX { Err(ThinkError::Long) } else { Ok(think) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_second() {
        assert_eq!(parse_rate("200/s"), Some(200.0));
        assert_eq!(parse_rate("3000/min"), Some(50.0));
        assert_eq!(parse_rate("36 / h"), Some(0.01));
        for wrong in ["200", "/s", "-1/s", "inf/s", "1e3/s", "5/fortnight", "..1/s"] {
            assert_eq!(parse_rate(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_form_of_think_is_read() {
        let second = Duration::from_secs(1);
        for (text, wanted) in [
            ("1s", Think::Constant(second)),
            ("constant 1s", Think::Constant(second)),
            ("uniform 1s 1s", Think::Uniform(second, second)),
            ("exponential 1s", Think::Exponential(second)),
            ("normal 1s 1s", Think::Normal(second, second)),
            ("log-normal 1s 1s", Think::LogNormal(second, second)),
            ("0s 1s", Think::Constant(second)),
        ] {
            assert_eq!(parse_think(text).ok(), Some(wanted), "{text}");
        }
        for wrong in ["", "uniform 2s 1s", "uniform 1s", "exponential 0s", "gauss 1s", "25h", "1"] {
            assert!(parse_think(wrong).is_err(), "{wrong}");
        }
    }
}
