//! Failures of a whole run, by operation and class.

use std::collections::BTreeMap;
use std::time::Duration;

use super::FailureFigures;
use crate::metrics::{FailureLog, FailureStat};
use crate::ops::{FailureKind, OpId};
use crate::tick::Tick;

/// Kinds that are kept one by one. Codes come from the server, which may make up a new one for each reply.
const KINDS_MAX: usize = 500;

/// Failures by operation and class, bounded.
#[derive(Debug, Clone, Default)]
pub(super) struct FailureSums {
    stats: BTreeMap<(OpId, String), FailureStat>,
}

impl FailureSums {
    /// Adds an interval's failures; classes beyond the bound are counted as `<word>(other)`.
    /// Their instants are moved back by so many microseconds.
    pub(super) fn add(&mut self, log: &FailureLog, shift_us: u64) {
        let shift = Duration::from_micros(shift_us);
        for (op, kind, stat) in log.iter() {
            let stat = &FailureStat { first: stat.first.minus(shift), last: stat.last.minus(shift), ..stat.clone() };
            let mut key = (op, kind.to_string());
            if self.stats.len() >= KINDS_MAX && !self.stats.contains_key(&key) {
                key.1 = other(kind);
            }
            self.stats.entry(key).and_modify(|mine| mine.merge(stat)).or_insert_with(|| stat.clone());
        }
    }

    /// Counts by class of one operation.
    pub(super) fn of(&self, op: OpId) -> BTreeMap<String, u64> {
        let mine = self.stats.iter().filter(|((owner, _), _)| *owner == op);
        mine.map(|((_, class), stat)| (class.clone(), stat.count)).collect()
    }

    /// All kinds, in the order of operations.
    pub(super) fn figures(&self, load_start: Tick) -> Vec<FailureFigures> {
        let since = |at: Tick| super::timeline::seconds_since(at, load_start);
        let figures = self.stats.iter().map(|((op, class), stat)| FailureFigures {
            operation: op.name().to_owned(),
            class: class.clone(),
            count: stat.count,
            first_s: since(stat.first),
            last_s: since(stat.last),
            examples: stat.examples.clone(),
        });
        figures.collect()
    }
}

fn other(kind: FailureKind) -> String {
    let text = kind.to_string();
    format!("{}(other)", text.split('(').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_makes_up_codes_does_not_fill_the_memory() {
        let mut sums = FailureSums::default();
        for code in 0..2_000u16 {
            let mut log = FailureLog::default();
            log.record(OpId::Publish, FailureKind::Rejected(code), Tick::from_micros(u64::from(code)), String::new);
            sums.add(&log, 0);
        }
        assert_eq!(sums.stats.len(), KINDS_MAX + 1);
        let classes = sums.of(OpId::Publish);
        assert_eq!(classes.values().sum::<u64>(), 2_000);
        assert_eq!(classes["rejected(other)"], 2_000 - KINDS_MAX as u64);
    }
}
