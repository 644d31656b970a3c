//! What an operation may ask about its user.

use super::machine::{Saved, Session};
use super::world::Call;
use crate::ops::{Blocked, LocalCause, Surroundings, Topic};
use crate::protocol::{Dialect, UserId};

/// A user as its operations see it: everything but its generator.
pub(super) struct View<'a> {
    pub(super) index: u32,
    pub(super) call: &'a Call<'a>,
    pub(super) session: Option<&'a Session>,
    pub(super) saved: &'a [Saved],
}

impl Surroundings for View<'_> {
    fn dialect(&self) -> &'static Dialect {
        self.call.plan.scenario.target.dialect
    }

    fn user_index(&self) -> u32 {
        self.index
    }

    fn user_name(&self) -> String {
        self.call.plan.user_name(self.index)
    }

    fn own_id(&self) -> Option<UserId> {
        self.call.directory.id(self.index)
    }

    fn peer(&self) -> Result<UserId, Blocked> {
        let no_peer = Blocked::Fail(LocalCause::NoPeer);
        let peer = self.call.plan.topology.peer(self.index).ok_or(no_peer)?;
        if let Some(id) = self.call.directory.id(peer) {
            return Ok(id);
        }
        // Not there yet is no failure until it is overdue: the curve says when the peer comes online.
        let comes = self.call.plan.first_online(peer).ok_or(no_peer)?;
        let due = self.call.load_start + comes.since_start() + self.call.plan.scenario.target.timeout;
        if self.call.now > due { Err(no_peer) } else { Err(Blocked::Wait) }
    }

    fn group(&self, name: &str) -> Result<(u32, &str), Blocked> {
        let no_group = Blocked::Fail(LocalCause::NoGroup);
        let group = self.call.plan.topology.group(self.index, name).ok_or(no_group)?;
        let wire = self.call.directory.group_name(group).ok_or(no_group)?;
        Ok((group, wire))
    }

    fn saved(&self, name: &str, key: &str) -> Option<&str> {
        let saved = self.saved.iter().find(|saved| *saved.name == *name && saved.key == key)?;
        Some(&saved.value)
    }

    fn login_secret(&self) -> Result<(&'static str, String), Blocked> {
        let token = self.call.directory.token(self.index).ok_or(Blocked::NeedsToken)?;
        if token.expires <= self.call.now {
            return Err(Blocked::NeedsToken);
        }
        Ok(self.call.plan.login_secret(self.index, &token))
    }

    fn hello(&self) -> Option<&str> {
        let is_greeted = self.session.is_some_and(|session| session.is_greeted);
        self.call.plan.scenario.target.hello.as_deref().filter(|_| !is_greeted)
    }

    fn last_seq(&self, topic: &Topic) -> u64 {
        self.session.and_then(|session| session.attachments.get(topic)).map_or(0, |attachment| attachment.last_seq)
    }

    fn is_emc_allowed(&self) -> bool {
        self.call.plan.scenario.allow_emc
    }
}
