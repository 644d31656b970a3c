//! How an operation ends: exactly once, by its reply, its timeout, or the end of its connection.

use crate::ledger::{AttachEnd, PublishOutcome, PublishRecord, TopicKey};
use crate::metrics::{Phase as Part, Sample};
use crate::ops::{Effect, FailureKind, Judgement, LocalCause, Op, OpId, Reply, Topic};
use crate::protocol::server::{CtrlParams, ServerMessage};
use crate::protocol::{Code, Stamp, UserId};
use crate::scenario::{Expect, MetaPart, Step};
use crate::tick::Tick;

use super::Action;
use super::attachments::topic_key;
use super::event::HttpReply;
use super::life::SessionEnd;
use super::machine::{GivenUp, Open, Phase, Saved, Sent, User, Way};
use super::promises::Parting;
use super::world::Call;

impl User {
    /// A reply to the open request came in.
    pub(super) fn settle_reply(&mut self, call: &mut Call<'_>, reply: &Reply<'_>) {
        let Phase::Open(mut open) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        let step = self.current_step(call);
        if open.effect == Effect::Greet && has_effect(reply) {
            if let Some(session) = &mut self.session {
                session.is_greeted = true;
            }
            self.begin_page(call, step, open.page, Some((open.due, open.sent)));
            return;
        }
        let judgement = match &step.expect {
            Some(expect) => judge_expected(expect, reply),
            None => step.op.judge(reply),
        };
        let judgement = self.end_page(call, step, &mut open, reply, judgement);
        match judgement {
            Judgement::NextPage { received } => {
                let page = open.paging.as_ref().map_or(open.page, |paging| paging.page.next(open.page, received));
                self.begin_page(call, step, page, Some((open.due, open.sent)));
            }
            Judgement::Ok => {
                self.keep(step, reply);
                // What was expected to be refused and was refused has no effect.
                if step.expect.is_none() || has_effect(reply) {
                    self.apply(call, &open, reply);
                } else {
                    self.record_publish(call, &open, PublishOutcome::Refused, call.now);
                    self.undo(call, &open, AttachEnd::Refused);
                }
                if has_effect(reply) && matches!(open.effect, Effect::Offer { .. }) {
                    return self.accept_offer(call, open);
                }
                self.finish_ok(call, &open, step);
            }
            Judgement::Failed(kind) => {
                // Any other refusal says nothing about the token, and a token of the user file cannot be replaced.
                if open.op == OpId::Login && reply.code() == Code::UNAUTHORIZED {
                    call.directory.forget_token(self.index);
                }
                if has_effect(reply) && open.op != OpId::Login {
                    // Not the reply that was wanted, but the server did it.
                    self.apply(call, &open, reply);
                    open.effect = Effect::None;
                }
                let open_op = open.op;
                self.phase = Phase::Open(open);
                let detail = describe(open_op, reply);
                self.fail_open(call, kind, detail);
                self.after_failure(call);
            }
        }
    }

    /// Ends a page of history: what was held back and is live after all is delivered now.
    fn end_page(
        &mut self,
        call: &mut Call<'_>,
        step: &Step,
        open: &mut Open,
        reply: &Reply<'_>,
        judgement: Judgement,
    ) -> Judgement {
        let Some(paging) = &mut open.paging else { return judgement };
        let count = match reply {
            Reply::Ctrl { params, .. } => params.count.map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
            _ => None,
        };
        let live = paging.page.finish(count);
        let next = match judgement {
            Judgement::NextPage { received } => Some(paging.page.next(open.page, received)),
            _ => None,
        };
        let topic = paging.topic.clone();
        for record in live {
            self.deliver(call, &topic, record);
        }
        match next {
            Some(page) if !User::wants_page(step, page) || page.lowest == open.page.lowest => Judgement::Ok,
            _ => judgement,
        }
    }

    /// The group was offered: the operation goes on until the member has accepted.
    fn accept_offer(&mut self, call: &mut Call<'_>, mut open: Box<Open>) {
        let Effect::Offer { topic, member } = &open.effect else { return };
        let accepting = call.directory.user_of(*member).map(|user| Action::Accept { user, topic: topic.clone() });
        open.way = Way::Acceptance;
        self.phase = Phase::Open(open);
        match accepting {
            Some(accepting) => call.books.actions.push(accepting),
            None => {
                let detail = "the new owner is no user of this run, and nobody else can accept".to_owned();
                self.settle_way(call, Way::Acceptance, Err((FailureKind::Local(LocalCause::NoPeer), detail)));
            }
        }
    }

