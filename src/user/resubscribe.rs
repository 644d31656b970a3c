//! Asking whether a session with a gap is attached at all: the service may have ended it without a word.
//!
//! A number that is missing on an attached topic and does not come within [`PATIENCE`] makes the session subscribe
//! once more: 304 says that it was attached all the time, success that it was not. So does the ledger, for each attachment
//! that has been owed a message for some seconds, and after the drain for each that still is. One question is open at a time and each topic is asked less and less
//! often. These subscribes are nobody's step: they are in none of the operation's figures. Fetching what is missing would
//! follow in [`User::settle_question`].

use std::time::Duration;

use crate::ledger::AttachId;
use crate::ops::{Effect, Reply, Topic};
use crate::protocol::{ClientMessage, Code, Stamp, client};
use crate::tick::Tick;

use super::Action;
use super::catch_up::{Fetch, Fetching};
use super::machine::{GIVEN_UP, GivenUp, User};
use super::world::Call;

/// How long a missing number may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a topic is not asked again; doubled with each time.
const PAUSE: Duration = Duration::from_secs(30);
const PAUSE_MAX: Duration = Duration::from_secs(600);

/// The questions of a session.
#[derive(Debug)]
pub(super) struct Questions {
    open: Option<Question>,
    /// Attachments that the ledger wants asked, one after the other.
    waiting: Vec<AttachId>,
    /// When gaps are looked at; [`Tick::NEVER`] without any.
    look_at: Tick,
}

/// A subscribe without an answer.
#[derive(Debug)]
struct Question {
    counter: u32,
    topic: Topic,
    deadline: Tick,
    /// It is no subscribe, but fetches what was missed.
    fetch: Option<Box<Fetch>>,
}

/// Gaps of one attachment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gaps {
    /// Since when a number is missing; [`Tick::NEVER`] when none is.
    since: Tick,
    /// Up to which number gaps have been asked about.
    asked_up_to: u64,
    /// Before that the topic is not asked again.
    not_before: Tick,
    times: u8,
    /// The session publishes without a copy for itself: missing numbers are its own.
    pub(super) is_off: bool,
}

impl Default for Gaps {
    fn default() -> Self {
        Gaps { since: Tick::NEVER, asked_up_to: 0, not_before: Tick::ZERO, times: 0, is_off: false }
    }
}

impl Gaps {
    /// Notes what was received: the greatest number, and which of the 64 up to it.
    /// Returns when to look, if there is a gap that was not there before.
    pub(super) fn note(&mut self, first: u64, last: u64, seen: u64, now: Tick) -> Option<Tick> {
        let known = last.saturating_sub(first.max(self.asked_up_to));
        let wanted = if known < 63 { (1u64 << (known + 1)) - 1 } else { u64::MAX };
        let is_whole = seen & wanted == wanted;
        if is_whole || self.is_off {
            self.since = Tick::NEVER;
        } else if self.since == Tick::NEVER {
            self.since = now;
            return Some((now + PATIENCE).max(self.not_before));
        }
        None
    }

    /// Nobody has read for so long.
    pub(super) fn put_off(&mut self, span: Duration) {
        // Saturating: never stays never.
        self.since += span;
    }

    fn is_due(&self, now: Tick) -> bool {
        self.since != Tick::NEVER && self.since + PATIENCE <= now && self.not_before <= now
    }

    /// When it is worth looking again.
    fn look_at(&self) -> Tick {
        if self.since == Tick::NEVER { Tick::NEVER } else { (self.since + PATIENCE).max(self.not_before) }
    }

    fn asked(&mut self, up_to: u64, now: Tick) {
        let pause = (PAUSE * (1 << self.times.min(6))).min(PAUSE_MAX);
        (self.since, self.asked_up_to, self.not_before) = (Tick::NEVER, up_to, now + pause);
        self.times = self.times.saturating_add(1);
    }
}

impl Default for Questions {
    fn default() -> Self {
        Questions { open: None, waiting: Vec::new(), look_at: Tick::NEVER }
    }
}

