//! One topic in the ledger: its attachments over time, and who of them had to get a message.

use std::cell::OnceCell;

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
    /// The same of the attachments whose place it took.
    pub(super) highest_before: u64,
    pub(super) catch_up: CatchUp,
    /// The interrupted attachment whose place it took.
    pub(super) previous: Option<AttachId>,
    /// When the attachment that took its place was asked for.
    pub(super) next_requested: Tick,
}

/// What is known of a user's fetching what an interrupted attachment missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CatchUp {
    /// Nothing is fetched.
    No,
    /// The user is going to.
    Pending,
    /// It has: all that was accepted before `asked`, from `low` on.
    Done { asked: Tick, low: u64, at: Tick },
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
    /// It had to be in the history, and is not.
    Missed,
    /// It was to be fetched, and nobody could look for it: its number had been given before.
    WentBack,
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

/// Which attachments have a message, in the order of users; put together when it is asked for the first time.
#[derive(Debug, Default)]
pub(super) struct Holders(OnceCell<Vec<u64>>);

impl Holders {
    /// Whether a later attachment of the same user has the message: it has come to whom it was owed to, once.
    fn has_later(&self, topic: &Topic, window: &Window, receivers: &Receivers) -> bool {
        if window.end.is_none() || receivers.len() == 0 {
            return false;
        }
        let ids = self.0.get_or_init(|| {
            let holds = |&(place, _): &(usize, &Option<Window>)| receivers.contains(place);
            let known = topic.windows.iter().enumerate().filter(holds);
            let mut ids: Vec<u64> = known.filter_map(|(_, window)| Some(window.as_ref()?.id.0)).collect();
            ids.sort_unstable();
            ids
        });
        // A user numbers its attachments in their order.
        let later = ids.get(ids.partition_point(|id| *id <= window.id.0));
        later.is_some_and(|id| id >> 32 == window.id.0 >> 32)
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
                if self.windows.len() == self.windows.capacity() {
                    // Most topics have two attachments, or ten: doubling would leave half of the ledger empty.
                    self.windows.reserve_exact((self.windows.len() / 4).max(2));
                }
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
            // What is missed while it is interrupted is asked of it for as long.
            let is_over = |window: &Window| match window.catch_up {
                CatchUp::No => window.end.is_some_and(|end| end.done < before),
                CatchUp::Pending => false,
                CatchUp::Done { at, .. } => at < before,
            };
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

    /// The attachment at this place.
    pub(super) fn window(&self, place: usize) -> Option<&Window> {
        self.windows.get(place)?.as_ref()
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
        let holders = Holders::default();
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
            let absence = match window.missed(facts, in_flight) {
                Some(_) => Some(Absence::Owed),
                None => window.absence(facts, in_flight),
            };
            // What had to come while the connection lasted is owed, whoever has it since.
            let is_had = |absence: &Absence| {
                let is_owed_here = *absence == Absence::Owed && window.missed(facts, in_flight).is_none();
                !is_owed_here && holders.has_later(self, window, receivers)
            };
            let absence = absence.filter(|absence| !is_had(absence));
            if let Some(absence) = absence {
                missing.places.push((place as u32, absence));
            }
        }
        missing
    }

    /// What has become of a delivery that was missing when its message was judged.
    pub(super) fn verdict(
        &self,
        place: usize,
        facts: Facts,
        receivers: &Receivers,
        holders: &Holders,
        in_flight: std::time::Duration,
    ) -> Verdict {
        let Some(window) = self.windows.get(place).and_then(Option::as_ref) else { return Verdict::Lost };
        if let Some(verdict) = window.missed(facts, in_flight) {
            return if holders.has_later(self, window, receivers) { Verdict::NotExpected } else { verdict };
        }
        match window.absence(facts, in_flight) {
            None => Verdict::NotExpected,
            Some(Absence::Excused(_)) if holders.has_later(self, window, receivers) => Verdict::NotExpected,
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
    /// An attachment that was asked for.
    pub(super) fn new(id: AttachId, requested: Tick) -> Window {
        Window {
            id,
            requested,
            confirmed: Tick::NEVER,
            end: None,
            highest_seq: 0,
            highest_before: 0,
            catch_up: CatchUp::No,
            previous: None,
            next_requested: Tick::NEVER,
        }
    }

    /// Whether it is a session of this user; the index is part of the id.
    fn is_of(&self, user: u64) -> bool {
        self.id.0 >> 32 == user
    }

    /// What to make of a message that did not come because the connection was lost, and that the user fetches;
    /// `None` when that is not the reason.
    fn missed(&self, facts: Facts, in_flight: std::time::Duration) -> Option<Verdict> {
        if self.catch_up == CatchUp::No || facts.accepted < self.requested || facts.accepted >= self.next_requested {
            return None;
        }
        // What had to come while the connection lasted is judged as ever: fetching it makes nothing good.
        let is_outage = match self.absence(facts, in_flight) {
            None => self.end.is_some_and(|end| end.done <= facts.sent),
            Some(absence) => absence == Absence::Excused(ExcuseReason::ConnectionLost),
        };
        match self.catch_up {
            _ if !is_outage => None,
            CatchUp::No => None,
            CatchUp::Pending => Some(Verdict::Owed),
            // A user asks for what follows the last number that it knows.
            CatchUp::Done { asked, .. } if self.went_back(facts) => {
                (facts.accepted < asked).then_some(Verdict::WentBack)
            }
            CatchUp::Done { asked, low, .. } => {
                (facts.seq >= low.max(1) && facts.accepted < asked).then_some(Verdict::Missed)
            }
        }
    }

    /// Whether a message that was sent after the end has a number that was there before it.
    fn went_back(&self, facts: Facts) -> bool {
        let known = self.highest_seq.max(self.highest_before);
        facts.seq > 0 && facts.seq <= known && self.end.is_some_and(|end| end.done <= facts.sent)
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
            AttachEnd::ConnectionLost | AttachEnd::Interrupted => Absence::Excused(ExcuseReason::ConnectionLost),
        })
    }
}
