//! Catching up after a lost connection: what was missed is fetched from the history, as the service's own clients do.
//!
//! When the connection is lost, each attachment is noted with the last number that it received. Once the user is
//! attached to the topic again, it asks the history for what came since, page by page, one question at a time and not
//! more than [`PAGES_MAX`] of a topic. What it finds it tells the ledger; what it had published itself, without learning
//! the outcome, is settled by its own stamp. These requests are nobody's step: they are in none of the operation's figures.

use crate::ledger::{
    AttachId, AttachRecord, DeliveryRecord, Finding, PastRecord, PublishOutcome, PublishRecord, RecoveredRecord,
    TopicKey,
};
use crate::ops::{Effect, PageState, Reply, Topic};
use crate::protocol::{ClientMessage, Stamp, client};
use crate::tick::Tick;

use super::Action;
use super::attachments::{Attachment, Attachments, LiveNumbers};
use super::event::Hit;
use super::history::Page;
use super::machine::{Mode, Phase, Sent, User};
use super::resubscribe::wire_name;
use super::world::Call;

/// Most pages that are fetched of a topic.
const PAGES_MAX: u32 = 20;
/// Interrupted attachments of a topic that are kept; the oldest is given up beyond that.
const INTERRUPTED_MAX: usize = 8;
/// How long a step's own page of the topic is waited for before the next look.
const OTHER_PAGE: std::time::Duration = std::time::Duration::from_millis(100);

/// What was missed on a topic.
#[derive(Debug)]
pub(super) struct Missed {
    topic: Topic,
    /// Attachments that have not caught up, oldest first.
    interrupted: Vec<AttachId>,
    /// First number that was not received live; 0 when none was received.
    from: u64,
    /// First number to be fetched: an own publish may be below `from`.
    low: u64,
    /// When the first of the attachments was asked for.
    since: Tick,
    /// What those after the first had received live.
    live: Vec<LiveNumbers>,
    /// Own publishes of unknown outcome.
    own: Vec<u64>,
    /// The user is attached again.
    is_ready: bool,
    /// Greatest number that was fetched, and how many messages: of others, and own.
    highest: u64,
    others: u64,
    mine: u64,
}

/// A fetch under way.
#[derive(Debug)]
pub(super) struct Fetch {
    page: Page,
    /// Second copies in a page: one of the two is live.
    again: Vec<DeliveryRecord>,
    state: PageState,
    pages: u32,
    /// When the first page was asked for.
    asked: Tick,
    /// When the oldest message so far was sent.
    oldest: Tick,
}

/// What a look for something to fetch has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fetching {
    /// A request is out.
    Sent,
    /// Nothing to fetch before that tick.
    Later(Tick),
}

/// How a fetch has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fetched {
    Whole,
    CutShort,
}

impl Fetch {
    /// Notes a message, of the history or live: which of the two is known when the page is closed.
    pub(super) fn saw(&mut self, seq: u64, record: Option<DeliveryRecord>) {
        match record {
            None => self.page.take(seq),
            Some(record) => {
                self.oldest = self.oldest.min(record.sent);
                if self.page.holds(record.key) {
                    self.again.push(record);
                } else {
                    self.page.hold(record);
                }
            }
        }
    }

    /// Ends the page: what is of the history, and what is live. What came twice is both.
    fn split(&mut self, count: Option<u32>) -> (Vec<DeliveryRecord>, Vec<DeliveryRecord>) {
        let (past, mut live) = self.page.split(count);
        // Without a count, or with a wrong one, it is live once.
        self.again.retain(|again| live.iter().all(|live| live.key != again.key));
        live.append(&mut self.again);
        (past, live)
    }
}

impl User {
    /// Whether the user is going to fetch what it misses from now on.
    pub(super) fn will_catch_up(&self, call: &Call<'_>) -> bool {
        let is_coming_back = self.is_wanted && !self.is_draining && self.mode == Mode::Forever;
        is_coming_back && call.plan.scenario.load.catch_up
    }