    /// The open request, if it travels this way, is over.
    pub(super) fn settle_way(&mut self, call: &mut Call<'_>, way: Way, outcome: Result<(), (FailureKind, String)>) {
        match &self.phase {
            Phase::Open(open) if open.way == way => {}
            _ => return,
        }
        match outcome {
            Ok(()) => {
                let Phase::Open(open) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
                let step = self.current_step(call);
                self.finish_ok(call, &open, step);
            }
            Err((kind, detail)) => {
                self.fail_open(call, kind, detail);
                self.after_failure(call);
            }
        }
    }

    pub(super) fn http_reply(&mut self, call: &mut Call<'_>, reply: Result<HttpReply, (FailureKind, String)>) {
        let op = match &self.phase {
            Phase::Open(open) if open.way == Way::Http => open.op,
            _ => return,
        };
        let reply = match reply {
            Ok(reply) => reply,
            Err(failure) => return self.settle_way(call, Way::Http, Err(failure)),
        };
        let figures = &mut call.books.figures;
        let phases = reply.phases;
        let parts = [(Part::Connect, phases.connect), (Part::Send, phases.send)];
        for (part, micros) in parts.into_iter().chain([(Part::Wait, phases.wait), (Part::Receive, phases.receive)]) {
            figures.phase(op, part, micros);
        }
        match op {
            OpId::Upload => figures.traffic.bytes_uploaded += reply.bytes,
            _ => figures.traffic.bytes_downloaded += reply.bytes,
        }
        let params = match serde_json::from_str::<ServerMessage<'_>>(&reply.body) {
            Ok(ServerMessage::Ctrl(ctrl)) => CtrlParams::read(ctrl.params.as_ref()),
            _ => CtrlParams::default(),
        };
        self.settle_reply(call, &Reply::Http { code: reply.code, params, bytes: reply.bytes, intact: reply.is_intact });
    }

    /// The open request's time is up.
    pub(super) fn time_out(&mut self, call: &mut Call<'_>) {
        let Phase::Open(open) = &self.phase else { return };
        let way = open.way;
        if way == Way::Frame {
            let (counter, has_echo, seq_before) = (open.counter, open.has_echo, open.seq_before);
            let given_up = GivenUp { counter, effect: open.effect.clone(), has_echo, seq_before };
            if let (Effect::Page(topic), Some(session)) = (&open.effect, &mut self.session)
                && let Some(attachment) = session.attachments.find(topic)
            {
                attachment.has_stray_page = true;
            }
            self.give_up(given_up);
        }
        match way {
            Way::Connect => call.books.actions.push(Action::Abort),
            Way::Http | Way::Acceptance => call.books.actions.push(Action::CancelHttp),
            Way::Close => {
                call.books.actions.push(Action::Abort);
                self.end_session(call, SessionEnd::Closed);
            }
            Way::Frame | Way::Token => {}
        }
        self.fail_open(call, FailureKind::TimedOut, String::new());
        self.after_failure(call);
    }

    /// Records the open request as failed. What follows is up to the caller.
    pub(super) fn fail_open(&mut self, call: &mut Call<'_>, kind: FailureKind, detail: String) {
        let Phase::Open(mut open) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        self.deliver_held(call, &mut open);
        let outcome = match kind {
            FailureKind::Rejected(_) => PublishOutcome::Refused,
            _ => PublishOutcome::Unknown,
        };
        self.record_publish(call, &open, outcome, call.now);
        if matches!(kind, FailureKind::Rejected(_) | FailureKind::Local(_)) {
            self.undo(call, &open, AttachEnd::Refused);
        }
        self.ended(call, &open, Err((kind, detail)));
    }

    /// Counts the request; its times too, unless it waited for this user itself.
    fn ended(&self, call: &mut Call<'_>, open: &Open, outcome: Result<(), (FailureKind, String)>) {
        let sample = sample(open, call.now);
        if self.has_waited(open.sent) {
            self.count_waited_reply(call);
            call.books.ended_unread(sample, outcome);
        } else {
            call.books.ended(sample, outcome);
        }
    }

    /// Delivers what a page that will not be closed had held back.
    pub(super) fn deliver_held(&mut self, call: &mut Call<'_>, open: &mut Open) {
        let Some(paging) = &mut open.paging else { return };
        let (topic, live) = (paging.topic.clone(), paging.page.finish(None));
        for record in live {
            self.deliver(call, &topic, record);
        }
    }

    /// The token that was asked for has come, or not.
    pub(super) fn token_fetched(&mut self, call: &mut Call<'_>, sent: Tick, result: Result<(), (FailureKind, String)>) {
        if let Phase::Open(open) = &mut self.phase
            && open.way == Way::Token
        {
            open.sent = sent.clamp(open.due, call.now);
            self.settle_way(call, Way::Token, result);
        }
    }

    /// The frame of the open request never left: waiting for its reply would only tell of a timeout.
    pub(super) fn unsent(&mut self, call: &mut Call<'_>) {
        if self.sent_last == Sent::Question {
            self.drop_question(call);
        } else if matches!(&self.phase, Phase::Open(open) if open.way == Way::Frame) {
            self.fail_open(call, FailureKind::Local(LocalCause::SendBuffer), String::new());
            self.after_failure(call);
        }
    }

    fn finish_ok(&mut self, call: &mut Call<'_>, open: &Open, step: &Step) {
        self.ended(call, open, Ok(()));
        if open.is_errand {
            return self.after_errand(call, step);
        }
        if self.is_draining || !self.is_wanted {
            return self.advance(call);
        }
        self.next_step(call, step);
    }

    /// The step that needed a token goes on, unless the token is none.
    fn after_errand(&mut self, call: &mut Call<'_>, step: &Step) {
        let is_good = call.directory.token(self.index).is_some_and(|token| token.expires > call.now);
        if is_good || self.is_draining || !self.is_wanted {
            return self.resume(call);
        }
        call.books.begun(step.op.id());
        let sample = Sample { op: step.op.id(), due: self.due.min(call.now), sent: call.now, done: call.now };
        let detail = "the access token had expired when it came".to_owned();
        call.books.ended(sample, Err((FailureKind::Local(LocalCause::NoToken), detail)));
        self.after_failure(call);
    }

    /// What success changes.
    fn apply(&mut self, call: &mut Call<'_>, open: &Open, reply: &Reply<'_>) {
        let Reply::Ctrl { topic: reply_topic, params, .. } = reply else {
            // Nothing but a `ctrl` says that a message was accepted.
            return self.record_publish(call, open, PublishOutcome::Unknown, call.now);
        };
        match &open.effect {
            Effect::None | Effect::Greet | Effect::Page(_) | Effect::Offer { .. } => {}
            Effect::LoggedIn => self.logged_in(call, params),
            Effect::Attach(topic) => self.attached(call, topic),
            Effect::Detach(topic) => {
                let how = parting(open.op, self.current_step(call));
                if let Some(session) = &mut self.session {
                    session.attachments.end(call, topic, call.now, AttachEnd::Left);
                    session.watched.parted(call, topic, how);
                }
            }
            Effect::Publish { topic, echo } => {
                if !echo && let Some(attachment) = self.session.as_mut().and_then(|s| s.attachments.find(topic)) {
                    attachment.gaps.is_off = true;
                }
                if open.has_echo {
                    User::ack_came_late(call, open.key);
                }
                let outcome = PublishOutcome::Accepted { seq: params.seq.unwrap_or(0) };
                self.record_publish(call, open, outcome, call.now);
            }
            Effect::Create => {
                if let Some(name) = reply_topic {
                    self.attach_created(call, Topic::Other((*name).into()), open.sent);
                }
            }
        }
    }

    /// What a refusal takes back.
    fn undo(&mut self, call: &mut Call<'_>, open: &Open, how: AttachEnd) {
        let Some(session) = &mut self.session else { return };
        match &open.effect {
            // Only an attachment that this very request began: one that stood before stays.
            Effect::Attach(topic)
                if session.attachments.get(topic).is_some_and(|attachment| attachment.requested == open.sent) =>
            {
                session.attachments.end(call, topic, call.now, how);
            }
            Effect::Detach(topic) => {
                if let Some(attachment) = session.attachments.find(topic) {
                    attachment.leaving = Tick::NEVER;
                }
            }
            _ => {}
        }
    }

    fn logged_in(&mut self, call: &mut Call<'_>, params: &CtrlParams<'_>) {
        call.books.figures.users.logins += 1;
        let form = call.plan.scenario.target.dialect.user_ids;
        if let Some(id) = params.user.as_deref().and_then(|user| UserId::parse(user, form)) {
            call.directory.set_id(self.index, id);
        }
        if let Some(session) = &mut self.session {
            session.file_token = params.token.as_deref().map(Into::into);
        }
        self.come_back(call);
    }

    /// Tells the ledger what became of a publish; nothing for other operations.
    pub(super) fn record_publish(&mut self, call: &mut Call<'_>, open: &Open, outcome: PublishOutcome, now: Tick) {
        let Effect::Publish { topic, echo } = &open.effect else { return };
        let own = self.session.as_ref().and_then(|session| session.attachments.get(topic));
        let (key, own) = match own {
            Some(attachment) => (attachment.key, attachment.id),
            None => (topic_key(topic, call.directory.id(self.index), call), None),
        };
        call.books.batch.publishes.push(PublishRecord {
            key: open.key,
            topic: key,
            sent: open.sent,
            settled: now,
            outcome,
            own,
            echo: *echo,
        });
    }

    /// A reply came for a request that is no longer open.
    pub(super) fn settle_late(&mut self, call: &mut Call<'_>, stamp: Stamp, reply: &Reply<'_>) {
        let Some(place) = self.given_up.iter().position(|given_up| given_up.counter == stamp.counter) else {
            call.books.figures.users.duplicate_replies += 1;
            return;
        };
        let GivenUp { effect, has_echo, .. } = self.given_up.remove(place);
        call.books.figures.users.late_replies += 1;
        let Reply::Ctrl { params, .. } = reply else { return };
        match (effect, &mut self.session) {
            (Effect::Page(topic), Some(session)) => {
                if let Some(attachment) = session.attachments.find(&topic) {
                    attachment.has_stray_page = false;
                }
            }
            _ if !has_effect(reply) => {}
            (Effect::Attach(topic), Some(_)) => self.attached(call, &topic),
            (Effect::Detach(topic), Some(session)) => {
                session.attachments.end(call, &topic, call.now, AttachEnd::Left);
            }
            // A publish that was given up and is acknowledged after all was accepted; the ledger wants to know.
            (Effect::Publish { .. }, _) => {
                if has_echo {
                    User::ack_came_late(call, stamp.key());
                }
                call.books.batch.publishes.push(PublishRecord {
                    key: stamp.key(),
                    topic: TopicKey(0),
                    sent: stamp.sent,
                    settled: call.now,
                    outcome: PublishOutcome::Accepted { seq: params.seq.unwrap_or(0) },
                    own: None,
                    echo: false,
                });
            }
            _ => {}
        }
    }

    /// Keeps what the step wants to save.
    fn keep(&mut self, step: &Step, reply: &Reply<'_>) {
        let Some(name) = &step.save else { return };
        let saved = &mut self.saved;
        step.op.capture(reply, &mut |key, value| match saved
            .iter_mut()
            .find(|saved| *saved.name == **name && saved.key == key)
        {
            Some(saved) => saved.value = value.into(),
            None => saved.push(Saved { name: name.as_str().into(), key, value: value.into() }),
        });
    }
}

