//! Topics: P2P, groups and external messages, with their members, marks and attached sessions.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::account::{Accounts, UserRef};
use super::history::History;
use super::rules::TopicQueue;
use super::session::SessionId;
use crate::protocol::Mode;

/// A topic, as an index into the list of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicRef(u32);

/// What a topic is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Between two users; each names it by the other.
    P2p(UserRef, UserRef),
    /// `grp…`
    Group(Box<str>),
    /// `emc…`; like a group without an owner.
    External(Box<str>),
}

/// A user's relation to a topic.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub want: Mode,
    pub given: Mode,
    pub read: u64,
    pub recv: u64,
    pub clear: u64,
    pub private: Option<Box<str>>,
    pub updated: Timestamp,
    /// The subscription has ended; `given` is remembered, so that leaving lifts no ban.
    pub gone: bool,
    /// Sessions attached.
    pub sessions: u32,
    /// Messages deleted for this user alone, as `low..end`.
    pub hidden: Vec<(u64, u64)>,
}

impl Member {
    pub fn new(want: Mode, given: Mode, now: Timestamp) -> Member {
        Member {
            want,
            given,
            read: 0,
            recv: 0,
            clear: 0,
            private: None,
            updated: now,
            gone: false,
            sessions: 0,
            hidden: Vec::new(),
        }
    }

    pub fn mode(&self) -> Mode {
        self.want & self.given
    }

    pub fn may(&self, wanted: Mode) -> bool {
        self.mode().has(wanted)
    }

    pub fn sees(&self, seq: u64) -> bool {
        !self.hidden.iter().any(|(low, end)| seq >= *low && seq < *end)
    }
}

/// A session that receives a topic's messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attached {
    pub session: SessionId,
    pub user: UserRef,
    /// Whether the user may read: kept here because each delivery asks.
    pub reads: bool,
}

/// A stored conversation.
#[derive(Debug)]
pub(super) struct Topic {
    pub kind: Kind,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub touched: Option<Timestamp>,
    pub seq: u64,
    pub owner: Option<UserRef>,
    pub default_access: Mode,
    pub public: Option<Box<str>>,
    pub members: BTreeMap<UserRef, Member>,
    pub attached: Vec<Attached>,
    pub history: History,
    /// Delete transactions for everyone: number and ranges.
    pub deleted: Vec<(u64, Vec<(u64, u64)>)>,
    pub last_delete: u64,
    /// Deleted by its owner; a member who subscribes revives it.
    pub dormant: bool,
    /// Whether members have been told that somebody is there.
    pub online: bool,
    pub idle_since: Option<Timestamp>,
    /// When the service would be through with the publishes that it has taken in.
    busy_until: Timestamp,
}

impl Topic {
    pub fn new(kind: Kind, now: Timestamp) -> Topic {
        Topic {
            kind,
            created: now,
            updated: now,
            touched: None,
            seq: 0,
            owner: None,
            default_access: Mode::GROUP,
            public: None,
            members: BTreeMap::new(),
            attached: Vec::new(),
            history: History::default(),
            deleted: Vec::new(),
            last_delete: 0,
            dormant: false,
            online: false,
            idle_since: None,
            busy_until: now,
        }
    }

    /// Takes a publish into the queue; false when there is no room.
    pub fn takes_in(&mut self, queue: TopicQueue, now: Timestamp) -> bool {
        let begins = self.busy_until.max(now);
        let waiting = u64::try_from(begins.duration_since(now).as_micros()).unwrap_or(u64::MAX);
        let each = u64::try_from(queue.each.as_micros()).unwrap_or(u64::MAX).max(1);
        // The first of them is being worked on and waits no more.
        if waiting.div_ceil(each) > u64::from(queue.most) {
            return false;
        }
        self.busy_until = begins.checked_add(queue.each).unwrap_or(Timestamp::MAX);
        true
    }

    pub fn is_p2p(&self) -> bool {
        matches!(self.kind, Kind::P2p(..))
    }

    /// The other side of a P2P topic.
    pub fn peer_of(&self, user: UserRef) -> Option<UserRef> {
        match self.kind {
            Kind::P2p(one, other) => Some(if one == user { other } else { one }),
            _ => None,
        }
    }

    /// The topic's name as this user says it.
    pub fn name_for<'a>(&'a self, user: UserRef, accounts: &'a Accounts) -> &'a str {
        match &self.kind {
            Kind::P2p(one, other) => &accounts.get(if *one == user { *other } else { *one }).wire,
            Kind::Group(name) | Kind::External(name) => name,
        }
    }

    /// The present subscription of a user.
    pub fn member(&self, user: UserRef) -> Option<&Member> {
        self.members.get(&user).filter(|member| !member.gone)
    }

    pub fn member_mut(&mut self, user: UserRef) -> Option<&mut Member> {
        self.members.get_mut(&user).filter(|member| !member.gone)
    }

    pub fn present(&self) -> impl Iterator<Item = (UserRef, &Member)> {
        self.members.iter().filter(|(_, member)| !member.gone).map(|(user, member)| (*user, member))
    }

    /// To be called when a member's access has changed.
    pub fn access_changed(&mut self, user: UserRef) {
        let reads = self.member(user).is_some_and(|member| member.may(Mode::READ));
        for attached in self.attached.iter_mut().filter(|attached| attached.user == user) {
            attached.reads = reads;
        }
    }

    pub fn sessions_of(&self, user: UserRef) -> Vec<SessionId> {
        self.attached.iter().filter(|attached| attached.user == user).map(|attached| attached.session).collect()
    }
}

/// All topics, by index and by name.
#[derive(Debug, Default)]
pub(super) struct Topics {
    slots: Vec<Option<Topic>>,
    free: Vec<u32>,
    named: HashMap<Box<str>, TopicRef>,
    pairs: HashMap<(UserRef, UserRef), TopicRef>,
    /// Number of stored messages, in all topics.
    pub messages: usize,
}

impl Topics {
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub fn insert(&mut self, topic: Topic) -> TopicRef {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        let at = TopicRef(index);
        match &topic.kind {
            Kind::P2p(one, other) => self.pairs.insert(pair(*one, *other), at),
            Kind::Group(name) | Kind::External(name) => self.named.insert(name.clone(), at),
        };
        self.slots[index as usize] = Some(topic);
        at
    }

    pub fn remove(&mut self, at: TopicRef) -> Option<Topic> {
        let topic = self.slots.get_mut(at.0 as usize)?.take()?;
        match &topic.kind {
            Kind::P2p(one, other) => self.pairs.remove(&pair(*one, *other)),
            Kind::Group(name) | Kind::External(name) => self.named.remove(name),
        };
        self.free.push(at.0);
        Some(topic)
    }

    pub fn named(&self, name: &str) -> Option<TopicRef> {
        self.named.get(name).copied()
    }

    pub fn pair(&self, one: UserRef, other: UserRef) -> Option<TopicRef> {
        self.pairs.get(&pair(one, other)).copied()
    }

    pub fn get(&self, at: TopicRef) -> Option<&Topic> {
        self.slots.get(at.0 as usize)?.as_ref()
    }

    pub fn get_mut(&mut self, at: TopicRef) -> Option<&mut Topic> {
        self.slots.get_mut(at.0 as usize)?.as_mut()
    }
}

fn pair(one: UserRef, other: UserRef) -> (UserRef, UserRef) {
    if one < other { (one, other) } else { (other, one) }
}
