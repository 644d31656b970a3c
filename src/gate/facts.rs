//! Gates against a scenario, before it runs: a gate on what never happens is a mistake, not a pass.

use std::time::Duration;

use super::parse::error;
use super::span::{Span, Unknown, duration_text};
use super::{AbortRule, Gate, GateError};
use crate::ops::OpId;
use crate::results::StageFigures;
use crate::scenario::{Scenario, TokenFlow};

/// Shortest window: a run is recorded once a second.
const WINDOW_MIN: Duration = Duration::from_secs(1);

/// What a scenario has to offer to its gates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScenarioFacts {
    /// Every operation that is carried out: those of its steps, and `token` when access tokens are fetched.
    pub ops: Vec<OpId>,
    /// Whether it has an open model: `[load] arrivals`.
    pub has_arrivals: bool,
    /// The stages of its load curves.
    pub stages: Vec<StageFigures>,
    /// The longest time in which its load holds still; not known when absent.
    pub steady: Option<Duration>,
    /// How long its load lasts.
    pub load: Duration,
    /// Figures of the target's own that are read.
    pub own: Vec<String>,
    /// Whether the load is that of a day: `[load.day]`.
    pub is_day: bool,
}

impl ScenarioFacts {
    /// Reads them off a scenario.
    pub fn of(scenario: &Scenario) -> ScenarioFacts {
        let states = scenario.personas.iter().flat_map(|persona| &persona.states);
        let mut ops: Vec<OpId> = states.flat_map(|state| &state.steps).map(|step| step.op.id()).collect();
        if scenario.auth.flow != TokenFlow::Token {
            ops.push(OpId::Token);
        }
        ops.sort();
        ops.dedup();
        let stages = scenario.load.stages.iter().map(|stage| StageFigures {
            name: stage.name.clone(),
            from_s: stage.from.as_secs_f64(),
            to_s: stage.to.as_secs_f64(),
        });
        ScenarioFacts {
            ops,
            has_arrivals: !scenario.load.arrivals.is_empty(),
            stages: stages.collect(),
            steady: Some(scenario.load.steady().map_or(Duration::ZERO, |(from, to)| to - from)),
            load: scenario.load.duration(),
            own: scenario.target.watched.figures(),
            is_day: scenario.load.day.is_some(),
        }
    }
}

impl AbortRule {
    /// Whether the scenario makes the figure at all, and lasts long enough for the rule to end it.
    pub fn check_against(&self, facts: &ScenarioFacts) -> Result<(), GateError> {
        self.gate.check_figure(facts)?;
        if self.gate.figure.is_drift() {
            let help = "put it into `require` or `warn`";
            let message = "a drift is known when the run is over, and ends none";
            return error(self.gate.places.figure.clone(), message, help);
        }
        self.gate.check_window(facts)?;
        if facts.load > Duration::ZERO && self.after + self.hold >= facts.load {
            let message = format!("this rule can never end the run, whose load lasts {}", duration_text(facts.load));
            let help = "make `for` and `after` shorter".to_owned();
            return Err(GateError { range: 0..self.written().len(), message, help: Some(help) });
        }
        Ok(())
    }
}

impl Gate {
    /// Whether the scenario makes the figure at all, and has the stage and the time for its windows. The error's place is
    /// in the expression as written.
    pub fn check_against(&self, facts: &ScenarioFacts) -> Result<(), GateError> {
        self.check_figure(facts)?;
        if let Some(why) = self.figure.without_windows().filter(|_| self.window.is_some() || self.span.is_some()) {
            let range = if self.window.is_some() { &self.places.window } else { &self.places.span };
            let help = "leave the window out: the gate is then about the whole run";
            return error(range.clone(), format!("`{}` has no windows: it {why}", self.figure), help);
        }
        self.check_window(facts)
    }

