//! From the first receiver of a message to the last, by how many there were.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LatencyFigures;
use crate::ledger::{SPREAD_FROM, Spread};

/// One row: messages that about so many received.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SpreadFigures {
    /// Fewest receivers of this row.
    pub receivers_min: u32,
    /// Most receivers of this row; absent for the last one, which has no end.
    pub receivers_max: Option<u32>,
    /// From the first receiver of a message to the last.
    pub spread_us: LatencyFigures,
}

/// The rows that have messages.
pub(super) fn figures(spread: &Spread) -> Vec<SpreadFigures> {
    let rows = spread.by_receivers.iter().enumerate().filter(|(_, latency)| latency.count() > 0);
    rows.map(|(row, latency)| SpreadFigures {
        receivers_min: SPREAD_FROM[row],
        receivers_max: SPREAD_FROM.get(row + 1).map(|next| next - 1),
        spread_us: latency.into(),
    })
    .collect()
}
