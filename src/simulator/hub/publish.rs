//! `{pub}`: number a message, acknowledge it, keep it, pass it on. The hot path: one text for each name of the topic.

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::frames;
use super::history::Stored;
use super::outbox::{FrameKind, Outbox, Receiver};
use super::topic::{Topic, TopicRef};
use super::{Call, Hub, Numbering, Publishing, Storage};
use crate::protocol::client::Pub;
use crate::protocol::server::{CtrlParams, Data, Pres};
use crate::protocol::{Code, Json, Mode, Text};

impl Hub {
    pub(super) fn publish(&mut self, call: &Call<'_>, message: &Pub<'_>, how: Publishing, out: &mut Outbox) {
        let name = &*message.topic;
        // `head` is an object for the service's JSON reader; anything else fails there, with neither id nor topic.
        if message.head.as_ref().is_some_and(|head| !head.to_json().starts_with(['{', 'n'])) {
            return Hub::refuse_malformed(call.session, call.now, out);
        }
        let refuse = |code: Code, out: &mut Outbox| {
            if call.id.is_some() {
                out.reply(call.session, &call.refuse(code, name));
            }
        };
        if name.is_empty() {
            return refuse(Code::MALFORMED, out);
        }
        if name == "me" {
            return refuse(Code::FORBIDDEN, out);
        }
        let at = self.locate(call.user, name).filter(|at| self.sessions.is_attached(call.session, *at));
        let Some((at, topic)) = at.and_then(|at| Some((at, self.topics.get_mut(at)?))) else {
            return refuse(Code::CONFLICT, out);
        };
        if !topic.member(call.user).is_some_and(|member| member.may(Mode::WRITE)) {
            return refuse(Code::FORBIDDEN, out);
        }
        if self.rules.topic_queue.is_some_and(|queue| !topic.takes_in(queue, call.now)) {
            out.queue_full = true;
            return refuse(Code::UNAVAILABLE, out);
        }
        let seq = number(topic, call, how.number, out);
        (out.published, out.topic) = (true, Some(at));
        let (topic, accounts) = (&*topic, &self.accounts);
        let own_name = topic.name_for(call.user, accounts);
        if call.id.is_some() {
            let params = CtrlParams { seq: Some(seq), ..CtrlParams::default() };
            out.reply(call.session, &call.reply(Code::ACCEPTED, name).params(params));
        }
        let own = frames::data(Data {
            topic: own_name.into(),
            from: Some((&*accounts.get(call.user).wire).into()),
            ts: Some(call.ts.as_str().into()),
            seq,
            head: message.head.clone(),
            content: message.content.clone(),
            reqid: call.id.filter(|_| self.rules.live_reqid).map(Text::from),
        });
        self.fan_out(call, (at, seq), &own, message.noecho, out);
        self.tell_unattached(call, at, out);
        if how.storage == Storage::Keep {
            self.store(call, (at, seq), own);
        }
    }

    fn fan_out(&self, call: &Call<'_>, (at, seq): (TopicRef, u64), own: &Utf8Bytes, noecho: bool, out: &mut Outbox) {
        let Some(topic) = self.topics.get(at) else { return };
        let mirrored = topic.peer_of(call.user).map(|peer| {
            let accounts = &self.accounts;
            frames::retitled(own, topic.name_for(call.user, accounts), topic.name_for(peer, accounts))
        });
        let of_others = mirrored.as_ref().unwrap_or(own);
        for attached in topic.attached.iter().filter(|attached| attached.reads) {
            let to = if attached.session == call.session { Receiver::Publisher } else { Receiver::Other };
            if noecho && to == Receiver::Publisher {
                continue;
            }
            let text = if attached.user == call.user { own } else { of_others };
            out.push(attached.session, text.clone(), FrameKind::Delivery { topic: at, seq, to });
        }
    }

    /// Members on `me` who are not attached learn that there is something new.
    fn tell_unattached(&self, call: &Call<'_>, at: TopicRef, out: &mut Outbox) {
        let Some(topic) = self.topics.get(at) else { return };
        let mut shared: Option<Utf8Bytes> = None;
        for (user, member) in topic.present() {
            let sessions = &self.accounts.get(user).me_sessions;
            if sessions.is_empty() || !member.may(Mode::READ | Mode::PRESENCE) {
                continue;
            }
            for session in sessions.iter().filter(|session| !self.sessions.is_attached(**session, at)) {
                let make = || {
                    let act = (user != call.user).then(|| (&*self.accounts.get(call.user).wire).into());
                    frames::pres(Pres {
                        topic: "me".into(),
                        src: Some(topic.name_for(user, &self.accounts).into()),
                        what: "msg".into(),
                        seq: Some(topic.seq),
                        act,
                        ..Pres::default()
                    })
                };
                if user == call.user || topic.is_p2p() {
                    out.notice(*session, &make());
                } else {
                    out.notice(*session, shared.get_or_insert_with(make));
                }
            }
        }
    }

    fn store(&mut self, call: &Call<'_>, (at, seq): (TopicRef, u64), frame: Utf8Bytes) {
        let most = self.rules.history_messages_max;
        let Some(topic) = self.topics.get_mut(at) else { return };
        let (bytes, before) = (frame.len(), topic.history.len());
        let freed = topic.history.push(Stored { seq, from: call.user, frame }, most);
        let grown = topic.history.len() - before;
        self.topics.messages += grown;
        self.budget.free(freed);
        self.budget.add(at, seq, bytes);
        while let Some((oldest, seq)) = self.budget.overdrawn() {
            let Some(topic) = self.topics.get_mut(oldest) else { continue };
            if topic.history.first_seq() == Some(seq) {
                let freed = topic.history.drop_oldest();
                self.budget.free(freed);
                self.topics.messages = self.topics.messages.saturating_sub(1);
            }
        }
        if self.budget.wants_sweep(self.topics.messages) {
            let topics = &self.topics;
            let first = |at| topics.get(at).and_then(|topic| topic.history.first_seq());
            self.budget.sweep(|at, seq| first(at).is_some_and(|first| first <= seq));
        }
    }
}

/// Gives the message its number; the author has thereby received and read it.
fn number(topic: &mut Topic, call: &Call<'_>, wanted: Numbering, out: &mut Outbox) -> u64 {
    let last = topic.seq;
    // What a wrong number contradicts has to be there.
    let (seq, chosen) = match wanted {
        Numbering::Skip if last > 0 => (last + 2, wanted),
        Numbering::Repeat if last > 0 => (last, wanted),
        Numbering::Backward if last > 1 && topic.history.holds(last - 1) => (last - 1, wanted),
        _ => (last + 1, Numbering::Next),
    };
    out.number = chosen;
    topic.seq = last.max(seq);
    topic.touched = Some(call.now);
    topic.updated = call.now;
    let last = topic.seq;
    if let Some(member) = topic.member_mut(call.user)
        && member.may(Mode::READ)
    {
        (member.read, member.recv) = (last, last);
    }
    seq
}

/// A stored message without its request id, for servers that do not keep it.
pub(super) fn without_request_id(frame: &str) -> Option<Utf8Bytes> {
    let crate::protocol::ServerMessage::Data(mut data) = serde_json::from_str(frame).ok()? else { return None };
    data.reqid = None;
    debug_assert!(!matches!(data.content, Some(Json::Value(_))));
    Some(frames::data(data))
}
