//! The state machine: which step is next, and how a request begins.

use std::time::Duration;

use crate::ledger::AttachId;
use crate::metrics::Sample;
use crate::ops::{Blocked, Draft, Effect, FailureKind, LocalCause, Op, OpId, PageState, Request, Topic};
use crate::protocol::Stamp;
use crate::random::{Purpose, Random, generator, unit};
use crate::scenario::{OnFailure, State, Step};
use crate::tick::Tick;

use super::attachments::{Attachments, topic_key};
use super::history::{Page, Paging};
use super::surroundings::View;
use super::world::{Call, World};
use super::{Action, Event};

/// Steps that a user may begin in one call before it has to let others run.
const STEPS_AT_ONCE: u32 = 64;
/// Pause of a user that did so many steps without waiting for anything.
const BREATHER: Duration = Duration::from_millis(10);
/// Pauses between looks for a peer that has not logged in yet.
const PEER_PAUSE_MIN: Duration = Duration::from_millis(2);
const PEER_PAUSE_MAX: Duration = Duration::from_millis(500);
/// First and longest span from which the pause before a reconnect is drawn.
const BACK_OFF_BASE: Duration = Duration::from_millis(500);
const BACK_OFF_MAX: Duration = Duration::from_secs(30);
/// How many requests that were given up are remembered, so that their late replies are known as such.
const GIVEN_UP: usize = 4;

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
    attach_counter: u32,
    pub(super) state: u16,
    pub(super) step: u16,
    pub(super) repeats: u32,
    pub(super) attempts: u8,
    mode: Mode,
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
    pub(super) given_up: [u32; GIVEN_UP],
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
}

