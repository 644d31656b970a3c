//! Promises of the service that are broken on purpose, each only where a client can see it, and counted to the message.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::queue::Pushed;
use super::shell::Shell;
use crate::protocol::ClientMessage;
use crate::simulator::faults::{Broken, RequestFault, corrupted_past, retitled, with_less_received};
use crate::simulator::hub::{
    FrameKind, Numbering, Outbox, Outgoing, Publishing, Receiver, SessionId, Storage, TopicRef,
};

/// Whom declared faults have to remember; empty without them.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Watched {
    /// Detached without a word, and not attached again since.
    detached: HashSet<(SessionId, TopicRef)>,
    /// Who has left what, and how.
    left: Vec<(SessionId, TopicRef, Parting)>,
    /// The greatest number that a session was sent.
    highest: HashMap<(SessionId, TopicRef), u64>,
}

impl Watched {
    /// The session is gone.
    pub fn forget(&mut self, session: SessionId) {
        self.detached.retain(|(of, _)| *of != session);
        self.left.retain(|(of, ..)| *of != session);
        self.highest.retain(|(of, _), _| *of != session);
    }
}

/// How a session leaves a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parting {
    /// For now.
    Leave,
    /// For good.
    Unsubscribe,
}

/// A message for a session that is not to have it.
pub(super) struct Stray {
    session: SessionId,
    text: Utf8Bytes,
    why: Broken,
    how: Parting,
}

impl RequestFault {
    /// How a publish is carried out.
    pub(super) fn publishing(&self) -> Publishing {
        let number = match self.number {
            Some(Broken::SeqJump) => Numbering::Skip,
            Some(Broken::SeqRepeat) => Numbering::Repeat,
            Some(Broken::SeqBackward) => Numbering::Backward,
            _ => Numbering::Next,
        };
        Publishing { storage: if self.not_stored { Storage::Forget } else { Storage::Keep }, number }
    }
}

impl Shell {
    /// The topic that a request leaves, where that has to be remembered.
    pub(super) fn parting(&self, session: SessionId, message: &ClientMessage<'_>) -> Option<(TopicRef, Parting)> {
        let ClientMessage::Leave(leave) = message else { return None };
        let injector = self.injector.borrow();
        if !injector.may_break(Broken::AfterLeave) && !injector.may_break(Broken::SilentDetach) {
            return None;
        }
        let topic = self.hub.borrow().topic_named(session, &leave.topic)?;
        Some((topic, if leave.unsub { Parting::Unsubscribe } else { Parting::Leave }))
    }

    /// Changes what is sent after a request; tells what is to be sent to others besides.
    pub(super) fn break_promises(
        &self,
        session: SessionId,
        fault: &RequestFault,
        parting: Option<(TopicRef, Parting)>,
        out: &mut Outbox,
    ) -> Vec<Stray> {
        if let Some((topic, how)) = parting.filter(|(topic, _)| !self.hub.borrow().is_attached(session, *topic)) {
            let mut watched = self.watched.borrow_mut();
            watched.detached.remove(&(session, topic));
            // Without its reply the client does not know that it has left.
            if *fault == RequestFault::default() {
                watched.left.push((session, topic, how));
            }
        }
        self.count_number(fault, out);
        if !fault.swallow {
            self.break_replies(session, fault, out);
        }
        let Some(topic) = out.topic.filter(|_| out.published) else { return Vec::new() };
        self.count_unheard(session, topic);
        if fault.not_stored { Vec::new() } else { self.strays(session, topic, out) }
    }

    fn count_number(&self, fault: &RequestFault, out: &Outbox) {
        let mut injector = self.injector.borrow_mut();
        match (fault.number, out.number) {
            (_, Numbering::Skip) => injector.counters.seq_jump += 1,
            (_, Numbering::Repeat) => injector.counters.seq_repeat += 1,
            (_, Numbering::Backward) => injector.counters.seq_backward += 1,
            (Some(promise), Numbering::Next) => injector.keeps(promise),
            (None, Numbering::Next) => {}
        }
    }

    fn break_replies(&self, session: SessionId, fault: &RequestFault, out: &mut Outbox) {
        let mut injector = self.injector.borrow_mut();
        let is_ack = |frame: &Outgoing| frame.session == session && frame.kind == FrameKind::Reply;
        let is_echo = |frame: &Outgoing| matches!(frame.kind, FrameKind::Delivery { to: Receiver::Publisher, .. });
        let ack = out.frames.iter().position(is_ack).filter(|_| out.published);
        if let Some(ack) = ack
            && injector.breaks(Broken::DoubleAck)
        {
            out.frames.insert(ack, out.frames[ack].clone());
            injector.counters.double_ack += 1;
        }
        // An answer that is held back comes after the own copy anyhow.
        if let Some(ack) = ack
            && fault.slow_reply.is_none()
            && !fault.not_stored
            && let Some(echo) = out.frames.iter().position(is_echo)
            && injector.breaks(Broken::EarlyEcho)
        {
            let copy = out.frames.remove(echo);
            out.frames.insert(ack, copy);
            injector.counters.early_echo += 1;
        }
        if injector.may_break(Broken::Marks) {
            for frame in out.frames.iter_mut().filter(|frame| is_ack(frame)) {
                if let Some(wrong) = with_less_received(&frame.text)
                    && injector.breaks(Broken::Marks)
                {
                    frame.text = wrong;
                    injector.counters.marks += 1;
                }
            }
        }
        if injector.may_break(Broken::CorruptedHistory) {
            for frame in out.frames.iter_mut().filter(|frame| frame.kind == FrameKind::History) {
                if let Some(wrong) = corrupted_past(&frame.text)
                    && injector.breaks(Broken::CorruptedHistory)
                {
                    frame.text = wrong;
                    injector.counters.corrupted_history += 1;
                }
            }
        }
    }