    /// The connection is lost: notes where each topic stood.
    pub(super) fn note_missed(&mut self, call: &mut Call<'_>, attachments: &Attachments) {
        for attachment in attachments.iter().filter(|attachment| attachment.can_miss()) {
            let Some(id) = attachment.id else { continue };
            let next = if attachment.last_seq > 0 { attachment.last_seq + 1 } else { 0 };
            let place = self.missed.iter().position(|missed| missed.topic == attachment.topic);
            let place = place.unwrap_or_else(|| {
                self.missed.push(Missed {
                    topic: attachment.topic.clone(),
                    interrupted: Vec::new(),
                    from: next,
                    low: next,
                    since: attachment.requested,
                    live: Vec::new(),
                    own: Vec::new(),
                    is_ready: false,
                    highest: 0,
                    others: 0,
                    mine: 0,
                });
                self.missed.len() - 1
            });
            let missed = &mut self.missed[place];
            if !missed.interrupted.is_empty() {
                missed.live.push(attachment.live());
            }
            missed.interrupted.push(id);
            if missed.interrupted.len() > INTERRUPTED_MAX {
                missed.live.remove(0);
                call.books.batch.attachments.push(AttachRecord::Abandoned { id: missed.interrupted.remove(0) });
            }
        }
        for given_up in &self.given_up {
            let Effect::Publish { topic, .. } = &given_up.effect else { continue };
            if let Some(missed) = self.missed.iter_mut().find(|missed| missed.topic == *topic) {
                missed.own.push((u64::from(self.index) << 30) | u64::from(given_up.counter));
                missed.low = missed.low.min(given_up.seq_before + 1);
            }
        }
        self.missed.iter_mut().for_each(|missed| missed.is_ready = false);
    }

    /// The user will not fetch anything any more.
    pub(super) fn abandon_missed(&mut self, call: &mut Call<'_>) {
        for missed in std::mem::take(&mut self.missed) {
            missed.abandon(call);
        }
    }

    /// The load is over: whoever is not attached again by now is not going to be.
    pub(super) fn abandon_unattached(&mut self, call: &mut Call<'_>) {
        self.missed.retain(|missed| {
            if !missed.is_ready {
                missed.abandon(call);
            }
            missed.is_ready
        });
    }

    /// An attachment is confirmed; what was missed before can be fetched.
    pub(super) fn attached(&mut self, call: &mut Call<'_>, topic: &Topic) {
        let Some(session) = &mut self.session else { return };
        session.attachments.confirm(call, topic, call.now);
        let id = session.attachments.get(topic).and_then(|attachment| attachment.id);
        let missed = self.missed.iter_mut().find(|missed| missed.topic == *topic && !missed.is_ready);
        if let (Some(missed), Some(id)) = (missed, id) {
            missed.is_ready = true;
            if let Some(&of) = missed.interrupted.last() {
                call.books.batch.attachments.push(AttachRecord::Continues { id, of });
            }
            session.questions.look(call.now);
        }
    }

    /// Asks for the next topic that something was missed on.
    pub(super) fn fetch_next(&mut self, call: &mut Call<'_>) -> Fetching {
        let is_free = self.session.as_ref().is_some_and(|session| !session.questions.is_open());
        let Some(place) = self.missed.iter().position(|missed| missed.is_ready).filter(|_| is_free) else {
            if self.missed.is_empty() {
                // Nothing is left: the room goes too, half a KiB of everybody who ever lost a connection.
                self.missed = Vec::new();
            }
            return Fetching::Later(Tick::NEVER);
        };
        let missed = &mut self.missed[place];
        // A fetch that was cut off is done all over again.
        (missed.highest, missed.others, missed.mine) = (0, 0, 0);
        let topic = missed.topic.clone();
        let other = match &self.phase {
            Phase::Open(open) => open.paging.as_ref().is_some_and(|paging| paging.topic == topic),
            _ => false,
        };
        if other {
            return Fetching::Later(call.now + OTHER_PAGE);
        }
        let fetch = Fetch {
            page: Page::default(),
            again: Vec::new(),
            state: PageState::default(),
            pages: 0,
            asked: call.now,
            oldest: Tick::NEVER,
        };
        call.books.figures.users.caught_up.topics += 1;
        self.ask_page(call, &topic, fetch);
        Fetching::Sent
    }

