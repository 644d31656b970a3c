//! `[[persona]]`: what a kind of user does, state by state.

use std::ops::Range;

use toml::de::DeValue;

use super::problem::{Problem, nearest};
use super::read::{Key, Reader, Value, in_order, shorten};
use super::step::{DraftStep, step};
use super::topology::{is_word, word};
use super::{OnFailure, Persona, State, Think};

pub(super) const PERSONA_KEYS: &[&str] = &["name", "share", "start", "state"];
pub(super) const STATE_KEYS: &[&str] = &["await", "steps", "think", "next", "on_failure"];
/// Most personas of a scenario: more than anyone can tell apart.
const PERSONAS_MAX: usize = 1_000;
/// The words of `on_failure` that are no state's name.
pub(super) const ON_FAILURE: &[(&str, OnFailure)] =
    &[("restart", OnFailure::Restart), ("continue", OnFailure::Continue), ("stop", OnFailure::Stop)];

/// A name of a state with its place.
#[derive(Debug)]
pub(super) struct StateName {
    pub(super) name: String,
    pub(super) place: Range<usize>,
}

/// A persona, as far as it could be read.
#[derive(Debug)]
pub(super) struct DraftPersona {
    pub(super) name: Option<String>,
    pub(super) name_place: Range<usize>,
    pub(super) share: Option<u32>,
    pub(super) start: Option<StateName>,
    pub(super) states: Vec<DraftState>,
    /// Whether a state could not be read at all, so that an unknown name proves nothing.
    pub(super) has_unread_states: bool,
}

/// A state, as far as it could be read.
#[derive(Debug)]
pub(super) struct DraftState {
    pub(super) name: String,
    pub(super) place: Range<usize>,
    pub(super) awaits: Option<Range<usize>>,
    pub(super) steps: Vec<DraftStep>,
    /// Whether every step could be read.
    pub(super) has_all_steps: bool,
    pub(super) think: Option<Option<Think>>,
    pub(super) next: Option<Vec<(StateName, f64)>>,
    pub(super) on_failure: Option<DraftFailure>,
}

/// What a failure leads to, with the state's name not yet looked up.
#[derive(Debug)]
pub(super) enum DraftFailure {
    Settled(OnFailure),
    GoTo(StateName),
}

impl DraftPersona {
    /// Position of a state.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.states.iter().position(|state| state.name == name)
    }

    /// Position of the first state.
    pub(super) fn start_position(&self) -> Option<usize> {
        match &self.start {
            Some(start) => self.position(&start.name),
            None => (!self.states.is_empty()).then_some(0),
        }
    }

    pub(super) fn finish(self) -> Option<Persona> {
        let start = self.start_position()?;
        let names: Vec<String> = self.states.iter().map(|state| state.name.clone()).collect();
        let position = |name: &StateName| names.iter().position(|known| *known == name.name);
        let states = self.states.into_iter().map(|state| {
            let next = state.next?.into_iter().map(|(name, weight)| Some((position(&name)?, weight)));
            Some(State {
                awaits_arrival: state.awaits.is_some(),
                steps: state.steps.into_iter().map(DraftStep::finish).collect::<Option<_>>()?,
                think: state.think?,
                next: next.collect::<Option<_>>()?,
                on_failure: match state.on_failure? {
                    DraftFailure::Settled(settled) => settled,
                    DraftFailure::GoTo(name) => OnFailure::GoTo(position(&name)?),
                },
                name: state.name,
            })
        });
        Some(Persona { states: states.collect::<Option<_>>()?, name: self.name?, share: self.share?, start })
    }
}

/// Every `[[persona]]`.
pub(super) fn personas(reader: &mut Reader, value: &Value<'_>) -> Vec<DraftPersona> {
    let kind = "a list of tables, each with the header `[[persona]]`";
    if let DeValue::Table(_) = value.get_ref() {
        let problem = Problem::at(value.span(), "`persona` must be a list");
        reader.problem(problem.help("write the header with two brackets: `[[persona]]`"));
        return Vec::new();
    }
    let Some(list) = reader.array("`persona`", value, kind) else { return Vec::new() };
    let mut personas: Vec<DraftPersona> = Vec::new();
    if list.len() > PERSONAS_MAX {
        let message = format!("a scenario has at most {PERSONAS_MAX} personas");
        reader.problem(Problem::at(value.span(), message));
    }
    for item in list.iter().take(PERSONAS_MAX) {
        let Some(draft) = persona(reader, item) else { continue };
        if draft.name.is_some() && personas.iter().any(|other| other.name == draft.name) {
            let name = draft.name.as_deref().unwrap_or_default();
            let problem = Problem::at(draft.name_place.clone(), format!("there are two personas `{name}`"));
            reader.problem(problem.help("each `[[persona]]` has its own `name`"));
        }
        personas.push(draft);
    }
    personas
}

fn persona(reader: &mut Reader, value: &Value<'_>) -> Option<DraftPersona> {
    let fields = reader.table("`[[persona]]`", value, PERSONA_KEYS)?;
    let name =
        fields.need(reader, "name", "such as `name = \"talker\"`").and_then(|value| word(reader, "`name`", value));
    let share = match fields.get("share") {
        Some(value) => reader.whole("`share`", value, 1..=1_000_000).and_then(|share| u32::try_from(share).ok()),
        None => Some(1),
    };
    let start = fields.get("start").and_then(|value| state_name(reader, "`start`", value));
    let mut draft = DraftPersona {
        name,
        name_place: fields.get("name").map_or(value.span(), |name| name.span()),
        share,
        start,
        states: Vec::new(),
        has_unread_states: false,
    };
    let states = fields.need(reader, "state", "give it at least one state: `[persona.state.NAME]`");
    match states.map(|states| (states, states.get_ref())) {
        Some((_, DeValue::Table(table))) => {
            for (key, value) in in_order(table) {
                match state(reader, key, value) {
                    Some(state) => draft.states.push(state),
                    None => draft.has_unread_states = true,
                }
            }
        }
        Some((states, _)) => {
            draft.has_unread_states = true;
            reader.wrong_kind::<()>("`state`", states, "a table for each state: `[persona.state.NAME]`");
        }
        None => draft.has_unread_states = true,
    }
    Some(draft)
}

