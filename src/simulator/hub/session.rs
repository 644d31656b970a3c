//! Sessions: one per connection, found by index, never confused with a later one in the same place.

use super::account::UserRef;
use super::topic::TopicRef;

/// A connection, as the hub knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    index: u32,
    generation: u32,
}

/// What the hub knows about a connection.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// The protocol version of the client's `{hi}`.
    pub greeted: Option<(u16, u16)>,
    pub user: Option<UserRef>,
    pub on_me: bool,
    /// Few per session, so a list is searched faster than a set.
    pub attached: Vec<TopicRef>,
}

impl Session {
    pub fn is_attached(&self, topic: TopicRef) -> bool {
        self.attached.contains(&topic)
    }
}

/// All open sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    slots: Vec<(u32, Option<Session>)>,
    free: Vec<u32>,
}

impl Sessions {
    pub fn open(&mut self) -> SessionId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        slot.0 = slot.0.wrapping_add(1);
        slot.1 = Some(Session::default());
        SessionId { index, generation: slot.0 }
    }

    pub fn close(&mut self, id: SessionId) {
        if self.get(id).is_some() {
            self.slots[id.index as usize].1 = None;
            self.free.push(id.index);
        }
    }

    pub fn get(&self, id: SessionId) -> Option<&Session> {
        let (generation, session) = self.slots.get(id.index as usize)?;
        if *generation == id.generation { session.as_ref() } else { None }
    }

    pub fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        let (generation, session) = self.slots.get_mut(id.index as usize)?;
        if *generation == id.generation { session.as_mut() } else { None }
    }

    pub fn is_attached(&self, id: SessionId, topic: TopicRef) -> bool {
        self.get(id).is_some_and(|session| session.is_attached(topic))
    }

    pub fn ids(&self) -> Vec<SessionId> {
        let open = self.slots.iter().enumerate().filter(|(_, (_, session))| session.is_some());
        open.map(|(index, (generation, _))| SessionId { index: index as u32, generation: *generation }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_id_does_not_find_the_next_session_in_its_place() {
        let mut sessions = Sessions::default();
        let first = sessions.open();
        sessions.close(first);
        let second = sessions.open();
        assert!(sessions.get(first).is_none());
        assert!(sessions.get(second).is_some());
        assert_eq!(sessions.ids(), [second]);
    }
}
