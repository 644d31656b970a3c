//! The state machine: which step is next, and what follows a failure. How a request begins is in `begin.rs`.

use std::time::Duration;

use crate::ops::{Effect, OpId, PageState};
use crate::random::{Purpose, Random, generator, unit};
use crate::scenario::{OnFailure, State, Step};
use crate::tick::Tick;

use super::attachments::Attachments;
use super::catch_up::Missed;
use super::event::Hit;
use super::history::Paging;
use super::pause::Pause;
use super::promises::Watched;
use super::resubscribe::Questions;
use super::world::{Call, World};
use super::{Action, Event};

/// Steps that a user may begin in one call before it has to let others run.
const STEPS_AT_ONCE: u32 = 64;
/// Pause of a user that did so many steps without waiting for anything.
const BREATHER: Duration = Duration::from_millis(10);
/// First and longest span from which the pause before a reconnect is drawn.
const BACK_OFF_BASE: Duration = Duration::from_millis(500);
const BACK_OFF_MAX: Duration = Duration::from_secs(30);
/// How many requests that were given up are remembered, so that their late replies are known as such.
pub(super) const GIVEN_UP: usize = 32;

/// How long a user goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As long as the curve wants.
    Forever,
    /// Each state once, without waiting for arrivals, thinking a second at the most, then offline.
    Once,
}

/// One simulated account with its connection and state.
#[derive(Debug)]
pub struct User {
    pub(super) index: u32,
    pub(super) counter: u32,
    pub(super) attach_counter: u32,
    pub(super) state: u16,
    pub(super) step: u16,
    pub(super) repeats: u32,
    pub(super) attempts: u8,
    pub(super) mode: Mode,
    visited: u64,
    /// The curve wants it online.
    pub(super) is_wanted: bool,
    /// The load is over.
    pub(super) is_draining: bool,
    /// The next connect is a reconnect.
    pub(super) is_returning: bool,
    pub(super) random: Random,
    /// When the next operation is due.
    pub(super) due: Tick,
    pub(super) phase: Phase,
    pub(super) session: Option<Box<Session>>,
    pub(super) saved: Vec<Saved>,
    /// Requests that were given up on this connection, oldest first.
    pub(super) given_up: Vec<GivenUp>,
    /// What was missed since a connection was lost, topic by topic.
    pub(super) missed: Vec<Missed>,
    /// The event of the scenario that it has to come back from.
    pub(super) away: Option<Hit>,
    /// The last time that it did not read.
    pub(super) pause: Option<Box<Pause>>,
    /// The next pause before a reconnect is none.
    pub(super) returns_at_once: bool,
    /// Whose frame went out last.
    pub(super) sent_last: Sent,
}

/// A request that was given up.
#[derive(Debug)]
pub(super) struct GivenUp {
    pub(super) counter: u32,
    pub(super) effect: Effect,
    /// The own copy of what it published has come.
    pub(super) has_echo: bool,
    /// Greatest number received on its topic when it was sent.
    pub(super) seq_before: u64,
}

/// Whose frame it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// A step's.
    Step,
    /// Nobody's: it asks whether the session is attached.
    Question,
}

/// What a user is waiting for.
#[derive(Debug)]
pub(super) enum Phase {
    /// Nothing: offline, drained, or done.
    Idle,
    /// An arrival.
    Parked,
    /// A time.
    Pausing { until: Tick, then: Then },
    /// The answer to a request.
    Open(Box<Open>),
    /// The end of the connection.
    Leaving { deadline: Tick },
}

/// What follows a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Go on where it stands, due when the pause ends.
    Advance,
    /// Look for the peer again; still due when it was.
    Retry { pause: Duration },
    /// Connect, because it is this user's turn; still due when it was.
    Turn,
    /// Begin again at the persona's start.
    Restart,
}

/// A request without an answer.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) op: OpId,
    pub(super) counter: u32,
    pub(super) key: u64,
    pub(super) due: Tick,
    pub(super) sent: Tick,
    pub(super) deadline: Tick,
    pub(super) effect: Effect,
    pub(super) way: Way,
    pub(super) page: PageState,
    pub(super) paging: Option<Paging>,
    /// The user fetches a token because the step needs one; the step itself comes after.
    pub(super) is_errand: bool,
    /// The own copy of what it publishes has come already.
    pub(super) has_echo: bool,
    /// Greatest number received on the topic when it was sent.
    pub(super) seq_before: u64,
}

/// How a request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It opens the connection.
    Connect,
    /// It closes the connection.
    Close,
    /// A frame on the connection.
    Frame,
    /// HTTP beside the connection.
    Http,
    /// REST, for a token.
    Token,
    /// A connection of its own, in another user's name.
    Acceptance,
}

