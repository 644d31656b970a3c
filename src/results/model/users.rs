//! Users: who came, who was cut off, and how they came back.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Virtual users and their connections.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct UserFigures {
    /// Most users online at once.
    pub peak: u64,
    /// Successful logins.
    pub logins: u64,
    /// Connections opened again after a loss or a failure.
    pub reconnects: u64,
    /// Connections that the other side ended, by close code; `none` stands for an end without a close frame.
    pub closed_by_code: BTreeMap<String, u64>,
    /// Connections given up by this side, because nothing had come for the scenario's `dead_after`.
    #[serde(default)]
    pub dead_links: u64,
    /// Evictions and other unsolicited `ctrl`, by code.
    #[serde(default)]
    pub unsolicited_by_code: BTreeMap<String, u64>,
    /// Replies after their request had been given up.
    pub late_replies: u64,
    /// Second replies to one request.
    pub duplicate_replies: u64,
    /// Replies to ids that were never sent, and those without an id that may be about a note.
    pub unmatched_replies: u64,
    /// Subscribes that were added to find out whether a session with a gap is attached. No part of `operations`.
    #[serde(default)]
    pub resubscribed: ResubscribedFigures,
    /// What users fetched from the history after a lost connection. No part of `operations`.
    #[serde(default)]
    pub caught_up: CatchUpFigures,
}

/// One time that an event of the scenario happened.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct EventFigures {
    /// When, seconds of the load.
    pub at_s: f64,
    /// What: the scenario's word for it.
    pub what: String,
    /// Users that it hit while they were connected; of a burst its arrivals.
    pub affected: u64,
    /// Of those, who came back: logged in again, with everything fetched that they had missed.
    pub back: u64,
    /// Of those affected, whom a later event hit before they were back. `affected - back - overtaken` were not back.
    #[serde(default, skip_serializing_if = "is_none")]
    pub overtaken: u64,
    /// Time until half of those were back, milliseconds since the event was due, at most one percent too much.
    pub back_ms_p50: f64,
    /// Time until 99 % of those were back, milliseconds, at most one percent too much.
    pub back_ms_p99: f64,
    /// Time until the last of those was back, milliseconds.
    pub back_ms_max: f64,
    /// Messages of others that those missed because of it, as far as the numbers of their topics tell: accepted between the
    /// end of their connection and their being attached again, or on their way when it ended.
    pub missed: u64,
    /// Messages of others that those fetched.
    pub recovered: u64,
    /// Answers that may have waited for those, because they did not read: part of no response or service time.
    #[serde(default)]
    pub waited_replies: u64,
    /// Messages that may have, by the same: delivered, and part of no delivery time.
    #[serde(default)]
    pub waited_messages: u64,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl EventFigures {
    /// Users that it hit and that were not back from it until the end of the load, or until the plan sent them offline.
    pub fn not_back(&self) -> u64 {
        self.affected.saturating_sub(self.back).saturating_sub(self.overtaken)
    }
}

/// Fetches from the history after a lost connection. `topics = whole + cut_short + refused + unanswered`, but for those
/// under way when the run ended.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct CatchUpFigures {
    /// Topics whose history was asked for.
    pub topics: u64,
    /// Pages asked for.
    pub pages: u64,
    /// Topics of which everything that was missed was fetched.
    pub whole: u64,
    /// Topics of which more was missed than is fetched at most.
    pub cut_short: u64,
    /// Topics whose history was refused.
    pub refused: u64,
    /// Topics whose history did not come in time, or whose connection ended before.
    pub unanswered: u64,
    /// Publishes of unknown outcome that were found, or found missing.
    pub settled: u64,
}

/// Subscribes that were added after a gap. `asked = still_attached + silently_detached + refused + unanswered`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ResubscribedFigures {
    /// Sent.
    pub asked: u64,
    /// Answered with 304: the session had been attached all the time.
    pub still_attached: u64,
    /// Answered with success: the service had ended the attachment without a word.
    pub silently_detached: u64,
    /// Refused.
    pub refused: u64,
    /// Not answered in time, or the connection ended before.
    pub unanswered: u64,
}
