//! What the simulator did wrong on purpose, to the message, and how much it did in all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::faults::Operation;

/// Every declared fault that was carried out, and the totals beside which to read them.
///
/// Deliveries are live messages for sessions other than the publishing one; its echo is never hit. A delivery
/// is hit by at most one of `lost`, `duplicated`, `reordered` and `corrupted`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InjectedFaults {
    /// Deliveries that were not made, though stored and found in the history.
    pub lost: u64,
    /// Deliveries that were made twice; one for each surplus copy.
    pub duplicated: u64,
    /// Pairs of deliveries that changed places; one for each pair.
    pub reordered: u64,
    /// Messages with a request id that no publish had.
    pub phantom: u64,
    /// Deliveries with changed content.
    pub corrupted: u64,
    /// Publishes that were acknowledged, and neither stored nor delivered.
    pub not_stored: u64,
    /// Deliveries that those would have made.
    pub not_stored_deliveries: u64,
    /// Times that a session was detached from a topic without a word.
    pub silent_detach: u64,
    /// Deliveries that those sessions did not get, from that one on until they subscribed again.
    pub silent_detach_deliveries: u64,
    /// Numbers that were left out between two messages of a topic, one at a time.
    pub seq_jump: u64,
    /// Messages with the number of the one before.
    pub seq_repeat: u64,
    /// Messages with an older number that another message has.
    pub seq_backward: u64,
    /// Deliveries of those to sessions that had a later number already.
    pub seq_backward_deliveries: u64,
    /// Publishes that were acknowledged twice.
    pub double_ack: u64,
    /// Publishes whose own copy came before their acknowledgement.
    pub early_echo: u64,
    /// Messages that came to a session that was not attached to their topic.
    pub misdelivered: u64,
    /// Messages that came to a session that had left their topic.
    pub after_leave: u64,
    /// Messages that came to a session that had ended its subscription.
    pub after_removal: u64,
    /// Messages of another run.
    pub other_run: u64,
    /// Descriptions in which less was received than read.
    pub marks: u64,
    /// Messages of a history with changed content.
    pub corrupted_history: u64,
    /// Refusals by operation and code.
    pub rejected: BTreeMap<Operation, BTreeMap<u16, u64>>,
    /// Requests that were carried out and never answered, by operation.
    pub swallowed: BTreeMap<Operation, u64>,
    /// Requests that were delayed, by operation.
    pub delayed: BTreeMap<Operation, u64>,
    /// Replies that were held back after the work was done, by operation.
    pub slow_replies: BTreeMap<Operation, u64>,
    /// Connections that were cut without a word.
    pub dropped_connections: u64,
    /// Connections that were not let in.
    pub refused_connections: u64,
    /// Frames that are no valid message, by kind.
    pub bad_frames: BTreeMap<String, u64>,
    /// Spans in which nothing was answered.
    pub stalls: u64,
    /// Uploads stored otherwise than they came.
    pub corrupted_uploads: u64,
    /// Downloads answered otherwise than they are stored.
    pub corrupted_downloads: u64,
    /// Logins refused because their access token had expired.
    pub expired_tokens: u64,
    /// Restarts.
    pub restarts: u64,
    /// Sessions that restarts cut.
    pub cut_by_restart: u64,
    /// Connections that were not let in while the simulator was down.
    pub refused_while_down: u64,
    /// Sessions that fell silent without being closed.
    pub half_open: u64,
    /// Deliveries queued for those from then on, which never went out.
    pub half_open_deliveries: u64,
    /// Connections that waited before they were looked at.
    pub slow_accepts: u64,
    /// No fault: what happened in all.
    pub totals: Totals,
}

/// How much happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// WebSocket sessions opened.
    pub sessions: u64,
    /// WebSocket sessions open now.
    pub sessions_open: u64,
    /// Logins accepted.
    pub logins: u64,
    /// Publishes acknowledged.
    pub publishes_accepted: u64,
    /// Deliveries queued for sessions other than the publisher's, copies and phantoms not counted.
    pub deliveries_pushed: u64,
    /// Echoes queued for publishing sessions.
    pub echoes_pushed: u64,
    /// Access tokens issued.
    pub tokens: u64,
    /// Files stored.
    pub uploads: u64,
    /// Files handed out.
    pub downloads: u64,
    /// Sessions cut because they did not read.
    pub slow_sessions_cut: u64,
    /// Publishes refused because their topic's queue was full.
    pub topic_queue_full: u64,
    /// Times that a session with a full queue was silently detached from a topic.
    pub silent_detaches: u64,
}

impl InjectedFaults {
    /// Adds one to a map's count.
    pub(super) fn bump<K: Ord>(map: &mut BTreeMap<K, u64>, key: K) {
        *map.entry(key).or_default() += 1;
    }
}
