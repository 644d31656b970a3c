//! Coming, going, and losing the connection.

use std::time::Duration;

use crate::ledger::{AttachEnd, PublishOutcome};
use crate::metrics::Phase as Part;
use crate::ops::{Effect, FailureKind, OpId};

use super::Action;
use super::event::{ConnectPhases, Hit, Lost, LostBy};
use super::machine::{GivenUp, Phase, Then, User, Way};
use super::world::Call;
use crate::scenario::Reconnect;
use crate::tick::Tick;

/// How long a user that leaves waits for the server's side of the close.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

/// Who ended a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionEnd {
    /// This side.
    Closed,
    /// The other side, or the network.
    Lost,
    /// This side, because nothing had come since.
    Dead(Tick),
}

impl User {
    pub(super) fn go_online(&mut self, call: &mut Call<'_>) {
        self.is_wanted = true;
        if matches!(self.phase, Phase::Idle) && !self.is_draining {
            // The curve sends it; what it had met with before it was sent away is over.
            (self.is_returning, self.attempts) = (false, 0);
            self.restart(call);
        }
    }

    /// Leaves as soon as nothing is open.
    pub(super) fn go_offline(&mut self, call: &mut Call<'_>) {
        self.is_wanted = false;
        if matches!(self.phase, Phase::Open(_) | Phase::Leaving { .. }) {
            return;
        }
        self.close_politely(call);
    }

    fn close_politely(&mut self, call: &mut Call<'_>) {
        if self.session.is_some() {
            call.books.actions.push(Action::Close);
            self.phase = Phase::Leaving { deadline: call.now + LEAVE_WITHIN };
        } else {
            self.abandon_missed(call);
            self.away = None;
            self.phase = Phase::Idle;
        }
    }

    pub(super) fn drain(&mut self, call: &mut Call<'_>) {
        self.is_draining = true;
        self.abandon_unattached(call);
        if matches!(self.phase, Phase::Parked | Phase::Pausing { .. }) {
            self.phase = Phase::Idle;
        }
    }

    /// Leaves at once; a request that is open stays open in the books, because nobody will know its outcome.
    pub(super) fn leave(&mut self, call: &mut Call<'_>) {
        self.is_draining = true;
        self.is_wanted = false;
        if let Phase::Open(open) = &mut self.phase {
            let way = open.way;
            let open = std::mem::replace(&mut self.phase, Phase::Idle);
            if let Phase::Open(mut open) = open {
                self.deliver_held(call, &mut open);
                self.record_publish(call, &open, PublishOutcome::Unknown, call.now);
            }
            match way {
                Way::Connect => call.books.actions.push(Action::Abort),
                Way::Http | Way::Acceptance => call.books.actions.push(Action::CancelHttp),
                Way::Close | Way::Frame | Way::Token => {}
            }
        }
        if !matches!(self.phase, Phase::Leaving { .. }) {
            self.close_politely(call);
        }
    }

    pub(super) fn wake(&mut self, call: &mut Call<'_>) {
        if self.wake_questions(call) {
            // One frame in a call: whoever cannot send has to know which it was. What else is due wakes it again.
            return;
        }
        match &self.phase {
            Phase::Pausing { until, then } if *until <= call.now => {
                let (until, then) = (*until, *then);
                match then {
                    Then::Advance => {
                        self.due = until;
                        self.phase = Phase::Idle;
                        self.advance(call);
                    }
                    Then::Retry { .. } => {
                        // Due when the peer could be found, not when the search for it began.
                        self.due = call.now;
                        self.resume(call);
                    }
                    Then::Turn => self.resume(call),
                    Then::Restart => {
                        self.phase = Phase::Idle;
                        self.restart(call);
                    }
                }
            }
            Phase::Open(open) if open.deadline <= call.now => self.time_out(call),
            Phase::Leaving { deadline } if *deadline <= call.now => {
                call.books.actions.push(Action::Abort);
                self.end_session(call, SessionEnd::Closed);
                self.phase = Phase::Idle;
                if self.is_wanted {
                    self.go_online(call);
                }
            }
            _ => {}
        }
    }

    pub(super) fn connected(&mut self, call: &mut Call<'_>, phases: ConnectPhases) {
        let figures = &mut call.books.figures;
        let parts = [(Part::Dns, phases.dns), (Part::Tcp, phases.tcp), (Part::Tls, phases.tls)];
        for (part, micros) in parts.into_iter().chain([(Part::Upgrade, Some(phases.upgrade))]) {
            if let Some(micros) = micros {
                figures.phase(OpId::Connect, part, micros);
            }
        }
        call.books.connected();
        self.session = Some(Box::default());
        if std::mem::take(&mut self.is_returning) {
            call.books.figures.users.reconnects += 1;
        }
        self.settle_way(call, Way::Connect, Ok(()));
    }

