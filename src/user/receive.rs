//! What a frame means to the user that receives it.

use crate::ledger::{AttachEnd, AttachId, DeliveryRecord};
use crate::metrics::FrameKind;
use crate::ops::{FailureKind, Reply, Topic};
use crate::protocol::server::{Ctrl, CtrlParams, Data, ServerMessage};
use crate::protocol::{Code, Stamp};

use super::machine::{Phase, User, Way};
use super::promises::{Parting, is_unchanged};
use super::world::Call;

impl User {
    /// Takes a text frame.
    pub(super) fn receive(&mut self, call: &mut Call<'_>, text: &str) {
        let message = serde_json::from_str::<ServerMessage<'_>>(text);
        let kind = match &message {
            Ok(ServerMessage::Ctrl(_)) => FrameKind::Ctrl,
            Ok(ServerMessage::Data(_)) => FrameKind::Data,
            Ok(ServerMessage::Meta(_)) => FrameKind::Meta,
            Ok(ServerMessage::Pres(_)) => FrameKind::Pres,
            Ok(ServerMessage::Info(_)) => FrameKind::Info,
            Err(_) if text == "0" => FrameKind::Probe,
            Err(_) => FrameKind::Malformed,
        };
        call.books.figures.traffic.received(kind, text.len());
        match message {
            Ok(ServerMessage::Data(data)) => self.receive_data(call, &data),
            Ok(ServerMessage::Ctrl(ctrl)) => self.receive_ctrl(call, &ctrl),
            Ok(ServerMessage::Meta(meta)) => {
                self.check_marks(call, &meta);
                let reply = Reply::Meta(&meta);
                self.receive_reply(call, meta.id.as_deref(), &reply, None);
            }
            Ok(ServerMessage::Pres(_) | ServerMessage::Info(_)) | Err(_) => {}
        }
    }

    fn receive_ctrl(&mut self, call: &mut Call<'_>, ctrl: &Ctrl<'_>) {
        let params = CtrlParams::read(ctrl.params.as_ref());
        if ctrl.id.is_some() {
            let reply = Reply::Ctrl { code: ctrl.code, topic: ctrl.topic.as_deref(), params };
            return self.receive_reply(call, ctrl.id.as_deref(), &reply, ctrl.ts.as_deref());
        }
        // What the server cannot read it refuses without an id; the only open request must be the one.
        let is_unread =
            ctrl.code == Code::MALFORMED && matches!(&self.phase, Phase::Open(open) if open.way == Way::Frame);
        let notes = self.session.as_mut().map(|session| &mut session.watched.notes).filter(|notes| **notes > 0);
        if let (true, Some(notes)) = (ctrl.code == Code::MALFORMED, notes) {
            // A note is never answered: this may be about one of those that went out before the request.
            *notes -= 1;
            call.books.figures.users.unmatched_replies += 1;
            return;
        }
        if is_unread {
            self.fail_open(call, FailureKind::Rejected(ctrl.code.0), "refused without an id".to_owned());
            return self.after_failure(call);
        }
        *call.books.figures.users.unsolicited_by_code.entry(ctrl.code.0).or_default() += 1;
        if ctrl.code == Code::EVICTED
            && let (Some(topic), Some(session)) = (&ctrl.topic, &mut self.session)
            && let Some(attachment) = session.attachments.find_wire(topic, call)
        {
            // The server did it some time before this frame came: what was on its way then may be gone with it.
            let race = call.plan.scenario.target.timeout;
            attachment.leaving = attachment.leaving.min(call.now.minus(race));
            let topic = attachment.topic.clone();
            session.attachments.end(call, &topic, call.now, AttachEnd::Left);
            session.watched.parted(call, &topic, Parting::Removal);
        }
    }

