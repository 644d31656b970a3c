//! How a request begins: what stands in its way, what the ledger has to know before it is out, and its deadline.

use std::time::Duration;

use crate::ledger::AttachId;
use crate::metrics::Sample;
use crate::ops::{Blocked, Draft, Effect, FailureKind, LocalCause, Op, OpId, PageState, Request, Topic};
use crate::protocol::Stamp;
use crate::scenario::Step;
use crate::tick::Tick;

use super::Action;
use super::attachments::topic_key;
use super::history::{Page, Paging};
use super::life::SessionEnd;
use super::machine::{Open, Phase, Sent, Then, User, Way};
use super::surroundings::View;
use super::world::Call;

/// Pauses between looks for a peer that has not logged in yet.
const PEER_PAUSE_MIN: Duration = Duration::from_millis(2);
const PEER_PAUSE_MAX: Duration = Duration::from_millis(500);

impl User {
    /// Begins a step; false when it was over at once and the next one can begin.
    pub(super) fn begin(&mut self, call: &mut Call<'_>, step: &Step) -> bool {
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
        if step.op.id() == OpId::Connect && !self.has_turn(call) {
            return true;
        }
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
            // What is under way cannot wait for a token any more.
            Err(Blocked::NeedsToken) if step.op.id() != OpId::Token && first.is_none() => {
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
            has_echo: false,
            seq_before: 0,
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
                    self.end_session(call, SessionEnd::Closed);
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
            call.books.sent(frame);
            self.sent_last = Sent::Step;
            if let Some(session) = &mut self.session {
                session.watched.has_raw |= open.op == OpId::Raw;
                session.watched.notes += u32::from(!is_answered);
            }
        }
        call.books.actions.push(action);
        if is_answered {
            self.phase = Phase::Open(Box::new(open));
        } else {
            let sample = Sample { op: open.op, due, sent, done: call.now };
            call.books.ended(sample, Ok(()));
            self.due = call.now;
            self.count_repeat(step);
        }
        is_answered
    }

    /// Whether the user may connect now; otherwise it waits for its turn. Its time to connect has not begun by then, and
    /// the wait is in the lag.
    fn has_turn(&mut self, call: &mut Call<'_>) -> bool {
        if matches!(self.phase, Phase::Pausing { then: Then::Turn, .. }) {
            return true;
        }
        let turn = call.turns.take(call.now);
        if turn > call.now {
            self.phase = Phase::Pausing { until: turn, then: Then::Turn };
        }
        turn <= call.now
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
                    session.watched.attached(topic);
                }
                Effect::Detach(topic) => {
                    if let Some(attachment) = session.attachments.find(topic) {
                        attachment.leaving = call.now;
                    }
                }
                Effect::Publish { topic, .. } => {
                    open.seq_before = session.attachments.get(topic).map_or(0, |attachment| attachment.last_seq);
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
            session.watched.attached(&topic);
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
            has_echo: false,
            seq_before: 0,
        }));
        true
    }

    fn fail_at_once(&mut self, call: &mut Call<'_>, open: Open, cause: LocalCause) -> bool {
        let sample = Sample { op: open.op, due: open.due, sent: call.now, done: call.now };
        call.books.ended(sample, Err((FailureKind::Local(cause), String::new())));
        self.after_failure(call);
        true
    }

    /// Whether the step's operation pages, and wants another page.
    pub(super) fn wants_page(step: &Step, page: PageState) -> bool {
        matches!(&step.op, Op::History(history) if history.wants_more(page))
    }
}