    /// What is no mistake, and hardly what was meant: a drift that cannot be told, a span that the load does not fill.
    pub fn doubts(&self, facts: &ScenarioFacts) -> Vec<String> {
        let drift = self.drift_doubt(facts).map(|(why, way)| format!("{why}; {way}"));
        let load = facts.load;
        let beyond = match &self.span {
            Some(Span::Between(_, to)) if !load.is_zero() && *to > load => {
                let (written, load) = (&self.written, duration_text(load));
                Some(format!("`{written}` looks beyond the load, which ends at {load}: what is later is not there"))
            }
            _ => None,
        };
        drift.into_iter().chain(beyond).collect()
    }

    fn check_figure(&self, facts: &ScenarioFacts) -> Result<(), GateError> {
        let start = self.places.figure.start;
        self.check_drift(facts)?;
        if let Some(op) = self.figure.operation()
            && !facts.ops.contains(&op)
        {
            let used: Vec<String> = facts.ops.iter().map(|op| format!("`{}`", op.name())).collect();
            let message = format!("no step of this scenario is `{}`", op.name());
            return error(start..start + op.name().len(), message, format!("it uses {}", used.join(", ")));
        }
        if let Some(own) = self.figure.own().filter(|own| !facts.own.iter().any(|known| known == own)) {
            let at = start + "target.".len()..start + "target.".len() + own.len();
            let message = format!("this scenario reads no `{own}` of the target");
            let help = if facts.own.is_empty() {
                "say where it is read: `metrics` or `process` in `[target]`".to_owned()
            } else {
                let known: Vec<String> = facts.own.iter().map(|known| format!("`{known}`")).collect();
                format!("it reads {}", known.join(", "))
            };
            return error(at, message, help);
        }
        let family = self.figure.family();
        if family == "target" && facts.own.is_empty() {
            let help = "say where they are read: `metrics` or `process` in `[target]`";
            return error(start..start + family.len(), "this scenario reads no figures of the target's own", help);
        }
        let family_at = start..start + family.len();
        if family == "arrivals" && !facts.has_arrivals {
            let message = "this scenario has no arrivals";
            let help = if facts.is_day {
                "give it an open model with a table `arrivals` in `[load.day]`"
            } else {
                "give it an open model with `[load] arrivals`"
            };
            return error(family_at, message, help);
        }
        if family == "delivery" && !facts.ops.contains(&OpId::Publish) {
            let message = "nothing is delivered: no step of this scenario is `publish`";
            return error(family_at, message, "add a `publish` step or remove the gate");
        }
        Ok(())
    }

    fn check_window(&self, facts: &ScenarioFacts) -> Result<(), GateError> {
        let mut room = facts.load;
        if let Some(span) = &self.span {
            let (from_s, to_s) = match span.find(&facts.stages) {
                Ok(found) => found,
                Err(unknown) => {
                    return error(self.places.span.clone(), format!("no stage is {span}"), way(unknown, facts));
                }
            };
            let length = Duration::try_from_secs_f64(to_s - from_s).unwrap_or_default();
            let is_beyond = from_s >= facts.load.as_secs_f64();
            if length.is_zero() || is_beyond {
                let message = if is_beyond { "is beyond the load" } else { "takes no time" };
                let help = format!("the load lasts {}", duration_text(facts.load));
                return error(self.places.span.clone(), format!("{span} {message}"), help);
            }
            room = room.min(length);
        }
        let Some(window) = self.window else { return Ok(()) };
        if window < WINDOW_MIN {
            let message = format!("a window of {} is finer than what is recorded", duration_text(window));
            return error(
                self.places.window.clone(),
                message,
                "a run is recorded once a second: `over 1s` is the finest",
            );
        }
        if window > room {
            let message = format!("a window of {} does not fit into {}", duration_text(window), duration_text(room));
            return error(self.places.window.clone(), message, "make it shorter, or leave it out for the whole");
        }
        Ok(())
    }
}

fn way(unknown: Unknown, facts: &ScenarioFacts) -> String {
    let listed = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match unknown {
        Unknown::Several(names) => format!("there are {}", listed(&names)),
        Unknown::Nothing { nearest: Some(near) } => format!("did you mean `{near}`?"),
        Unknown::Nothing { nearest: None } => {
            let names: Vec<String> = facts.stages.iter().map(|stage| stage.name.clone()).collect();
            format!("the stages of `[load]` are {}", listed(&names))
        }
    }
}
