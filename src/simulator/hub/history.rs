//! Stored messages: bounded per topic, and in bytes for all topics together.

use std::collections::VecDeque;

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::account::UserRef;
use super::topic::TopicRef;

/// A message as it was sent out: for a P2P topic as the author's side names it.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub seq: u64,
    pub from: UserRef,
    pub frame: Utf8Bytes,
}

/// A topic's messages in the order of their numbers, which may have holes.
#[derive(Debug, Default)]
pub(super) struct History {
    messages: VecDeque<Stored>,
}

impl History {
    /// Adds a message; gives the bytes freed when the oldest had to go.
    pub fn push(&mut self, message: Stored, most: usize) -> usize {
        let freed = if self.messages.len() >= most.max(1) { self.drop_oldest() } else { 0 };
        // Nearly always it is the last one.
        let at = match self.messages.back().is_none_or(|last| last.seq <= message.seq) {
            true => self.messages.len(),
            false => self.messages.partition_point(|other| other.seq <= message.seq),
        };
        self.messages.insert(at, message);
        freed
    }

    /// Whether a message has this number.
    pub fn holds(&self, seq: u64) -> bool {
        self.messages.binary_search_by_key(&seq, |message| message.seq).is_ok()
    }

    pub fn first_seq(&self) -> Option<u64> {
        self.messages.front().map(|message| message.seq)
    }

    pub fn drop_oldest(&mut self) -> usize {
        self.messages.pop_front().map_or(0, |message| message.frame.len())
    }

    /// Messages of `since..before`, newest first.
    pub fn range(&self, since: u64, before: u64) -> impl Iterator<Item = &Stored> {
        let end = self.messages.partition_point(|message| message.seq < before);
        self.messages.range(..end).rev().take_while(move |message| message.seq >= since)
    }

    /// Removes messages for everyone; gives the bytes freed.
    pub fn remove(&mut self, low: u64, end: u64) -> usize {
        let mut freed = 0;
        self.messages.retain(|message| {
            let goes = message.seq >= low && message.seq < end;
            freed += if goes { message.frame.len() } else { 0 };
            !goes
        });
        freed
    }

    pub fn len(&self) -> usize {
        self.messages.len()
    }

    pub fn bytes(&self) -> usize {
        self.messages.iter().map(|message| message.frame.len()).sum()
    }
}

/// What all histories together may take. The oldest message of all goes first.
#[derive(Debug)]
pub(super) struct Budget {
    most: usize,
    used: usize,
    /// One entry for each message in the order of arrival; those whose message went otherwise are stale.
    order: VecDeque<(TopicRef, u64)>,
}

impl Budget {
    pub fn new(most: usize) -> Budget {
        Budget { most, used: 0, order: VecDeque::new() }
    }

    pub fn add(&mut self, topic: TopicRef, seq: u64, bytes: usize) {
        self.used += bytes;
        self.order.push_back((topic, seq));
    }

    pub fn free(&mut self, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
    }

    /// The topic whose oldest message has to go, if the budget is overdrawn.
    pub fn overdrawn(&mut self) -> Option<(TopicRef, u64)> {
        if self.used > self.most { self.order.pop_front() } else { None }
    }

    /// Whether the list of arrivals has grown out of proportion to `messages`, the number that exist.
    pub fn wants_sweep(&self, messages: usize) -> bool {
        self.order.len() > 1024 + 2 * messages
    }

    pub fn sweep(&mut self, exists: impl Fn(TopicRef, u64) -> bool) {
        self.order.retain(|(topic, seq)| exists(*topic, *seq));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Accounts, Rules};
    use super::*;

    #[test]
    fn messages_are_in_the_order_of_their_numbers_even_when_those_go_backward() {
        let (mut history, mut accounts) = (History::default(), Accounts::new(&Rules::default()));
        let from = accounts.sign_up("author", "password", jiff::Timestamp::UNIX_EPOCH).expect("is new");
        for seq in [1, 2, 5, 2, 4] {
            history.push(Stored { seq, from, frame: seq.to_string().into() }, 10);
        }
        let read: Vec<u64> = history.range(2, 5).map(|message| message.seq).collect();
        assert_eq!(read, [4, 2, 2]);
        assert!(history.holds(5) && !history.holds(3));
    }
}
