//! Who is told that somebody came, went, or may do something else now. Source: protocol reference, section 15.

use jiff::Timestamp;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::account::UserRef;
use super::frames;
use super::outbox::Outbox;
use super::session::SessionId;
use super::topic::{Kind, TopicRef};
use super::{Hub, Lingering};
use crate::protocol::Mode;
use crate::protocol::server::{Access, Pres};

/// A change of somebody's access, and who brought it about.
pub(super) struct AccessChange {
    pub topic: TopicRef,
    pub target: UserRef,
    pub actor: UserRef,
    pub dacs: Access<'static>,
    /// The session that asked, which has its reply.
    pub skip: SessionId,
}

impl Hub {
    /// Sends a frame to a user's sessions on `me` that are neither `skip` nor attached to `topic`.
    pub(super) fn tell_me(
        &self,
        user: UserRef,
        frame: &Utf8Bytes,
        skip: Option<SessionId>,
        unless_attached: Option<TopicRef>,
        out: &mut Outbox,
    ) {
        for session in &self.accounts.get(user).me_sessions {
            let attached = unless_attached.is_some_and(|topic| self.sessions.is_attached(*session, topic));
            if Some(*session) != skip && !attached {
                out.notice(*session, frame);
            }
        }
    }

    /// Attaches a session to `me`; the first one brings the user online.
    pub(super) fn attach_me(&mut self, session: SessionId, user: UserRef, out: &mut Outbox) {
        if let Some(state) = self.sessions.get_mut(session) {
            state.on_me = true;
        }
        let account = self.accounts.get_mut(user);
        account.me_sessions.push(session);
        account.idle_since = None;
        if std::mem::replace(&mut account.online, true) {
            return;
        }
        for (contact, told, tells) in self.contacts(user) {
            if !self.accounts.get(contact).online {
                continue;
            }
            if told {
                self.tell_me(contact, &on_or_off(&self.accounts.get(user).wire, "on"), None, None, out);
            }
            if tells {
                out.notice(session, &on_or_off(&self.accounts.get(contact).wire, "on"));
            }
        }
    }

    pub(super) fn detach_me(&mut self, session: SessionId, user: UserRef, now: Timestamp) {
        if let Some(state) = self.sessions.get_mut(session) {
            state.on_me = false;
        }
        let account = self.accounts.get_mut(user);
        account.me_sessions.retain(|other| *other != session);
        if account.me_sessions.is_empty() {
            account.idle_since = Some(now);
            self.linger(Lingering::User(user), now);
        }
    }

    /// Linger time after somebody's last session left `me`: is it still so?
    pub(super) fn user_idle(&mut self, user: UserRef, now: Timestamp, out: &mut Outbox) {
        if !self.lingered(self.accounts.get(user).idle_since, now) {
            return;
        }
        let account = self.accounts.get_mut(user);
        account.online = false;
        account.idle_since = None;
        let frame = on_or_off(&account.wire, "off");
        for (contact, told, _) in self.contacts(user) {
            if told {
                self.tell_me(contact, &frame, None, None, out);
            }
        }
    }

    /// Linger time after the last session left a topic: is it still so?
    pub(super) fn topic_idle(&mut self, at: TopicRef, now: Timestamp, out: &mut Outbox) {
        let Some(topic) = self.topics.get(at) else { return };
        if !self.lingered(topic.idle_since, now) {
            return;
        }
        if let Some(topic) = self.topics.get_mut(at) {
            topic.online = false;
            topic.idle_since = None;
        }
        self.tell_members(at, "off", out);
    }

    /// Attaches a session to a topic and tells the others.
    pub(super) fn attach(&mut self, session: SessionId, user: UserRef, at: TopicRef, out: &mut Outbox) {
        let Some(topic) = self.topics.get_mut(at) else { return };
        let Some(member) = topic.member_mut(user) else { return };
        member.sessions += 1;
        let (first_of_user, reads) = (member.sessions == 1, member.may(Mode::READ));
        topic.attached.push(super::topic::Attached { session, user, reads });
        topic.idle_since = None;
        let was_online = std::mem::replace(&mut topic.online, true);
        if let Some(state) = self.sessions.get_mut(session) {
            state.attached.push(at);
        }
        match (was_online, first_of_user) {
            (false, _) => self.tell_members(at, "on", out),
            (true, true) => self.tell_attached(at, user, "on", Mode::READ | Mode::PRESENCE, out),
            (true, false) => {}
        }
    }

