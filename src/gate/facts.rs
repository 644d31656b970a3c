//! Gates against a scenario, before it runs: a gate on what never happens is a mistake, not a pass.

use super::{Gate, GateError};
use crate::ops::OpId;
use crate::scenario::{Scenario, TokenFlow};

/// What a scenario has to offer to its gates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScenarioFacts {
    /// Every operation that is carried out: those of its steps, and `token` when access tokens are fetched.
    pub ops: Vec<OpId>,
    /// Whether it has an open model: `[load] arrivals`.
    pub has_arrivals: bool,
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
        ScenarioFacts { ops, has_arrivals: !scenario.load.arrivals.is_empty() }
    }
}

impl Gate {
    /// Whether the scenario makes the figure at all. The error's place is in the expression as written.
    pub fn check_against(&self, facts: &ScenarioFacts) -> Result<(), GateError> {
        let start = self.written.len() - self.written.trim_start().len();
        let error = |length: usize, message: String, help: String| {
            Err(GateError { range: start..start + length, message, help: Some(help) })
        };
        if let Some(op) = self.figure.operation()
            && !facts.ops.contains(&op)
        {
            let used: Vec<String> = facts.ops.iter().map(|op| format!("`{}`", op.name())).collect();
            let message = format!("no step of this scenario is `{}`", op.name());
            return error(op.name().len(), message, format!("it uses {}", used.join(", ")));
        }
        let family = self.figure.family();
        if family == "arrivals" && !facts.has_arrivals {
            let message = "this scenario has no arrivals".to_owned();
            return error(family.len(), message, "give it an open model with `[load] arrivals`".to_owned());
        }
        if family == "delivery" && !facts.ops.contains(&OpId::Publish) {
            let message = "nothing is delivered: no step of this scenario is `publish`".to_owned();
            return error(family.len(), message, "add a `publish` step or remove the gate".to_owned());
        }
        Ok(())
    }
}
