//! When which event of the scenario happens, and to whom: the same for the same seed.

use std::time::Duration;

use super::Plan;
use crate::random::mix;
use crate::scenario::{Disturbance, LoadEvent, Scenario};
use crate::tick::Tick;

/// Most times that one event happens.
const TIMES_MAX: u64 = 100_000;

/// One time that an event happens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Occurrence {
    /// When, since the start of the load.
    pub at: Tick,
    /// Which event, and which time: the same number in all workers.
    pub key: u64,
    /// What happens.
    pub event: LoadEvent,
}

/// Everything that happens in a load, in order of time, after `from` unless that is zero.
fn occurrences(scenario: &Scenario, from: Duration) -> Vec<Occurrence> {
    let length = scenario.load.duration();
    let mut all: Vec<Occurrence> = Vec::new();
    for (number, event) in (0u64..).zip(&scenario.events) {
        let times = if event.every.is_some() { TIMES_MAX } else { 1 };
        let every = event.every.unwrap_or_default();
        let starts = (0..times).map(|time| (time, event.at + every * u32::try_from(time).unwrap_or(u32::MAX)));
        let within = starts.take_while(|(_, at)| *at < length).filter(|(_, at)| *at > from || from == Duration::ZERO);
        all.extend(within.map(|(time, at)| Occurrence {
            at: Tick::from_duration(at),
            key: (number << 32) | time,
            event: *event,
        }));
    }
    all.sort_by_key(|occurrence| (occurrence.at, occurrence.key));
    all
}

/// Arrivals that bursts bring on top of the curve, over the whole load.
pub fn burst_arrivals(scenario: &Scenario) -> u64 {
    let all = occurrences(scenario, Duration::ZERO);
    let bursts = all.iter().filter(|occurrence| occurrence.event.what == Disturbance::Burst);
    bursts.map(|occurrence| u64::from(occurrence.event.arrivals)).sum()
}

impl Plan {
    /// Everything that happens, in order of time; of a run that goes on, what is left of it.
    pub fn occurrences(&self) -> Vec<Occurrence> {
        occurrences(&self.scenario, self.offset())
    }

    /// How long users do not read at the longest.
    pub fn longest_pause(&self) -> Duration {
        let pauses = self.scenario.events.iter().filter(|event| event.what == Disturbance::PauseReading);
        pauses.map(|event| event.length.min(self.scenario.load.duration())).max().unwrap_or_default()
    }

    /// How many users an event means: a whole number of them, as near to the share as can be.
    pub fn users_meant(&self, event: &LoadEvent) -> u64 {
        (f64::from(self.users()) * event.share).round() as u64
    }

    /// Whether an occurrence means this user.
    pub fn is_hit(&self, occurrence: &Occurrence, user: u32) -> bool {
        let (users, wanted) = (u64::from(self.users()), self.users_meant(&occurrence.event));
        // Every user has a place of its own in an order that the seed makes.
        let draw = mix(self.seed ^ mix(occurrence.key.wrapping_add(0x6576_656e_7400)));
        let step = (draw % users.max(1)..).find(|step| *step > 0 && gcd(*step, users) == 1).unwrap_or(1);
        (u128::from(user) * u128::from(step) + u128::from(mix(draw) % users.max(1))) % u128::from(users.max(1))
            < u128::from(wanted)
    }
}

fn gcd(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { gcd(other, one % other) }
}
