//! What one session can check by itself of what the service promises: names, copies, marks, silence after a leave.

use crate::ledger::{Invariant, PastRecord, named};
use crate::ops::payload::is_intact;
use crate::ops::{Effect, Topic};
use crate::protocol::server::{Data, Meta};
use crate::protocol::{Json, Stamp, UserId};

use super::attachments::is_named;
use super::machine::{Phase, User, Way};
use super::world::Call;

/// Topics that a session has left and that are remembered.
const PARTED_MAX: usize = 16;

/// How a session was parted from a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parting {
    /// It left for now.
    Leave,
    /// The subscription ended, or the topic did.
    Removal,
}

impl Parting {
    fn invariant(self) -> Invariant {
        match self {
            Parting::Leave => Invariant::NothingAfterLeave,
            Parting::Removal => Invariant::NothingAfterRemoval,
        }
    }
}

/// What a session keeps to check by.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// The last publish that was acknowledged, and the time that the reply named.
    acked: Option<(u32, Option<jiff::Timestamp>)>,
    parted: Vec<(Topic, Parting)>,
    /// A frame of the scenario's own went out: it may have attached the session to anything.
    pub(super) has_raw: bool,
    /// Notes sent since the last request that was answered. What the service cannot read of them it refuses without
    /// an id.
    pub(super) notes: u32,
}

impl Watched {
    /// The session is attached again.
    pub(super) fn attached(&mut self, topic: &Topic) {
        self.parted.retain(|(parted, _)| parted != topic);
    }

    /// The session is certainly no longer attached.
    pub(super) fn parted(&mut self, call: &mut Call<'_>, topic: &Topic, how: Parting) {
        self.attached(topic);
        if self.parted.len() == PARTED_MAX {
            self.parted.remove(0);
        }
        call.books.batch.checks.holds(how.invariant());
        self.parted.push((topic.clone(), how));
    }
}

impl User {
    /// A message on a topic to which the session is not attached.
    pub(super) fn receive_stray(&mut self, call: &mut Call<'_>, data: &Data<'_>, stamp: Option<Stamp>) {
        let watched = self.session.as_ref().map(|session| &session.watched).filter(|watched| !watched.has_raw);
        let (Some(stamp), Some(watched)) = (stamp, watched) else {
            call.books.batch.foreign += 1;
            return;
        };
        call.books.batch.misdelivered += 1;
        if let Some((_, how)) = watched.parted.iter().find(|(topic, _)| is_named(topic, &data.topic, call)) {
            let (seq, user) = (data.seq, self.index);
            call.books.batch.checks.found(how.invariant(), call.now, || {
                format!("{} (seq {seq}) came to user {user} on `{}`", named(stamp.key()), &*data.topic)
            });
        }
    }

    /// A live message of this run on one of the session's topics.
    pub(super) fn check_live(&mut self, call: &mut Call<'_>, topic: &Topic, data: &Data<'_>, stamp: Stamp) {
        if stamp.synthetic {
            call.books.batch.checks.get_mut(Invariant::ContentUnchanged).checked += 1;
        }
        let is_own = stamp.user == self.index;
        if is_own {
            self.check_echo(call, stamp, data);
        }
        if let Topic::User(peer) = topic
            && let Some(author) = author(call, stamp)
        {
            let form = call.plan.scenario.target.dialect.user_ids;
            let from = data.from.as_deref().and_then(|from| UserId::parse(from, form));
            let is_mirrored = from.is_none_or(|from| from == author) && (is_own || author == *peer);
            let (seq, user) = (data.seq, self.index);
            call.books.batch.checks.check(Invariant::PairMirrored, is_mirrored, call.now, || {
                let from = data.from.as_deref().unwrap_or("nobody");
                format!("{} (seq {seq}) came to user {user} on `{}` from `{from}`", named(stamp.key()), &*data.topic)
            });
        }
    }

    /// The user's own copy of a message.
    fn check_echo(&mut self, call: &mut Call<'_>, stamp: Stamp, data: &Data<'_>) {
        match &mut self.phase {
            Phase::Open(open) if open.counter == stamp.counter && open.way == Way::Frame => {
                open.has_echo = true;
                return;
            }
            _ => {}
        }
        if let Some(given_up) = self.given_up.iter_mut().find(|given_up| given_up.counter == stamp.counter) {
            given_up.has_echo = true;
            return;
        }
        let acked = self.session.as_ref().and_then(|session| session.watched.acked);
        let Some((_, acked)) = acked.filter(|(counter, _)| *counter == stamp.counter) else { return };
        let sent = data.ts.as_deref().and_then(|ts| ts.parse().ok());
        let is_same = acked.is_none() || sent.is_none() || acked == sent;
        call.books.batch.checks.check(Invariant::AckBeforeEcho, is_same, call.now, || {
            let ts = data.ts.as_deref().unwrap_or_default();
            let acked = acked.map_or_else(String::new, |acked| acked.to_string());
            format!("{} was acknowledged at `{acked}` and came back as of `{ts}`", named(stamp.key()))
        });
    }