impl Questions {
    /// When the user wants to be woken for them.
    pub(super) fn wake_at(&self) -> Tick {
        match &self.open {
            Some(question) => question.deadline,
            None => self.look_at,
        }
    }

    /// Nobody has read for so long.
    pub(super) fn put_off(&mut self, span: Duration) {
        self.look_at += span;
        if let Some(question) = &mut self.open {
            question.deadline += span;
        }
    }

    /// Whether one is open.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Opens a page of what was missed.
    pub(super) fn open_page(&mut self, counter: u32, topic: Topic, deadline: Tick, fetch: Box<Fetch>) {
        self.open = Some(Question { counter, topic, deadline, fetch: Some(fetch) });
    }

    /// The page that is being fetched of this topic.
    pub(super) fn fetch_of(&mut self, topic: &Topic) -> Option<&mut Fetch> {
        self.open.as_mut().filter(|question| question.topic == *topic)?.fetch.as_deref_mut()
    }

    /// Somewhere a number is missing.
    pub(super) fn look(&mut self, at: Tick) {
        self.look_at = self.look_at.min(at);
    }
}

impl User {
    /// Looks at the clock for the session's questions; whether something was sent.
    pub(super) fn wake_questions(&mut self, call: &mut Call<'_>) -> bool {
        let Some(session) = &mut self.session else { return false };
        let questions = &mut session.questions;
        if questions.wake_at() > call.now {
            return false;
        }
        if let Some(question) = questions.open.take() {
            call.books.asking -= 1;
            let effect = match question.fetch {
                Some(fetch) => self.fetch_timed_out(call, &question.topic, *fetch),
                None => {
                    call.books.figures.users.resubscribed.unanswered += 1;
                    Effect::None
                }
            };
            self.give_up(GivenUp { counter: question.counter, effect, has_echo: false, seq_before: 0 });
        }
        self.ask_next(call)
    }

    /// The ledger wants to know of these attachments.
    pub(super) fn ask_owed(&mut self, call: &mut Call<'_>) {
        let Some(session) = &mut self.session else { return };
        let own = |id: &&AttachId| id.0 >> 32 == u64::from(self.index);
        // In the middle of a run a topic has its pause; the last question of all is asked in any case.
        let (now, is_draining) = (call.now, self.is_draining);
        for id in call.owed.iter().filter(own) {
            let mut own = session.attachments.iter_mut().filter(|attachment| attachment.id == Some(*id));
            let may_ask = own.any(|attachment| is_draining || attachment.gaps.not_before <= now);
            if may_ask && !session.questions.waiting.contains(id) {
                session.questions.waiting.push(*id);
            }
        }
        if session.questions.open.is_none() {
            self.ask_next(call);
        }
    }

    /// Asks the next question, if there is one; whether there was.
    pub(super) fn ask_next(&mut self, call: &mut Call<'_>) -> bool {
        let mut look_at = match self.fetch_next(call) {
            Fetching::Sent => return true,
            Fetching::Later(at) => at,
        };
        let Some(session) = &mut self.session else { return false };
        let owed = session.questions.waiting.pop();
        let (now, is_draining) = (call.now, self.is_draining);
        let mut chosen = None;
        for attachment in session.attachments.iter_mut() {
            if owed.is_some() && attachment.id == owed && attachment.leaving == Tick::NEVER {
                chosen = Some(attachment);
                break;
            }
            // While the run drains, the ledger asks. Whoever leaves gets its answer by that.
            if owed.is_some() || is_draining || attachment.leaving != Tick::NEVER {
                continue;
            }
            if chosen.is_none() && attachment.gaps.is_due(now) {
                chosen = Some(attachment);
            } else {
                look_at = look_at.min(attachment.gaps.look_at());
            }
        }
        let topic = chosen.map(|attachment| {
            attachment.gaps.asked(attachment.last_seq, now);
            attachment.topic.clone()
        });
        if owed.is_none() || is_draining {
            // Nothing may be due that is not asked, or the user is woken for it without end.
            session.questions.look_at = look_at;
        }
        let wire = topic.as_ref().and_then(|topic| wire_name(topic, call));
        let (Some(topic), Some(wire)) = (topic, wire) else { return false };
        let counter = self.counter;
        self.counter = Stamp::next_counter(counter);
        let stamp = Stamp { run: call.plan.run_tag, synthetic: false, user: self.index, counter, sent: now };
        let id = stamp.encode();
        let id = Some(id.as_str().into());
        let message = ClientMessage::Sub(client::Sub { id, topic: wire.as_str().into(), ..Default::default() });
        let frame = serde_json::to_string(&message).expect("wire messages always serialize");
        let deadline = now + call.plan.scenario.target.timeout;
        session.questions.open = Some(Question { counter, topic, deadline, fetch: None });
        call.books.asking += 1;
        call.books.figures.users.resubscribed.asked += 1;
        call.books.sent(&frame);
        call.books.actions.push(Action::Send(frame));
        self.sent_last = super::machine::Sent::Question;
        true
    }

