//! The jury: hears the records of a run, one by one, and judges its results at the end.
//!
//! What the results keep of a run is not enough for windows, for stages and for unusual percentiles. What gates need of
//! that is known before the run begins, so a bounded sum for each of them is made while the records come: live, or
//! read back from the journal, with the same outcome.

use super::abort::AbortTrack;
use super::sound::Sound;
use super::tally::{Before, Slice};
use super::track::Track;
use super::{AbortRule, Baseline, Gate};
use crate::results::{AbortFigures, EndedBy, GateFigures, GateStatus, IntervalRecord, Record, Results, Severity};
use crate::tick::Tick;

/// The interval in which somebody ended the load began within it.
const INTERVAL_S: f64 = 0.5;

/// What holds for all gates of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rules {
    /// Samples that a time or a ratio needs at least, beyond what its statistic needs anyway.
    pub min_samples: u64,
    /// Whether a missing baseline fails the run; otherwise the run has no verdict.
    pub missing_baseline_fails: bool,
    /// Share of the load, 0 to 1, that the generator's own spells may cover before the verdict is withheld.
    pub tolerate: f64,
}

/// A gate with what is kept for it.
#[derive(Debug)]
struct Followed {
    gate: Gate,
    track: Option<Track>,
    sound: Option<Sound>,
}

/// Hears a run and judges it.
#[derive(Debug)]
pub struct Jury {
    gates: Vec<Followed>,
    aborts: Vec<AbortTrack>,
    /// Gates of the run that nobody can judge.
    left_out: Vec<GateFigures>,
    pub(super) rules: Rules,
    before: Before,
    /// Part of the run that the latest record belongs to.
    part: u32,
    load_start: Tick,
    abort: Option<AbortFigures>,
}

impl Jury {
    /// A jury for these gates.
    pub fn new(gates: &[Gate], aborts: &[AbortRule], rules: Rules) -> Jury {
        let follow = |gate: &Gate| Followed {
            gate: gate.clone(),
            track: Track::of(gate, gate.wanted(rules.min_samples), rules.tolerate),
            sound: Sound::of(gate, rules.tolerate),
        };
        Jury {
            gates: gates.iter().map(follow).collect(),
            aborts: aborts.iter().map(AbortTrack::new).collect(),
            left_out: Vec::new(),
            rules,
            before: Before::default(),
            part: 0,
            load_start: Tick::ZERO,
            abort: None,
        }
    }

    /// Names a gate of the run that is not understood: it cannot be told.
    pub fn leave_out(&mut self, gate: &str, severity: Severity, why: &str) {
        let (status, note) = (Some(GateStatus::NotMeasured), format!("it is not understood: {why}"));
        self.left_out.push(GateFigures { gate: gate.to_owned(), severity, status, note, ..GateFigures::default() });
    }

    /// Hears the next record.
    pub fn hear(&mut self, record: &Record) {
        match record {
            Record::Start(run) => {
                let planned_us = (run.load_planned_s * 1e6).round() as u64;
                self.gates.iter_mut().filter_map(|gate| gate.track.as_mut()).for_each(|track| {
                    track.learn(&run.stages, planned_us);
                });
                self.aborts.iter_mut().for_each(|abort| abort.learn(&run.stages, planned_us));
            }
            Record::Interval(interval) => self.hear_interval(interval),
            Record::End(end) => {
                // What was so only after somebody else had ended the load is no reason.
                if end.ended_by != EndedBy::Abort {
                    let load_s = end.load_end.since(self.load_start).as_secs_f64();
                    self.abort = self.abort.take().filter(|abort| abort.at_s <= load_s + INTERVAL_S);
                }
            }
            Record::Mark(_) | Record::Warning(_) | Record::Resume(_) => {}
        }
    }

    fn hear_interval(&mut self, record: &IntervalRecord) {
        if record.part != self.part {
            // A resumed run counts from nothing again.
            self.before = Before { cpu_us: record.health.cpu_us, ..Before::default() };
            self.part = record.part;
        }
        let within = |tick: Tick| tick.micros_since(record.load_start);
        let slice = Slice {
            record,
            before: &self.before,
            from_us: within(record.from),
            to_us: within(record.to),
            is_set_up: record.is_set_up(),
        };
        for Followed { track, sound, .. } in &mut self.gates {
            track.iter_mut().for_each(|track| track.push(&slice));
            sound.iter_mut().for_each(|sound| sound.push(&slice));
        }
        for abort in &mut self.aborts {
            if let Some(tripped) = abort.push(&slice) {
                self.abort.get_or_insert(tripped);
            }
        }
        self.before = Before::after(record);
        self.load_start = record.load_start;
    }

    /// The rule that ends the run, once one does.
    pub fn abort(&self) -> Option<&AbortFigures> {
        self.abort.as_ref()
    }

    /// Judges a run: fills in its gates, its verdict, and a warning for each gate that only warns and does not hold.
    pub fn judge(&self, results: &mut Results, baseline: &dyn Baseline) {
        results.abort = self.abort.clone();
        let tolerated = super::tolerance::settle(results, self.rules.tolerate);
        let judged = |Followed { gate, track, sound }: &Followed| {
            gate.judge(results, track.as_ref(), sound.as_ref(), self.rules, baseline)
        };
        results.gates = self.gates.iter().map(judged).chain(self.left_out.iter().cloned()).collect();
        let warnings: Vec<String> = tolerated.into_iter().chain(results.gates.iter().filter_map(warning)).collect();
        for warning in warnings {
            if !results.warnings.contains(&warning) {
                results.warnings.push(warning);
            }
        }
        results.verdict = super::verdict(results);
    }
}

/// What a gate that only warns has to say.
fn warning(gate: &GateFigures) -> Option<String> {
    match (gate.severity, gate.passed) {
        (Severity::Require, _) | (Severity::Warn, Some(true)) => None,
        (Severity::Warn, Some(false)) => Some(super::verdict::not_held(gate)),
        (Severity::Warn, None) => Some(super::verdict::not_told(gate)),
    }
}