/// One connection, from its upgrade to its end.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) file_token: Option<Box<str>>,
    /// The server knows the protocol version, where it has to be told.
    pub(super) is_greeted: bool,
    pub(super) attachments: Attachments,
    pub(super) watched: Watched,
    pub(super) questions: Questions,
}

/// A value kept from a reply.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) name: Box<str>,
    pub(super) key: &'static str,
    pub(super) value: Box<str>,
}

impl User {
    /// A user of the plan, offline.
    pub fn new(index: u32, seed: u64, mode: Mode) -> User {
        User {
            index,
            counter: 0,
            attach_counter: 0,
            state: 0,
            step: 0,
            repeats: 0,
            attempts: 0,
            mode,
            visited: 0,
            is_wanted: false,
            is_draining: false,
            is_returning: false,
            random: generator(seed, Purpose::User(index)),
            due: Tick::ZERO,
            phase: Phase::Idle,
            session: None,
            saved: Vec::new(),
            given_up: Vec::new(),
            missed: Vec::new(),
            away: None,
            pause: None,
            returns_at_once: false,
            sent_last: Sent::Step,
        }
    }

    /// Takes one event and writes what is to be done to `world.books.actions`.
    /// Never waits, never reads a clock, never fails.
    pub fn on(&mut self, now: Tick, event: Event<'_>, world: &mut World) {
        let call = &mut world.call(now);
        match event {
            Event::GoOnline => self.go_online(call),
            Event::GoOffline => self.go_offline(call),
            Event::Drain => self.drain(call),
            Event::Leave => self.leave(call),
            Event::AskAgain => self.ask_owed(call),
            Event::Arrival { due } => {
                if matches!(self.phase, Phase::Parked) {
                    self.due = due;
                    self.phase = Phase::Idle;
                    self.take_steps(call);
                }
            }
            Event::Wake => self.wake(call),
            Event::Connected(phases) => self.connected(call, phases),
            Event::ConnectFailed(kind, detail) => self.settle_way(call, Way::Connect, Err((kind, detail))),
            Event::Frame(text) => self.receive(call, text),
            Event::Disconnected(lost) => self.disconnected(call, lost),
            Event::Http(reply) => self.http_reply(call, reply),
            Event::Accepted(result) => self.settle_way(call, Way::Acceptance, result),
            Event::Token { sent, result } => self.token_fetched(call, sent, result),
            Event::Disturbed(hit) => self.stop_reading(call, hit),
            Event::Undisturbed => self.read_again(call),
            Event::Unsent => self.unsent(call),
        }
    }

    /// When [`Event::Wake`] is wanted; [`Tick::NEVER`] when it is not.
    pub fn next_wake(&self) -> Tick {
        let questions = self.session.as_ref().map_or(Tick::NEVER, |session| session.questions.wake_at());
        questions.min(match &self.phase {
            Phase::Idle | Phase::Parked => Tick::NEVER,
            Phase::Pausing { until, .. } => *until,
            Phase::Open(open) => open.deadline,
            Phase::Leaving { deadline } => *deadline,
        })
    }

    /// Whether the user can take an arrival.
    pub fn is_parked(&self) -> bool {
        matches!(self.phase, Phase::Parked)
    }

    /// Whether nothing will happen to this user until the curve wants it again.
    pub fn is_gone(&self) -> bool {
        matches!(self.phase, Phase::Idle) && self.session.is_none()
    }

