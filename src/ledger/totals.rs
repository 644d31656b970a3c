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
    /// Fetched from the history after a lost connection; part of `delivered`.
    pub recovered: u64,
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
    /// Messages that are too young to be judged: of their deliveries only those that came are in the books yet.
    pub unjudged: u64,
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
    /// Accepted messages whose publisher asked for its own copy.
    pub echo_accepted: u64,
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

    /// Adds the totals of another part of the same run, one that was killed and resumed.
    pub fn add(&mut self, other: &LedgerTotals) {
        // Every field by name, so that a new one cannot be forgotten.
        let LedgerTotals {
            published,
            accepted,
            refused,
            unknown,
            expected,
            delivered,
            recovered,
            lost,
            lost_by,
            not_accepted,
            excused,
            open,
            unjudged,
            duplicated,
            reordered,
            phantom,
            late,
            corrupted,
            foreign,
            echo_expected,
            echo_delivered,
            echo_accepted,
            misdelivered,
            checks,
            spread,
        } = other;
        self.published += published;
        self.accepted += accepted;
        self.refused += refused;
        self.unknown += unknown;
        self.expected += expected;
        self.delivered += delivered;
        self.recovered += recovered;
        self.lost += lost;
        self.lost_by.iter_mut().zip(lost_by).for_each(|(mine, theirs)| *mine += theirs);
        self.not_accepted += not_accepted;
        self.excused.iter_mut().zip(excused).for_each(|(mine, theirs)| *mine += theirs);
        self.open += open;
        self.unjudged += unjudged;
        self.duplicated += duplicated;
        self.reordered += reordered;
        self.phantom += phantom;
        self.late += late;
        self.corrupted += corrupted;
        self.foreign += foreign;
        self.echo_expected += echo_expected;
        self.echo_delivered += echo_delivered;
        self.echo_accepted += echo_accepted;
        self.misdelivered += misdelivered;
        self.checks.merge(checks);
        self.spread.merge(spread);
    }

    /// What was added since an earlier moment; nothing is open in it, and it has no histogram.
    pub fn since(&self, earlier: &LedgerTotals) -> LedgerTotals {
        let less = |now: u64, before: u64| now.saturating_sub(before);
        let each = |now: &[u64], before: &[u64], sums: &mut [u64]| {
            for (sum, (now, before)) in sums.iter_mut().zip(now.iter().zip(before)) {
                *sum = less(*now, *before);
            }
        };
        let (mut lost_by, mut excused) = ([0; LossKind::ALL.len()], [0; ExcuseReason::ALL.len()]);
        each(&self.lost_by, &earlier.lost_by, &mut lost_by);
        each(&self.excused, &earlier.excused, &mut excused);
        LedgerTotals {
            published: less(self.published, earlier.published),
            accepted: less(self.accepted, earlier.accepted),
            refused: less(self.refused, earlier.refused),
            unknown: less(self.unknown, earlier.unknown),
            expected: less(self.expected, earlier.expected),
            delivered: less(self.delivered, earlier.delivered),
            recovered: less(self.recovered, earlier.recovered),
            lost: less(self.lost, earlier.lost),
            lost_by,
            not_accepted: less(self.not_accepted, earlier.not_accepted),
            excused,
            open: 0,
            unjudged: 0,
            duplicated: less(self.duplicated, earlier.duplicated),
            reordered: less(self.reordered, earlier.reordered),
            phantom: less(self.phantom, earlier.phantom),
            late: less(self.late, earlier.late),
            corrupted: less(self.corrupted, earlier.corrupted),
            foreign: less(self.foreign, earlier.foreign),
            echo_expected: less(self.echo_expected, earlier.echo_expected),
            echo_delivered: less(self.echo_delivered, earlier.echo_delivered),
            echo_accepted: less(self.echo_accepted, earlier.echo_accepted),
            misdelivered: less(self.misdelivered, earlier.misdelivered),
            checks: self.checks.since(&earlier.checks),
            spread: Spread::default(),
        }
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
