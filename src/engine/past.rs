//! What the history of one topic holds: which messages of this run, under which numbers, and whether as they were sent.

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::{Gap, named};
use crate::ops::payload::is_intact;
use crate::plan::{Directory, Plan};
use crate::protocol::server::Data;
use crate::protocol::{Json, UserId};

/// Messages of one topic's history.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// Key of each message of this run, and its number.
    pub(super) found: BTreeMap<u64, u64>,
    /// What is not as it was sent, in words.
    pub(super) differing: Vec<String>,
    numbers: BTreeSet<u64>,
}

impl Past {
    /// Takes a message.
    pub(super) fn take(&mut self, plan: &Plan, directory: &Directory, data: &Data<'_>) {
        self.numbers.insert(data.seq);
        let stamp = data.stamp(plan.scenario.target.dialect.stamp);
        let Some(stamp) = stamp.filter(|stamp| stamp.run == plan.run_tag) else { return };
        self.found.insert(stamp.key(), data.seq);
        let author = (stamp.user < plan.users()).then(|| directory.id(stamp.user)).flatten();
        let from = data.from.as_deref();
        if let (Some(author), Some(from)) = (author, from)
            && UserId::parse(from, plan.scenario.target.dialect.user_ids) != Some(author)
        {
            let (name, seq) = (named(stamp.key()), data.seq);
            self.differing.push(format!("{name} (seq {seq}) is from `{from}` in the history"));
        }
        let text = data.content.as_ref().and_then(Json::as_text);
        if stamp.synthetic && !text.is_some_and(|text| is_intact(stamp.key(), &text)) {
            self.differing.push(format!("{} (seq {}) is changed in the history", named(stamp.key()), data.seq));
        }
    }

    /// What of a gap the history does not hold either, as ranges; nothing where it was not read.
    pub(super) fn missing(&self, gap: &Gap) -> Vec<Gap> {
        let is_read = self.numbers.first().is_some_and(|lowest| *lowest < gap.low);
        if !is_read || self.numbers.last().is_none_or(|highest| *highest <= gap.high) {
            return Vec::new();
        }
        let (mut missing, mut low) = (Vec::new(), gap.low);
        for &number in self.numbers.range(gap.low..=gap.high) {
            if number > low {
                missing.push(Gap { low, high: number - 1, ..*gap });
            }
            low = number.saturating_add(1);
        }
        if low <= gap.high {
            missing.push(Gap { low, ..*gap });
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::TopicKey;

    #[test]
    fn only_what_the_history_covers_and_does_not_hold_is_missing() {
        let past = |numbers: &[u64]| Past { numbers: numbers.iter().copied().collect(), ..Past::default() };
        let gap = Gap { topic: TopicKey(1), reader: 0, low: 4, high: 8 };
        let missing =
            |numbers: &[u64]| past(numbers).missing(&gap).iter().map(|gap| (gap.low, gap.high)).collect::<Vec<_>>();
        assert_eq!(missing(&[3, 9]), [(4, 8)]);
        assert_eq!(missing(&[3, 5, 6, 9]), [(4, 4), (7, 8)]);
        assert_eq!(missing(&[3, 4, 5, 6, 7, 8, 9]), []);
        assert_eq!(missing(&[4, 9]), [], "not read back far enough");
        assert_eq!(missing(&[3]), [], "the last message may not be there yet");
    }
}
