//! Who is where: what declared faults need to know to choose whom they strike.

use super::{Hub, SessionId, TopicRef};
use crate::simulator::hub::topic::Kind;

impl Hub {
    /// Whether the session gets the topic's messages.
    pub fn is_attached(&self, session: SessionId, topic: TopicRef) -> bool {
        self.sessions.is_attached(session, topic)
    }

    /// Whether the two sessions are of one user.
    pub fn is_same_user(&self, one: SessionId, other: SessionId) -> bool {
        let user = |session| self.sessions.get(session).and_then(|state| state.user);
        user(one).is_some_and(|of_one| user(other) == Some(of_one))
    }

    /// The topic that the session calls so.
    pub fn topic_named(&self, session: SessionId, name: &str) -> Option<TopicRef> {
        self.locate(self.sessions.get(session)?.user?, name)
    }

    /// Whether the topic is a group: all call it by one name.
    pub fn is_group(&self, topic: TopicRef) -> bool {
        self.name_of_group(topic).is_some()
    }

    /// A session that is attached to another group than this one and not to this one, and that group's name. Which of
    /// them changes with `turn`. Nobody for what is no group.
    pub fn bystander(&self, topic: TopicRef, publisher: SessionId, turn: u64) -> Option<(SessionId, &str)> {
        self.name_of_group(topic)?;
        let mut bystanders: Vec<(SessionId, &str)> = Vec::new();
        for session in self.sessions.ids() {
            let Some(state) = self.sessions.get(session) else { continue };
            if state.is_attached(topic) || self.is_same_user(session, publisher) {
                continue;
            }
            bystanders.extend(state.attached.iter().find_map(|other| Some((session, self.name_of_group(*other)?))));
        }
        let turn = usize::try_from(turn).unwrap_or_default() % bystanders.len().max(1);
        bystanders.get(turn).copied()
    }

    fn name_of_group(&self, topic: TopicRef) -> Option<&str> {
        match &self.topics.get(topic)?.kind {
            Kind::Group(name) => Some(name),
            Kind::P2p(..) | Kind::External(_) => None,
        }
    }
}
