//! `{leave}`, and every other way for a user to lose a topic.

use super::account::UserRef;
use super::frames::{self, Reply};
use super::outbox::Outbox;
use super::presence::AccessChange;
use super::topic::TopicRef;
use super::{Call, Hub};
use crate::protocol::client::Leave;
use crate::protocol::server::{CtrlParams, Pres};
use crate::protocol::{Code, Mode};

impl Hub {
    pub(super) fn leave(&mut self, call: &Call<'_>, leave: &Leave<'_>, out: &mut Outbox) {
        let name = &*leave.topic;
        if name == "me" {
            return self.leave_me(call, leave.unsub, out);
        }
        let at = self.locate(call.user, name).filter(|at| self.sessions.is_attached(call.session, *at));
        let Some(at) = at else {
            let reply = match leave.unsub {
                true => call.reply(Code::CONFLICT, name),
                false => call.reply(Code::NOT_MODIFIED, name).text("not joined"),
            };
            return out.reply(call.session, &reply);
        };
        if leave.unsub {
            return self.unsubscribe(call, name, at, out);
        }
        out.reply(call.session, &call.reply(Code::OK, name));
        self.detach(call.session, call.user, at, call.now, out);
    }

    fn leave_me(&mut self, call: &Call<'_>, unsub: bool, out: &mut Outbox) {
        if unsub {
            return out.reply(call.session, &call.refuse(Code::FORBIDDEN, "me"));
        }
        if !self.sessions.get(call.session).is_some_and(|state| state.on_me) {
            return out.reply(call.session, &call.reply(Code::NOT_MODIFIED, "me").text("not joined"));
        }
        out.reply(call.session, &call.reply(Code::OK, "me"));
        self.detach_me(call.session, call.user, call.now);
    }

    /// Ends the caller's own subscription, with the reply.
    pub(super) fn unsubscribe(&mut self, call: &Call<'_>, name: &str, at: TopicRef, out: &mut Outbox) {
        let Some(topic) = self.topics.get(at) else { return };
        if topic.owner == Some(call.user) {
            return out.reply(call.session, &call.refuse(Code::FORBIDDEN, name));
        }
        if topic.member(call.user).is_none() {
            return out.reply(call.session, &call.reply(Code::NOT_MODIFIED, name).text("no action"));
        }
        out.reply(call.session, &call.reply(Code::OK, name));
        self.detach(call.session, call.user, at, call.now, out);
        self.end_subscription(call, at, call.user, out);
    }

    /// Takes the subscription away, evicts the user's other sessions and tells who is concerned.
    pub(super) fn end_subscription(&mut self, call: &Call<'_>, at: TopicRef, target: UserRef, out: &mut Outbox) {
        self.evict(call, at, target, true, out);
        let Some(topic) = self.topics.get_mut(at) else { return };
        let Some(member) = topic.member_mut(target) else { return };
        member.gone = true;
        member.updated = call.now;
        topic.access_changed(target);
        let orphaned = topic.is_p2p() && topic.present().count() == 0;
        let peer = topic.peer_of(target);
        let gone = Pres {
            topic: "me".into(),
            src: Some(self.name_of(at, target).into()),
            what: "gone".into(),
            ..Pres::default()
        };
        self.tell_me(target, &frames::pres(gone), Some(call.session), None, out);
        if let Some(peer) = peer {
            let off = super::presence::on_or_off(&self.accounts.get(target).wire, "off");
            self.tell_me(peer, &off, None, None, out);
        } else {
            let dacs = frames::dacs_full(Mode::NONE, Mode::NONE);
            self.tell_others(&AccessChange { topic: at, target, actor: call.user, dacs, skip: call.session }, out);
            self.tell_attached(at, target, "off", Mode::READ, out);
        }
        if orphaned {
            self.forget_topic(at);
        }
    }

    /// Sharers other than the member concerned, who has been told otherwise.
    fn tell_others(&self, change: &AccessChange, out: &mut Outbox) {
        let from = out.frames.len();
        self.tell_access(change, out);
        let own = &self.accounts.get(change.target).me_sessions;
        let told = out.frames.split_off(from);
        out.frames.extend(told.into_iter().filter(|frame| !own.contains(&frame.session)));
    }

    /// Detaches all sessions of a user from a topic; those other than the caller's get a 205.
    pub(super) fn evict(&mut self, call: &Call<'_>, at: TopicRef, target: UserRef, unsub: bool, out: &mut Outbox) {
        let name = self.name_of(at, target);
        let params = CtrlParams { unsub: Some(unsub), ..CtrlParams::default() };
        let reply = Reply::new(None, Code::EVICTED, "evicted", &call.ts).topic(Some(&name)).params(params);
        let frame = reply.to_frame();
        let sessions = self.topics.get(at).map(|topic| topic.sessions_of(target)).unwrap_or_default();
        for session in sessions {
            if session != call.session {
                out.notice(session, &frame);
            }
            self.detach_quietly(session, target, at, call.now);
        }
    }

    /// Detaches without telling the other members.
    pub(super) fn detach_quietly(
        &mut self,
        session: super::SessionId,
        user: UserRef,
        at: TopicRef,
        now: jiff::Timestamp,
    ) {
        self.detach(session, user, at, now, &mut Outbox::default());
    }

    /// Removes a topic and all that is stored of it.
    pub(super) fn forget_topic(&mut self, at: TopicRef) {
        let Some(topic) = self.topics.remove(at) else { return };
        self.budget.free(topic.history.bytes());
        self.topics.messages = self.topics.messages.saturating_sub(topic.history.len());
        for user in topic.members.keys() {
            self.accounts.get_mut(*user).topics.remove(&at);
        }
        for attached in topic.attached {
            if let Some(state) = self.sessions.get_mut(attached.session) {
                state.attached.retain(|other| *other != at);
            }
        }
    }
}