    /// Whether a reply answers the open question; it is settled then.
    pub(super) fn settle_question(&mut self, call: &mut Call<'_>, counter: u32, reply: &Reply<'_>) -> bool {
        let Some(session) = &mut self.session else { return false };
        let Some(question) = session.questions.open.take_if(|question| question.counter == counter) else {
            return false;
        };
        call.books.asking -= 1;
        if let Some(fetch) = question.fetch {
            self.settle_page(call, &question.topic, *fetch, reply);
            return true;
        }
        let counts = &mut call.books.figures.users.resubscribed;
        match reply.code() {
            Code::NOT_MODIFIED => counts.still_attached += 1,
            code if code.is_success() => counts.silently_detached += 1,
            _ => counts.refused += 1,
        }
        tracing::debug!("user {} asked for {:?} again: {}", self.index, question.topic, reply.code());
        self.ask_next(call);
        true
    }

    /// The session is over, or the frame could not be sent.
    pub(super) fn drop_question(&mut self, call: &mut Call<'_>) {
        let question = self.session.as_mut().and_then(|session| session.questions.open.take());
        let Some(question) = question else { return };
        call.books.asking -= 1;
        if let Some(fetch) = question.fetch {
            self.drop_fetch(call, &question.topic, *fetch);
        } else {
            call.books.figures.users.resubscribed.unanswered += 1;
        }
    }

    /// Remembers a request that was given up.
    pub(super) fn give_up(&mut self, request: GivenUp) {
        if self.given_up.len() == GIVEN_UP {
            self.given_up.remove(0);
        }
        self.given_up.push(request);
    }
}

/// How this user names a topic on the wire.
pub(super) fn wire_name(topic: &Topic, call: &Call<'_>) -> Option<String> {
    match topic {
        Topic::Me => None,
        Topic::User(user) => Some(user.name(call.plan.scenario.target.dialect.user_ids)),
        Topic::Group(group) => call.directory.group_name(*group).map(str::to_owned),
        Topic::Other(name) => Some(name.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_looked_at_once_and_forgotten_when_it_fills() {
        let mut gaps = Gaps::default();
        let now = Tick::from_micros(1_000);
        assert_eq!(gaps.note(7, 7, 0b1, now), None, "what came before the first is no gap");
        assert_eq!(gaps.note(7, 9, 0b101, now), Some(now + PATIENCE));
        assert_eq!(gaps.note(7, 10, 0b1011, now), None, "looked at already");
        assert!(gaps.is_due(now + PATIENCE) && !gaps.is_due(now));
        assert_eq!(gaps.note(7, 10, 0b1111, now), None);
        assert!(!gaps.is_due(now + PATIENCE));
    }

    #[test]
    fn what_was_asked_is_not_asked_again_and_the_next_gap_waits() {
        let mut gaps = Gaps::default();
        let now = Tick::ZERO;
        gaps.note(1, 3, 0b101, now);
        gaps.asked(3, now);
        assert_eq!(gaps.note(1, 4, 0b1011, now), None);
        assert_eq!(gaps.note(1, 6, 0b10_1101, now), Some(now + PAUSE));
        assert_eq!(gaps.note(1, 1_000, 0b1, now), None);
    }
}
