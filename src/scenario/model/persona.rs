//! What users do.

use std::time::Duration;

use crate::ops::Op;
use crate::scenario::Think;

/// What a kind of user does.
#[derive(Debug, Clone)]
pub struct Persona {
    /// For people.
    pub name: String,
    /// Its part of the users, relative to the other personas' shares; at least 1.
    pub share: u32,
    /// Index of the first state.
    pub start: usize,
    /// Its states; never empty.
    pub states: Vec<State>,
}

/// A state: waits for an arrival if it says so, takes its steps in order, thinks, goes on.
#[derive(Debug, Clone)]
pub struct State {
    /// For people.
    pub name: String,
    /// Whether the user is parked here until the open model sends work.
    pub awaits_arrival: bool,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// Pause after the steps.
    pub think: Option<Think>,
    /// Where to go: index of a state and its weight. Empty: the user is done.
    pub next: Vec<(usize, f64)>,
    /// What a failed step or a lost connection leads to.
    pub on_failure: OnFailure,
}

/// What a failure leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// Back off with full jitter, reconnect, go on from the persona's start.
    #[default]
    Restart,
    /// Go on with the next step.
    Continue,
    /// Go on in this state; a lost connection restarts all the same.
    GoTo(usize),
    /// The user is done.
    Stop,
}

/// One thing that a user does.
#[derive(Debug, Clone)]
pub struct Step {
    /// The operation with its parameters.
    pub op: Op,
    /// Instead of the target's timeout.
    pub timeout: Option<Duration>,
    /// What the answer must be, instead of the operation's own rule.
    pub expect: Option<Expect>,
    /// Name under which values of the reply are kept.
    pub save: Option<String>,
    /// How often in a row, at least 1.
    pub repeat: u32,
    /// Probability that it is done at all, 0 to 1.
    pub chance: f64,
}

/// What an answer must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// A `ctrl` (or HTTP reply) with one of these codes.
    Codes(Vec<u16>),
    /// A `meta` with this part.
    Meta(MetaPart),
}

/// A part of a `meta`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaPart {
    /// `desc`.
    Desc,
    /// `sub`.
    Sub,
    /// `del`.
    Del,
}
