//! The plan: model and seed make who runs what, who talks to whom, and when each arrival is due.
//!
//! Pure and indexable: any slot of a plan can be computed from (scenario, seed, slot) without the others, so
//! workers share nothing but the plan itself. The [`Directory`] holds the few facts that only the target knows.
//! Start reading at [`Plan`].

mod arrivals;
mod curve;
mod directory;
mod names;
mod topology;

pub use arrivals::Arrivals;
pub use curve::{Change, UserChange, UsersCurve};
pub use directory::{Directory, Token};
pub use topology::Topology;

use std::sync::Arc;
use std::time::Duration;

use crate::protocol::Stamp;
use crate::scenario::{Persona, Scenario};

/// What a run is going to do.
#[derive(Debug)]
pub struct Plan {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// Seed of every random choice.
    pub seed: u64,
    /// Tag of the run in every stamp.
    pub run_tag: u32,
    /// Workers that share the plan; user `i` belongs to slot `i mod slots`.
    pub slots: u32,
    /// Who talks to whom.
    pub topology: Topology,
    /// Index of each user's persona.
    personas: Vec<u16>,
}

impl Plan {
    /// Plans a run.
    pub fn new(scenario: Arc<Scenario>, run_id: &str, slots: u32) -> Plan {
        crate::ops::payload::prepare();
        let seed = scenario.seed;
        let topology = Topology::new(&scenario, seed);
        let personas = share_out(&scenario.personas, scenario.users.count);
        Plan { seed, run_tag: Stamp::run_tag(run_id), slots: slots.max(1), topology, personas, scenario }
    }

    /// Virtual users.
    pub fn users(&self) -> u32 {
        self.scenario.users.count
    }

    /// The users of a slot.
    pub fn users_of(&self, slot: u32) -> impl Iterator<Item = u32> + use<> {
        (slot..self.users()).step_by(self.slots as usize)
    }

    /// What this user does.
    pub fn persona(&self, user: u32) -> &Persona {
        &self.scenario.personas[self.persona_index(user)]
    }

    /// Index of what this user does.
    pub fn persona_index(&self, user: u32) -> usize {
        usize::from(self.personas[user as usize])
    }

    /// How many are online, over time.
    pub fn users_curve(&self) -> UsersCurve<'_> {
        UsersCurve::new(&self.scenario.load.users)
    }

    /// The arrivals of a slot.
    pub fn arrivals(&self, slot: u32) -> Arrivals {
        Arrivals::new(&self.scenario.load.arrivals, self.scenario.load.spacing, self.seed, slot, self.slots)
    }

    /// Longest time that any operation may take.
    pub fn timeout_max(&self) -> Duration {
        let steps = self.scenario.personas.iter().flat_map(|persona| &persona.states).flat_map(|state| &state.steps);
        steps.filter_map(|step| step.timeout).chain([self.scenario.target.timeout]).max().unwrap_or_default()
    }
}

/// Deals personas out so that every prefix of the users holds them in proportion.
fn share_out(personas: &[Persona], users: u32) -> Vec<u16> {
    let total: i64 = personas.iter().map(|persona| i64::from(persona.share)).sum();
    let mut credit = vec![0i64; personas.len()];
    (0..users)
        .map(|_| {
            for (credit, persona) in credit.iter_mut().zip(personas) {
                *credit += i64::from(persona.share);
            }
            // Smooth weighted round robin: whoever is owed most is next; ties go to the first.
            let next = (0..personas.len()).rev().max_by_key(|&index| credit[index]).unwrap_or(0);
            credit[next] -= total;
            next as u16
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn persona(share: u32) -> Persona {
        Persona { name: String::new(), share, start: 0, states: Vec::new() }
    }

    #[test]
    fn every_prefix_holds_the_personas_in_proportion() {
        let dealt = share_out(&[persona(9), persona(1)], 1_000);
        for prefix in [10, 20, 500, 1_000] {
            let second = dealt[..prefix].iter().filter(|&&index| index == 1).count();
            assert_eq!(second, prefix / 10, "of {prefix}");
        }
    }
}
