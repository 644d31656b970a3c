//! A session's outbound frames, between the hub and the connection's task.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::task::Waker;

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Bytes that may wait for one session, whatever their number: a page of history with the largest messages fits.
const BYTES_MAX: usize = 32 << 20;

/// How a session is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Without a word, at once.
    Abrupt,
    /// With a close frame, when everything has been written.
    Closed,
}

/// Whether a frame found room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    Queued,
    /// The queue is full, or the session is about to end.
    Full,
}

#[derive(Debug, Default)]
struct State {
    /// With each, whether it belongs to a page of history.
    frames: VecDeque<(Utf8Bytes, bool)>,
    bytes: usize,
    /// Frames of history pages, which count as one with their reply.
    history: usize,
    waker: Option<Waker>,
    ending: Option<Ending>,
    /// Requests that wait for their time.
    pending: usize,
    /// No request is acted upon before an earlier one of the session.
    last_release: Option<Instant>,
    received: u64,
    is_silent: bool,
}

/// Frames waiting to be written to one session.
#[derive(Debug)]
pub(super) struct Queue {
    limit: usize,
    state: RefCell<State>,
}

impl Queue {
    pub fn new(limit: usize) -> Queue {
        Queue { limit, state: RefCell::new(State::default()) }
    }

    /// Adds a frame. A quarter over the limit is slack, as in the service (128 and 32).
    pub fn push(&self, frame: Utf8Bytes, is_history: bool) -> Pushed {
        let mut state = self.state.borrow_mut();
        let full = state.frames.len() - state.history >= self.limit + self.limit / 4 && !is_history;
        if state.ending.is_some() || full || state.bytes + frame.len() > BYTES_MAX {
            return Pushed::Full;
        }
        state.bytes += frame.len();
        state.history += usize::from(is_history);
        state.frames.push_back((frame, is_history));
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        Pushed::Queued
    }

    pub fn pop(&self) -> Option<Utf8Bytes> {
        let mut state = self.state.borrow_mut();
        let (frame, is_history) = state.frames.pop_front()?;
        state.bytes -= frame.len();
        state.history -= usize::from(is_history);
        Some(frame)
    }

    pub fn is_empty(&self) -> bool {
        self.state.borrow().frames.is_empty()
    }

    /// Whether more waits than a writer that is stuck may have behind it.
    pub fn is_over_limit(&self) -> bool {
        let state = self.state.borrow();
        state.frames.len() - state.history > self.limit
    }

    pub fn end(&self, ending: Ending) {
        let mut state = self.state.borrow_mut();
        if state.ending != Some(Ending::Abrupt) {
            state.ending = Some(ending);
        }
        if ending == Ending::Abrupt {
            state.frames.clear();
            (state.bytes, state.history) = (0, 0);
        }
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// From now on nothing is read from the session, and nothing written to it.
    pub fn fall_silent(&self) {
        let mut state = self.state.borrow_mut();
        state.is_silent = true;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    pub fn is_silent(&self) -> bool {
        self.state.borrow().is_silent
    }

    pub fn ending(&self) -> Option<Ending> {
        self.state.borrow().ending
    }

    /// The connection's task, to be woken when there is something to do.
    pub fn register(&self, waker: &Waker) {
        let mut state = self.state.borrow_mut();
        if !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            state.waker = Some(waker.clone());
        }
    }

    /// Counts a frame of the client; how many there have been.
    pub fn count_received(&self) -> u64 {
        let mut state = self.state.borrow_mut();
        state.received += 1;
        state.received
    }

    pub fn pending(&self) -> usize {
        self.state.borrow().pending
    }

    pub fn hold_request(&self, until: Instant) {
        let mut state = self.state.borrow_mut();
        state.pending += 1;
        state.last_release = Some(until);
    }

    pub fn release_request(&self) {
        let mut state = self.state.borrow_mut();
        state.pending = state.pending.saturating_sub(1);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// When the last of the waiting requests is acted upon.
    pub fn last_release(&self) -> Option<Instant> {
        let state = self.state.borrow();
        state.last_release.filter(|_| state.pending > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_has_a_quarter_of_slack_and_history_is_free() {
        let queue = Queue::new(4);
        for _ in 0..5 {
            assert_eq!(queue.push("x".into(), false), Pushed::Queued);
        }
        assert!(queue.is_over_limit());
        assert_eq!(queue.push("x".into(), false), Pushed::Full);
        assert_eq!(queue.push("x".into(), true), Pushed::Queued);
        queue.end(Ending::Abrupt);
        assert!(queue.is_empty());
        assert_eq!(queue.push("x".into(), true), Pushed::Full);
    }
}
