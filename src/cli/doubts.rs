//! What is no mistake in a scenario, and hardly what was meant: told by `check`, before anything runs.

use std::time::Duration;

use super::load::Compiled;
use crate::gate::ScenarioFacts;
use crate::plan::{Plan, Unheard};
use crate::report::figures;
use crate::scenario::{Disturbance, LoadEvent, Scenario, Stage};

/// Every doubt, a sentence each.
pub(super) fn doubts(scenario: &Scenario, gates: &Compiled, plan: &Plan) -> Vec<String> {
    let facts = ScenarioFacts::of(scenario);
    let of_gates = gates.gates.iter().flat_map(|gate| gate.doubts(&facts));
    let of_load = arrivals_without_users(scenario).into_iter().chain(events_in_doubt(scenario, plan));
    of_load.chain(pauses_without_end(scenario)).chain(unheard(plan)).chain(of_gates).collect()
}

fn seconds(span: Duration) -> String {
    figures::seconds(span.as_secs_f64())
}

fn arrivals_without_users(scenario: &Scenario) -> Option<String> {
    let length = |stages: &[Stage]| stages.iter().map(|stage| stage.over).sum::<Duration>();
    let (users, arrivals) = (length(&scenario.load.users), length(&scenario.load.arrivals));
    let last = scenario.load.users.iter().filter_map(|stage| stage.to).next_back();
    let rate = scenario.load.arrivals.iter().filter_map(|stage| stage.to).next_back();
    let is_missed = arrivals > users && last == Some(0.0) && rate.is_some_and(|rate| rate > 0.0);
    is_missed.then(|| {
        let (from, left) = (seconds(users), seconds(arrivals - users));
        format!("nobody is online after {from}, and arrivals go on for {left}: they will be missed")
    })
}

fn events_in_doubt(scenario: &Scenario, plan: &Plan) -> Vec<String> {
    scenario.events.iter().flat_map(|event| event_in_doubt(event, scenario.load.duration(), plan)).collect()
}

fn event_in_doubt(event: &LoadEvent, end: Duration, plan: &Plan) -> Vec<String> {
    let name = format!("the event `{}` at {}", event.what.word(), seconds(event.at));
    if event.at >= end {
        let place = if event.at > end {
            format!("after the end of the load at {}", seconds(end))
        } else {
            "at the end of the load".to_owned()
        };
        return vec![format!("{name} is {place}: it does not happen")];
    }
    let mut doubts = Vec::new();
    if event.what != Disturbance::Burst && plan.users_meant(event) == 0 {
        let (share, users) = (event.share, figures::counted(u64::from(plan.scenario.users.count), "user"));
        doubts.push(format!("{name} hits nobody: `share = {share}` of {users} is less than half a user"));
    }
    let lasts = matches!(event.what, Disturbance::PauseReading | Disturbance::HalfOpen);
    if lasts && event.length > end {
        let (length, end) = (seconds(event.length), seconds(end));
        doubts
            .push(format!("{name} lasts {length}, longer than the whole load of {end}: nobody is back before its end"));
    }
    doubts
}

fn pauses_without_end(scenario: &Scenario) -> impl Iterator<Item = String> {
    let is_pause = |event: &&LoadEvent| event.what == Disturbance::PauseReading;
    scenario.events.iter().filter(is_pause).filter_map(|event| {
        let every = event.every.filter(|every| *every < event.length)?;
        let (what, every, length) = (event.what.word(), seconds(every), seconds(event.length));
        Some(format!(
            "the event `{what}` lasts for {length} and happens again every {every}: users that it hits again before they are back \
             do not read for longer, and count as `overtaken`"
        ))
    })
}

fn unheard(plan: &Plan) -> impl Iterator<Item = String> {
    plan.unheard().into_iter().map(|Unheard { persona, state, topic }| {
        format!(
            "persona `{persona}`, state `{state}`: nobody can receive what is published to `{topic}`, for none of its other users \
             subscribes to it, and no delivery is measured; add `{{ op = \"subscribe\", to = \"{topic}\" }}` to whoever is to get it"
        )
    })
}
