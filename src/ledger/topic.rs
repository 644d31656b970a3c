//! One topic in the ledger: its attachments over time, and who of them had to get a message.

use super::batch::{AttachEnd, AttachId};
use super::numbers::Numbers;
use super::receivers::Receivers;
use super::totals::ExcuseReason;
use crate::tick::Tick;

/// One attachment, from request to end.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) id: AttachId,
    pub(super) requested: Tick,
    /// [`Tick::NEVER`] until confirmed.
    pub(super) confirmed: Tick,
    pub(super) end: Option<WindowEnd>,
    /// Greatest seq received.
    pub(super) highest_seq: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct WindowEnd {
    pub(super) requested: Tick,
    pub(super) done: Tick,
    pub(super) how: AttachEnd,
}

/// What the ledger knows of a message when it asks who had to get it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    /// Index of the user that published it.
    pub(super) author: u64,
    pub(super) sent: Tick,
    /// When the server had certainly accepted it.
    pub(super) accepted: Tick,
    pub(super) seq: u64,
    pub(super) own: Option<AttachId>,
}

/// Who has not got a message: the attachment's place, and what is to be made of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) places: Vec<(u32, Absence)>,
    /// The publisher's own session has it, or had to get it.
    pub(super) own_attached: bool,
    /// The publisher's own session has it.
    pub(super) own_received: bool,
}

/// What is to be made of a delivery that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// It had to come.
    Owed,
    /// It need not have come.
    Excused(ExcuseReason),
}

/// What has become of a delivery that was missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has to come yet.
    Owed,
    /// It had to come and cannot any more.
    Lost,
    /// It need not have come.
    Excused(ExcuseReason),
    /// It never had to come.
    NotExpected,
}

impl Missing {
    /// Whether every delivery that had to come has come.
    pub(super) fn owes_nothing(&self) -> bool {
        self.places.iter().all(|(_, absence)| *absence != Absence::Owed)
    }
}

/// Attachments of one topic. A window keeps its place while any message may ask for it.
#[derive(Debug, Default)]
pub(super) struct Topic {
    windows: Vec<Option<Window>>,
    ended: usize,
    /// Numbers of accepted messages of this run.
    pub(super) numbers: Numbers,
}

impl Topic {
    /// Adds an attachment and tells its place.
    pub(super) fn add(&mut self, window: Window) -> usize {
        match self.windows.iter().position(Option::is_none).filter(|_| self.ended_places()) {
            Some(place) => {
                self.windows[place] = Some(window);
                place
            }
            None => {
                self.windows.push(Some(window));
                self.windows.len() - 1
            }
        }
    }

    /// Searching for a free place is only worth it when there can be one.
    fn ended_places(&self) -> bool {
        self.ended > 0
    }

    pub(super) fn window_mut(&mut self, place: usize) -> Option<&mut Window> {
        self.windows.get_mut(place)?.as_mut()
    }

    /// Drops the attachments that ended before `before`, and tells their ids.
    pub(super) fn forget_ended(&mut self, before: Tick, forget: &mut dyn FnMut(AttachId)) {
        for place in &mut self.windows {
            let is_over = |window: &Window| window.end.is_some_and(|end| end.done < before);
            if let Some(window) = place.take_if(|window| is_over(window)) {
                self.ended += 1;
                forget(window.id);
            }
        }
    }

    /// A user who is attached and not about to leave.
    pub(super) fn somebody(&self) -> Option<u32> {
        let is_there = |window: &&Window| window.end.is_none() && window.confirmed != Tick::NEVER;
        self.windows.iter().flatten().find(is_there).map(|window| (window.id.0 >> 32) as u32)
    }

    /// The attachment at this place, while it lasts.
    pub(super) fn lasting(&self, place: usize) -> Option<AttachId> {
        self.windows.get(place)?.as_ref().filter(|window| window.end.is_none()).map(|window| window.id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.windows.iter().all(Option::is_none)
    }

    /// Who had to get the message and is not among `receivers`. `in_flight` is how long a delivery may take
    /// before a closed connection no longer excuses it.
    pub(super) fn missing(&self, facts: Facts, receivers: &Receivers, in_flight: std::time::Duration) -> Missing {
        let mut missing = Missing::default();
        for (place, window) in self.windows.iter().enumerate() {
            let Some(window) = window else { continue };
            // Its earlier and later sessions are the publisher's as well: nobody counts on a copy for them.
            if window.is_of(facts.author) {
                if facts.own == Some(window.id) {
                    missing.own_received = receivers.contains(place);
                    missing.own_attached =
                        missing.own_received || window.absence(facts, in_flight) == Some(Absence::Owed);
                }
                continue;
            }
            if receivers.contains(place) {
                continue;
            }
            if let Some(absence) = window.absence(facts, in_flight) {
                missing.places.push((place as u32, absence));
            }
        }
        missing
    }

    /// What has become of a delivery that was missing when its message was judged.
    pub(super) fn verdict(&self, place: usize, facts: Facts, in_flight: std::time::Duration) -> Verdict {
        let Some(window) = self.windows.get(place).and_then(Option::as_ref) else { return Verdict::Lost };
        match window.absence(facts, in_flight) {
            None => Verdict::NotExpected,
            Some(Absence::Excused(reason)) => Verdict::Excused(reason),
            Some(Absence::Owed) if window.end.is_some() => Verdict::Lost,
            Some(Absence::Owed) => Verdict::Owed,
        }
    }

    /// Whether the publisher's own copy has to come yet.
    pub(super) fn owes_echo(&self, facts: Facts, in_flight: std::time::Duration) -> bool {
        let own = self.windows.iter().flatten().find(|window| facts.own == Some(window.id));
        own.is_some_and(|window| window.end.is_none() && window.absence(facts, in_flight) == Some(Absence::Owed))
    }
}

impl Window {
    /// Whether it is a session of this user; the index is part of the id.
    fn is_of(&self, user: u64) -> bool {
        self.id.0 >> 32 == user
    }

    /// What to make of a message that did not come; `None` when it never had to.
    fn absence(&self, facts: Facts, in_flight: std::time::Duration) -> Option<Absence> {
        if self.requested > facts.accepted {
            return None;
        }
        if self.confirmed >= facts.sent {
            // The server may have handled either first. A refused request is confirmed never.
            let is_refused = matches!(self.end, Some(WindowEnd { how: AttachEnd::Refused, .. }));
            return (!is_refused).then_some(Absence::Excused(ExcuseReason::Attach));
        }
        let Some(end) = self.end else { return Some(Absence::Owed) };
        if end.done <= facts.sent {
            return None;
        }
        // A later message of the topic arrived: this one was skipped, not on its way.
        let is_skipped = facts.seq > 0 && self.highest_seq > facts.seq;
        let is_overdue = facts.accepted + in_flight < end.requested;
        Some(match end.how {
            AttachEnd::Refused => return None,
            // The reply to a leave is queued behind every message accepted before it.
            AttachEnd::Left if facts.accepted < end.requested || is_skipped => Absence::Owed,
            AttachEnd::Left => Absence::Excused(ExcuseReason::Detach),
            _ if is_skipped || is_overdue => Absence::Owed,
            AttachEnd::Disconnected => Absence::Excused(ExcuseReason::Disconnect),
            AttachEnd::ConnectionLost => Absence::Excused(ExcuseReason::ConnectionLost),
        })
    }
}
