//! A user that does not read for a while, because an event of the scenario wants it so.
//!
//! It stands still: it begins nothing, and its clock stands with it, so that no request is given up whose answer may lie
//! in the socket. What was sent before it reads again may have waited for it, and not for the service: such answers and
//! messages count, but they are part of no time.

use std::time::Duration;

use crate::tick::Tick;

use super::event::Hit;
use super::machine::{Phase, User};
use super::world::Call;

/// The last pause of a user.
#[derive(Debug)]
pub(super) struct Pause {
    /// The event's number.
    key: u64,
    since: Tick,
    /// [`Tick::NEVER`] while it lasts.
    until: Tick,
}

impl User {
    /// The user does not read any more.
    pub(super) fn stop_reading(&mut self, call: &mut Call<'_>, hit: Hit) {
        self.disturbed(call, hit);
        let lasting = self.pause.take().filter(|pause| pause.until == Tick::NEVER);
        let since = lasting.map_or(call.now, |pause| pause.since);
        self.pause = Some(Box::new(Pause { key: hit.key, since, until: Tick::NEVER }));
    }

    /// The user reads again: what was waited for may still come, as if no time had passed.
    pub(super) fn read_again(&mut self, call: &mut Call<'_>) {
        if let Some(pause) = self.pause.as_mut().filter(|pause| pause.until == Tick::NEVER) {
            pause.until = call.now;
            let span = Duration::from_micros(call.now.micros_since(pause.since));
            match &mut self.phase {
                Phase::Open(open) => open.deadline += span,
                // Due when it can go on.
                Phase::Pausing { until, .. } => *until = (*until).max(call.now),
                Phase::Idle | Phase::Parked | Phase::Leaving { .. } => {}
            }
            if let Some(session) = &mut self.session {
                session.questions.put_off(span);
                session.attachments.iter_mut().for_each(|attachment| attachment.gaps.put_off(span));
            }
        }
        self.come_back(call);
    }

    /// Whether what was sent then may have waited for this user, and for how long is not the service's doing.
    pub(super) fn has_waited(&self, sent: Tick) -> bool {
        self.pause.as_ref().is_some_and(|pause| sent < pause.until)
    }

    /// Counts an answer that may have waited.
    pub(super) fn count_waited_reply(&self, call: &mut Call<'_>) {
        if let Some(pause) = &self.pause {
            call.books.figures.users.events.entry(pause.key).or_default().waited_replies += 1;
        }
    }

    /// Counts a message that may have waited.
    pub(super) fn count_waited_message(&self, call: &mut Call<'_>) {
        if let Some(pause) = &self.pause {
            call.books.figures.users.events.entry(pause.key).or_default().waited_messages += 1;
        }
    }

    /// The session ends: since when what was accepted may still lie unread, if it may. That is until a delivery has had its
    /// time after the user reads again.
    pub(super) fn end_pause(&mut self, call: &Call<'_>) -> Option<Tick> {
        let pause = self.pause.as_mut()?;
        let is_behind = call.now < pause.until + call.plan.scenario.target.timeout;
        pause.until = pause.until.min(call.now);
        is_behind.then_some(pause.since)
    }
}