    pub(super) fn current<'a>(&self, call: &Call<'a>) -> &'a State {
        &call.plan.persona(self.index).states[usize::from(self.state)]
    }

    pub(super) fn current_step<'a>(&self, call: &Call<'a>) -> &'a Step {
        &self.current(call).steps[usize::from(self.step)]
    }

    /// Goes to the persona's first state.
    pub(super) fn restart(&mut self, call: &mut Call<'_>) {
        self.enter(call.plan.persona(self.index).start);
        self.due = call.now;
        self.advance(call);
    }

    pub(super) fn enter(&mut self, state: usize) {
        (self.state, self.step, self.repeats) = (state as u16, 0, 0);
    }

    /// Enters the current state: parks if it awaits an arrival, takes its steps otherwise.
    pub(super) fn advance(&mut self, call: &mut Call<'_>) {
        if self.is_draining {
            self.phase = Phase::Idle;
        } else if !self.is_wanted {
            self.go_offline(call);
        } else if self.step == 0 && self.repeats == 0 && self.awaits_arrival(call) {
            self.phase = Phase::Parked;
            call.books.actions.push(Action::Park);
        } else {
            self.take_steps(call);
        }
    }

    fn awaits_arrival(&self, call: &Call<'_>) -> bool {
        self.mode == Mode::Forever && self.current(call).awaits_arrival
    }

    /// Begins the next step, or leaves the state when there is none.
    pub(super) fn take_steps(&mut self, call: &mut Call<'_>) {
        for _ in 0..STEPS_AT_ONCE {
            if self.is_draining || !self.is_wanted {
                return self.advance(call);
            }
            let state = self.current(call);
            let Some(step) = state.steps.get(usize::from(self.step)) else {
                if self.leave_state(call) {
                    return;
                }
                if self.awaits_arrival(call) {
                    return self.advance(call);
                }
                continue;
            };
            let is_skipped = self.repeats == 0 && step.chance < 1.0 && unit(&mut self.random) >= step.chance;
            if is_skipped {
                self.step += 1;
                continue;
            }
            if self.begin(call, step) {
                return;
            }
        }
        self.phase = Phase::Pausing { until: call.now + BREATHER, then: Then::Advance };
    }

    /// Goes on with a step that had to wait for something else first.
    pub(super) fn resume(&mut self, call: &mut Call<'_>) {
        if self.is_draining || !self.is_wanted {
            return self.advance(call);
        }
        let step = self.current_step(call);
        if !self.begin(call, step) {
            self.take_steps(call);
        }
    }

    /// Chooses the next state, and pauses for the think time; whether the user now waits for something.
    fn leave_state(&mut self, call: &mut Call<'_>) -> bool {
        let state = self.current(call);
        self.attempts = 0;
        let next = choose(&state.next, &mut self.random);
        let is_over = match (self.mode, next) {
            (_, None) => true,
            (Mode::Forever, Some(_)) => false,
            (Mode::Once, Some(next)) => {
                self.visited |= 1 << (self.state & 63);
                self.visited & (1 << (next & 63)) != 0
            }
        };
        if is_over {
            self.is_wanted = false;
            self.go_offline(call);
            return true;
        }
        self.enter(next.unwrap_or_default());
        let Some(think) = state.think else {
            self.due = call.now;
            return false;
        };
        let mut pause = think.draw(&mut self.random);
        if self.mode == Mode::Once {
            pause = pause.min(Duration::from_secs(1));
        }
        self.phase = Phase::Pausing { until: call.now + pause, then: Then::Advance };
        true
    }

    /// Counts a repetition that is over, and moves on after the last one.
    pub(super) fn count_repeat(&mut self, step: &Step) {
        self.repeats += 1;
        if self.repeats >= step.repeat {
            (self.step, self.repeats) = (self.step + 1, 0);
        }
    }

    /// Goes on after a settled step.
    pub(super) fn next_step(&mut self, call: &mut Call<'_>, step: &Step) {
        self.due = call.now;
        self.count_repeat(step);
        self.take_steps(call);
    }

    /// Does what the state says about failures.
    pub(super) fn after_failure(&mut self, call: &mut Call<'_>) {
        if self.is_draining || !self.is_wanted {
            return self.advance(call);
        }
        match self.current(call).on_failure {
            _ if self.mode == Mode::Once => {
                self.is_wanted = false;
                self.go_offline(call);
            }
            OnFailure::Continue => {
                // A pause, however short: a step that fails at once must not spin.
                let step = self.current_step(call);
                self.count_repeat(step);
                self.pause_then_go_on(call);
            }
            OnFailure::GoTo(state) => {
                self.enter(state);
                self.pause_then_go_on(call);
            }
            OnFailure::Stop => {
                self.is_wanted = false;
                self.go_offline(call);
            }
            OnFailure::Restart => self.back_off(call),
        }
    }

    fn pause_then_go_on(&mut self, call: &mut Call<'_>) {
        self.phase = Phase::Pausing { until: call.now + Duration::from_millis(1), then: Then::Advance };
    }

    /// Drops the connection and waits a random part of a growing span before it begins again.
    pub(super) fn back_off(&mut self, call: &mut Call<'_>) {
        self.is_returning = true;
        if self.session.is_some() {
            self.end_session(call, super::life::SessionEnd::Closed);
            call.books.actions.push(Action::Abort);
        }
        let span = (BACK_OFF_BASE * (1 << self.attempts.min(10))).min(BACK_OFF_MAX);
        self.attempts = self.attempts.saturating_add(1);
        let drawn = span.mul_f64(unit(&mut self.random));
        let pause = if std::mem::take(&mut self.returns_at_once) { Duration::ZERO } else { drawn };
        self.phase = Phase::Pausing { until: call.now + pause, then: Then::Restart };
    }
}

/// Chooses by weight; `None` when there is nothing to choose from.
fn choose(next: &[(usize, f64)], random: &mut Random) -> Option<usize> {
    match next {
        [] => None,
        [(only, _)] => Some(*only),
        many => {
            let total: f64 = many.iter().map(|(_, weight)| weight).sum();
            let mut drawn = unit(random) * total;
            for &(state, weight) in many {
                drawn -= weight;
                if drawn < 0.0 {
                    return Some(state);
                }
            }
            many.last().map(|&(state, _)| state)
        }
    }
}
