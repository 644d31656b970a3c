//! Deliveries.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LatencyFigures;
use crate::results::SpreadFigures;

/// The delivery ledger. `expected = delivered + lost + excused`, to the message.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryFigures {
    /// Publishes sent.
    pub published: u64,
    /// Publishes that the server accepted, or that were seen at a receiver.
    pub accepted: u64,
    /// Publishes that the server refused.
    pub refused: u64,
    /// Publishes whose outcome never became known.
    pub unknown: u64,
    /// Deliveries that had to happen: one for each accepted message and attached session but the publisher's own.
    pub expected: u64,
    /// Deliveries that happened, each counted once.
    pub delivered: u64,
    /// Deliveries that the user fetched from the history after a lost connection; part of `delivered`, and no part of
    /// `delivery_us`.
    #[serde(default)]
    pub recovered: u64,
    /// Deliveries that had to happen and did not.
    pub lost: u64,
    /// Lost deliveries by where they were lost: `not_stored` (accepted, and not in the history), `not_pushed` (in the
    /// history, and not sent to the receiver), `undiagnosed` (the history was not asked).
    #[serde(default)]
    pub lost_by: BTreeMap<String, u64>,
    /// Publishes of unknown outcome that the history does not hold: not accepted. Part of `unknown`.
    #[serde(default)]
    pub not_accepted: u64,
    /// Repeats of a delivery.
    pub duplicated: u64,
    /// Deliveries that came after a later message of the same topic.
    pub reordered: u64,
    /// Messages that carry this run's stamp and that nobody of this run sent.
    pub phantom: u64,
    /// Deliveries missing because they raced with an attach, a detach or a lost connection.
    pub excused: u64,
    /// Excused deliveries by reason.
    pub excused_by: BTreeMap<String, u64>,
    /// Messages that were too young to be judged when the process was killed, two seconds or so: those of their deliveries that
    /// came are expected and delivered, and whether others were missing nobody knows. 0 unless a part of the run was killed.
    #[serde(default)]
    pub unjudged: u64,
    /// Deliveries that came later than the operation timeout; part of `delivered`.
    pub late: u64,
    /// Messages whose content was changed on the way.
    pub corrupted: u64,
    /// Messages of other clients or other runs.
    pub foreign: u64,
    /// Messages of this run that came to a session that was not attached, or on a topic where they were not published.
    #[serde(default)]
    pub misdelivered: u64,
    /// The publisher's own copies: expected.
    pub echo_expected: u64,
    /// The publisher's own copies: delivered.
    pub echo_delivered: u64,
    /// Of accepted messages: the publisher's own copies that need not have come, because it had left or because the run
    /// ended before it was known. `echo_expected + echo_excused` is every accepted message that asked for its echo.
    #[serde(default)]
    pub echo_excused: u64,
    /// Received − sent, one value for each receiver.
    pub delivery_us: LatencyFigures,
    /// From the first receiver of a message to the last, for messages with at least two receivers.
    pub spread_us: LatencyFigures,
    /// The same by how many received the message, ascending; rows without messages are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spread_by_receivers: Vec<SpreadFigures>,
}