    fn receive_reply(&mut self, call: &mut Call<'_>, id: Option<&str>, reply: &Reply<'_>, ts: Option<&str>) {
        let stamp = id.and_then(Stamp::decode);
        let Some(stamp) = stamp.filter(|stamp| stamp.run == call.plan.run_tag && stamp.user == self.index) else {
            call.books.figures.users.unmatched_replies += 1;
            return;
        };
        if self.settle_question(call, stamp.counter, reply) {
            return;
        }
        match &self.phase {
            Phase::Open(open) if open.counter == stamp.counter && open.way == Way::Frame => {
                if let Some(session) = &mut self.session {
                    session.watched.notes = 0;
                }
                self.note_reply_time(ts);
                self.settle_reply(call, reply);
            }
            _ if stamp.counter < self.counter => self.settle_late(call, stamp, reply),
            _ => call.books.figures.users.unmatched_replies += 1,
        }
    }

    fn receive_data(&mut self, call: &mut Call<'_>, data: &Data<'_>) {
        let place = call.plan.scenario.target.dialect.stamp;
        let stamp = data.stamp(place).filter(|stamp| stamp.run == call.plan.run_tag);
        let has_waited = stamp.is_some_and(|stamp| self.has_waited(stamp.sent));
        let Some(session) = &mut self.session else { return };
        let Some(attachment) = session.attachments.find_wire(&data.topic, call) else {
            return self.receive_stray(call, data, stamp);
        };
        let is_past = data.seq > 0 && data.seq <= attachment.last_seq;
        let is_older = stamp.is_some_and(|stamp| stamp.sent < attachment.requested);
        let topic = attachment.topic.clone();
        let (id, has_stray_page) = (attachment.id, attachment.has_stray_page);
        if let Some(fetch) = session.questions.fetch_of(&topic) {
            fetch.saw(data.seq, stamp.zip(id).map(|(stamp, attach)| record(call, attach, stamp, data, has_waited)));
            return;
        }
        let paging = match &mut self.phase {
            Phase::Open(open) => open.paging.as_mut().filter(|paging| paging.topic == topic),
            _ => None,
        };
        let (Some(stamp), Some(attach)) = (stamp, id) else {
            match paging {
                Some(paging) => paging.page.take(data.seq),
                None => call.books.batch.foreign += 1,
            }
            return;
        };
        let record = record(call, attach, stamp, data, has_waited);
        match paging {
            Some(paging) if is_past || is_older => {
                paging.page.take(data.seq);
                self.check_past(call, data, stamp);
            }
            Some(paging) => paging.page.hold(record),
            // Of a page that was given up: neither new nor a repeat.
            None if has_stray_page && (is_past || is_older) => {}
            None => {
                self.check_live(call, &topic, data, stamp);
                self.deliver(call, &topic, record);
            }
        }
    }

    /// Books a live message.
    pub(super) fn deliver(&mut self, call: &mut Call<'_>, topic: &Topic, record: DeliveryRecord) {
        let is_echo = Stamp::author_of(record.key) == self.index;
        let mut is_first = true;
        if let Some(session) = &mut self.session
            && let Some(attachment) = session.attachments.find(topic)
        {
            is_first = attachment.receive(record.seq);
            if let Some(at) = attachment.new_gap(call.now) {
                session.questions.look(at);
            }
        }
        if is_first && !is_echo && record.has_waited {
            self.count_waited_message(call);
        } else if is_first && !is_echo {
            call.books.figures.delivery.record(record.received.micros_since(record.sent));
        }
        call.books.batch.deliveries.push(record);
    }
}

/// A message as the ledger wants it.
fn record(call: &Call<'_>, attach: AttachId, stamp: Stamp, data: &Data<'_>, has_waited: bool) -> DeliveryRecord {
    DeliveryRecord {
        attach,
        key: stamp.key(),
        seq: data.seq,
        sent: stamp.sent,
        received: call.now,
        is_intact: !stamp.synthetic || is_unchanged(stamp, data),
        has_waited,
    }
}