fn state(reader: &mut Reader, key: &Key<'_>, value: &Value<'_>) -> Option<DraftState> {
    let name = key.get_ref().as_ref();
    if !is_word(name) {
        let problem = Problem::at(key.span(), format!("a state cannot be called `{}`", shorten(name)));
        reader.problem(problem.expected("expected letters, digits, `-` and `_`, at most 64"));
        return None;
    }
    let fields = reader.table(&format!("state `{name}`"), value, STATE_KEYS)?;
    let awaits = fields.get("await").and_then(|value| {
        reader.choice("`await`", value, &[("arrival", ())])?;
        Some(value.span())
    });
    let mut steps = Vec::new();
    let mut has_all_steps = true;
    if let Some(list) = fields.get("steps") {
        match reader.array("`steps`", list, "a list such as `[ { op = \"login\" } ]`") {
            Some(list) => {
                for item in list.iter() {
                    let draft = step(reader, item);
                    has_all_steps &= draft.as_ref().is_some_and(|draft| draft.op.is_some());
                    steps.extend(draft);
                }
            }
            None => has_all_steps = false,
        }
    }
    Some(DraftState {
        name: name.to_owned(),
        place: key.span(),
        awaits,
        steps,
        has_all_steps,
        think: match fields.get("think") {
            Some(value) => reader.think(value).map(Some),
            None => Some(None),
        },
        next: match fields.get("next") {
            Some(value) => next(reader, value),
            None => Some(Vec::new()),
        },
        on_failure: match fields.get("on_failure") {
            Some(value) => on_failure(reader, value),
            None => Some(DraftFailure::Settled(OnFailure::Restart)),
        },
    })
}

fn state_name(reader: &mut Reader, what: &str, value: &Value<'_>) -> Option<StateName> {
    let text = reader.text_as(what, value, "the name of a state")?;
    Some(StateName { name: text.text.to_owned(), place: text.place })
}

fn next(reader: &mut Reader, value: &Value<'_>) -> Option<Vec<(StateName, f64)>> {
    let table = match value.get_ref() {
        DeValue::String(_) => return state_name(reader, "`next`", value).map(|name| vec![(name, 1.0)]),
        DeValue::Table(table) => table,
        _ => {
            return reader.wrong_kind(
                "`next`",
                value,
                "the name of a state, or weights such as `{ talk = 9, away = 1 }`",
            );
        }
    };
    if table.is_empty() {
        let problem = Problem::at(value.span(), "`next` has no states");
        reader.problem(problem.help("drop `next` when the user is done after this state"));
        return None;
    }
    let mut all = Some(Vec::new());
    for (key, weight) in in_order(table) {
        let kind = "a weight above zero, such as `9`";
        let name = StateName { name: key.get_ref().to_string(), place: key.span() };
        match reader.number(&format!("the weight of `{}`", shorten(&name.name)), weight, kind) {
            Some(number) if number > 0.0 && number <= 1e9 => {
                all.iter_mut().for_each(|all| {
                    all.push((StateName { name: name.name.clone(), place: name.place.clone() }, number))
                });
            }
            Some(number) => {
                let message = format!("the weight of `{}` cannot be `{number}`", shorten(&name.name));
                let problem = Problem::at(weight.span(), message).expected(format!("expected {kind}"));
                reader.problem(problem.help("drop a state that is never to follow"));
                all = None;
            }
            None => all = None,
        }
    }
    all
}

fn on_failure(reader: &mut Reader, value: &Value<'_>) -> Option<DraftFailure> {
    let kind = "`restart`, `continue`, `stop` or `goto STATE`";
    let text = reader.text_as("`on_failure`", value, kind)?;
    if let Some((_, settled)) = ON_FAILURE.iter().find(|(word, _)| *word == text.text) {
        return Some(DraftFailure::Settled(*settled));
    }
    let name = text.text.strip_prefix("goto ").map_or(text.text, str::trim);
    if name.is_empty() || name == "goto" {
        let problem = Problem::at(text.place, "`on_failure` does not say where to go");
        reader.problem(problem.expected(format!("expected {kind}")));
        return None;
    }
    Some(DraftFailure::GoTo(StateName { name: name.to_owned(), place: text.place }))
}

/// The problem of a name that no state has.
pub(super) fn unknown_state(persona: &DraftPersona, what: &str, name: &StateName, words: &[&str]) -> Problem {
    let shown = shorten(&name.name);
    let states: Vec<&str> = persona.states.iter().map(|state| state.name.as_str()).collect();
    let all: Vec<&str> = states.iter().chain(words).copied().collect();
    let owner = persona.name.as_deref().unwrap_or("?");
    let problem = Problem::at(name.place.clone(), format!("{what} names no state of persona `{owner}`: `{shown}`"));
    match nearest(&name.name, &all) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help(format!("its states are {}", super::problem::listed(&states))),
    }
}
