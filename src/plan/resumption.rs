//! Going on with a plan where a killed run left it: what is due from there on, and who has to come back first.
//!
//! The load's time goes on at the second at which it stopped. Before it does, whoever was online then comes back, no
//! faster than the plan itself ever brings users online, and gets a moment to settle: a resumed run must not be a restart
//! storm that nobody asked for.

use std::time::Duration;

use super::{Change, UserChange, UsersCurve};
use crate::scenario::Stage;
use crate::tick::Tick;

/// Between the last user's return and the load's going on.
const SETTLE: Duration = Duration::from_secs(2);

/// Where a run goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumption {
    /// Which part of the run this is; at least 1.
    pub part: u32,
    /// Time of the load that is already over.
    pub offset: Duration,
    /// Ticks of the part go on from here: not before those of the parts before it.
    pub clock_from: Tick,
    /// When the part before it ended, RFC 3339 UTC, and as microseconds since 1970.
    pub interrupted_at: (String, i64),
}

/// The way back to where the plan was.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Return {
    /// Who was online, the first to come first.
    users: Vec<u32>,
    /// Time from the first return to the last.
    over: Duration,
}

impl Return {
    /// Who was online after `offset` of the load, and how fast the plan lets them come.
    pub(super) fn of(stages: &[Stage], offset: Duration) -> Return {
        let mut online = std::collections::BTreeSet::new();
        let at = Tick::from_duration(offset);
        for change in UsersCurve::new(stages).changes(0, 1).take_while(|change| change.at <= at) {
            match change.change {
                Change::Online => online.insert(change.user),
                Change::Offline => online.remove(&change.user),
            };
        }
        let users: Vec<u32> = online.into_iter().collect();
        let over = match steepest(stages, offset) {
            rate if rate.is_finite() && rate > 0.0 => Duration::from_secs_f64(users.len() as f64 / rate).min(offset),
            _ => Duration::ZERO,
        };
        Return { users, over }
    }

    /// How long before the load goes on the first user comes back.
    pub(super) fn length(&self, offset: Duration) -> Duration {
        if self.users.is_empty() { Duration::ZERO } else { (self.over + SETTLE).min(offset) }
    }

    /// The returns of every `step`-th user from `first`, in the load's time, all of them before `offset`.
    pub(super) fn changes(&self, offset: Duration, first: u32, step: u32) -> Vec<UserChange> {
        let begins = Tick::from_duration(offset - self.length(offset));
        let count = self.users.len().max(1) as f64;
        let users = self.users.iter().enumerate().filter(|(_, user)| *user % step == first % step);
        users
            .map(|(index, &user)| {
                let at = begins + self.over.mul_f64(index as f64 / count);
                UserChange { at, user, change: Change::Online }
            })
            .collect()
    }
}

/// The most users a second that the plan brings online up to there; infinite when it does so at once.
fn steepest(stages: &[Stage], offset: Duration) -> f64 {
    let (mut start, mut from, mut steepest) = (Duration::ZERO, 0.0, 0.0f64);
    for stage in stages.iter() {
        if start > offset {
            break;
        }
        let to = stage.to.unwrap_or(from);
        if to > from {
            steepest = steepest.max((to - from) / stage.over.as_secs_f64());
        }
        (start, from) = (start + stage.over, to);
    }
    steepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(to: Option<f64>, seconds: u64) -> Stage {
        Stage { to, over: Duration::from_secs(seconds) }
    }

    #[test]
    fn who_was_online_comes_back_as_fast_as_the_plan_allows_and_settles() {
        let stages = [stage(Some(100.0), 10), stage(None, 60), stage(Some(40.0), 6), stage(None, 60)];
        let offset = Duration::from_secs(100);
        let back = Return::of(&stages, offset);
        assert_eq!((back.users.len(), back.over), (40, Duration::from_secs(4)));
        let changes = back.changes(offset, 0, 1);
        assert_eq!((changes[0].at, changes[0].user), (Tick::from_micros(94_000_000), 0));
        assert!(changes.iter().all(|change| change.at < Tick::from_micros(98_000_000)));
        let parts: usize = (0..3).map(|slot| back.changes(offset, slot, 3).len()).sum();
        assert_eq!(parts, 40);
    }

    #[test]
    fn in_the_middle_of_the_first_ramp_there_is_no_time_before_the_load() {
        let stages = [stage(Some(100.0), 10), stage(None, 60)];
        let offset = Duration::from_secs(1);
        let back = Return::of(&stages, offset);
        assert_eq!((back.users.len(), back.length(offset)), (11, offset));
        assert_eq!(Return::of(&stages, Duration::ZERO).length(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_plan_that_brings_all_at_once_does_so_again() {
        let stages = [stage(Some(10.0), 0), stage(None, 60)];
        let back = Return::of(&stages, Duration::from_secs(30));
        assert_eq!((back.users.len(), back.over), (10, Duration::ZERO));
    }
}
