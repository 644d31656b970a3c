//! Think times: planned pauses, constant or drawn from a distribution.

use std::time::Duration;

use rand_distr::{Distribution, Exp1, LogNormal, Normal};

use crate::random::{Random, unit};

/// Longest pause that is ever drawn, so that no tail of a distribution stalls a user for good.
pub const THINK_MAX: Duration = Duration::from_secs(24 * 3600);

/// A planned pause. Means and deviations are those of the drawn pauses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Think {
    /// Always the same.
    Constant(Duration),
    /// Uniform between two bounds.
    Uniform(Duration, Duration),
    /// Exponential with this mean.
    Exponential(Duration),
    /// Normal with mean and standard deviation, cut off at zero.
    Normal(Duration, Duration),
    /// Log-normal with mean and standard deviation.
    LogNormal(Duration, Duration),
}

impl Think {
    /// Draws a pause.
    pub fn draw(self, random: &mut Random) -> Duration {
        let seconds = match self {
            Think::Constant(pause) => return pause,
            Think::Uniform(low, high) => low.as_secs_f64() + unit(random) * (high - low).as_secs_f64(),
            Think::Exponential(mean) => {
                let drawn: f64 = Exp1.sample(random);
                drawn * mean.as_secs_f64()
            }
            Think::Normal(mean, deviation) => Normal::new(mean.as_secs_f64(), deviation.as_secs_f64())
                .map_or(mean.as_secs_f64(), |normal| normal.sample(random)),
            Think::LogNormal(mean, deviation) => {
                // Parameters of the underlying normal from mean m and deviation s: σ² = ln(1 + s²/m²), µ = ln m − σ²/2.
                let (mean, deviation) = (mean.as_secs_f64(), deviation.as_secs_f64());
                let variance = (1.0 + (deviation / mean).powi(2)).ln();
                LogNormal::new(mean.ln() - variance / 2.0, variance.sqrt())
                    .map_or(mean, |log_normal| log_normal.sample(random))
            }
        };
        Duration::from_secs_f64(seconds.clamp(0.0, THINK_MAX.as_secs_f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator};

    fn mean(think: Think) -> f64 {
        let mut random = generator(1, Purpose::User(0));
        let draws = 40_000;
        (0..draws).map(|_| think.draw(&mut random).as_secs_f64()).sum::<f64>() / f64::from(draws)
    }

    #[test]
    fn the_mean_is_what_was_asked_for() {
        let (four, one) = (Duration::from_secs(4), Duration::from_secs(1));
        for think in [
            Think::Constant(four),
            Think::Uniform(Duration::from_secs(3), Duration::from_secs(5)),
            Think::Exponential(four),
            Think::Normal(four, one),
            Think::LogNormal(four, one),
        ] {
            assert!((mean(think) - 4.0).abs() < 0.1, "{think:?}: {}", mean(think));
        }
    }

    #[test]
    fn pauses_are_never_negative() {
        let mut random = generator(1, Purpose::User(0));
        let think = Think::Normal(Duration::from_millis(1), Duration::from_secs(1));
        for _ in 0..1_000 {
            assert!(think.draw(&mut random) < THINK_MAX);
        }
    }
}
