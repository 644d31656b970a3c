//! Gates against results.
//!
//! A gate holds, does not hold, or cannot be told. Where nothing was measured a bound that nothing would keep cannot be
//! told, and one that nothing breaks, such as `upload.count > 0`, does not hold.

use std::cmp::Ordering;

use super::figures::Source;
use super::limit::{bytes_text, time_text, trimmed};
use super::{Comparison, Gate, Limit, Quantity, Severity, Statistic};
use crate::results::{EndedBy, GateFigures, LatencyFigures, Results};

/// Judges the gates that are required, in their order; those that only warn are left out.
///
/// Only the results are needed, so an older run can be judged by new gates.
pub fn evaluate(gates: &[Gate], results: &Results) -> Vec<GateFigures> {
    let required = gates.iter().filter(|gate| gate.severity == Severity::Require);
    required.map(|gate| gate.evaluate(results)).collect()
}

/// What was measured.
struct Measured {
    /// In the base unit, for people.
    value: f64,
    /// How it stands to the limit.
    to_limit: Ordering,
    /// With its unit.
    text: String,
}

impl Gate {
    /// Judges this gate.
    pub fn evaluate(&self, results: &Results) -> GateFigures {
        let mut judged = GateFigures {
            gate: self.written.trim().to_owned(),
            limit: self.limit.to_string(),
            ..GateFigures::default()
        };
        match self.measure(results) {
            Err(why) => judged.note = why,
            Ok(Reading { measured, doubt }) => {
                let holds = self.comparison.holds(measured.to_limit);
                judged.measured = measured.text;
                match doubt {
                    Some(Doubt::Always(why)) => judged.note = why,
                    // A count of nothing keeps any upper bound; that it breaks a lower bound is certain.
                    Some(Doubt::IfHolds(why)) if holds => judged.note = why,
                    _ if !holds && self.may_still_be_reached(measured.to_limit, results) => {
                        judged.note = "the run ended early; more could have come".to_owned();
                    }
                    _ => {
                        judged.passed = Some(holds);
                        if !holds {
                            judged.note = self.distance(measured.value, measured.to_limit);
                        }
                    }
                }
            }
        }
        judged
    }

    /// Whether the gate wants more of something that a run that was broken off had not yet counted to the end.
    fn may_still_be_reached(&self, measured_to_limit: Ordering, results: &Results) -> bool {
        let is_broken_off = matches!(results.run.ended_by, EndedBy::Interrupt | EndedBy::Terminated | EndedBy::Crash);
        let grows = self.figure.quantity() == Quantity::Count;
        let wants_more = match self.comparison {
            Comparison::Greater | Comparison::GreaterOrEqual => true,
            Comparison::Equal => measured_to_limit.is_lt(),
            Comparison::Less | Comparison::LessOrEqual => false,
            Comparison::NotEqual => true,
        };
        is_broken_off && grows && wants_more
    }

    /// What was measured; `Err` says why there is nothing at all.
    fn measure(&self, results: &Results) -> Result<Reading, String> {
        let subject = self.figure.subject();
        match self.figure.source() {
            Source::Latency(read) => {
                let statistic = self.figure.statistic().unwrap_or(Statistic::Max);
                latency(read(results, subject), statistic, self.limit)
            }
            Source::Count { value, of } => {
                let reading = Reading::count(value(results, subject), self.limit);
                Ok(reading.doubted_if_holds(of(results, subject) == 0, "there was nothing to count"))
            }
            Source::Ratio { part, whole } => match (part(results, subject), whole(results, subject)) {
                (_, 0) => Err("there was nothing to take a share of".to_owned()),
                (part, whole) => Ok(Reading::ratio(part, whole, self.limit)),
            },
            Source::Rate { value, of } => {
                let value = value(results, subject);
                let reading = Reading::fractional(value, format!("{}/s", trimmed(value, 3)), self.limit);
                Ok(reading.doubted_if_holds(of(results, subject) == 0, "there was nothing to count"))
            }
            Source::Seconds(read) => match read(results, subject) * 1e6 {
                micros if micros > 0.0 => Ok(Reading::fractional(micros, time_text(micros), self.limit)),
                _ => Err("it was not measured".to_owned()),
            },
            Source::Bytes(read) => match read(results, subject) {
                0 => Err("it was not measured".to_owned()),
                bytes => Ok(Reading::whole(bytes, bytes_text(bytes as f64), self.limit)),
            },
        }
    }

    /// How far off a gate is that does not hold.
    fn distance(&self, measured: f64, measured_to_limit: Ordering) -> String {
        let off = (measured - self.limit.in_base_unit()).abs();
        let off = match self.figure.quantity() {
            Quantity::Time => time_text(off),
            Quantity::Bytes => bytes_text(off),
            Quantity::Ratio => format!("{} percentage points", trimmed(off * 100.0, 4)),
            Quantity::Rate => format!("{}/s", trimmed(off, 3)),
            Quantity::Count => trimmed(off, 0),
        };
        match measured_to_limit {
            Ordering::Less => format!("{off} below the limit"),
            Ordering::Equal => "exactly the limit".to_owned(),
            Ordering::Greater => format!("{off} above the limit"),
        }
    }
}

/// What was measured and what speaks against relying on it.
struct Reading {
    measured: Measured,
    doubt: Option<Doubt>,
}

enum Doubt {
    /// Whatever the comparison says, it says nothing.
    Always(String),
    /// That the gate holds means nothing.
    IfHolds(String),
}

impl Reading {
    fn whole(value: u64, text: String, limit: Limit) -> Reading {
        let to_limit = limit.compare_fraction(value, 1);
        Reading { measured: Measured { value: value as f64, to_limit, text }, doubt: None }
    }

    fn count(value: u64, limit: Limit) -> Reading {
        Reading::whole(value, value.to_string(), limit)
    }

    fn ratio(part: u64, whole: u64, limit: Limit) -> Reading {
        let value = part as f64 / whole as f64;
        let text = format!("{}% ({part} of {whole})", trimmed(value * 100.0, 4));
        Reading { measured: Measured { value, to_limit: limit.compare_fraction(part, whole), text }, doubt: None }
    }

    fn fractional(value: f64, text: String, limit: Limit) -> Reading {
        Reading { measured: Measured { value, to_limit: limit.compare(value), text }, doubt: None }
    }

    fn doubted_if_holds(mut self, is_doubted: bool, why: &str) -> Reading {
        if is_doubted {
            self.doubt = Some(Doubt::IfHolds(why.to_owned()));
        }
        self
    }
}

fn latency(figures: Option<&LatencyFigures>, statistic: Statistic, limit: Limit) -> Result<Reading, String> {
    let count = figures.map_or(0, |figures| figures.count);
    if statistic == Statistic::Count {
        return Ok(Reading::count(count, limit).doubted_if_holds(count == 0, "there was nothing to count"));
    }
    let Some(figures) = figures.filter(|figures| figures.count > 0) else {
        return Err("there is no sample".to_owned());
    };
    let value = statistic.of(figures);
    let mut reading = match statistic {
        Statistic::Mean => Reading::fractional(value, time_text(value), limit),
        // Percentiles are whole microseconds below 2^53, so nothing is lost on the way through `f64`.
        _ => Reading::whole(value as u64, time_text(value), limit),
    };
    let wanted = statistic.samples_min();
    if count < wanted {
        let samples = if count == 1 { "sample" } else { "samples" };
        reading.doubt = Some(Doubt::Always(format!("only {count} {samples}, `{}` needs {wanted}", statistic.word())));
    }
    Ok(reading)
}
