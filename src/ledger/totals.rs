//! Sums of the ledger.

use super::diagnosis::LossKind;
use super::invariant::{Checks, Invariant};
use super::promises::named;
use super::spread::Spread;
use crate::tick::Tick;

/// Why a missing delivery does not count as lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ExcuseReason {
    /// Published while the receiver was attaching.
    Attach,
    /// Not yet acknowledged when the receiver left the topic or was evicted.
    Detach,
    /// On its way when the receiver closed its connection.
    Disconnect,
    /// On its way when the connection broke.
    ConnectionLost,
    /// Still on its way when the run was broken off.
    Unfinished,
}

impl ExcuseReason {
    /// Every reason with its word.
    pub const ALL: [(ExcuseReason, &'static str); 5] = [
        (ExcuseReason::Attach, "attach"),
        (ExcuseReason::Detach, "detach"),
        (ExcuseReason::Disconnect, "disconnect"),
        (ExcuseReason::ConnectionLost, "connection_lost"),
        (ExcuseReason::Unfinished, "unfinished"),
    ];
}

/// Sums since the start of the run. `expected = delivered + lost + excused + open`, and `open` is 0 at the end.
#[derive(Debug, Clone, Default)]
pub struct LedgerTotals {
    /// Publishes sent.
    pub published: u64,
    /// Acknowledged, or seen at a receiver.
    pub accepted: u64,
    /// Refused by the server.
    pub refused: u64,
    /// Neither acknowledged nor refused nor seen.
    pub unknown: u64,
    /// Deliveries that had to happen, those excused included.
    pub expected: u64,
    /// Deliveries that happened, each counted once.
    pub delivered: u64,
    /// Had to happen and did not.
    pub lost: u64,
    /// The lost ones by [`LossKind`]; they add up to `lost`.
    pub lost_by: [u64; LossKind::ALL.len()],
    /// Publishes of unknown outcome that the history does not hold; part of `unknown`.
    pub not_accepted: u64,
    /// Not delivered and excused, by [`ExcuseReason`].
    pub excused: [u64; ExcuseReason::ALL.len()],
    /// Expected and not yet decided.
    pub open: u64,
    /// Repeats.
    pub duplicated: u64,
    /// Came after a later message of the same topic.
    pub reordered: u64,
    /// Carry this run's stamp, sent by nobody.
    pub phantom: u64,
    /// Delivered later than the operation timeout; part of `delivered`.
    pub late: u64,
    /// Changed on the way; part of `delivered`.
    pub corrupted: u64,
    /// Messages of other clients or other runs.
    pub foreign: u64,
    /// The publisher's own copies that had to come.
    pub echo_expected: u64,
    /// The publisher's own copies that came.
    pub echo_delivered: u64,
    /// Messages of this run that came on a topic where they were not published, or to which the session was not
    /// attached; no part of `delivered`.
    pub misdelivered: u64,
    /// What was found of the service's promises.
    pub checks: Checks,
    /// From the first receiver of a message to the last, for messages with at least two.
    pub spread: Spread,
}

impl LedgerTotals {
    /// All excused deliveries.
    pub fn excused_sum(&self) -> u64 {
        self.excused.iter().sum()
    }

    /// Counts deliveries of a message as lost.
    pub(super) fn lose(&mut self, count: u64, kind: LossKind, key: u64, seq: u64, sent: Tick) {
        self.lost += count;
        self.lost_by[kind as usize] += count;
        if count > 0 {
            self.checks.found(Invariant::ExactlyOnce, sent, || {
                let (_, place) = LossKind::ALL[kind as usize];
                format!("{} (seq {seq}) did not come to {count} attached sessions: {place}", named(key))
            });
        }
    }

    /// Whether the books close: what was expected is delivered, lost, excused or still open.
    pub fn is_balanced(&self) -> bool {
        self.lost == self.lost_by.iter().sum::<u64>()
            && self.expected == self.delivered + self.lost + self.excused_sum() + self.open
    }
}
