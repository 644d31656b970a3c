//! How long something takes: a distribution of durations.

use std::borrow::Cow;
use std::time::Duration;

use rand::RngExt as _;
use rand_distr::{Distribution, Exp, Normal};
use rand_pcg::Pcg64;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A duration as text, such as `"250ms"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A duration such as `250ms`, `10s` or `1h 30m`.",
            "pattern": r"^\s*([0-9]+\s*[a-zµ]+\s*)+$",
        })
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map(Span).map_err(|error| {
            serde::de::Error::custom(format!("`{text}` is no duration ({error}); write one such as `250ms` or `2s`"))
        })
    }
}

/// A distribution of durations. No draw is longer than a minute.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Delay {
    /// Always the same.
    Constant(Span),
    /// Evenly between the two.
    Uniform(Span, Span),
    /// Around a mean; what would be negative is zero.
    Normal {
        /// The mean.
        mean: Span,
        /// The standard deviation.
        deviation: Span,
    },
    /// Many short ones, few long ones.
    Exponential {
        /// The mean.
        mean: Span,
    },
    /// Fast as a rule, slow for a share.
    Bimodal {
        /// The usual one.
        fast: Span,
        /// The other one.
        slow: Span,
        /// Share of the slow ones, 0 to 1.
        slow_share: f64,
    },
}

pub(super) const LONGEST: Duration = Duration::from_secs(60);

impl Delay {
    /// What is wrong with it, if anything.
    pub(super) fn problem(&self) -> Option<&'static str> {
        match self {
            Delay::Uniform(low, high) if low.0 > high.0 => Some("is uniform from a longer to a shorter duration"),
            Delay::Exponential { mean } if mean.0.is_zero() => Some("is exponential with a mean of zero"),
            Delay::Bimodal { slow_share, .. } if !(0.0..=1.0).contains(slow_share) => {
                Some("has a `slow_share` outside 0 to 1")
            }
            _ => None,
        }
    }

    /// The next duration.
    pub fn draw(&self, random: &mut Pcg64) -> Duration {
        let seconds = |value: f64| Duration::try_from_secs_f64(value.max(0.0)).unwrap_or(LONGEST);
        let drawn = match self {
            Delay::Constant(span) => span.0,
            Delay::Uniform(low, high) => random.random_range(low.0..=high.0),
            Delay::Normal { mean, deviation } => Normal::new(mean.0.as_secs_f64(), deviation.0.as_secs_f64())
                .map_or(mean.0, |normal| seconds(normal.sample(random))),
            Delay::Exponential { mean } => {
                Exp::new(1.0 / mean.0.as_secs_f64()).map_or(mean.0, |exponential| seconds(exponential.sample(random)))
            }
            Delay::Bimodal { fast, slow, slow_share } => {
                if random.random::<f64>() < *slow_share {
                    slow.0
                } else {
                    fast.0
                }
            }
        };
        drawn.min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn mean_ms(delay: &Delay) -> f64 {
        let mut random = Pcg64::seed_from_u64(3);
        (0..10_000).map(|_| delay.draw(&mut random).as_secs_f64() * 1e3).sum::<f64>() / 1e4
    }

    #[test]
    fn means_are_as_declared() {
        let span = |ms| Span(Duration::from_millis(ms));
        for (delay, mean) in [
            (Delay::Constant(span(20)), 20.0),
            (Delay::Uniform(span(10), span(30)), 20.0),
            (Delay::Normal { mean: span(20), deviation: span(2) }, 20.0),
            (Delay::Exponential { mean: span(20) }, 20.0),
            (Delay::Bimodal { fast: span(10), slow: span(110), slow_share: 0.1 }, 20.0),
        ] {
            let measured = mean_ms(&delay);
            assert!((measured - mean).abs() < 1.0, "{delay:?}: {measured}");
        }
    }
}
