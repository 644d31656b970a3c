//! `{note}`: read and receive marks, typing. Never answered, and dropped without a word when it makes no sense.

use super::account::UserRef;
use super::frames::{self, Reply};
use super::outbox::Outbox;
use super::topic::TopicRef;
use super::{Call, Hub};
use crate::protocol::client::Note;
use crate::protocol::server::{Info, Pres};
use crate::protocol::{Code, Mode};

impl Hub {
    pub(super) fn note(&mut self, call: &Call<'_>, note: &Note<'_>, out: &mut Outbox) {
        let name = &*note.topic;
        let what = &*note.what;
        let at = self.locate(call.user, name);
        let attached = at.is_some_and(|at| self.sessions.is_attached(call.session, at));
        if !attached && matches!(what, "kp" | "read") {
            let reply = Reply::new(None, Code::CONFLICT, "must attach first", &call.ts).topic(Some(name));
            return out.reply(call.session, &reply);
        }
        let Some(at) = at else { return };
        match (what, note.seq.unwrap_or(0)) {
            ("kp", 0) => self.typing(call, at, out),
            ("read" | "recv", seq) if seq > 0 => self.mark(call, at, what, seq, out),
            _ => {}
        }
    }

    fn typing(&self, call: &Call<'_>, at: TopicRef, out: &mut Outbox) {
        let may = self.topics.get(at).and_then(|topic| topic.member(call.user));
        if may.is_some_and(|member| member.may(Mode::WRITE)) {
            self.relay(call, at, "kp", None, |user| user == call.user, out);
        }
    }

    fn mark(&mut self, call: &Call<'_>, at: TopicRef, what: &str, seq: u64, out: &mut Outbox) {
        let Some(topic) = self.topics.get_mut(at) else { return };
        let last = topic.seq;
        let Some(member) = topic.member_mut(call.user) else { return };
        let stale = if what == "read" { seq <= member.read } else { seq <= member.recv };
        if seq > last || stale || !member.may(Mode::READ) {
            return;
        }
        if what == "read" {
            member.read = seq;
        }
        member.recv = member.recv.max(seq);
        let presence = member.may(Mode::PRESENCE);
        self.relay(call, at, what, Some(seq), |_| false, out);
        if !presence {
            return;
        }
        let own = frames::pres(Pres {
            topic: "me".into(),
            src: Some(self.name_of(at, call.user).into()),
            what: what.into(),
            seq: Some(seq),
            ..Pres::default()
        });
        self.tell_me(call.user, &own, Some(call.session), Some(at), out);
    }

    /// Passes a note on: to attached sessions on the topic, to other members on `me`.
    fn relay(
        &self,
        call: &Call<'_>,
        at: TopicRef,
        what: &str,
        seq: Option<u64>,
        spared: impl Fn(UserRef) -> bool,
        out: &mut Outbox,
    ) {
        let Some(topic) = self.topics.get(at) else { return };
        let from = &*self.accounts.get(call.user).wire;
        let make = |user, on_me: bool| {
            let name = topic.name_for(user, &self.accounts);
            let (topic, src) = if on_me { ("me", Some(name.into())) } else { (name, None) };
            frames::info(Info { topic: topic.into(), src, from: Some(from.into()), what: what.into(), seq })
        };
        // All but the author name the topic alike.
        let other = topic.present().map(|(user, _)| user).find(|user| *user != call.user).unwrap_or(call.user);
        let (own, others, others_me) = (make(call.user, false), make(other, false), make(other, true));
        for attached in topic.attached.iter().filter(|attached| attached.reads && attached.session != call.session) {
            if !spared(attached.user) {
                out.notice(attached.session, if attached.user == call.user { &own } else { &others });
            }
        }
        for (user, member) in topic.present() {
            if user != call.user && member.may(Mode::READ | Mode::PRESENCE) {
                self.tell_me(user, &others_me, Some(call.session), Some(at), out);
            }
        }
    }
}
