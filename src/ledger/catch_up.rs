//! What users fetch from the history after a lost connection: recovered, not lost.
//!
//! An attachment that is interrupted is owed everything that is accepted until its user has attached again: what was on
//! its way when the connection broke, and what was published meanwhile. What the user then finds in the history is
//! delivered, as *recovered*; what the history does not hold although it had been accepted before it was asked is lost.
//! What had to come while the connection lasted is lost all the same: the service promised to push it. A user that does
//! not come back is owed nothing: the attachment is then one that ended with its connection.

use std::time::Duration;

use super::batch::{AttachId, DeliveryRecord, RecoveredRecord};
use super::book::Book;
use super::diagnosis::Finding;
use super::message::{Claim, Message, Recovered};
use super::topic::{Absence, CatchUp};
use super::totals::ExcuseReason;
use crate::protocol::Stamp;
use crate::tick::Tick;

/// How long a user may take to come back and fetch what it missed; until then those messages stay on the books.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(300);
/// Interrupted attachments in a row that one fetch makes good.
const CHAIN_MAX: usize = 16;

impl Book {
    /// An attachment takes the place of an interrupted one.
    pub(super) fn continues(&mut self, id: AttachId, of: AttachId) {
        let Some(window) = self.window_mut(id) else { return };
        window.previous = Some(of);
        let requested = window.requested;
        if let Some(window) = self.window_mut(of) {
            window.next_requested = requested;
            let known = window.highest_seq.max(window.highest_before);
            if let Some(window) = self.window_mut(id) {
                window.highest_before = known;
            }
        }
    }

    /// Nobody will fetch what this attachment missed.
    pub(super) fn abandon(&mut self, id: AttachId) {
        if let Some(window) = self.window_mut(id).filter(|window| window.catch_up == CatchUp::Pending) {
            window.catch_up = CatchUp::No;
        }
    }

    /// Gives up on users that have not caught up for long.
    pub(super) fn abandon_old(&mut self, watermark: Tick) {
        while let Some(&(ended, id)) = self.interrupted.front() {
            if ended + CATCH_UP_WITHIN >= watermark {
                break;
            }
            self.interrupted.pop_front();
            self.abandon(id);
        }
    }

    /// Gives up on all that have not caught up.
    pub(super) fn abandon_all(&mut self) {
        while let Some((_, id)) = self.interrupted.pop_front() {
            self.abandon(id);
        }
    }

    /// That the service has lost its history, once it is known; told once.
    pub fn take_warning(&mut self) -> Option<String> {
        let seq = self.went_back.take()?;
        let is_news = !std::mem::replace(&mut self.has_told_history, true);
        is_news.then(|| {
            format!(
                "the service lost its history: topic numbers went back (a message was accepted as {seq} on a topic that \
                 had come further), and what was sent to users who were away then cannot be fetched: it counts as lost"
            )
        })
    }

    /// A message was fetched.
    pub(super) fn recover(&mut self, record: RecoveredRecord) {
        let Some(&(topic, _)) = self.places.get(&record.attach) else { return };
        if !self.messages.contains_key(&record.key) {
            let (user, counter) = (Stamp::author_of(record.key) as usize, Stamp::counter_of(record.key));
            if self.reported.get(user).is_some_and(|&next| counter < next) {
                // Off the books: it was owed to nobody any more.
                return;
            }
            self.fresh.push_back((record.received, record.key));
            self.messages.insert(record.key, Message::new(topic, record.sent, Claim::Unclaimed));
        }
        let Some(message) = self.messages.get_mut(&record.key).filter(|message| message.topic == topic) else { return };
        if message.recovered.iter().any(|copy| copy.by == record.attach) {
            return;
        }
        message.recovered.push(Recovered { by: record.attach, is_counted: false });
        message.seen = message.seen.min(record.received);
        if message.seq == 0 {
            message.seq = record.seq;
        }
        if message.missing.is_some() {
            self.count_recovered(record.key);
        }
    }

    /// Counts the copies out of the history for those who were found missing.
    pub(super) fn count_recovered(&mut self, key: u64) {
        let Some(message) = self.messages.get_mut(&key) else { return };
        if message.recovered.is_empty() {
            return;
        }
        let (topics, places, totals) = (&self.topics, &self.places, &mut self.totals);
        let Some(topic) = topics.get(&message.topic) else { return };
        let mut copies = std::mem::take(&mut message.recovered);
        for copy in copies.iter_mut().filter(|copy| !copy.is_counted) {
            let Some(missing) = message.missing.as_mut() else { break };
            // The attachment itself, where the message raced with it, and those whose place it took.
            let (mut found, mut next) = (Vec::new(), Some(copy.by));
            while let (Some(id), true) = (next, found.len() < CHAIN_MAX) {
                let Some(&(_, place)) = places.get(&id) else { break };
                found.push(place);
                next = topic.window(place).and_then(|window| window.previous);
            }
            let is_pushed = found.iter().any(|&place| message.receivers.contains(place));
            let is_coming = |&(place, absence): &(u32, Absence)| place as usize == found[0] && absence == Absence::Owed;
            if found.is_empty() || is_pushed || missing.iter().any(is_coming) {
                continue;
            }
            let before = missing.len();
            missing.retain(|&(place, absence)| {
                let was_missed = match absence {
                    Absence::Owed => true,
                    Absence::Excused(reason) => {
                        matches!(reason, ExcuseReason::Attach | ExcuseReason::ConnectionLost)
                    }
                };
                let is_found = was_missed && found.contains(&(place as usize));
                if is_found {
                    totals.expected -= 1;
                    match absence {
                        Absence::Owed => totals.open -= 1,
                        Absence::Excused(reason) => totals.excused[reason as usize] -= 1,
                    }
                }
                !is_found
            });
            if missing.len() < before {
                for &place in &found {
                    message.receivers.insert(place);
                }
                (totals.expected, totals.delivered) = (totals.expected + 1, totals.delivered + 1);
                totals.recovered += 1;
                copy.is_counted = true;
            }
        }
        message.recovered = copies;
    }

    /// Whether a message that came live had been recovered before: it is no repeat then, and nothing was to recover.
    pub(super) fn came_live_after_all(&mut self, record: DeliveryRecord) -> bool {
        let Some(message) = self.messages.get_mut(&record.key) else { return false };
        let Some(place) = message.recovered.iter().position(|copy| copy.by == record.attach && copy.is_counted) else {
            return false;
        };
        message.recovered.swap_remove(place);
        self.totals.recovered -= 1;
        true
    }

    /// A publish that the history did not hold was accepted all the same, later than it was asked.
    pub(super) fn take_back_not_accepted(&mut self, key: u64) {
        if let Some(message) = self.messages.get_mut(&key)
            && message.finding == Some(Finding::NotStored)
        {
            message.finding = None;
            self.totals.not_accepted = self.totals.not_accepted.saturating_sub(1);
        }
    }
}
