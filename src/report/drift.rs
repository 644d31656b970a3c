//! What drifted while the load held still, in words.

use crate::results::{DriftVerdict, Results};

use super::figures;

/// Sentences about drift, by what they say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Drifts {
    /// One sentence on what was looked at; empty when nothing was.
    pub summary: String,
    /// What drifted.
    pub drifting: Vec<String>,
    /// What cannot be told.
    pub open: Vec<String>,
    /// What stayed as it was.
    pub steady: Vec<String>,
}

/// The drift of every figure of a run.
pub fn drifts(results: &Results) -> Drifts {
    let of = |verdict: DriftVerdict| {
        let fitting = results.drift.iter().filter(|drift| drift.verdict == verdict);
        fitting.map(|drift| drift.says.clone()).collect::<Vec<_>>()
    };
    let (drifting, open, steady) = (of(DriftVerdict::Drifting), of(DriftVerdict::CannotTell), of(DriftVerdict::Steady));
    let Some(first) = results.drift.first() else { return Drifts::default() };
    let summary = if results.drift.iter().all(|drift| drift.blocks == 0) {
        format!("nothing can be told: {}", first.says.split_once(": ").map_or("", |(_, why)| why))
    } else {
        let [from, to] = [first.window.from_s, first.window.to_s].map(figures::position);
        format!(
            "from {from} to {to}, while the load held still: {} drifted, {} stayed steady, of {} it cannot be told",
            figures::counted(drifting.len() as u64, "figure"),
            figures::count(steady.len() as u64),
            figures::count(open.len() as u64)
        )
    };
    Drifts { summary, drifting, open, steady }
}

/// Whether the run was long enough to say anything.
pub fn is_told(results: &Results) -> bool {
    results.drift.iter().any(|drift| drift.blocks > 0)
}