    pub(super) fn disconnected(&mut self, call: &mut Call<'_>, lost: Lost) {
        match &self.phase {
            Phase::Leaving { .. } => {
                self.end_session(call, SessionEnd::Closed);
                self.phase = Phase::Idle;
                if self.is_wanted {
                    self.go_online(call);
                }
            }
            Phase::Open(open) if open.way == Way::Close => {
                self.end_session(call, SessionEnd::Closed);
                self.settle_way(call, Way::Close, Ok(()));
            }
            _ => self.lose_connection(call, lost),
        }
    }

    fn lose_connection(&mut self, call: &mut Call<'_>, lost: Lost) {
        if self.session.is_none() {
            return;
        }
        let users = &mut call.books.figures.users;
        let end = match lost.by {
            LostBy::Peer => {
                *users.closed_by_code.entry(lost.code).or_default() += 1;
                SessionEnd::Lost
            }
            LostBy::Silence(heard) => {
                users.dead_links += 1;
                SessionEnd::Dead(heard)
            }
            LostBy::Event { hit, reconnect } => {
                self.returns_at_once = reconnect == Reconnect::AtOnce;
                self.disturbed(call, hit);
                SessionEnd::Lost
            }
        };
        // The request first: the ledger has to know which of the attachments that now end was its publisher's own.
        if let Phase::Open(open) = &self.phase {
            if matches!(open.way, Way::Http | Way::Acceptance) {
                call.books.actions.push(Action::CancelHttp);
            }
            if matches!(open.effect, Effect::Publish { .. }) {
                let (counter, effect) = (open.counter, open.effect.clone());
                let (has_echo, seq_before) = (open.has_echo, open.seq_before);
                self.give_up(GivenUp { counter, effect, has_echo, seq_before });
            }
        }
        if let Phase::Open(open) = &self.phase
            && open.way != Way::Token
        {
            self.fail_open(call, FailureKind::Closed(lost.code), lost.detail);
        }
        self.end_session(call, end);
        if self.is_draining || matches!(self.phase, Phase::Pausing { then: Then::Restart, .. }) {
            return;
        }
        // A token is still on its way; what follows is decided when it is there.
        if matches!(self.phase, Phase::Open(_)) {
            return;
        }
        if self.is_wanted {
            self.back_off(call);
        } else {
            self.phase = Phase::Idle;
        }
    }

    /// An event of the scenario has hit the user.
    pub(super) fn disturbed(&mut self, call: &mut Call<'_>, hit: Hit) {
        let events = &mut call.books.figures.users.events;
        events.entry(hit.key).or_default().affected += 1;
        if let Some(before) = self.away.replace(hit) {
            // Its way back is one from both; it is told with the later one.
            events.entry(before.key).or_default().overtaken += 1;
        }
    }

    /// Is back from an event, if it was hit by one and has fetched what it missed.
    pub(super) fn come_back(&mut self, call: &mut Call<'_>) {
        if self.session.is_none() || !self.missed.is_empty() {
            return;
        }
        if let Some(Hit { key, due }) = self.away.take() {
            let micros = call.now.micros_since(due);
            call.books.figures.users.events.entry(key).or_default().came_back(micros);
        }
    }

    /// Takes the session off the books.
    pub(super) fn end_session(&mut self, call: &mut Call<'_>, end: SessionEnd) {
        self.drop_question(call);
        let unread = self.end_pause(call);
        let Some(mut session) = self.session.take() else { return };
        call.books.online -= 1;
        let is_interrupted = end != SessionEnd::Closed && self.will_catch_up(call);
        if is_interrupted {
            self.note_missed(call, &session.attachments);
        } else if end != SessionEnd::Closed || !self.is_returning {
            self.abandon_missed(call);
        }
        if end == SessionEnd::Closed && !self.is_returning {
            // It leaves because it is wanted to: when it comes again, that is no way back from an event.
            self.away = None;
        }
        // No reply comes to another connection.
        self.given_up.clear();
        let requested = match &self.phase {
            Phase::Open(open) if open.way == Way::Close => open.sent,
            Phase::Leaving { deadline } => deadline.minus(LEAVE_WITHIN),
            _ => match end {
                // What was accepted after that was on its way, however long that is ago.
                SessionEnd::Dead(heard) => heard,
                SessionEnd::Closed | SessionEnd::Lost => call.now,
            },
        };
        // What was accepted while nobody read was on its way too; but a run that is over has waited for it.
        let is_waited_for = end == SessionEnd::Closed && self.is_draining;
        let requested = unread.filter(|_| !is_waited_for).map_or(requested, |since| requested.min(since));
        let how = match end {
            SessionEnd::Closed => AttachEnd::Disconnected,
            SessionEnd::Lost | SessionEnd::Dead(_) if is_interrupted => AttachEnd::Interrupted,
            SessionEnd::Lost | SessionEnd::Dead(_) => AttachEnd::ConnectionLost,
        };
        session.attachments.end_all(call, requested, call.now, how);
    }
}
