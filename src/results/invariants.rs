//! What became of the service's promises, for reports and gates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::timeline::seconds_since;
use super::{FailureFigures, OperationFigures};
use crate::ledger::{Check, Invariant, LedgerTotals, VIOLATION_EXAMPLES_MAX};
use crate::ops::OpId;
use crate::tick::Tick;

/// One promise of the service, and how often it was broken.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct InvariantFigures {
    /// Number in the list of `docs/measurement.md`.
    pub number: u32,
    /// Its word, such as `ack_before_echo`; `invariants.ack_before_echo` in a gate.
    pub name: String,
    /// What it says.
    pub says: String,
    /// How often it was looked at.
    pub checked: u64,
    /// How often it was found broken.
    pub violated: u64,
    /// First time, seconds of the run; absent when it never was, or when that is not known.
    pub first_s: Option<f64>,
    /// Last time, seconds of the run.
    pub last_s: Option<f64>,
    /// Up to three examples. What a server says is untrusted text.
    pub examples: Vec<String>,
}

/// Requests that are answered on the connection under their id.
fn is_answered(operation: &str) -> bool {
    use OpId::{Connect, Disconnect, Download, Note, Token, Upload};
    OpId::by_name(operation).is_some_and(|op| !matches!(op, Connect | Disconnect | Download | Note | Token | Upload))
}

/// Every promise, in order. Those that have a figure of their own agree with it.
pub(super) fn figures<'a>(
    totals: &LedgerTotals,
    operations: impl Iterator<Item = (&'a String, &'a OperationFigures)>,
    failures: &[FailureFigures],
    load_start: Tick,
) -> Vec<InvariantFigures> {
    let answered = operations.filter(|(name, _)| is_answered(name)).fold(0, |sum, (_, op)| sum + op.ok + op.failed);
    let figures = Invariant::ALL.iter().map(|&(invariant, _, says)| {
        let check = totals.checks.get(invariant);
        let (checked, violated) = match invariant {
            Invariant::ExactlyOnce => (totals.expected, totals.lost + totals.duplicated),
            Invariant::SeqAscending => (totals.delivered, totals.reordered),
            Invariant::ContentUnchanged => (check.checked, totals.corrupted),
            Invariant::EveryRequestAnswered => return unanswered(says, answered, failures),
            _ => (check.checked, check.violated),
        };
        InvariantFigures { checked, violated, ..described(invariant, says, check, load_start) }
    });
    figures.collect()
}

fn described(invariant: Invariant, says: &str, check: &Check, load_start: Tick) -> InvariantFigures {
    let at = |tick: Tick| (check.violated > 0).then(|| seconds_since(tick, load_start));
    InvariantFigures {
        number: invariant as u32,
        name: invariant.word().to_owned(),
        says: says.to_owned(),
        first_s: at(check.first),
        last_s: at(check.last),
        examples: check.examples.clone(),
        ..InvariantFigures::default()
    }
}

fn unanswered(says: &str, answered: u64, failures: &[FailureFigures]) -> InvariantFigures {
    let timed_out =
        || failures.iter().filter(|failure| failure.class == "timed_out" && is_answered(&failure.operation));
    let examples = timed_out().map(|failure| format!("{} × {}", failure.count, failure.operation));
    InvariantFigures {
        number: Invariant::EveryRequestAnswered as u32,
        name: Invariant::EveryRequestAnswered.word().to_owned(),
        says: says.to_owned(),
        checked: answered,
        violated: timed_out().map(|failure| failure.count).sum(),
        first_s: timed_out().map(|failure| failure.first_s).reduce(f64::min),
        last_s: timed_out().map(|failure| failure.last_s).reduce(f64::max),
        examples: examples.take(VIOLATION_EXAMPLES_MAX).collect(),
    }
}