    /// Detaches a session from a topic and tells the others.
    pub(super) fn detach(&mut self, session: SessionId, user: UserRef, at: TopicRef, now: Timestamp, out: &mut Outbox) {
        if let Some(state) = self.sessions.get_mut(session) {
            state.attached.retain(|other| *other != at);
        }
        let Some(topic) = self.topics.get_mut(at) else { return };
        let Some(place) = topic.attached.iter().position(|attached| attached.session == session) else { return };
        topic.attached.swap_remove(place);
        let last_of_user = topic.members.get_mut(&user).is_some_and(|member| {
            member.sessions = member.sessions.saturating_sub(1);
            member.sessions == 0 && !member.gone
        });
        if topic.attached.is_empty() {
            topic.idle_since = Some(now);
            self.linger(Lingering::Topic(at), now);
        }
        if last_of_user {
            self.tell_attached(at, user, "off", Mode::READ, out);
        }
    }

    /// Tells all who are concerned of a change in a member's access.
    pub(super) fn tell_access(&self, change: &AccessChange, out: &mut Outbox) {
        let Some(topic) = self.topics.get(change.topic) else { return };
        let wire = |user: UserRef| &*self.accounts.get(user).wire;
        let act = (change.actor != change.target).then(|| wire(change.actor).into());
        let base = Pres { what: "acs".into(), dacs: Some(change.dacs.clone()), ..Pres::default() };
        if let Some(peer) = topic.peer_of(change.target) {
            // Of a P2P topic, only the two sides know.
            let name = topic.name_for(change.target, &self.accounts);
            let frame = frames::pres(Pres { topic: "me".into(), src: Some(name.into()), act, ..base });
            self.tell_me(change.target, &frame, Some(change.skip), None, out);
            debug_assert_ne!(peer, change.target);
            return;
        }
        let name = topic.name_for(change.target, &self.accounts);
        let own = frames::pres(Pres { topic: name.into(), act: act.clone(), ..base.clone() });
        let target = Some(wire(change.target).into());
        let others = frames::pres(Pres { topic: name.into(), src: target.clone(), act: act.clone(), ..base.clone() });
        for attached in topic.attached.iter().filter(|attached| attached.session != change.skip) {
            if attached.user == change.target {
                out.notice(attached.session, &own);
            } else if topic.member(attached.user).is_some_and(|member| member.mode().is_sharer()) {
                out.notice(attached.session, &others);
            }
        }
        let me = |tgt, act| frames::pres(Pres { topic: "me".into(), src: Some(name.into()), tgt, act, ..base.clone() });
        self.tell_me(change.target, &me(None, act.clone()), Some(change.skip), Some(change.topic), out);
        let offline = me(target, Some(wire(change.actor).into()));
        for (user, member) in topic.present() {
            if user != change.target && member.mode().is_sharer() {
                self.tell_me(user, &offline, Some(change.skip), Some(change.topic), out);
            }
        }
    }

    /// Tells the group's attached members that one of them came or went.
    pub(super) fn tell_attached(&self, at: TopicRef, who: UserRef, what: &str, needs: Mode, out: &mut Outbox) {
        let Some(topic) = self.topics.get(at) else { return };
        let (Kind::Group(name) | Kind::External(name)) = &topic.kind else { return };
        if topic.attached.is_empty() {
            return;
        }
        let src = Some((&*self.accounts.get(who).wire).into());
        let frame = frames::pres(Pres { topic: (&**name).into(), src, what: what.into(), ..Pres::default() });
        for attached in topic.attached.iter().filter(|attached| attached.user != who) {
            if topic.member(attached.user).is_some_and(|member| member.may(needs)) {
                out.notice(attached.session, &frame);
            }
        }
    }

    /// Tells a group's members on `me` that the group as a whole woke up or went to sleep.
    fn tell_members(&self, at: TopicRef, what: &str, out: &mut Outbox) {
        let Some(topic) = self.topics.get(at) else { return };
        let (Kind::Group(name) | Kind::External(name)) = &topic.kind else { return };
        let frame = on_or_off(name, what);
        for (user, member) in topic.present() {
            if member.may(Mode::PRESENCE) {
                self.tell_me(user, &frame, None, Some(at), out);
            }
        }
    }

    /// The peers of a user's P2P topics: whether they want to be told of the user, and the user of them.
    pub(super) fn contacts(&self, user: UserRef) -> Vec<(UserRef, bool, bool)> {
        let topics = self.accounts.get(user).topics.iter().filter_map(|at| self.topics.get(*at));
        topics
            .filter_map(|topic| {
                let peer = topic.peer_of(user)?;
                let own = topic.member(user)?;
                let told = topic.member(peer).is_some_and(|member| member.may(Mode::PRESENCE));
                Some((peer, told, own.may(Mode::PRESENCE)))
            })
            .collect()
    }

    fn lingered(&self, idle_since: Option<Timestamp>, now: Timestamp) -> bool {
        idle_since.is_some_and(|since| since.checked_add(self.rules.linger).is_ok_and(|until| until <= now))
    }
}

/// `{pres topic:"me" src what}`.
pub(super) fn on_or_off(src: &str, what: &str) -> Utf8Bytes {
    frames::pres(Pres { topic: "me".into(), src: Some(src.into()), what: what.into(), ..Pres::default() })
}
