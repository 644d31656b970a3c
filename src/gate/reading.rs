//! What a figure reads, and what speaks against relying on it.

use std::cmp::Ordering;

use super::bound::{Resolved, amount_text};
use super::figures::Source;
use super::limit::{exact_time, trimmed};
use super::{Comparison, Figure, Gate, Quantity, Statistic};
use crate::metrics::Latency;
use crate::results::{GateStatus, Results, figures};

/// A measured amount, as exact as it was counted. Base units: microseconds, bytes, one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Amount {
    Whole(u64),
    Share { part: u64, whole: u64 },
    Real(f64),
}

/// Where figures are read from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Evidence<'a> {
    Results(&'a Results),
    Times(&'a Latency),
}

/// An amount with what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub(super) amount: Amount,
    /// Samples behind it, where it is read off samples.
    pub(super) samples: Option<u64>,
    pub(super) doubt: Option<Doubt>,
}

/// What speaks against relying on a reading.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Doubt {
    /// Whatever the comparison says, it says nothing.
    TooFew { seen: u64, wanted: u64, what: String },
    /// A count of nothing keeps any upper bound; that it breaks a lower bound is certain.
    Nothing,
}

/// Why there is nothing to compare.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lack {
    pub(super) status: GateStatus,
    pub(super) why: String,
}

impl Lack {
    pub(super) fn new(status: GateStatus, why: impl Into<String>) -> Lack {
        Lack { status, why: why.into() }
    }

    pub(super) fn not_measured(why: &str) -> Lack {
        Lack::new(GateStatus::NotMeasured, why)
    }
}

impl Doubt {
    pub(super) fn text(&self) -> String {
        match self {
            Doubt::Nothing => "there was nothing to count".to_owned(),
            Doubt::TooFew { seen, wanted, what } => {
                let noun = if *seen == 1 { "sample" } else { "samples" };
                format!("only {} {noun}, {what} needs {}", figures::count(*seen), figures::count(*wanted))
            }
        }
    }

    pub(super) fn status(&self) -> GateStatus {
        match self {
            Doubt::Nothing => GateStatus::NotMeasured,
            Doubt::TooFew { .. } => GateStatus::TooFewSamples,
        }
    }
}

impl Amount {
    pub(super) fn value(self) -> f64 {
        match self {
            Amount::Whole(value) => value as f64,
            Amount::Share { part, whole } => part as f64 / whole as f64,
            Amount::Real(value) => value,
        }
    }

    /// How it stands to a bound; exact where the bound is a limit as written.
    pub(super) fn compare(self, bound: &Resolved) -> Ordering {
        match (self, bound) {
            (Amount::Whole(value), Resolved::Fixed(limit)) => limit.compare_fraction(value, 1),
            (Amount::Share { part, whole }, Resolved::Fixed(limit)) => limit.compare_fraction(part, whole),
            (Amount::Real(value), Resolved::Fixed(limit)) => limit.compare(value),
            (amount, Resolved::Baseline { limit, .. }) => amount.value().total_cmp(limit),
        }
    }

    pub(super) fn holds(self, comparison: Comparison, bound: &Resolved) -> bool {
        comparison.holds(self.compare(bound))
    }

    /// For people: three digits, or as many as tell it from a bound that it is near to.
    pub(super) fn text(self, quantity: Quantity, bound: Option<&Resolved>) -> String {
        let value = self.value();
        let is_near = bound.is_some_and(|bound| {
            let limit = bound.in_base_unit();
            limit != value && (value - limit).abs() < limit.abs() * 0.01
        });
        let text = match (quantity, is_near) {
            (Quantity::Time, true) => exact_time(value),
            (Quantity::Ratio, true) => format!("{}%", trimmed(value * 100.0, 4)),
            (Quantity::Rate, true) => format!("{}/s", trimmed(value, 3)),
            _ => amount_text(value, quantity),
        };
        match self {
            Amount::Share { part, whole } => {
                format!("{text} ({} of {})", figures::count(part), figures::count(whole))
            }
            _ => text,
        }
    }
}

impl Resolved {
    /// Only for differences that people read.
    pub(super) fn in_base_unit(&self) -> f64 {
        match self {
            Resolved::Fixed(limit) => limit.in_base_unit(),
            Resolved::Baseline { limit, .. } => *limit,
        }
    }

