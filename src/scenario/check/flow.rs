//! How a persona goes from state to state.

use std::time::Duration;

use crate::ops::{Op, OpId};
use crate::scenario::Think;
use crate::scenario::persona::{DraftFailure, DraftPersona, DraftState, ON_FAILURE, unknown_state};
use crate::scenario::problem::Problem;
use crate::scenario::read::Reader;
use crate::scenario::step::DraftStep;

/// Most states of a persona: the checks compare each with each.
const STATES_MAX: usize = 1_000;

pub(super) fn check(reader: &mut Reader, persona: &DraftPersona) {
    if persona.states.len() > STATES_MAX {
        let problem = Problem::at(persona.name_place.clone(), format!("a persona has at most {STATES_MAX} states"));
        reader.problem(problem);
        return;
    }
    if persona.states.is_empty() && !persona.has_unread_states {
        let problem = Problem::at(persona.name_place.clone(), "this persona has no state");
        reader.problem(problem.help("give it at least one: `[persona.state.NAME]`"));
        return;
    }
    let is_known = !persona.has_unread_states && names_are_known(reader, persona);
    if is_known {
        states_are_reachable(reader, persona);
        loops_take_time(reader, persona);
        is_connected(reader, persona);
    }
}

/// Whether `start`, `next` and `on_failure` name states.
fn names_are_known(reader: &mut Reader, persona: &DraftPersona) -> bool {
    let mut is_known = true;
    let mut problem = |problem: Problem| {
        is_known = false;
        reader.problem(problem);
    };
    if let Some(start) = persona.start.as_ref().filter(|start| persona.position(&start.name).is_none()) {
        problem(unknown_state(persona, "`start`", start, &[]));
    }
    let words: Vec<&str> = ON_FAILURE.iter().map(|(word, _)| *word).collect();
    for state in &persona.states {
        for (name, _) in state.next.iter().flatten() {
            if persona.position(&name.name).is_none() {
                problem(unknown_state(persona, "`next`", name, &[]));
            }
        }
        if let Some(DraftFailure::GoTo(name)) = &state.on_failure
            && persona.position(&name.name).is_none()
        {
            problem(unknown_state(persona, "`on_failure`", name, &words));
        }
    }
    is_known
}

/// Positions that follow a state, by its `next`.
fn followers<'a>(persona: &'a DraftPersona, state: &'a DraftState) -> impl Iterator<Item = usize> + 'a {
    state.next.iter().flatten().filter_map(|(name, _)| persona.position(&name.name))
}

fn states_are_reachable(reader: &mut Reader, persona: &DraftPersona) {
    let is_readable = |state: &DraftState| state.next.is_some() && state.on_failure.is_some();
    let Some(start) = persona.start_position().filter(|_| persona.states.iter().all(is_readable)) else { return };
    let mut is_reached = vec![false; persona.states.len()];
    let mut open = vec![start];
    while let Some(position) = open.pop() {
        if std::mem::replace(&mut is_reached[position], true) {
            continue;
        }
        let state = &persona.states[position];
        open.extend(followers(persona, state));
        if let Some(DraftFailure::GoTo(name)) = &state.on_failure {
            open.extend(persona.position(&name.name));
        }
    }
    for (state, _) in persona.states.iter().zip(is_reached).filter(|(_, is_reached)| !is_reached) {
        let problem = Problem::at(state.place.clone(), format!("no state leads to `{}`", state.name));
        let start = &persona.states[start].name;
        reader.problem(problem.help(format!("name it in a `next`, start there instead of `{start}`, or drop it")));
    }
}

fn loops_take_time(reader: &mut Reader, persona: &DraftPersona) {
    let idle: Vec<bool> = persona.states.iter().map(is_idle).collect();
    let mut is_reported = vec![false; persona.states.len()];
    for (position, state) in persona.states.iter().enumerate() {
        if !idle[position] || is_reported[position] {
            continue;
        }
        let circle = circle(persona, &idle, position);
        if circle[position] {
            for (other, is_in) in circle.into_iter().enumerate() {
                is_reported[other] |= is_in;
            }
            let message = format!("state `{}` comes back to itself and nothing on the way takes time", state.name);
            let problem = Problem::at(state.place.clone(), message);
            reader.problem(problem.help("add `think`, `await = \"arrival\"`, or a step that waits for an answer"));
        }
    }
}

/// The idle states that can be reached from this one through idle states alone.
fn circle(persona: &DraftPersona, idle: &[bool], from: usize) -> Vec<bool> {
    let mut is_reached = vec![false; persona.states.len()];
    let mut open: Vec<usize> = followers(persona, &persona.states[from]).collect();
    while let Some(position) = open.pop() {
        if idle[position] && !std::mem::replace(&mut is_reached[position], true) {
            open.extend(followers(persona, &persona.states[position]));
        }
    }
    is_reached
}

/// Whether a state surely passes in no time.
fn is_idle(state: &DraftState) -> bool {
    let thinks = match state.think {
        Some(None) => false,
        Some(Some(Think::Constant(longest) | Think::Uniform(_, longest))) => longest > Duration::ZERO,
        Some(Some(_)) | None => true,
    };
    state.awaits.is_none() && !thinks && state.has_all_steps && !state.steps.iter().any(takes_time)
}

fn takes_time(step: &DraftStep) -> bool {
    step.chance.is_none_or(|chance| chance > 0.0) && step.op.as_ref().is_none_or(is_answered)
}

/// Whether the service answers an operation at all.
pub(super) fn is_answered(op: &Op) -> bool {
    match op {
        Op::Note(_) => false,
        Op::Raw(raw) => raw.frame.has_request_id(),
        _ => true,
    }
}

fn is_connected(reader: &mut Reader, persona: &DraftPersona) {
    let steps = || persona.states.iter().flat_map(|state| &state.steps);
    if persona.states.iter().any(|state| !state.has_all_steps) || steps().any(|step| step.id == Some(OpId::Connect)) {
        return;
    }
    // These three go over HTTP, without the WebSocket.
    let needs_none = |id: OpId| matches!(id, OpId::Token | OpId::Upload | OpId::Download);
    if let Some(step) = steps().find(|step| step.id.is_some_and(|id| !needs_none(id))) {
        let name = step.id.map_or("", OpId::name);
        let owner = persona.name.as_deref().unwrap_or("?");
        let problem = Problem::at(
            step.place.clone(),
            format!("`{name}` needs a connection, but persona `{owner}` never opens one"),
        );
        reader.problem(problem.help("begin with `{ op = \"connect\" }, { op = \"login\" }`"));
    }
}
