//! What kind of thing a figure is: which units its limit takes, and how many samples it needs.

use std::borrow::Cow;

use super::{Percentile, Unit};
use crate::metrics::Latency;
use crate::results::LatencyFigures;

/// What a figure measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// A time.
    Time,
    /// A number of things.
    Count,
    /// A share of a whole.
    Ratio,
    /// A number of things per second.
    Rate,
    /// A size.
    Bytes,
    /// A number of any kind, such as a figure of the target whose name tells no unit.
    Number,
    /// A change per hour, relative to the level.
    Drift,
    /// A change of a ratio per hour.
    DriftOfRatio,
}

impl Quantity {
    /// Units that a limit on it may have.
    pub const fn units(self) -> &'static [Unit] {
        match self {
            Quantity::Time => &[Unit::Microseconds, Unit::Milliseconds, Unit::Seconds, Unit::Minutes],
            Quantity::Count | Quantity::Number => &[Unit::None],
            Quantity::Ratio => &[Unit::Percent],
            Quantity::Drift => &[Unit::PercentPerHour],
            Quantity::DriftOfRatio => &[Unit::PointsPerHour],
            Quantity::Rate => &[Unit::PerSecond],
            Quantity::Bytes => &[Unit::Bytes, Unit::Kibibytes, Unit::Mebibytes, Unit::Gibibytes],
        }
    }

    /// It in a sentence.
    pub const fn noun(self) -> &'static str {
        match self {
            Quantity::Time => "a time",
            Quantity::Count => "a count",
            Quantity::Ratio => "a ratio",
            Quantity::Rate => "a rate",
            Quantity::Bytes => "a size",
            Quantity::Number => "a number",
            Quantity::Drift => "a change per hour",
            Quantity::DriftOfRatio => "a change of a ratio per hour",
        }
    }

    /// How to write a limit on it.
    pub const fn hint(self) -> &'static str {
        match self {
            Quantity::Time => "write the limit in `us`, `ms`, `s` or `m`, such as `250ms`",
            Quantity::Count => "write the limit as a bare whole number, such as `0`",
            Quantity::Ratio => "write the limit in percent, such as `0.1%`",
            Quantity::Rate => "write the limit per second, such as `50/s`",
            Quantity::Number => "write the limit as a bare number, such as `12.5`",
            Quantity::Drift => "write the limit in percent per hour, such as `5%/h`, or `-5%/h` for a fall",
            Quantity::DriftOfRatio => "write the limit in percentage points per hour, such as `0.1pp/h`",
            Quantity::Bytes => "write the limit in `B`, `KiB`, `MiB` or `GiB`, such as `512 MiB`",
        }
    }
}

/// What is read off a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// A percentile.
    Percentile(Percentile),
    /// Arithmetic mean.
    Mean,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// Samples.
    Count,
}

impl Statistic {
    /// Median.
    pub const P50: Statistic = Statistic::Percentile(Percentile::of_millionths(500_000));
    /// 90th percentile.
    pub const P90: Statistic = Statistic::Percentile(Percentile::of_millionths(900_000));
    /// 95th percentile.
    pub const P95: Statistic = Statistic::Percentile(Percentile::of_millionths(950_000));
    /// 99th percentile.
    pub const P99: Statistic = Statistic::Percentile(Percentile::of_millionths(990_000));
    /// 99.9th percentile.
    pub const P999: Statistic = Statistic::Percentile(Percentile::of_millionths(999_000));
    /// 99.99th percentile.
    pub const P9999: Statistic = Statistic::Percentile(Percentile::of_millionths(999_900));

    /// Every statistic that the results keep, with its word.
    pub const ALL: [(Statistic, &'static str); 10] = [
        (Statistic::P50, "p50"),
        (Statistic::P90, "p90"),
        (Statistic::P95, "p95"),
        (Statistic::P99, "p99"),
        (Statistic::P999, "p999"),
        (Statistic::P9999, "p9999"),
        (Statistic::Mean, "mean"),
        (Statistic::Min, "min"),
        (Statistic::Max, "max"),
        (Statistic::Count, "count"),
    ];

    /// The statistic with this word: one of the list, or any percentile.
    pub fn by_word(word: &str) -> Option<Statistic> {
        let known = Statistic::ALL.iter().find(|(_, known)| *known == word).map(|(statistic, _)| *statistic);
        known.or_else(|| Percentile::by_word(word).map(Statistic::Percentile))
    }

    /// Its word.
    pub fn word(self) -> Cow<'static, str> {
        match (Statistic::ALL.iter().find(|(statistic, _)| *statistic == self), self) {
            (Some((_, word)), _) => Cow::Borrowed(word),
            (None, Statistic::Percentile(percentile)) => Cow::Owned(percentile.to_string()),
            (None, _) => Cow::Borrowed(""),
        }
    }

    /// Samples below which it says nothing: 1/(1 − q) for the quantile q, so that at least one sample lies beyond it.
    pub const fn samples_min(self) -> u64 {
        match self {
            Statistic::Percentile(percentile) => percentile.samples_min(),
            Statistic::Mean | Statistic::Min | Statistic::Max => 1,
            Statistic::Count => 0,
        }
    }

    /// Its value in microseconds as results keep it, for [`Statistic::Count`] the samples; `None` for a percentile that
    /// they do not keep.
    pub fn of(self, figures: &LatencyFigures) -> Option<f64> {
        Some(match self {
            Statistic::P50 => figures.p50 as f64,
            Statistic::P90 => figures.p90 as f64,
            Statistic::P95 => figures.p95 as f64,
            Statistic::P99 => figures.p99 as f64,
            Statistic::P999 => figures.p999 as f64,
            Statistic::P9999 => figures.p9999 as f64,
            Statistic::Percentile(_) => return None,
            Statistic::Mean => figures.mean,
            Statistic::Min => figures.min as f64,
            Statistic::Max => figures.max as f64,
            Statistic::Count => figures.count as f64,
        })
    }

    /// Its value in microseconds read off a whole histogram, for [`Statistic::Count`] the samples; 0 without samples.
    pub fn read(self, latency: &Latency) -> f64 {
        match self {
            Statistic::Percentile(percentile) => latency.quantile(percentile.quantile()) as f64,
            Statistic::Mean => latency.mean(),
            Statistic::Min => latency.min() as f64,
            Statistic::Max => latency.max() as f64,
            Statistic::Count => latency.count() as f64,
        }
    }
}
