//! Publishes that nobody can receive: seen in the plan, before anything is sent.

use super::Plan;
use crate::ops::{Op, TopicRef};
use crate::scenario::{Persona, Step};

/// A step that publishes where nobody listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unheard {
    /// Whose step it is.
    pub persona: String,
    /// The state that has it.
    pub state: String,
    /// Where it publishes, as the scenario says it.
    pub topic: String,
}

impl Plan {
    /// Publishes that nobody of the run can receive, the first of each persona and topic: of the users that they go to
    /// none ever subscribes, and the publisher is spared its own copy or does not subscribe either.
    ///
    /// Nothing is said where a subscription may be hidden, in a frame written out or behind a wire name, and of publishes
    /// that are expected to be refused.
    pub fn unheard(&self) -> Vec<Unheard> {
        let personas = &self.scenario.personas;
        if personas.iter().flat_map(steps).any(|(_, step)| is_hidden(&step.op)) {
            return Vec::new();
        }
        let mut unheard: Vec<Unheard> = Vec::new();
        for (index, persona) in personas.iter().enumerate() {
            for (state, step) in steps(persona) {
                let Op::Publish(publish) = &step.op else { continue };
                let topic = match &publish.to {
                    TopicRef::Peer => "peer".to_owned(),
                    TopicRef::Group(name) => format!("group:{name}"),
                    TopicRef::Me | TopicRef::Name(_) => continue,
                };
                let is_known = unheard.iter().any(|one| one.persona == persona.name && one.topic == topic);
                let has_echo = !publish.noecho && listens(persona, &publish.to);
                if is_known || has_echo || step.expect.is_some() || step.chance <= 0.0 {
                    continue;
                }
                if self.is_unheard(index, &publish.to) {
                    let (persona, state) = (persona.name.clone(), state.to_owned());
                    unheard.push(Unheard { persona, state, topic });
                }
            }
        }
        unheard
    }

    /// Whether this persona has users, and none of them reaches anybody there.
    fn is_unheard(&self, persona: usize, topic: &TopicRef) -> bool {
        let personas = &self.scenario.personas;
        let listening: Vec<bool> = personas.iter().map(|persona| listens(persona, topic)).collect();
        let hears = |user: u32| listening[self.persona_index(user)];
        let mut publishers = (0..self.users()).filter(|user| self.persona_index(*user) == persona).peekable();
        if publishers.peek().is_none() {
            return false;
        }
        if !listening.contains(&true) {
            return true;
        }
        match topic {
            TopicRef::Group(name) => {
                // Users are in the order of their groups: each group is looked through once.
                let mut latest: Option<(u32, Vec<u32>)> = None;
                !publishers.any(|user| {
                    let Some(group) = self.topology.group(user, name) else { return false };
                    if latest.as_ref().is_none_or(|(number, _)| *number != group) {
                        latest =
                            Some((group, self.topology.members(group).filter(|user| hears(*user)).take(2).collect()));
                    }
                    latest.as_ref().is_some_and(|(_, hearers)| hearers.iter().any(|hearer| *hearer != user))
                })
            }
            _ => !publishers.any(|user| self.topology.peer(user).is_some_and(hears)),
        }
    }
}

/// All steps of a persona, with the names of their states.
fn steps(persona: &Persona) -> impl Iterator<Item = (&str, &Step)> {
    persona.states.iter().flat_map(|state| state.steps.iter().map(|step| (state.name.as_str(), step)))
}

/// Whether a step may subscribe to what the scenario does not call by its name.
fn is_hidden(op: &Op) -> bool {
    match op {
        Op::Raw(_) => true,
        Op::Subscribe(subscribe) => matches!(subscribe.to, TopicRef::Name(_)),
        _ => false,
    }
}

/// Whether users of a persona ever subscribe there, or read there what others wrote.
fn listens(persona: &Persona, topic: &TopicRef) -> bool {
    let is_there = |step: &Step| match &step.op {
        Op::Subscribe(_) | Op::History(_) => step.op.topic() == Some(topic),
        _ => false,
    };
    steps(persona).any(|(_, step)| step.chance > 0.0 && is_there(step))
}