/// One connection, from its upgrade to its end.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) file_token: Option<Box<str>>,
    pub(super) attachments: Attachments,
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
            given_up: [u32::MAX; GIVEN_UP],
        }
    }

    /// Takes one event and writes what is to be done to `world.books.actions`.
    /// Never waits, never reads a clock, never fails.
    pub fn on(&mut self, now: Tick, event: Event<'_>, world: &mut World) {
        let call = &mut world.call(now);
        match event {
            Event::GoOnline => self.go_online(call),
            Event::GoOffline => self.go_offline(call),
            Event::Drain => self.drain(),
            Event::Leave => self.leave(call),
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
            Event::Token(result) => self.settle_way(call, Way::Token, result),
        }
    }

    /// When [`Event::Wake`] is wanted; [`Tick::NEVER`] when it is not.
    pub fn next_wake(&self) -> Tick {
        match &self.phase {
            Phase::Idle | Phase::Parked => Tick::NEVER,
            Phase::Pausing { until, .. } => *until,
            Phase::Open(open) => open.deadline,
            Phase::Leaving { deadline } => *deadline,
        }
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

    /// Goes on after a settled step.
    pub(super) fn next_step(&mut self, call: &mut Call<'_>, step: &Step) {
        self.due = call.now;
        self.repeats += 1;
        if self.repeats >= step.repeat {
            (self.step, self.repeats) = (self.step + 1, 0);
        }
        self.take_steps(call);
    }

    /// Begins a step; false when it was over at once and the next one can begin.
    fn begin(&mut self, call: &mut Call<'_>, step: &Step) -> bool {
        self.begin_page(call, step, PageState::default(), None)
    }

    /// Begins a step or its next page. `first` holds due and sent of the first page.
    pub(super) fn begin_page(
        &mut self,
        call: &mut Call<'_>,
        step: &Step,
        page: PageState,
        first: Option<(Tick, Tick)>,
    ) -> bool {
        let counter = self.counter;
        let stamp = Stamp {
            run: call.plan.run_tag,
            synthetic: step.op.is_synthetic(),
            user: self.index,
            counter,
            sent: call.now,
        };
        let id = stamp.encode();
        let mut frame = String::new();
        let mut random = self.random.clone();
        let view = View { index: self.index, call, session: self.session.as_deref(), saved: &self.saved };
        let mut draft =
            Draft { id: id.as_str(), key: stamp.key(), frame: &mut frame, random: &mut random, around: &view, page };
        let begun = step.op.begin(&mut draft);
        match begun {
            Err(Blocked::Wait) => {
                self.wait_for_peer(call);
                return true;
            }
            Err(Blocked::NeedsToken) if step.op.id() != OpId::Token => {
                return self.fetch_token_first(call);
            }
            _ => {}
        }
        self.random = random;
        self.counter = Stamp::next_counter(counter);
        let (due, sent) = first.unwrap_or((self.due.min(call.now), call.now));
        if first.is_none() {
            call.books.begun(step.op.id());
        }
        let deadline = call.now + step.timeout.unwrap_or(call.plan.scenario.target.timeout);
        let mut open = Open {
            op: step.op.id(),
            counter,
            key: stamp.key(),
            due,
            sent,
            deadline,
            effect: Effect::None,
            way: Way::Frame,
            page,
            paging: None,
            is_errand: false,
        };
        let request = match begun {
            Ok(request) => request,
            Err(Blocked::Fail(cause)) => return self.fail_at_once(call, open, cause),
            Err(_) => return self.fail_at_once(call, open, LocalCause::NoToken),
        };
        let needs_connection = matches!(request, Request::Frame(_) | Request::FrameWithoutReply | Request::Disconnect);
        if needs_connection && self.session.is_none() {
            return self.fail_at_once(call, open, LocalCause::NotConnected);
        }
        let is_answered = request != Request::FrameWithoutReply;
        let action = match request {
            Request::Connect => {
                if self.session.is_some() {
                    self.end_session(call, super::life::SessionEnd::Closed);
                    call.books.actions.push(Action::Abort);
                }
                open.way = Way::Connect;
                Action::Connect
            }
            Request::Disconnect => {
                open.way = Way::Close;
                Action::Close
            }
            Request::Token => {
                open.way = Way::Token;
                Action::FetchToken
            }
            Request::Frame(effect) => {
                self.before_sending(call, &mut open, effect);
                Action::Send(frame)
            }
            Request::FrameWithoutReply => Action::Send(frame),
            Request::Upload { bytes } => {
                let Some(token) = self.file_token() else {
                    return self.fail_at_once(call, open, LocalCause::NoToken);
                };
                open.way = Way::Http;
                Action::Upload { id: id.as_str().to_owned(), key: stamp.key(), bytes, token }
            }
            Request::Download { file } => {
                let Some(token) = self.file_token() else {
                    return self.fail_at_once(call, open, LocalCause::NoToken);
                };
                open.way = Way::Http;
                Action::Download { file, token }
            }
        };
        if let Action::Send(frame) = &action {
            call.books.figures.traffic.frames_sent += 1;
            call.books.figures.traffic.bytes_sent += frame.len() as u64;
        }
        call.books.actions.push(action);
        if is_answered {
            self.phase = Phase::Open(Box::new(open));
        } else {
            let sample = Sample { op: open.op, due, sent, done: call.now };
            call.books.ended(sample, Ok(()));
            self.due = call.now;
            self.repeats += 1;
            if self.repeats >= step.repeat {
                (self.step, self.repeats) = (self.step + 1, 0);
            }
        }
        is_answered
    }

    /// What the ledger has to know before the frame is out.
    fn before_sending(&mut self, call: &mut Call<'_>, open: &mut Open, effect: Effect) {
        let own = call.directory.id(self.index);
        if let Some(session) = &mut self.session {
            match &effect {
                Effect::Attach(topic) if session.attachments.get(topic).is_none() => {
                    let key = topic_key(topic, own, call);
                    let id = AttachId((u64::from(self.index) << 32) | u64::from(self.attach_counter));
                    self.attach_counter += 1;
                    session.attachments.request(call, topic.clone(), key, id, call.now);
                }
                Effect::Detach(topic) => {
                    if let Some(attachment) = session.attachments.find(topic) {
                        attachment.leaving = call.now;
                    }
                }
                Effect::Page(topic) => open.paging = Some(Paging { topic: topic.clone(), page: Page::default() }),
                _ => {}
            }
        }
        open.effect = effect;
    }

    /// A new attachment of this user, as for a group that it has just created.
    pub(super) fn attach_created(&mut self, call: &mut Call<'_>, topic: Topic, sent: Tick) {
        let key = topic_key(&topic, call.directory.id(self.index), call);
        let id = AttachId((u64::from(self.index) << 32) | u64::from(self.attach_counter));
        self.attach_counter += 1;
        if let Some(session) = &mut self.session {
            session.attachments.request(call, topic.clone(), key, id, sent);
            session.attachments.confirm(call, &topic, call.now);
        }
    }

    fn file_token(&self) -> Option<String> {
        self.session.as_ref()?.file_token.as_deref().map(str::to_owned)
    }

    fn wait_for_peer(&mut self, call: &mut Call<'_>) {
        let pause = match self.phase {
            Phase::Pausing { then: Then::Retry { pause }, .. } => (pause * 2).min(PEER_PAUSE_MAX),
            _ => PEER_PAUSE_MIN,
        };
        self.phase = Phase::Pausing { until: call.now + pause, then: Then::Retry { pause } };
    }

    /// Fetches a token; the step that needs it comes after, due when it was.
    fn fetch_token_first(&mut self, call: &mut Call<'_>) -> bool {
        call.books.begun(OpId::Token);
        call.books.actions.push(Action::FetchToken);
        let counter = self.counter;
        self.counter = Stamp::next_counter(counter);
        self.phase = Phase::Open(Box::new(Open {
            op: OpId::Token,
            counter,
            key: 0,
            due: call.now,
            sent: call.now,
            // Fetching is paced, and a request may have to wait its turn.
            deadline: Tick::NEVER,
            effect: Effect::None,
            way: Way::Token,
            page: PageState::default(),
            paging: None,
            is_errand: true,
        }));
        true
    }

    fn fail_at_once(&mut self, call: &mut Call<'_>, open: Open, cause: LocalCause) -> bool {
        let sample = Sample { op: open.op, due: open.due, sent: call.now, done: call.now };
        call.books.ended(sample, Err((FailureKind::Local(cause), String::new())));
        self.after_failure(call);
        true
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
                self.repeats += 1;
                if self.repeats >= step.repeat {
                    (self.step, self.repeats) = (self.step + 1, 0);
                }
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
        if self.session.is_some() {
            self.end_session(call, super::life::SessionEnd::Closed);
            call.books.actions.push(Action::Abort);
        }
        self.is_returning = true;
        let span = (BACK_OFF_BASE * (1 << self.attempts.min(10))).min(BACK_OFF_MAX);
        self.attempts = self.attempts.saturating_add(1);
        let pause = span.mul_f64(unit(&mut self.random));
        self.phase = Phase::Pausing { until: call.now + pause, then: Then::Restart };
    }

    /// Whether the step's operation pages, and wants another page.
    pub(super) fn wants_page(step: &Step, page: PageState) -> bool {
        matches!(&step.op, Op::History(history) if history.wants_more(page))
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