    /// Counts who does not get a message because it was detached without a word.
    fn count_unheard(&self, publisher: SessionId, topic: TopicRef) {
        let (mut watched, hub) = (self.watched.borrow_mut(), self.hub.borrow());
        watched.detached.retain(|(session, of)| !hub.is_attached(*session, *of));
        let unheard =
            watched.detached.iter().filter(|(session, of)| *of == topic && !hub.is_same_user(*session, publisher));
        self.injector.borrow_mut().counters.silent_detach_deliveries += unheard.count() as u64;
    }

    /// Who is to get a message that is not to have it.
    fn strays(&self, publisher: SessionId, topic: TopicRef, out: &Outbox) -> Vec<Stray> {
        let (hub, mut injector) = (self.hub.borrow(), self.injector.borrow_mut());
        let mut strays = Vec::new();
        let is_delivery = |frame: &&Outgoing| matches!(frame.kind, FrameKind::Delivery { .. });
        let Some(Outgoing { text, .. }) = out.frames.iter().find(is_delivery) else { return strays };
        if injector.may_break(Broken::Misdelivered)
            && let Some((session, name)) = hub.bystander(topic, publisher, injector.counters.misdelivered)
            && injector.breaks(Broken::Misdelivered)
        {
            let is_renamed = injector.counters.misdelivered % 2 == 1;
            let text = if is_renamed { retitled(text, name) } else { Some(text.clone()) };
            let stray = |text| Stray { session, text, why: Broken::Misdelivered, how: Parting::Leave };
            strays.extend(text.map(stray));
        }
        if injector.may_break(Broken::AfterLeave) && hub.is_group(topic) {
            let mut watched = self.watched.borrow_mut();
            watched.left.retain(|(session, of, _)| !hub.is_attached(*session, *of));
            let is_meant = |(session, of, _): &&(SessionId, TopicRef, Parting)| {
                *of == topic && !hub.is_same_user(*session, publisher)
            };
            let left: Vec<_> = watched.left.iter().filter(is_meant).collect();
            let turn = (injector.counters.after_leave + injector.counters.after_removal) as usize;
            if let Some(&&(session, _, how)) = left.get(turn % left.len().max(1))
                && injector.breaks(Broken::AfterLeave)
            {
                strays.push(Stray { session, text: text.clone(), why: Broken::AfterLeave, how });
            }
        }
        strays
    }

    /// Sends what nobody is to have.
    pub(super) fn push_strays(&self, strays: Vec<Stray>) {
        for Stray { session, text, why, how } in strays {
            if self.push(session, text, false) != Pushed::Queued {
                continue;
            }
            let counters = &mut self.injector.borrow_mut().counters;
            match (why, how) {
                (Broken::AfterLeave, Parting::Leave) => counters.after_leave += 1,
                (Broken::AfterLeave, Parting::Unsubscribe) => counters.after_removal += 1,
                _ => counters.misdelivered += 1,
            }
        }
    }

    /// Whether the session is to be detached instead of getting a delivery.
    pub(super) fn detaches(&self, session: SessionId, topic: TopicRef) -> bool {
        let is_there = self.queues.borrow().contains_key(&session);
        let detaches = is_there && self.injector.borrow_mut().breaks(Broken::SilentDetach);
        if detaches {
            // What is held back was before this.
            self.release_held(session, topic, None);
        }
        detaches
    }

    /// The session gets nothing of the topic any more, and is not told.
    pub(super) fn detach_on_purpose(self: &Rc<Self>, session: SessionId, topic: TopicRef) {
        let mut injector = self.injector.borrow_mut();
        injector.counters.silent_detach += 1;
        injector.counters.silent_detach_deliveries += 1;
        drop(injector);
        self.watched.borrow_mut().detached.insert((session, topic));
        let mut out = Outbox::default();
        self.hub.borrow_mut().detach_silently(session, topic, self.clock.now(), &mut out);
        self.dispatch(out);
    }

    /// Notes which number a session was sent, where numbers may go backward.
    pub(super) fn note_number(&self, session: SessionId, (topic, seq): (TopicRef, u64), to: Receiver) {
        let mut injector = self.injector.borrow_mut();
        if !injector.may_break(Broken::SeqBackward) {
            return;
        }
        let mut watched = self.watched.borrow_mut();
        let highest = watched.highest.entry((session, topic)).or_default();
        let is_behind = seq < *highest && to == Receiver::Other;
        injector.counters.seq_backward_deliveries += u64::from(is_behind);
        *highest = seq.max(*highest);
    }
}
