//! The hub: users, sessions, topics and rights of the stand-in PBX, and who is told of what.
//!
//! Pure: no socket, no clock, no task. A request and the time go in, frames for sessions come out of
//! [`Outbox`] in the order in which they are to be queued. Must not know faults, connections or HTTP.
//!
//! Start reading at [`Hub::receive`]; each verb has a file of its own. Source: protocol reference, sections 3–15.

pub mod account;
mod change;
mod delete;
mod frames;
mod greet;
mod history;
mod leave;
mod login;
mod note;
mod onlookers;
mod outbox;
mod presence;
mod publish;
mod query;
mod rules;
mod session;
mod subscribe;
#[cfg(test)]
mod tests;
mod token;
mod topic;

use std::collections::VecDeque;

use jiff::Timestamp;
use rand::SeedableRng;
use rand_pcg::Pcg64;

use crate::protocol::client::ClientEnvelope;
use crate::protocol::{ClientMessage, Code};

pub use account::{Accounts, SignInError, Tokens};
pub use outbox::{FrameKind, Outbox, Outgoing, Receiver};
pub use rules::{Entry, Hello, HistoryEnd, HistoryOrder, JoinReply, Rules, TopicQueue, Transfer};
pub use session::SessionId;
pub use topic::TopicRef;

use account::UserRef;
use frames::Reply;
use history::Budget;
use session::Sessions;
use topic::Topics;

/// Whether an accepted publish is kept and passed on; the second is a declared fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// As the service does it.
    Keep,
    /// Acknowledged, and then neither stored nor found in the history.
    Forget,
}

/// Which number a publish gets; all but the next one are declared faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbering {
    /// As the service does it.
    #[default]
    Next,
    /// The one after the next.
    Skip,
    /// That of the message before.
    Repeat,
    /// That of the message before the one before.
    Backward,
}

/// How a publish is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publishing {
    /// Whether it is kept.
    pub storage: Storage,
    /// Its number; the next one where the topic has none that would do.
    pub number: Numbering,
}

impl Default for Publishing {
    fn default() -> Publishing {
        Publishing { storage: Storage::Keep, number: Numbering::Next }
    }
}

/// The whole state of the stand-in.
pub struct Hub {
    rules: Rules,
    accounts: Accounts,
    sessions: Sessions,
    topics: Topics,
    budget: Budget,
    /// Who or what may have been idle for the linger time, by the instant at which to look.
    lingering: VecDeque<(Timestamp, Lingering)>,
    /// Groups deleted by their owners, which a member may revive; the oldest are forgotten.
    dormant: VecDeque<TopicRef>,
    random: Pcg64,
}

/// Deleted groups that are kept for their members.
const DORMANT_MAX: usize = 10_000;

#[derive(Debug, Clone, Copy)]
enum Lingering {
    User(UserRef),
    Topic(TopicRef),
}

/// What every handler needs to know about a request.
struct Call<'a> {
    session: SessionId,
    user: UserRef,
    id: Option<&'a str>,
    now: Timestamp,
    ts: String,
}

impl Hub {
    /// A hub without users and topics.
    pub fn new(rules: Rules) -> Hub {
        Hub {
            accounts: Accounts::new(&rules),
            sessions: Sessions::default(),
            topics: Topics::default(),
            budget: Budget::new(rules.history_bytes_max),
            lingering: VecDeque::new(),
            dormant: VecDeque::new(),
            random: Pcg64::seed_from_u64(rules.seed),
            rules,
        }
    }

    /// Users and their tokens, for the REST interface and the files.
    pub fn accounts(&mut self) -> &mut Accounts {
        &mut self.accounts
    }

    /// A new connection; it is not logged in.
    pub fn open(&mut self) -> SessionId {
        self.sessions.open()
    }

    /// Whether the session is logged in.
    pub fn is_authenticated(&self, session: SessionId) -> bool {
        self.sessions.get(session).is_some_and(|state| state.user.is_some())
    }

    /// The connection is gone: detaches from everything.
    pub fn close(&mut self, session: SessionId, now: Timestamp, out: &mut Outbox) {
        let Some(state) = self.sessions.get(session) else { return };
        let (user, attached, on_me) = (state.user, state.attached.clone(), state.on_me);
        if let Some(user) = user {
            for topic in attached {
                self.detach(session, user, topic, now, out);
            }
            if on_me {
                self.detach_me(session, user, now);
            }
        }
        self.sessions.close(session);
    }

    /// The session no longer gets the topic's messages and is not told: what the service does to a full queue.
    pub fn detach_silently(&mut self, session: SessionId, topic: TopicRef, now: Timestamp, out: &mut Outbox) {
        if let Some(user) = self.sessions.get(session).and_then(|state| state.user) {
            self.detach(session, user, topic, now, out);
        }
    }