/// How a session is parted from a topic by this step.
fn parting(op: OpId, step: &Step) -> Parting {
    match &step.op {
        Op::Leave(leave) if op == OpId::Leave && !leave.unsub => Parting::Leave,
        _ => Parting::Removal,
    }
}

/// Whether the server did what it was asked, or had done so before.
fn has_effect(reply: &Reply<'_>) -> bool {
    reply.code().is_success() || reply.code() == Code::NOT_MODIFIED
}

fn sample(open: &Open, done: Tick) -> Sample {
    Sample { op: open.op, due: open.due, sent: open.sent, done }
}

fn judge_expected(expect: &Expect, reply: &Reply<'_>) -> Judgement {
    let is_met = match (expect, reply) {
        (Expect::Codes(codes), Reply::Ctrl { code, .. } | Reply::Http { code, .. }) => codes.contains(&code.0),
        (Expect::Meta(part), Reply::Meta(meta)) => match part {
            MetaPart::Desc => meta.desc.is_some(),
            MetaPart::Sub => meta.sub.is_some(),
            MetaPart::Del => meta.del.is_some(),
        },
        _ => false,
    };
    match reply.code() {
        _ if is_met => Judgement::Ok,
        code if code.is_success() => Judgement::Failed(FailureKind::Check),
        code => Judgement::Failed(FailureKind::Rejected(code.0)),
    }
}

/// A reply in a few words, without anything secret.
fn describe(op: OpId, reply: &Reply<'_>) -> String {
    match reply {
        // A login has no topic: one in its reply may be what the server was sent.
        Reply::Ctrl { code, .. } if op == OpId::Login => format!("ctrl {code}"),
        Reply::Ctrl { code, topic: Some(topic), .. } => format!("ctrl {code} on `{topic}`"),
        Reply::Ctrl { code, topic: None, .. } => format!("ctrl {code}"),
        Reply::Meta(_) => "meta without the part that was asked for".to_owned(),
        Reply::Http { code, bytes, intact: true, .. } => format!("HTTP {code}, {bytes} bytes"),
        Reply::Http { code, bytes, intact: false, .. } => {
            format!("HTTP {code}, {bytes} bytes that differ from what was uploaded")
        }
    }
}
