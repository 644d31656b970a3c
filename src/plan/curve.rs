//! How many users are online over time: when each one comes and goes.

use crate::scenario::Stage;
use crate::tick::Tick;

/// A piecewise linear curve from 0 users.
#[derive(Debug, Clone)]
pub struct UsersCurve<'a> {
    stages: &'a [Stage],
}

/// What a user has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Come online.
    Online,
    /// Finish what is open and leave.
    Offline,
}

/// A user comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserChange {
    /// When, since the load began.
    pub at: Tick,
    /// Who.
    pub user: u32,
    /// What.
    pub change: Change,
}

impl<'a> UsersCurve<'a> {
    /// The curve of these stages.
    pub fn new(stages: &'a [Stage]) -> UsersCurve<'a> {
        UsersCurve { stages }
    }

    /// Comings and goings of every `step`-th user from `first`, in order of time.
    ///
    /// User `i` is online while the curve is above `i`: the first comes at once, the last to come is the first
    /// to go, and at the end of a ramp exactly as many are online as it says.
    pub fn changes(&self, first: u32, step: u32) -> impl Iterator<Item = UserChange> + use<'a> {
        let stages = self.stages;
        let mut start = Tick::ZERO;
        let mut before = 0.0;
        stages.iter().flat_map(move |stage| {
            let (from, began) = (before, start);
            let to = stage.to.unwrap_or(from);
            before = to;
            start += stage.over;
            let crossing = move |user: u32| {
                let part = (f64::from(user) - from) / (to - from);
                began + stage.over.mul_f64(part.clamp(0.0, 1.0))
            };
            let (low, high) = (from.min(to).ceil() as u32, from.max(to).ceil() as u32);
            let crossed = move |user: &u32| *user % step == first % step;
            let rising = (low..high).filter(move |_| to > from).filter(crossed);
            let falling = (low..high).rev().filter(move |_| to < from).filter(crossed);
            rising
                .map(move |user| UserChange { at: crossing(user), user, change: Change::Online })
                .chain(falling.map(move |user| UserChange { at: crossing(user), user, change: Change::Offline }))
        })
    }

    /// When a user first comes online; `None` when it never does.
    pub fn first_online(&self, user: u32) -> Option<Tick> {
        let (mut start, mut from) = (Tick::ZERO, 0.0);
        for stage in self.stages {
            let to = stage.to.unwrap_or(from);
            if to > f64::from(user) {
                let part = (f64::from(user) - from) / (to - from);
                return Some(start + stage.over.mul_f64(part.clamp(0.0, 1.0)));
            }
            (from, start) = (to, start + stage.over);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn ramp(to: f64, seconds: u64) -> Stage {
        Stage { to: Some(to), over: Duration::from_secs(seconds) }
    }

    fn hold(seconds: u64) -> Stage {
        Stage { to: None, over: Duration::from_secs(seconds) }
    }

    fn online_at(stages: &[Stage], at: f64) -> i64 {
        UsersCurve::new(stages)
            .changes(0, 1)
            .filter(|change| change.at.as_secs_f64() <= at)
            .map(|change| if change.change == Change::Online { 1 } else { -1 })
            .sum()
    }

    #[test]
    fn the_curve_is_followed() {
        let stages = [ramp(100.0, 10), hold(5), ramp(40.0, 6), ramp(0.0, 0)];
        assert_eq!(online_at(&stages, 0.0), 1);
        assert_eq!(online_at(&stages, 5.0), 51);
        assert_eq!(online_at(&stages, 10.0), 100);
        assert_eq!(online_at(&stages, 15.0), 100);
        assert_eq!(online_at(&stages, 18.0), 70);
        assert_eq!(online_at(&stages, 20.999), 41);
        assert_eq!(online_at(&stages, 21.0), 0);
    }

    #[test]
    fn the_first_coming_of_a_user_is_the_first_of_its_changes() {
        let stages = [ramp(10.0, 10), ramp(5.0, 1), ramp(20.0, 10)];
        let curve = UsersCurve::new(&stages);
        for user in 0..20 {
            let first = curve.changes(user, 64).find(|change| change.user == user).map(|change| change.at);
            assert_eq!(curve.first_online(user), first);
        }
        assert_eq!(curve.first_online(20), None);
    }

    #[test]
    fn slots_share_the_users_and_keep_the_order() {
        let stages = [ramp(101.0, 10), ramp(0.0, 10)];
        let whole: Vec<_> = UsersCurve::new(&stages).changes(0, 1).collect();
        assert!(whole.windows(2).all(|pair| pair[0].at <= pair[1].at));
        let parts: usize = (0..3).map(|slot| UsersCurve::new(&stages).changes(slot, 3).count()).sum();
        assert_eq!(parts, whole.len());
        assert!(UsersCurve::new(&stages).changes(1, 3).all(|change| change.user % 3 == 1));
    }
}
