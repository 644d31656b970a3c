//! From the hub's outbox to the sessions' queues, with the declared faults of deliveries on the way.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::queue::Pushed;
use super::shell::Shell;
use crate::simulator::faults::{Broken, DeliveryFault, corrupted_message, of_other_run, phantom_of};
use crate::simulator::hub::{FrameKind, Outbox, Outgoing, Receiver, SessionId, TopicRef};

/// How long a delivery is held back for the next one to overtake it.
const HELD_FOR: Duration = Duration::from_millis(200);

/// A delivery that the next one is to overtake.
pub(in crate::simulator) struct Held {
    text: Utf8Bytes,
    since: Instant,
}

impl Shell {
    /// Queues everything, in order.
    pub(super) fn dispatch(self: &Rc<Self>, out: Outbox) {
        let mut overflowed = Vec::new();
        let mut detached = Vec::new();
        let careful = self.injector.borrow().touches_deliveries();
        for frame in out.frames {
            let Outgoing { session, text, kind } = frame;
            match kind {
                FrameKind::Delivery { topic, to: Receiver::Other, .. } if careful && self.detaches(session, topic) => {
                    detached.push((session, topic));
                }
                FrameKind::Delivery { topic, seq, to: Receiver::Other } => {
                    let queued = match careful {
                        true => self.deliver_with_faults(session, (topic, seq), text),
                        false => self.deliver(session, text),
                    };
                    if queued == Pushed::Full {
                        overflowed.push((session, topic));
                    }
                }
                FrameKind::Delivery { topic, seq, to: Receiver::Publisher } => {
                    // What is held back must not come after the echo unless it is counted as reordered.
                    self.release_held(session, topic, None);
                    match self.push(session, text, false) {
                        Pushed::Queued => {
                            self.injector.borrow_mut().counters.totals.echoes_pushed += 1;
                            self.note_number(session, (topic, seq), Receiver::Publisher);
                        }
                        Pushed::Full => overflowed.push((session, topic)),
                    }
                }
                FrameKind::Reply | FrameKind::History => self.push_reply(session, text, kind == FrameKind::History),
                FrameKind::Notice => {
                    // After an eviction nothing of the topic may come any more.
                    if text.starts_with("{\"ctrl\"") {
                        self.release_all_held(session);
                    }
                    self.push(session, text, false);
                }
            }
        }
        for (session, topic) in detached {
            self.detach_on_purpose(session, topic);
        }
        for (session, topic) in overflowed {
            self.detach_overflowed(session, topic);
        }
        self.schedule_wake();
    }

    /// Queues a reply; a session that does not read its replies is cut.
    pub(super) fn push_reply(self: &Rc<Self>, session: SessionId, text: Utf8Bytes, is_history: bool) {
        if self.push(session, text, is_history) == Pushed::Full && self.cut(session) {
            self.injector.borrow_mut().counters.totals.slow_sessions_cut += 1;
        }
    }

    /// Lets go of all that is held back for a session, in order, before an answer that could contradict it.
    pub(super) fn release_all_held(&self, session: SessionId) {
        if self.held.borrow().is_empty() {
            return;
        }
        let topics: Vec<_> =
            self.held.borrow().keys().filter(|(of, _)| *of == session).map(|(_, topic)| *topic).collect();
        for topic in topics {
            self.release_held(session, topic, None);
        }
    }

    pub(super) fn push(&self, session: SessionId, text: Utf8Bytes, is_history: bool) -> Pushed {
        match self.queues.borrow().get(&session) {
            Some(queue) => queue.push(text, is_history),
            // Gone in the meantime: nobody to be told.
            None => Pushed::Queued,
        }
    }

    fn deliver(&self, session: SessionId, text: Utf8Bytes) -> Pushed {
        let pushed = self.push(session, text, false);
        if pushed == Pushed::Queued {
            let is_silent = self.queues.borrow().get(&session).is_some_and(|queue| queue.is_silent());
            let counters = &mut self.injector.borrow_mut().counters;
            counters.totals.deliveries_pushed += 1;
            counters.half_open_deliveries += u64::from(is_silent);
        }
        pushed
    }

