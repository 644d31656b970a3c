//! The service's promises as the journal keeps them: by their word, those that were looked at or broken.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ledger::{Check, Checks, Invariant, VIOLATION_EXAMPLES_MAX};
use crate::tick::Tick;

/// One promise.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Promise {
    checked: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<Broken>,
}

/// How it was broken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Broken {
    count: u64,
    first: Tick,
    last: Tick,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    examples: Vec<String>,
}

/// Every promise that was looked at.
pub(super) fn of(checks: &Checks) -> BTreeMap<String, Promise> {
    let promise = |check: &Check| Promise {
        checked: check.checked,
        broken: (check.violated > 0).then(|| Broken {
            count: check.violated,
            first: check.first,
            last: check.last,
            examples: check.examples.clone(),
        }),
    };
    let all = Invariant::ALL.iter().map(|(invariant, word, _)| ((*word).to_owned(), promise(checks.get(*invariant))));
    all.filter(|(_, promise)| *promise != Promise::default()).collect()
}

/// The promises again. Errors: a word that this build does not know.
pub(super) fn into_checks(promises: BTreeMap<String, Promise>) -> Result<Checks, String> {
    let mut checks = Checks::default();
    for (word, Promise { checked, broken }) in promises {
        let known = Invariant::ALL.iter().find(|(_, known, _)| *known == word);
        let (invariant, ..) = known.ok_or_else(|| format!("unknown promise `{word}`"))?;
        let check = checks.get_mut(*invariant);
        check.checked = checked;
        if let Some(Broken { count, first, last, mut examples }) = broken {
            examples.truncate(VIOLATION_EXAMPLES_MAX);
            *check = Check { checked, violated: count, first, last, examples };
        }
    }
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let mut checks = Checks::default();
        checks.holds(Invariant::SeqUnique);
        checks.broken(Invariant::SeqDense, Tick::from_micros(7), || "seq 3".to_owned());
        assert_eq!(into_checks(of(&checks)).expect("known words"), checks);
        assert!(into_checks([("gossip".to_owned(), Promise::default())].into()).is_err());
    }
}
