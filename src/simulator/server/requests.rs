//! From a client's frame to the hub, with the declared faults of requests on the way.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::queue::Queue;
use super::shell::Shell;
use crate::protocol::ClientMessage;
use crate::simulator::faults::{Operation, RequestFault};
use crate::simulator::hub::{FrameKind, Hub, Outbox, Receiver, SessionId};

/// Requests of one session that may wait for their time; beyond that, its socket is not read.
pub(super) const PENDING_MAX: usize = 256;

impl Shell {
    /// Takes a frame of a client: at once, or when a declared delay or stall is over. A session's order is kept.
    pub(super) fn arrive(self: &Rc<Self>, session: SessionId, queue: &Rc<Queue>, text: &str) {
        let received = queue.count_received();
        if text == "1" {
            self.push_reply(session, "0".into(), false);
        } else {
            let now = Instant::now();
            let release = self.release_time(queue, text, now);
            if release <= now {
                self.perform(session, text);
            } else {
                queue.hold_request(release);
                let (queue, text) = (queue.clone(), text.to_owned());
                self.scheduler.at(release, move |shell| {
                    queue.release_request();
                    shell.perform(session, &text);
                });
            }
        }
        if self.injector.borrow().drop_after_frames().is_some_and(|frames| frames == received) && self.cut(session) {
            self.injector.borrow_mut().counters.dropped_connections += 1;
        }
    }

    fn release_time(&self, queue: &Queue, text: &str, now: Instant) -> Instant {
        let mut release = queue.last_release().unwrap_or(now).max(now);
        let faults = self.faults();
        if !(faults.delay.is_empty() && faults.growing_delay.is_empty())
            && let Some(op) = Hub::parse(text).as_ref().and_then(operation)
        {
            let delay = self.injector.borrow_mut().delay(op, self.clock.uptime()).unwrap_or(Duration::ZERO);
            release = release.max(now + delay);
        }
        if !faults.stall.is_empty() {
            release = release.max(self.stalled_until().unwrap_or(now));
        }
        release
    }

    fn perform(self: &Rc<Self>, session: SessionId, text: &str) {
        if !self.queues.borrow().contains_key(&session) {
            // It left while the request waited; no fault may be counted that nobody saw.
            return;
        }
        let now = self.clock.now();
        let mut out = Outbox::default();
        let Some(message) = Hub::parse(text) else {
            Hub::refuse_malformed(session, now, &mut out);
            return self.dispatch(out);
        };
        let op = operation(&message);
        if op.is_some_and(|op| op != Operation::Pub) {
            self.release_all_held(session);
        }
        let fault = op.map(|op| self.injector.borrow_mut().request(op)).unwrap_or_default();
        if let Some(code) = fault.reject {
            Hub::refuse(session, &message, code, now, &mut out);
            return self.dispatch(out);
        }
        let parting = self.parting(session, &message);
        self.hub.borrow_mut().handle(session, message, fault.publishing(), now, &mut out);
        self.count(&out);
        let published = out.published;
        let strays = self.break_promises(session, &fault, parting, &mut out);
        if let Some(op) = op.filter(|_| fault != RequestFault::default()) {
            self.apply(session, op, fault, &mut out);
        }
        self.dispatch(out);
        self.push_strays(strays);
        if published && self.injector.borrow_mut().drops_publisher() && self.cut(session) {
            self.injector.borrow_mut().counters.dropped_connections += 1;
        }
    }

    fn count(&self, out: &Outbox) {
        let counters = &mut self.injector.borrow_mut().counters;
        counters.totals.publishes_accepted += u64::from(out.published);
        counters.totals.logins += u64::from(out.logged_in);
        counters.expired_tokens += u64::from(out.token_expired);
        counters.totals.topic_queue_full += u64::from(out.queue_full);
    }

    /// Takes out of the outbox what the fault keeps back.
    fn apply(self: &Rc<Self>, session: SessionId, op: Operation, fault: RequestFault, out: &mut Outbox) {
        let is_answer = |kind: FrameKind| matches!(kind, FrameKind::Reply | FrameKind::History);
        if fault.not_stored && out.published {
            let mut missed = 0;
            out.frames.retain(|frame| {
                missed += u64::from(matches!(frame.kind, FrameKind::Delivery { to: Receiver::Other, .. }));
                is_answer(frame.kind)
            });
            let counters = &mut self.injector.borrow_mut().counters;
            counters.not_stored += 1;
            counters.not_stored_deliveries += missed;
        }
        if !fault.swallow && fault.slow_reply.is_none() {
            return;
        }
        let mut answers = Vec::new();
        out.frames.retain(|frame| {
            let is_mine = frame.session == session && is_answer(frame.kind);
            if is_mine {
                answers.push(frame.clone());
            }
            !is_mine
        });
        if answers.is_empty() {
            return;
        }
        if fault.swallow {
            return self.injector.borrow_mut().count_swallowed(op);
        }
        self.injector.borrow_mut().count_slow_reply(op);
        let later = Instant::now() + fault.slow_reply.unwrap_or_default();
        self.scheduler.at(later, move |shell| {
            shell.dispatch(Outbox { frames: answers, ..Outbox::default() });
        });
    }
}

/// How faults call a request; notes and Tinode's verbs are left alone.
fn operation(message: &ClientMessage<'_>) -> Option<Operation> {
    Some(match message {
        ClientMessage::Login(_) => Operation::Login,
        ClientMessage::Sub(_) => Operation::Sub,
        ClientMessage::Pub(_) => Operation::Pub,
        ClientMessage::Leave(_) => Operation::Leave,
        ClientMessage::Get(_) => Operation::Get,
        ClientMessage::Set(_) => Operation::Set,
        ClientMessage::Del(_) => Operation::Del,
        ClientMessage::Hi(_) | ClientMessage::Acc(_) | ClientMessage::Note(_) => return None,
    })
}
