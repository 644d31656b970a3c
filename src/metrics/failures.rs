//! Failures of an interval, by operation and class, with a few examples of each.

use std::collections::BTreeMap;

use crate::ops::{FailureKind, OpId};
use crate::tick::Tick;

/// Examples kept of each kind.
pub const EXAMPLES_MAX: usize = 3;
/// Longest example, bytes; a server's text is untrusted and may be long.
const EXAMPLE_BYTES_MAX: usize = 300;

/// One kind of failure of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureStat {
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Tick,
    /// The last.
    pub last: Tick,
    /// What the server, or the system, said.
    pub examples: Vec<String>,
}

impl FailureStat {
    /// Adds failures of the same kind.
    pub fn merge(&mut self, theirs: &FailureStat) {
        self.count += theirs.count;
        self.first = self.first.min(theirs.first);
        self.last = self.last.max(theirs.last);
        for example in &theirs.examples {
            if self.examples.len() < EXAMPLES_MAX && !self.examples.contains(example) {
                self.examples.push(example.clone());
            }
        }
    }
}

/// All failures, by operation and class.
#[derive(Debug, Clone, Default)]
pub struct FailureLog {
    stats: BTreeMap<(OpId, FailureKind), FailureStat>,
}

impl FailureLog {
    /// Counts a failure; `example` is only asked for while there is room for it.
    pub fn record(&mut self, op: OpId, kind: FailureKind, at: Tick, example: impl FnOnce() -> String) {
        let stat = self.stats.entry((op, kind)).or_insert_with(|| FailureStat {
            count: 0,
            first: at,
            last: at,
            examples: Vec::new(),
        });
        stat.count += 1;
        stat.last = at;
        if stat.examples.len() < EXAMPLES_MAX {
            let example = clean(&example());
            if !example.is_empty() && !stat.examples.contains(&example) {
                stat.examples.push(example);
            }
        }
    }

    /// Adds another's failures.
    pub fn merge(&mut self, other: &FailureLog) {
        for (&(op, kind), theirs) in &other.stats {
            self.add(op, kind, theirs);
        }
    }

    /// Adds many failures of one kind at once, such as those read back from a journal.
    pub fn add(&mut self, op: OpId, kind: FailureKind, theirs: &FailureStat) {
        self.stats.entry((op, kind)).and_modify(|mine| mine.merge(theirs)).or_insert_with(|| theirs.clone());
    }

    /// Drops the examples of all kinds beyond the first so many.
    pub fn keep_examples_of(&mut self, kinds: usize) {
        self.stats.values_mut().skip(kinds).for_each(|stat| stat.examples = Vec::new());
    }

    /// Every kind, in order.
    pub fn iter(&self) -> impl Iterator<Item = (OpId, FailureKind, &FailureStat)> {
        self.stats.iter().map(|(&(op, kind), stat)| (op, kind, stat))
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.stats.clear();
    }
}

/// One line of bounded length without control characters.
fn clean(text: &str) -> String {
    let mut cleaned = String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if cleaned.len() + c.len_utf8() > EXAMPLE_BYTES_MAX {
            cleaned.push('…');
            break;
        }
        cleaned.push(c);
    }
    cleaned.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_few_distinct_and_bounded() {
        let mut log = FailureLog::default();
        for index in 0..10u64 {
            log.record(OpId::Login, FailureKind::Rejected(401), Tick::from_micros(index), || {
                format!("example {}\u{7}{}", index / 2, "x".repeat(1_000))
            });
        }
        let (op, kind, stat) = log.iter().next().expect("one kind");
        assert_eq!((op, kind, stat.count), (OpId::Login, FailureKind::Rejected(401), 10));
        assert_eq!((stat.first, stat.last), (Tick::ZERO, Tick::from_micros(9)));
        assert_eq!(stat.examples.len(), EXAMPLES_MAX);
        assert!(stat.examples.iter().all(|example| example.len() < 320 && !example.contains('\u{7}')));
    }
}