    fn deliver_with_faults(
        self: &Rc<Self>,
        session: SessionId,
        (topic, seq): (TopicRef, u64),
        text: Utf8Bytes,
    ) -> Pushed {
        if !self.queues.borrow().contains_key(&session) {
            return Pushed::Queued;
        }
        if let Some(held) = self.held.borrow_mut().remove(&(session, topic)) {
            let pushed = self.deliver(session, text);
            self.deliver(session, held.text);
            self.injector.borrow_mut().counters.reordered += 1;
            return pushed;
        }
        let fault = self.injector.borrow_mut().delivery();
        let mut pushed = Pushed::Queued;
        match fault {
            None => pushed = self.deliver(session, text.clone()),
            Some(DeliveryFault::Lost) => {
                self.injector.borrow_mut().counters.lost += 1;
                return pushed;
            }
            Some(DeliveryFault::Reordered) => {
                self.hold(session, topic, text);
                return pushed;
            }
            Some(DeliveryFault::Duplicated) => {
                pushed = self.deliver(session, text.clone());
                if self.push(session, text.clone(), false) == Pushed::Queued {
                    self.injector.borrow_mut().counters.duplicated += 1;
                }
            }
            Some(DeliveryFault::Corrupted) => match corrupted_message(&text) {
                Some(corrupted) => {
                    pushed = self.deliver(session, corrupted);
                    self.injector.borrow_mut().counters.corrupted += 1;
                }
                None => {
                    self.injector.borrow_mut().take_back(DeliveryFault::Corrupted);
                    pushed = self.deliver(session, text.clone());
                }
            },
        }
        if pushed == Pushed::Queued {
            self.note_number(session, (topic, seq), Receiver::Other);
        }
        self.follow_up(session, &text);
        pushed
    }

    /// What may come after a delivery that nobody sent.
    fn follow_up(&self, session: SessionId, text: &str) {
        let mut injector = self.injector.borrow_mut();
        if injector.has_phantoms()
            && let Some(phantom) = phantom_of(text)
            && injector.phantom()
            && self.push(session, phantom, false) == Pushed::Queued
        {
            injector.counters.phantom += 1;
        }
        if injector.may_break(Broken::OtherRun)
            && let Some(other) = of_other_run(text)
            && injector.breaks(Broken::OtherRun)
            && self.push(session, other, false) == Pushed::Queued
        {
            injector.counters.other_run += 1;
        }
        if let Some(kind) = injector.bad_frame() {
            self.push(session, kind.text(), false);
        }
    }

    fn hold(&self, session: SessionId, topic: TopicRef, text: Utf8Bytes) {
        let since = Instant::now();
        self.held.borrow_mut().insert((session, topic), Held { text, since });
        self.scheduler.at(since + HELD_FOR, move |shell| shell.release_held(session, topic, Some(since)));
    }

    /// Delivers what is held back, in order and uncounted. With `since`, only if it is the one of that instant.
    pub(super) fn release_held(&self, session: SessionId, topic: TopicRef, since: Option<Instant>) {
        let mut all = self.held.borrow_mut();
        let is_meant = |held: &Held| since.is_none_or(|since| held.since == since);
        if !all.get(&(session, topic)).is_some_and(is_meant) {
            return;
        }
        if let Some(held) = all.remove(&(session, topic)) {
            drop(all);
            self.injector.borrow_mut().take_back(DeliveryFault::Reordered);
            self.deliver(session, held.text);
        }
    }

    fn detach_overflowed(self: &Rc<Self>, session: SessionId, topic: TopicRef) {
        let mut out = Outbox::default();
        self.injector.borrow_mut().counters.totals.silent_detaches += 1;
        self.hub.borrow_mut().detach_silently(session, topic, self.clock.now(), &mut out);
        self.dispatch(out);
    }
}
