//! The plan: model and seed make who runs what, who talks to whom, and when each arrival is due.
//!
//! Pure and indexable: any slot of a plan can be computed from (scenario, seed, slot) without the others, so
//! workers share nothing but the plan itself. The [`Directory`] holds the few facts that only the target knows.
//! Start reading at [`Plan`].

mod arrivals;
mod curve;
mod directory;
mod events;
mod names;
mod resumption;
mod topology;
mod unheard;

pub use arrivals::Arrivals;
pub use curve::{Change, UserChange, UsersCurve};
pub use directory::{Directory, Token};
pub use events::Occurrence;
pub use resumption::Resumption;
pub use topology::Topology;
pub use unheard::Unheard;

use std::sync::Arc;
use std::time::Duration;

use self::resumption::Return;
use crate::protocol::Stamp;
use crate::scenario::{Persona, Scenario};
use crate::tick::Tick;

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
    resumed: Option<(Resumption, Return)>,
}

impl Plan {
    /// Plans a run.
    pub fn new(scenario: Arc<Scenario>, run_id: &str, slots: u32) -> Plan {
        crate::ops::payload::prepare();
        let seed = scenario.seed;
        let topology = Topology::new(&scenario, seed);
        let personas = share_out(&scenario.personas, scenario.users.count);
        Plan { seed, run_tag: Stamp::run_tag(run_id), slots: slots.max(1), topology, personas, resumed: None, scenario }
    }

    /// The rest of a run that was killed or broken off. Its stamps have a tag of their own: what the earlier part sent and
    /// arrives now is another's.
    pub fn resumed(mut self, run_id: &str, mut resumption: Resumption) -> Plan {
        let load = &self.scenario.load;
        resumption.offset = resumption.offset.min(load.duration());
        self.run_tag = Stamp::run_tag(&format!("{run_id}/{}", resumption.part));
        let back = Return::of(&load.users, resumption.offset);
        self.resumed = Some((resumption, back));
        self
    }

    /// Where the run goes on, when this is not its beginning.
    pub fn resumption(&self) -> Option<&Resumption> {
        self.resumed.as_ref().map(|(resumption, _)| resumption)
    }

    /// Time of the load that is over when the plan is taken up; zero for a new run.
    pub fn offset(&self) -> Duration {
        self.resumption().map_or(Duration::ZERO, |resumption| resumption.offset)
    }

    /// How long before the load goes on the first of those who were online comes back; zero for a new run.
    pub fn return_length(&self) -> Duration {
        self.resumed.as_ref().map_or(Duration::ZERO, |(resumption, back)| back.length(resumption.offset))
    }

    /// Who comes and goes when, of a slot.
    pub fn changes(&self, slot: u32) -> impl Iterator<Item = UserChange> + use<'_> {
        let over = Tick::from_duration(self.offset());
        let is_resumed = self.resumed.is_some();
        let returns = self.resumed.iter().flat_map(move |(at, back)| back.changes(at.offset, slot, self.slots));
        let rest = self.users_curve().changes(slot, self.slots);
        returns.chain(rest.skip_while(move |change| is_resumed && change.at <= over))
    }

    /// When a user first comes online, or is back; `None` when it never does.
    pub fn first_online(&self, user: u32) -> Option<Tick> {
        self.users_curve().first_online(user).map(|first| first.max(Tick::from_duration(self.offset())))
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
        let load = &self.scenario.load;
        Arrivals::new(&load.arrivals, load.spacing, self.seed, slot, self.slots).after(self.offset())
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