    /// Reads a frame; `None` when it is malformed or holds no verb.
    pub fn parse(text: &str) -> Option<ClientMessage<'_>> {
        serde_json::from_str::<ClientEnvelope<'_>>(text).ok()?.into_message()
    }

    /// Takes a frame of a session and says what is to be sent.
    pub fn receive(&mut self, session: SessionId, text: &str, now: Timestamp, out: &mut Outbox) {
        match Hub::parse(text) {
            Some(message) => self.handle(session, message, Publishing::default(), now, out),
            None => Hub::refuse_malformed(session, now, out),
        }
    }

    /// The answer to what cannot be read: neither id nor topic.
    pub fn refuse_malformed(session: SessionId, now: Timestamp, out: &mut Outbox) {
        out.reply(session, &Reply::new(None, Code::MALFORMED, "malformed", &now.to_string()));
    }

    /// Refuses a request with the given code, as an overloaded service does. A note has no reply.
    pub fn refuse(session: SessionId, message: &ClientMessage<'_>, code: Code, now: Timestamp, out: &mut Outbox) {
        if matches!(message, ClientMessage::Note(_)) || (is_publish(message) && request_id(message).is_none()) {
            return;
        }
        let text = frames::text_of(code);
        let ts = now.to_string();
        out.reply(session, &Reply::new(request_id(message), code, text, &ts).topic(topic_of(message)));
    }

    /// Acts upon a request.
    pub fn handle(
        &mut self,
        session: SessionId,
        message: ClientMessage<'_>,
        publishing: Publishing,
        now: Timestamp,
        out: &mut Outbox,
    ) {
        let Some(state) = self.sessions.get(session) else { return };
        let ts = now.to_string();
        match (&message, state.greeted) {
            (ClientMessage::Hi(hi), known) => return self.greet(session, known, hi, &ts, out),
            (message, None) if matches!(self.rules.entry, Entry::Hello(_)) => {
                if matches!(message, ClientMessage::Note(_)) {
                    return;
                }
                let reply = Reply::new(request_id(message), Code::CONFLICT, "command out of sequence", &ts);
                return out.reply(session, &reply.topic(topic_of(message)));
            }
            _ => {}
        }
        let user = match (&message, state.user) {
            (ClientMessage::Login(login), user) => return self.login(session, user, login, now, &ts, out),
            (ClientMessage::Acc(acc), user) => return self.sign_up(session, user, acc, now, &ts, out),
            (ClientMessage::Note(_), None) => return,
            (_, None) => {
                let reply = Reply::new(request_id(&message), Code::UNAUTHORIZED, "authentication required", &ts);
                return out.reply(session, &reply.topic(topic_of(&message)));
            }
            (_, Some(user)) => user,
        };
        let id = request_id(&message).map(str::to_owned);
        let call = Call { session, user, id: id.as_deref(), now, ts };
        match message {
            ClientMessage::Sub(sub) => self.subscribe(&call, sub, out),
            ClientMessage::Leave(leave) => self.leave(&call, &leave, out),
            ClientMessage::Pub(message) => self.publish(&call, &message, publishing, out),
            ClientMessage::Get(get) => self.get(&call, &get, out),
            ClientMessage::Set(set) => self.set(&call, &set, out),
            ClientMessage::Del(del) => self.delete(&call, &del, out),
            ClientMessage::Note(note) => self.note(&call, &note, out),
            ClientMessage::Hi(_) | ClientMessage::Login(_) | ClientMessage::Acc(_) => {}
        }
    }

    /// When [`Hub::wake`] next has something to do.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.lingering.front().map(|(at, _)| *at)
    }

    /// Announces what has been idle long enough as gone.
    pub fn wake(&mut self, now: Timestamp, out: &mut Outbox) {
        while let Some((_, what)) = self.lingering.pop_front_if(|(at, _)| *at <= now) {
            match what {
                Lingering::User(user) => self.user_idle(user, now, out),
                Lingering::Topic(topic) => self.topic_idle(topic, now, out),
            }
        }
    }

    /// Tells every session that the server goes down.
    pub fn shut_down(&mut self, now: Timestamp, out: &mut Outbox) {
        let ts = now.to_string();
        let frame = Reply::new(None, Code::EVICTED, "server shutdown", &ts).to_frame();
        for session in self.sessions.ids() {
            out.push(session, frame.clone(), FrameKind::Notice);
        }
    }

    fn linger(&mut self, what: Lingering, now: Timestamp) {
        let at = now.checked_add(self.rules.linger).unwrap_or(Timestamp::MAX);
        self.lingering.push_back((at, what));
    }
}

impl Call<'_> {
    fn reply(&self, code: Code, topic: &str) -> Reply<'_> {
        Reply::new(self.id, code, frames::text_of(code), &self.ts).topic_owned(topic)
    }

    fn refuse(&self, code: Code, topic: &str) -> Reply<'_> {
        self.reply(code, topic)
    }
}

fn is_publish(message: &ClientMessage<'_>) -> bool {
    matches!(message, ClientMessage::Pub(_))
}

/// The id of a request, if it has one.
pub fn request_id<'m>(message: &'m ClientMessage<'_>) -> Option<&'m str> {
    match message {
        ClientMessage::Hi(hi) => hi.id.as_deref(),
        ClientMessage::Acc(acc) => acc.id.as_deref(),
        ClientMessage::Login(login) => login.id.as_deref(),
        ClientMessage::Sub(sub) => sub.id.as_deref(),
        ClientMessage::Leave(leave) => leave.id.as_deref(),
        ClientMessage::Pub(message) => message.id.as_deref(),
        ClientMessage::Get(get) => get.id.as_deref(),
        ClientMessage::Set(set) => set.id.as_deref(),
        ClientMessage::Del(del) => del.id.as_deref(),
        ClientMessage::Note(_) => None,
    }
}

/// The topic of a request, if it names one.
fn topic_of<'m>(message: &'m ClientMessage<'_>) -> Option<&'m str> {
    match message {
        ClientMessage::Hi(_) | ClientMessage::Acc(_) | ClientMessage::Login(_) => None,
        ClientMessage::Sub(sub) => Some(&sub.topic),
        ClientMessage::Leave(leave) => Some(&leave.topic),
        ClientMessage::Pub(message) => Some(&message.topic),
        ClientMessage::Get(get) => Some(&get.topic),
        ClientMessage::Set(set) => Some(&set.topic),
        ClientMessage::Del(del) => Some(&del.topic),
        ClientMessage::Note(note) => Some(&note.topic),
    }
}