    /// How far off an amount is that does not hold.
    pub(super) fn distance(&self, amount: Amount, quantity: Quantity) -> String {
        let off = (amount.value() - self.in_base_unit()).abs();
        let off = match quantity {
            Quantity::Ratio => format!("{} percentage points", trimmed(off * 100.0, 4)),
            quantity => Amount::Real(off).text(quantity, None),
        };
        match amount.compare(self) {
            Ordering::Less => format!("{off} below the limit"),
            Ordering::Equal => "exactly the limit".to_owned(),
            Ordering::Greater => format!("{off} above the limit"),
        }
    }
}

impl Gate {
    /// Samples that a reading needs: what the statistic needs, and what the scenario asks for.
    pub(super) fn wanted(&self, min_samples: u64) -> u64 {
        let own = self.min_samples.unwrap_or(min_samples);
        own.max(self.figure.statistic().map_or(0, Statistic::samples_min))
    }
}

/// Reads a figure; `wanted` samples make it worth something.
pub(super) fn read(figure: &Figure, evidence: Evidence<'_>, wanted: u64) -> Result<Reading, Lack> {
    let subject = figure.subject();
    let results = match (figure.source(), evidence) {
        (Source::Times(..), Evidence::Times(latency)) => {
            let statistic = figure.statistic().unwrap_or(Statistic::Max);
            return times(statistic, latency.count(), Some(statistic.read(latency)), wanted);
        }
        (_, Evidence::Times(_)) => return Err(Lack::not_measured("it was not measured")),
        (_, Evidence::Results(results)) => results,
    };
    let counted =
        |amount: Amount, of: u64| Reading { amount, samples: None, doubt: (of == 0).then_some(Doubt::Nothing) };
    match figure.source() {
        Source::Times(read, _) => {
            let statistic = figure.statistic().unwrap_or(Statistic::Max);
            let figures = read(results, subject);
            let count = figures.map_or(0, |figures| figures.count);
            times(statistic, count, figures.map_or(Some(0.0), |figures| statistic.of(figures)), wanted)
        }
        Source::Count { value, of } => Ok(counted(Amount::Whole(value(results, subject)), of(results, subject))),
        Source::Ratio { part, whole } => match (part(results, subject), whole(results, subject)) {
            (_, 0) => Err(Lack::not_measured("there was nothing to take a share of")),
            (part, whole) => Ok(Reading {
                amount: Amount::Share { part, whole },
                samples: Some(whole),
                doubt: too_few(whole, wanted, || format!("`{figure}`")),
            }),
        },
        Source::Rate { value, of } => Ok(counted(Amount::Real(value(results, subject)), of(results, subject))),
        Source::Seconds(read) => match read(results, subject) * 1e6 {
            micros if micros > 0.0 => Ok(counted(Amount::Real(micros), 1)),
            _ => Err(Lack::not_measured("it was not measured")),
        },
        Source::Gauge(read) => match read(results, subject) {
            Some(value) => Ok(counted(Amount::Real(value), 1)),
            None => Err(Lack::not_measured("the target did not say it")),
        },
        Source::Drift => Err(Lack::not_measured("it is a drift, which is judged apart")),
        Source::Bytes(read) => match read(results, subject) {
            0 => Err(Lack::not_measured("it was not measured")),
            bytes => Ok(counted(Amount::Whole(bytes), 1)),
        },
    }
}

fn times(statistic: Statistic, count: u64, value: Option<f64>, wanted: u64) -> Result<Reading, Lack> {
    if statistic == Statistic::Count {
        let doubt = (count == 0).then_some(Doubt::Nothing);
        return Ok(Reading { amount: Amount::Whole(count), samples: None, doubt });
    }
    if count == 0 {
        return Err(Lack::not_measured("there is no sample"));
    }
    let Some(value) = value else {
        let why = format!("the results do not keep `{}`, and the records of the run are not at hand", statistic.word());
        return Err(Lack::not_measured(&why));
    };
    let amount = match statistic {
        Statistic::Mean => Amount::Real(value),
        // Percentiles are whole microseconds below 2^53, so nothing is lost on the way through `f64`.
        _ => Amount::Whole(value as u64),
    };
    let doubt = too_few(count, wanted, || format!("`{}`", statistic.word()));
    Ok(Reading { amount, samples: Some(count), doubt })
}

fn too_few(seen: u64, wanted: u64, what: impl FnOnce() -> String) -> Option<Doubt> {
    (seen < wanted).then(|| Doubt::TooFew { seen, wanted, what: what() })
}
