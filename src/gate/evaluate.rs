//! One gate against what was measured.
//!
//! A gate holds, does not hold, or cannot be told. Where nothing was measured a bound that nothing would keep cannot be
//! told, and one that nothing breaks, such as `upload.count > 0`, does not hold.

use std::cmp::Ordering;

use super::reading::{Doubt, Evidence, Lack, read};
use super::sound::Sound;
use super::track::{Findings, Found, Track};
use super::{Baseline, Comparison, Gate, Rules};
use crate::results::{EndedBy, GateFigures, GateStatus, Results, WindowFigures};

impl Gate {
    /// Judges this gate. A window or a span needs its track; without one it cannot be told.
    pub(super) fn judge(
        &self,
        results: &Results,
        track: Option<&Track>,
        sound: Option<&Sound>,
        rules: Rules,
        baseline: &dyn Baseline,
    ) -> GateFigures {
        let mut judged = GateFigures {
            gate: self.written.trim().to_owned(),
            severity: self.severity,
            stage: self.span.as_ref().map(|span| span.to_string().trim_matches('"').to_owned()).unwrap_or_default(),
            ..GateFigures::default()
        };
        let bound = self.bound.resolve(&self.measure(), baseline);
        judged.limit = self.bound.text(&self.figure, bound.as_ref().ok());
        if self.figure.is_drift() {
            self.judge_drift(results, &mut judged);
            return judged;
        }
        let found = match track {
            Some(track) => track.findings(),
            None => read(&self.figure, Evidence::Results(results), self.wanted(rules.min_samples))
                .map(|reading| Findings { found: Found { reading, window: WindowFigures::default() }, gaps: Ok(None) }),
        };
        let found = match found {
            Ok(found) => found,
            Err(lack) => {
                judged.lacks(lack);
                // That there is no baseline is worth telling, whatever else is missing.
                if let Err(why) = bound {
                    judged.lacks_baseline(why, rules);
                }
                return judged;
            }
        };
        let Findings { found: Found { reading, window }, gaps } = found;
        judged.samples = reading.samples;
        judged.window = track.is_some_and(|_| self.window.is_some() || self.span.is_some()).then_some(window);
        judged.measured = reading.amount.text(self.figure.quantity(), bound.as_ref().ok());
        let bound = match bound {
            Ok(bound) => bound,
            Err(why) => {
                judged.lacks_baseline(why, rules);
                return judged;
            }
        };
        let holds = reading.amount.holds(self.comparison, &bound);
        // A run whose spells are not tolerated has no verdict, whatever its gates say.
        let sound = sound.filter(|_| !holds && results.generator.tolerated_share.is_some());
        let excuse = sound.and_then(|sound| sound.excuse(self, &bound, self.wanted(rules.min_samples)));
        match (reading.doubt, gaps) {
            (Some(doubt @ Doubt::TooFew { .. }), _) => judged.lacks(Lack::new(doubt.status(), doubt.text())),
            // A count of nothing keeps any upper bound; that it breaks a lower bound is certain.
            (Some(doubt @ Doubt::Nothing), _) if holds => judged.lacks(Lack::new(doubt.status(), doubt.text())),
            _ if !holds && self.may_still_hold(reading.amount.compare(&bound), results, judged.window) => {
                judged.lacks(Lack::new(GateStatus::EndedEarly, "the run ended early; more could have come"));
            }
            (_, Err(lack)) if holds => judged.lacks(lack),
            (_, _) if let Some(lack) = excuse => judged.lacks(lack),
            (_, gaps) => {
                let remark = if holds { gaps.ok().flatten() } else { None };
                let distance = || bound.distance(reading.amount, self.figure.quantity());
                judged.passed = Some(holds);
                judged.status = Some(if holds { GateStatus::Held } else { GateStatus::NotHeld });
                judged.note = if holds { remark.unwrap_or_default() } else { distance() };
            }
        }
        judged
    }

    /// Whether the gate wants more of something that a run that was broken off had not yet counted to the end.
    fn may_still_hold(&self, to_limit: Ordering, results: &Results, window: Option<WindowFigures>) -> bool {
        let is_broken_off = results.run.ended_by != EndedBy::Plan;
        let wants_more = match self.comparison {
            Comparison::Greater | Comparison::GreaterOrEqual => true,
            Comparison::Equal => to_limit.is_lt(),
            Comparison::Less | Comparison::LessOrEqual => false,
            Comparison::NotEqual => true,
        };
        // A rate of the whole run is one of the time that it had; a window may lie beyond its end.
        let is_cut = match (self.window, window) {
            (Some(_), Some(window)) => window.to_s > results.run.load_s,
            (None, Some(window)) => {
                window.to_s > results.run.load_s || self.figure.quantity() == super::Quantity::Count
            }
            (_, None) => self.figure.quantity() == super::Quantity::Count,
        };
        is_broken_off && self.figure.grows() && wants_more && is_cut
    }
}

impl GateFigures {
    pub(super) fn lacks(&mut self, lack: Lack) {
        (self.passed, self.status, self.note) = (None, Some(lack.status), lack.why);
    }

    fn lacks_baseline(&mut self, why: String, rules: Rules) {
        self.passed = rules.missing_baseline_fails.then_some(false);
        (self.status, self.note) = (Some(GateStatus::NoBaseline), why);
    }
}