    fn ask_page(&mut self, call: &mut Call<'_>, topic: &Topic, mut fetch: Fetch) {
        let low = self.missed.iter().find(|missed| missed.topic == *topic).map_or(0, |missed| missed.low);
        let (Some(wire), Some(session)) = (wire_name(topic, call), &mut self.session) else { return };
        let counter = self.counter;
        self.counter = Stamp::next_counter(counter);
        let stamp = Stamp { run: call.plan.run_tag, synthetic: false, user: self.index, counter, sent: call.now };
        let id = stamp.encode();
        let target = &call.plan.scenario.target;
        let data = client::GetQuery {
            since: (low > 0).then_some(low),
            before: (fetch.state.lowest > 0).then_some(fetch.state.lowest),
            limit: Some(target.dialect.history_page),
            ..Default::default()
        };
        let message = ClientMessage::Get(client::Get {
            id: Some(id.as_str().into()),
            topic: wire.as_str().into(),
            what: Some("data".into()),
            data: Some(data),
            ..Default::default()
        });
        let frame = serde_json::to_string(&message).expect("wire messages always serialize");
        fetch.page = Page::default();
        fetch.pages += 1;
        session.questions.open_page(counter, topic.clone(), call.now + target.timeout, Box::new(fetch));
        call.books.asking += 1;
        call.books.figures.users.caught_up.pages += 1;
        call.books.sent(&frame);
        call.books.actions.push(Action::Send(frame));
        self.sent_last = Sent::Question;
    }

    /// A message out of the history.
    pub(super) fn take_fetched(&mut self, call: &mut Call<'_>, topic: &Topic, record: DeliveryRecord) {
        let DeliveryRecord { attach, key, seq, sent, received, .. } = record;
        call.books.batch.past.push(PastRecord { key, seq, received });
        let attachment = self.session.as_ref().and_then(|session| session.attachments.get(topic));
        let is_live = attachment.is_some_and(|attachment| attachment.has_live(seq));
        let Some(missed) = self.missed.iter_mut().find(|missed| missed.topic == *topic) else { return };
        // Where nothing had come live, a page may reach back to before the user was attached: what came while the plan had it
        // offline was owed to nobody, and no interruption made the user miss it.
        let is_of_the_gap = if missed.from > 0 { seq >= missed.from } else { sent >= missed.since };
        let was_live = is_live || missed.live.iter().any(|live| live.has(seq));
        if is_of_the_gap && !was_live {
            missed.highest = missed.highest.max(seq);
            let is_mine = Stamp::author_of(key) == self.index;
            *(if is_mine { &mut missed.mine } else { &mut missed.others }) += 1;
        }
        if Stamp::author_of(key) != self.index {
            if seq >= missed.from {
                call.books.batch.recovered.push(RecoveredRecord { attach, key, seq, sent, received });
            }
        } else if let Some(place) = missed.own.iter().position(|own| *own == key) {
            missed.own.swap_remove(place);
            call.books.figures.users.caught_up.settled += 1;
            call.books.batch.publishes.push(PublishRecord {
                key,
                topic: TopicKey(0),
                sent,
                settled: call.now,
                outcome: PublishOutcome::Accepted { seq },
                own: None,
                echo: false,
            });
        }
    }

    /// The reply that ends a page.
    pub(super) fn settle_page(&mut self, call: &mut Call<'_>, topic: &Topic, mut fetch: Fetch, reply: &Reply<'_>) {
        let count = match reply {
            Reply::Ctrl { code, params, .. } if code.is_success() => params.count.unwrap_or(0),
            _ => {
                self.end_page_live(call, topic, &mut fetch);
                call.books.figures.users.caught_up.refused += 1;
                self.abandon_topic(call, topic);
                self.ask_next(call);
                return;
            }
        };
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let (past, live) = fetch.split(Some(count));
        // What is live first: what came both ways was not missed.
        for record in live {
            self.deliver(call, topic, record);
        }
        for record in past {
            self.take_fetched(call, topic, record);
        }
        let next = fetch.page.next(fetch.state, count);
        let Some(missed) = self.missed.iter().find(|missed| missed.topic == *topic) else { return };
        let is_past_the_first = missed.low == 0 && fetch.oldest < missed.since;
        let has_no_more = count == 0 || next.lowest == fetch.state.lowest;
        if has_no_more || next.lowest <= missed.low.max(1) {
            self.caught_up(call, topic, fetch.asked, missed.low.max(1), Fetched::Whole);
        } else if is_past_the_first {
            self.caught_up(call, topic, fetch.asked, next.lowest, Fetched::Whole);
        } else if fetch.pages >= PAGES_MAX {
            self.caught_up(call, topic, fetch.asked, next.lowest, Fetched::CutShort);
        } else {
            fetch.state = next;
            return self.ask_page(call, topic, fetch);
        }
        self.ask_next(call);
    }

