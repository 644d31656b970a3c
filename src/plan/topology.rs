//! Who talks to whom: peers and groups, the same for the same seed.

use std::ops::Range;

use crate::random::{Purpose, below, generator};
use crate::scenario::{GroupKind, Pairing, Scenario};

/// Peers and groups of all users. Groups are numbered through all kinds.
#[derive(Debug)]
pub struct Topology {
    users: u32,
    pairs: Option<Pairing>,
    /// Random pairing: everyone's peer.
    peers: Vec<u32>,
    kinds: Vec<Kind>,
}

#[derive(Debug)]
struct Kind {
    name: String,
    members: u32,
    first_group: u32,
    groups: u32,
}

impl Topology {
    /// Works the topology out.
    pub(super) fn new(scenario: &Scenario, seed: u64) -> Topology {
        let users = scenario.users.count;
        let pairs = scenario.topology.pairs;
        let peers = if pairs == Some(Pairing::Random) { shuffled_pairs(users, seed) } else { Vec::new() };
        let mut first_group = 0;
        let kinds = scenario
            .topology
            .groups
            .iter()
            .map(|GroupKind { name, members, count }| {
                let groups = count.unwrap_or_else(|| users.div_ceil(*members)).min(users.div_ceil(*members));
                let kind = Kind { name: name.clone(), members: *members, first_group, groups };
                first_group += groups;
                kind
            })
            .collect();
        Topology { users, pairs, peers, kinds }
    }

    /// The user that this one is paired with; `None` for the odd one out or without pairs.
    pub fn peer(&self, user: u32) -> Option<u32> {
        let peer = match self.pairs? {
            Pairing::Neighbours => user ^ 1,
            Pairing::Random => *self.peers.get(user as usize)?,
        };
        (peer < self.users && peer != user).then_some(peer)
    }

    /// The number of this user's group of that name.
    pub fn group(&self, user: u32, name: &str) -> Option<u32> {
        let kind = self.kinds.iter().find(|kind| kind.name == name)?;
        let index = user / kind.members;
        (index < kind.groups).then_some(kind.first_group + index)
    }

    /// How many groups there are.
    pub fn groups(&self) -> u32 {
        self.kinds.last().map_or(0, |kind| kind.first_group + kind.groups)
    }

    /// Members of a group; the first is the one that creates and deletes it.
    pub fn members(&self, group: u32) -> Range<u32> {
        let Some(kind) = self.kinds.iter().rev().find(|kind| kind.first_group <= group) else { return 0..0 };
        let first = (group - kind.first_group) * kind.members;
        first..(first + kind.members).min(self.users)
    }

    /// Title of a group, for people who look at the server.
    pub fn title(&self, group: u32) -> String {
        let kind = self.kinds.iter().rev().find(|kind| kind.first_group <= group);
        kind.map_or_else(String::new, |kind| format!("{} {}", kind.name, group - kind.first_group + 1))
    }
}

/// A random perfect matching; with an odd number of users the last one of the shuffle is its own peer.
fn shuffled_pairs(users: u32, seed: u64) -> Vec<u32> {
    let mut random = generator(seed, Purpose::Topology);
    let mut order: Vec<u32> = (0..users).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, below(&mut random, last as u64 + 1) as usize);
    }
    let mut peers: Vec<u32> = (0..users).collect();
    for pair in order.chunks_exact(2) {
        (peers[pair[0] as usize], peers[pair[1] as usize]) = (pair[1], pair[0]);
    }
    peers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topology(users: u32, pairs: Pairing, kinds: &[(u32, Option<u32>)]) -> Topology {
        let mut first_group = 0;
        let kinds = kinds
            .iter()
            .enumerate()
            .map(|(index, &(members, count))| {
                let groups = count.unwrap_or_else(|| users.div_ceil(members));
                let kind = Kind { name: format!("k{index}"), members, first_group, groups };
                first_group += groups;
                kind
            })
            .collect();
        let peers = if pairs == Pairing::Random { shuffled_pairs(users, 3) } else { Vec::new() };
        Topology { users, pairs: Some(pairs), peers, kinds }
    }

    #[test]
    fn peers_are_mutual() {
        for pairing in [Pairing::Neighbours, Pairing::Random] {
            let topology = topology(100, pairing, &[]);
            for user in 0..100 {
                let peer = topology.peer(user).expect("everyone has one");
                assert_ne!(peer, user);
                assert_eq!(topology.peer(peer), Some(user));
            }
        }
        assert_eq!(topology(5, Pairing::Neighbours, &[]).peer(4), None);
    }

    #[test]
    fn groups_are_filled_in_order_and_numbered_through() {
        let topology = topology(60, Pairing::Neighbours, &[(25, None), (60, Some(1))]);
        assert_eq!(topology.groups(), 4);
        assert_eq!(topology.group(24, "k0"), Some(0));
        assert_eq!(topology.group(59, "k0"), Some(2));
        assert_eq!(topology.members(2), 50..60);
        assert_eq!((topology.group(59, "k1"), topology.members(3)), (Some(3), 0..60));
        assert_eq!(topology.group(0, "nope"), None);
        assert_eq!(topology.title(1), "k0 2");
    }
}
