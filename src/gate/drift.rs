//! `publish.response.p99.drift < 5%/h`: a bound on how fast a figure changes while the load holds still.
//!
//! The interval decides, and not the slope alone: all of it on the right side holds, all of it on the wrong side does not,
//! and one that reaches over the limit cannot be told. Noise alone therefore never breaks such a gate, and a run too short
//! to know never passes one.

use super::parse::error;
use super::reading::{Amount, Lack};
use super::{Bound, Comparison, Gate, GateError, Quantity, ScenarioFacts};
use crate::results::{DRIFT_STEADY_MIN, DriftFigures, GateFigures, GateStatus, Results, WindowFigures, figures};

impl Gate {
    /// The figure whose drift is bounded, as the results know it.
    fn drifting(&self) -> String {
        let name = self.figure.to_string();
        name.strip_suffix(".drift").unwrap_or(&name).to_owned()
    }

    /// What can be said against it before the run.
    pub(super) fn check_drift(&self, facts: &ScenarioFacts) -> Result<(), GateError> {
        if !self.figure.is_drift() {
            return Ok(());
        }
        if let Bound::Baseline(_) = self.bound {
            let help = "write a limit, such as `< 5%/h`";
            return error(self.places.bound.clone(), "a drift is compared with no baseline", help);
        }
        if matches!(self.comparison, Comparison::Equal | Comparison::NotEqual) {
            let help = "write `<` or `>` and a limit, such as `< 5%/h`";
            return error(self.places.bound.clone(), "no slope is known so exactly", help);
        }
        if facts.steady.is_some_and(|steady| steady.is_zero()) {
            let message = "the load never holds still, so no drift can be seen";
            return error(self.places.figure.clone(), message, way_to_hold_still(facts));
        }
        Ok(())
    }

    /// Why it can never be told, although the load holds still for a while, and what would do.
    pub fn drift_doubt(&self, facts: &ScenarioFacts) -> Option<(String, &'static str)> {
        let steady = facts.steady.filter(|steady| self.figure.is_drift() && *steady < DRIFT_STEADY_MIN)?;
        let (still, least) = (figures::seconds(steady.as_secs_f64()), figures::seconds(DRIFT_STEADY_MIN.as_secs_f64()));
        let message = format!(
            "`{}` cannot be told: the load holds still for {still}, and a drift takes at least {least}",
            self.written
        );
        Some((message, way_to_hold_still(facts)))
    }

    pub(super) fn judge_drift(&self, results: &Results, judged: &mut GateFigures) {
        let name = self.drifting();
        let Some(drift) = results.drift.iter().find(|drift| drift.figure == name) else {
            judged.lacks(Lack::new(
                GateStatus::NotMeasured,
                format!("`{name}` was not measured while the load held still"),
            ));
            return;
        };
        judged.window = Some(WindowFigures {
            from_s: (drift.window.from_s * 10.0).round() / 10.0,
            to_s: (drift.window.to_s * 10.0).round() / 10.0,
        });
        let quantity = self.figure.quantity();
        let (Some((slope, low, high)), Bound::Fixed(limit)) = (in_unit(drift, quantity), self.bound) else {
            let why = match drift.per_hour {
                None => drift.says.clone(),
                Some(_) => {
                    format!("its level was 0 at the beginning, so that no share of it can be given: {}", drift.says)
                }
            };
            judged.lacks(Lack::new(GateStatus::TooFewSamples, why));
            return;
        };
        let text = |value: f64| Amount::Real(value).text(quantity, None);
        judged.measured = text(slope);
        judged.samples = Some(drift.blocks);
        let limit = limit.in_base_unit();
        let holds = |value: f64| self.comparison.holds(value.total_cmp(&limit));
        let range = format!("95 %: {} to {}", text(low), text(high));
        (judged.passed, judged.status, judged.note) = match (holds(low), holds(high)) {
            (true, true) => (Some(true), Some(GateStatus::Held), String::new()),
            (false, false) if drift.significant || holds(0.0) == holds(slope) => {
                (Some(false), Some(GateStatus::NotHeld), range)
            }
            _ => {
                let why =
                    format!("the change may lie on either side of the limit ({range}); a longer run narrows it down");
                (None, Some(GateStatus::TooFewSamples), why)
            }
        };
    }
}

/// What makes a load hold still for long enough.
fn way_to_hold_still(facts: &ScenarioFacts) -> &'static str {
    if facts.is_day {
        "give two times of `load.day` that follow each other the same value, ten minutes or more of the run apart, of \
         `users` and of `arrivals`"
    } else if facts.has_arrivals {
        "add a `hold` of at least ten minutes to `[load]`, of `users` and of `arrivals` at the same time"
    } else {
        "add a `hold` of at least ten minutes to `[load]`"
    }
}