    /// What was missed from `low` on is fetched.
    fn caught_up(&mut self, call: &mut Call<'_>, topic: &Topic, asked: Tick, low: u64, how: Fetched) {
        let Some(place) = self.missed.iter().position(|missed| missed.topic == *topic) else { return };
        let mut missed = self.missed.swap_remove(place);
        let attachment = self.session.as_ref().and_then(|session| session.attachments.get(topic));
        missed.live.extend(attachment.map(Attachment::live));
        let (books, at) = (&mut *call.books, call.now);
        if let Some(Hit { key, .. }) = self.away {
            let counts = books.figures.users.events.entry(key).or_default();
            counts.recovered += missed.others;
            counts.missed += missed.missed();
        }
        for id in missed.interrupted {
            books.batch.attachments.push(AttachRecord::CaughtUp { id, asked, low, at });
        }
        let counts = &mut books.figures.users.caught_up;
        match how {
            Fetched::Whole => {
                counts.whole += 1;
                counts.settled += missed.own.len() as u64;
                books.batch.findings.extend(missed.own.into_iter().map(|key| (key, Finding::NotStored)));
            }
            Fetched::CutShort => counts.cut_short += 1,
        }
        self.come_back(call);
    }

    /// The page did not come in time; what a late one would change.
    pub(super) fn fetch_timed_out(&mut self, call: &mut Call<'_>, topic: &Topic, mut fetch: Fetch) -> Effect {
        self.end_page_live(call, topic, &mut fetch);
        call.books.figures.users.caught_up.unanswered += 1;
        self.abandon_topic(call, topic);
        if let Some(attachment) = self.session.as_mut().and_then(|session| session.attachments.find(topic)) {
            attachment.has_stray_page = true;
        }
        Effect::Page(topic.clone())
    }

    /// The connection is lost, or the frame could not be sent: the next session asks again.
    pub(super) fn drop_fetch(&mut self, call: &mut Call<'_>, topic: &Topic, mut fetch: Fetch) {
        self.end_page_live(call, topic, &mut fetch);
        call.books.figures.users.caught_up.unanswered += 1;
        if let Some(missed) = self.missed.iter_mut().find(|missed| missed.topic == *topic) {
            missed.is_ready = false;
        }
    }

    /// Delivers what a page that will not be closed had held back: a live message must not go missing.
    fn end_page_live(&mut self, call: &mut Call<'_>, topic: &Topic, fetch: &mut Fetch) {
        for record in fetch.split(None).1 {
            self.deliver(call, topic, record);
        }
    }

    fn abandon_topic(&mut self, call: &mut Call<'_>, topic: &Topic) {
        if let Some(place) = self.missed.iter().position(|missed| missed.topic == *topic) {
            self.missed.swap_remove(place).abandon(call);
            self.come_back(call);
        }
    }
}

impl Missed {
    /// Messages of others that were missed: all numbers up to the last one but the user's own and those that came live,
    /// where it is known where they begin.
    fn missed(&self) -> u64 {
        let live: u64 = self.live.iter().map(|live| live.count(self.from, self.highest)).sum();
        let numbers = (self.highest + 1).saturating_sub(self.from).saturating_sub(live);
        if self.from > 0 { numbers.saturating_sub(self.mine).max(self.others) } else { self.others }
    }

    fn abandon(&self, call: &mut Call<'_>) {
        let ended = self.interrupted.iter().map(|&id| AttachRecord::Abandoned { id });
        call.books.batch.attachments.extend(ended);
    }
}
