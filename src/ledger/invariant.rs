//! What the service promises of its messages, checked at full load: how often looked at, how often broken, with examples.
//!
//! Source: protocol reference, section 21. Whoever sees the two sides of a promise counts it: a worker what one session
//! can tell, the book what takes several. All of it is counters and a few bounded examples, so a soak's memory is flat.

use std::time::Duration;

use crate::tick::Tick;

/// Examples kept of each.
pub const VIOLATION_EXAMPLES_MAX: usize = 3;
/// Longest example, bytes: a server's own text may be part of it.
const EXAMPLE_BYTES_MAX: usize = 240;

/// A promise of the service, by its number in section 21 of the protocol reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Invariant {
    /// 1
    SeqUnique = 1,
    /// 2
    SeqDense,
    /// 3
    ExactlyOnce,
    /// 4
    SeqAscending,
    /// 5
    AckBeforeEcho,
    /// 6
    ContentUnchanged,
    /// 7
    HistoryAsLive,
    /// 8
    PairMirrored,
    /// 9
    MarksInOrder,
    /// 10
    NothingAfterRemoval,
    /// 11
    NothingAfterLeave,
    /// 12
    EveryRequestAnswered,
}

/// How many there are.
pub const INVARIANTS: usize = 12;

impl Invariant {
    /// Every one with its word and what it says.
    pub const ALL: [(Invariant, &'static str, &'static str); INVARIANTS] = [
        (
            Invariant::SeqUnique,
            "seq_unique",
            "a message has one number, in its reply and at every receiver, and no other has it",
        ),
        (Invariant::SeqDense, "seq_dense", "numbers of a topic follow each other without a gap"),
        (Invariant::ExactlyOnce, "exactly_once", "every attached session gets each message once"),
        (Invariant::SeqAscending, "seq_ascending", "messages of a topic come in the order of their numbers"),
        (
            Invariant::AckBeforeEcho,
            "ack_before_echo",
            "a publish is acknowledged before its own copy comes, with the same time",
        ),
        (Invariant::ContentUnchanged, "content_unchanged", "content comes as it was sent"),
        (Invariant::HistoryAsLive, "history_as_live", "the history holds what was received live"),
        (Invariant::PairMirrored, "pair_mirrored", "each side of a pair sees the other's name"),
        (
            Invariant::MarksInOrder,
            "marks_in_order",
            "received >= read, neither beyond the last message, and they never go back",
        ),
        (Invariant::NothingAfterRemoval, "nothing_after_removal", "no message after an unsubscribe or a removal"),
        (Invariant::NothingAfterLeave, "nothing_after_leave", "no message after a leave was confirmed"),
        (Invariant::EveryRequestAnswered, "every_request_answered", "every request is answered in time"),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        Invariant::ALL[self as usize - 1].1
    }
}

/// One promise: how often it was looked at, and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Looked at.
    pub checked: u64,
    /// Broken.
    pub violated: u64,
    /// First time that it was broken; [`Tick::NEVER`] when it never was.
    pub first: Tick,
    /// Last time.
    pub last: Tick,
    /// What was seen.
    pub examples: Vec<String>,
}

impl Default for Check {
    fn default() -> Self {
        Check { checked: 0, violated: 0, first: Tick::NEVER, last: Tick::ZERO, examples: Vec::new() }
    }
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checks([Check; INVARIANTS]);

impl Checks {
    /// What is known of one.
    pub fn get(&self, invariant: Invariant) -> &Check {
        &self.0[invariant as usize - 1]
    }

    /// What is known of one, to be changed.
    pub fn get_mut(&mut self, invariant: Invariant) -> &mut Check {
        &mut self.0[invariant as usize - 1]
    }

    /// Looked at, and found to hold.
    pub fn holds(&mut self, invariant: Invariant) {
        self.get_mut(invariant).checked += 1;
    }

    /// Looked at, and found broken; `example` is only asked for while there is room for it.
    pub fn broken(&mut self, invariant: Invariant, at: Tick, example: impl FnOnce() -> String) {
        self.get_mut(invariant).checked += 1;
        self.found(invariant, at, example);
    }

    /// Looked at, with this result.
    pub fn check(&mut self, invariant: Invariant, is_held: bool, at: Tick, example: impl FnOnce() -> String) {
        if is_held { self.holds(invariant) } else { self.broken(invariant, at, example) }
    }

    /// Found broken; that it was looked at is counted elsewhere.
    pub fn found(&mut self, invariant: Invariant, at: Tick, example: impl FnOnce() -> String) {
        let check = self.get_mut(invariant);
        check.violated += 1;
        (check.first, check.last) = (check.first.min(at), check.last.max(at));
        if check.examples.len() < VIOLATION_EXAMPLES_MAX {
            check.keep(bounded(&example()));
        }
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Checks) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            mine.checked += theirs.checked;
            mine.violated += theirs.violated;
            (mine.first, mine.last) = (mine.first.min(theirs.first), mine.last.max(theirs.last));
            for example in &theirs.examples {
                mine.keep(example.clone());
            }
        }
    }

    /// What was counted since an earlier moment, without examples.
    pub fn since(&self, earlier: &Checks) -> Checks {
        let mut since = Checks::default();
        for ((sum, now), before) in since.0.iter_mut().zip(&self.0).zip(&earlier.0) {
            sum.checked = now.checked.saturating_sub(before.checked);
            sum.violated = now.violated.saturating_sub(before.violated);
        }
        since
    }

    /// Moves the times to ticks that began so much later.
    pub fn shift_back(&mut self, by: Duration) {
        for check in self.0.iter_mut().filter(|check| check.violated > 0) {
            (check.first, check.last) = (check.first.minus(by), check.last.minus(by));
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        for check in &mut self.0 {
            if check.checked + check.violated > 0 {
                *check = Check::default();
            }
        }
    }
}

impl Check {
    fn keep(&mut self, example: String) {
        if self.examples.len() < VIOLATION_EXAMPLES_MAX && !self.examples.contains(&example) {
            self.examples.push(example);
        }
    }
}

/// One line of bounded length without control characters.
fn bounded(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if line.len() + c.len_utf8() > EXAMPLE_BYTES_MAX {
            line.push('…');
            break;
        }
        line.push(c);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_reference() {
        for (index, (invariant, word, _)) in Invariant::ALL.into_iter().enumerate() {
            assert_eq!((invariant as usize, invariant.word()), (index + 1, word));
        }
    }

    #[test]
    fn examples_are_few_and_bounded_however_often_a_promise_is_broken() {
        let (mut all, mut one) = (Checks::default(), Checks::default());
        for round in 0..10u64 {
            one.broken(Invariant::SeqDense, Tick::from_micros(round), || format!("{round}\u{7}{}", "x".repeat(999)));
            one.holds(Invariant::SeqDense);
            all.merge(&one);
            one.clear();
        }
        let check = all.get(Invariant::SeqDense);
        assert_eq!((check.checked, check.violated), (20, 10));
        assert_eq!((check.first, check.last), (Tick::ZERO, Tick::from_micros(9)));
        assert_eq!(check.examples.len(), VIOLATION_EXAMPLES_MAX);
        assert!(check.examples.iter().all(|example| example.len() < 250 && !example.contains('\u{7}')));
    }
}