/// Slope and interval as shares per hour.
fn in_unit(drift: &DriftFigures, quantity: Quantity) -> Option<(f64, f64, f64)> {
    let (slope, (low, high)) = match quantity {
        Quantity::DriftOfRatio => (drift.per_hour?, drift.per_hour_95?),
        _ => {
            let (low, high) = drift.percent_per_hour_95?;
            (drift.percent_per_hour? / 100.0, (low / 100.0, high / 100.0))
        }
    };
    Some((slope, low, high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{AbortRule, Jury, NoBaseline, Rules};
    use crate::results::DriftKind;
    use std::time::Duration;

    fn judged(gate: &str, (low, high): (f64, f64)) -> GateFigures {
        let gate = Gate::parse(gate).unwrap_or_else(|error| panic!("{gate}: {error}"));
        let drift = DriftFigures {
            figure: "publish.response.p99".to_owned(),
            kind: DriftKind::Time,
            blocks: 60,
            per_hour: Some(1.0),
            percent_per_hour: Some(f64::midpoint(low, high)),
            percent_per_hour_95: Some((low, high)),
            significant: low > 0.0 || high < 0.0,
            ..DriftFigures::default()
        };
        let mut results = Results { drift: vec![drift], ..Results::default() };
        Jury::new(&[gate], &[], Rules::default()).judge(&mut results, &NoBaseline);
        results.gates.remove(0)
    }

    #[test]
    fn the_whole_interval_decides() {
        let gate = "publish.response.p99.drift < 5%/h";
        for (interval, passed) in [
            ((-1.0, 2.0), Some(true)),
            ((3.0, 4.9), Some(true)),
            ((5.0, 9.0), Some(false)),
            ((60.0, 70.0), Some(false)),
            ((4.0, 6.0), None),
            ((-20.0, 30.0), None),
        ] {
            let judged = judged(gate, interval);
            assert_eq!(judged.passed, passed, "{interval:?}: {judged:?}");
            assert_eq!(judged.limit, "5%/h");
        }
        let falls = "publish.response.p99.drift > -5%/h";
        assert_eq!(judged(falls, (-1.0, 2.0)).passed, Some(true));
        assert_eq!(judged(falls, (-9.0, -6.0)).passed, Some(false));
        assert_eq!(judged("publish.response.p95.drift < 5%/h", (0.0, 1.0)).status, Some(GateStatus::NotMeasured));
    }

    #[test]
    fn a_hold_of_less_than_ten_minutes_is_doubted_with_the_length_that_would_do() {
        let facts = |seconds| ScenarioFacts { steady: Some(Duration::from_secs(seconds)), ..ScenarioFacts::default() };
        let gate = |text| Gate::parse(text).expect("a gate");
        let (why, way) = gate("publish.response.p99.drift < 5%/h").drift_doubt(&facts(90)).expect("too short");
        assert_eq!(
            why,
            "`publish.response.p99.drift < 5%/h` cannot be told: the load holds still for 1 min 30 s, and a drift takes \
             at least 10 min"
        );
        assert!(way.contains("ten minutes"), "{way}");
        assert_eq!(gate("publish.response.p99.drift < 5%/h").drift_doubt(&facts(600)), None);
        assert_eq!(gate("publish.response.p99 < 5s").drift_doubt(&facts(90)), None);
    }

    #[test]
    fn what_no_drift_can_be_is_told_before_the_run() {
        for (text, place) in [
            ("publish.response.p99.drift < 5%", "5%/h"),
            ("publish.response.p99.drift < 5ms", "5%/h"),
            ("failures.ratio.drift < 5%/h", "pp/h"),
            ("publish.response.p97.drift < 5%/h", "did you mean"),
            ("publish.response.p99 < -5ms", "negative"),
        ] {
            let error = Gate::parse(text).expect_err(text).to_string();
            assert!(error.contains(place), "{text}: {error}");
        }
        let facts = ScenarioFacts {
            ops: vec![crate::ops::OpId::Publish],
            load: Duration::from_secs(900),
            steady: Some(Duration::from_secs(700)),
            own: vec!["rss_bytes".to_owned()],
            ..ScenarioFacts::default()
        };
        let check = |text: &str, facts: &ScenarioFacts| Gate::parse(text).expect(text).check_against(facts);
        assert_eq!(check("target.rss_bytes.drift < 1%/h", &facts), Ok(()));
        assert_eq!(check("failures.ratio.drift < 0.1pp/h", &facts), Ok(()));
        for text in [
            "target.threads.drift < 1%/h",
            "publish.rate.drift <= baseline + 5%",
            "publish.rate.drift == 0%/h",
            "publish.rate.drift over 10s < 5%/h",
            "publish.rate.drift during hold < 5%/h",
        ] {
            assert!(check(text, &facts).is_err(), "{text}");
        }
        let moving = ScenarioFacts { steady: Some(Duration::ZERO), ..facts.clone() };
        assert!(check("publish.rate.drift < 5%/h", &moving).is_err());
        let help = |facts: &ScenarioFacts| check("publish.rate.drift < 5%/h", facts).expect_err("moves").help;
        assert!(help(&moving).is_some_and(|help| help.contains("`hold` of at least ten minutes")));
        let day = ScenarioFacts { is_day: true, ..moving.clone() };
        assert!(help(&day).is_some_and(|help| help.contains("two times of `load.day`")));
        assert!(AbortRule::parse("publish.rate.drift > 5%/h").expect("a rule").check_against(&facts).is_err());
        for text in ["publish.rate.drift > -5%/h", "target.rss_bytes.drift < 0.5%/h"] {
            assert_eq!(Gate::parse(text).expect(text).to_string(), text);
        }
    }
}
