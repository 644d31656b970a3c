//! Checks across sections: what each section cannot see by itself.
//!
//! A check is left out when what it needs could not be read, so that one mistake is not reported twice.

mod flow;
mod steps;

use super::curves::DraftLoad;
use super::persona::DraftPersona;
use super::problem::Problem;
use super::read::{Reader, grouped};
use super::topology::DraftTopology;
use super::users::DraftUsers;

/// The sections, as far as they could be read.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) users: Option<&'a DraftUsers>,
    pub(super) topology: &'a DraftTopology,
    pub(super) load: Option<&'a DraftLoad>,
    pub(super) personas: &'a [DraftPersona],
    pub(super) allow_emc: bool,
}

/// All checks.
pub(super) fn check(reader: &mut Reader, around: &Around<'_>) {
    peak_within_users(reader, around);
    pairs_are_even(reader, around);
    arrivals_are_awaited(reader, around);
    for persona in around.personas {
        flow::check(reader, persona);
        steps::check(reader, persona, around);
    }
    steps::groups_have_room(reader, around);
}

fn peak_within_users(reader: &mut Reader, around: &Around<'_>) {
    let Some(curve) = around.load.and_then(|load| load.users.as_ref()) else { return };
    let Some(count) = around.users.and_then(|users| users.count) else { return };
    if curve.peak > f64::from(count) {
        let message = format!(
            "`load.users` rises to {}, but there are {} users",
            grouped(curve.peak as u64),
            grouped(u64::from(count))
        );
        let problem = Problem::at(curve.peak_place.clone(), message);
        reader.problem(problem.help(format!("raise `users.count`, or go no higher than `to = {count}`")));
    }
}

fn pairs_are_even(reader: &mut Reader, around: &Around<'_>) {
    let Some(users) = around.users else { return };
    if let (Some(_), Some(count)) = (around.topology.pairs, users.count)
        && count % 2 == 1
    {
        let message = format!("{count} users cannot all be paired: one is left over");
        let way = match count {
            1 => "make it 2, or drop `topology.pairs`".to_owned(),
            _ => format!("make it {} or {}, or drop `topology.pairs`", count - 1, count + 1),
        };
        reader.problem(Problem::at(users.count_place.clone(), message).help(way));
    }
}

fn arrivals_are_awaited(reader: &mut Reader, around: &Around<'_>) {
    let Some(Some(arrivals)) = around.load.map(|load| load.arrivals.as_ref()) else { return };
    let states = || around.personas.iter().flat_map(|persona| &persona.states);
    let is_unread = around.personas.is_empty() || around.personas.iter().any(|persona| persona.has_unread_states);
    match arrivals {
        Some(curve) if !is_unread && !states().any(|state| state.awaits.is_some()) => {
            let problem = Problem::at(curve.place.clone(), "`load.arrivals` sends work that no state awaits");
            reader.problem(problem.help("add `await = \"arrival\"` to a state, or drop `load.arrivals`"));
        }
        None => {
            for place in states().filter_map(|state| state.awaits.clone()) {
                let key =
                    if around.load.is_some_and(DraftLoad::is_of_day) { "load.day.arrivals" } else { "load.arrivals" };
                let problem = Problem::at(place, format!("this state awaits arrivals, but `{key}` is missing"));
                let way = if around.load.is_some_and(DraftLoad::is_of_day) {
                    "add `arrivals = { \"06:00\" = \"1/s\", \"09:00\" = \"50/s\" }` to `[load.day]`, or write `think` instead of `await`"
                } else {
                    "add `arrivals = [ { to = \"10/s\", over = \"10s\" }, … ]` to `[load]`, or write `think` instead of `await`"
                };
                reader.problem(problem.help(way));
            }
        }
        Some(_) => {}
    }
}