    /// Keeps the time that the reply to a publish names, until its copy comes.
    pub(super) fn note_reply_time(&mut self, ts: Option<&str>) {
        if let Phase::Open(open) = &self.phase
            && matches!(open.effect, Effect::Publish { echo: true, .. })
            && let Some(session) = &mut self.session
        {
            session.watched.acked = Some((open.counter, ts.and_then(|ts| ts.parse().ok())));
        }
    }

    /// A publish was acknowledged after its own copy had come.
    pub(super) fn ack_came_late(call: &mut Call<'_>, key: u64) {
        let now = call.now;
        call.books.batch.checks.broken(Invariant::AckBeforeEcho, now, || {
            format!("the own copy of {} came before its acknowledgement", named(key))
        });
    }

    /// A message of the history.
    pub(super) fn check_past(&mut self, call: &mut Call<'_>, data: &Data<'_>, stamp: Stamp) {
        match past_problem(call, data, stamp) {
            None => call.books.batch.past.push(PastRecord { key: stamp.key(), seq: data.seq, received: call.now }),
            Some(problem) => call.books.batch.checks.broken(Invariant::HistoryAsLive, call.now, || problem),
        }
    }

    /// The marks in a reply.
    pub(super) fn check_marks(&mut self, call: &mut Call<'_>, meta: &Meta<'_>) {
        // What is absent is zero, or not told: neither says anything.
        let in_order =
            |seq: u64, read: u64, recv: u64| (seq == 0 || (read <= seq && recv <= seq)) && (recv == 0 || recv >= read);
        let now = call.now;
        if let Some(desc) = meta.desc.as_ref().filter(|desc| desc.seq > 0) {
            let (seq, read, recv) = (desc.seq, desc.read, desc.recv);
            let name = meta.topic.as_deref().unwrap_or_default();
            let attachments = self.session.as_mut().map(|session| &mut session.attachments);
            let attachment = attachments.and_then(|attachments| attachments.find_wire(name, call));
            let before = attachment.map_or((0, 0), |attachment| std::mem::replace(&mut attachment.marks, (read, recv)));
            let has_advanced = read >= before.0 && recv >= before.1;
            let is_held = in_order(seq, read, recv) && has_advanced;
            call.books.batch.checks.check(Invariant::MarksInOrder, is_held, now, || {
                let (old_read, old_recv) = before;
                format!("`{name}`: seq {seq}, recv {recv} after {old_recv}, read {read} after {old_read}")
            });
        }
        for sub in meta.sub.iter().flatten().filter(|sub| sub.read > 0) {
            let (seq, read, recv) = (sub.seq, sub.read, sub.recv);
            call.books.batch.checks.check(Invariant::MarksInOrder, in_order(seq, read, recv), now, || {
                let whose = sub.user.as_deref().or(sub.topic.as_deref()).unwrap_or_default();
                format!("`{whose}`: seq {seq}, recv {recv}, read {read}")
            });
        }
    }
}

/// The wire id of a message's author, once it is known.
fn author(call: &Call<'_>, stamp: Stamp) -> Option<UserId> {
    (stamp.user < call.plan.users()).then(|| call.directory.id(stamp.user))?
}

/// What is wrong with a message of the history, without asking the ledger.
fn past_problem(call: &Call<'_>, data: &Data<'_>, stamp: Stamp) -> Option<String> {
    let form = call.plan.scenario.target.dialect.user_ids;
    let from = data.from.as_deref();
    if let (Some(author), Some(from)) = (author(call, stamp), from)
        && UserId::parse(from, form) != Some(author)
    {
        return Some(format!("{} (seq {}) is from `{from}` in the history", named(stamp.key()), data.seq));
    }
    let is_whole = !stamp.synthetic || is_unchanged(stamp, data);
    (!is_whole).then(|| format!("{} (seq {}) is changed in the history", named(stamp.key()), data.seq))
}

/// Whether a synthetic text is what was sent.
pub(super) fn is_unchanged(stamp: Stamp, data: &Data<'_>) -> bool {
    data.content.as_ref().and_then(Json::as_text).is_some_and(|text| is_intact(stamp.key(), &text))
}
