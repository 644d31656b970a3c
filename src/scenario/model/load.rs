//! How much when, and what happens in the middle of it.

use std::time::Duration;

/// How much, when.
#[derive(Debug, Clone)]
pub struct Load {
    /// How many users are online. Never empty.
    pub users: Vec<Stage>,
    /// How many iterations begin each second; empty without an open model.
    pub arrivals: Vec<Stage>,
    /// The stages of both curves with their names.
    pub stages: Vec<NamedStage>,
    /// The day that the curves were made of, where they were.
    pub day: Option<Day>,
    /// How arrivals are spaced.
    pub spacing: Spacing,
    /// How long what is in flight at the end is waited for.
    pub drain: Duration,
    /// Users fetch what they missed, after a lost connection.
    pub catch_up: bool,
}

impl Load {
    /// The longest stretch in which neither curve moves; `None` when there is none. Of equal ones the first.
    pub fn steady(&self) -> Option<(Duration, Duration)> {
        let mut moves: Vec<(Duration, Duration)> = Vec::new();
        let end = self.duration();
        for stages in [&self.users, &self.arrivals] {
            let (mut at, mut level) = (Duration::ZERO, 0.0);
            for stage in stages {
                if let Some(to) = stage.to.filter(|to| *to != level) {
                    moves.push((at, at + stage.over));
                    level = to;
                }
                at += stage.over;
            }
            // Arrivals end with their curve.
            moves.push((at, at));
        }
        moves.push((end, end));
        moves.sort();
        let (mut still_since, mut longest) = (Duration::ZERO, (Duration::ZERO, Duration::ZERO));
        for (from, to) in moves {
            if from.saturating_sub(still_since) > longest.1 - longest.0 {
                longest = (still_since, from);
            }
            still_since = still_since.max(to);
        }
        (longest.1 > longest.0).then_some(longest)
    }

    /// How long the load lasts: the longer of the two curves.
    pub fn duration(&self) -> Duration {
        let length = |stages: &[Stage]| stages.iter().map(|stage| stage.over).sum::<Duration>();
        length(&self.users).max(length(&self.arrivals))
    }
}

/// A stretch of a load curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// The value at its end: users, or arrivals per second. `None` holds the value before.
    pub to: Option<f64>,
    /// How long it takes.
    pub over: Duration,
}

/// A stage with its name and its place in the load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedStage {
    /// The scenario's, or one such as `hold-1`.
    pub name: String,
    /// Its beginning.
    pub from: Duration,
    /// Its end.
    pub to: Duration,
}

/// How arrivals are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// Exponential gaps: independent callers.
    Poisson,
    /// Equal gaps.
    Even,
}

/// A day that is run through faster than the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Day {
    /// So many times as fast, at least 1.
    pub speed_up: f64,
    /// Minute of the day at which it begins.
    pub start: u32,
    /// So many days.
    pub days: u32,
    /// Time before it, by the clock, in which those who are online at its beginning come.
    pub opening: Duration,
}

/// Something that happens to users in the middle of the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadEvent {
    /// When, in the load.
    pub at: Duration,
    /// Again so often.
    pub every: Option<Duration>,
    /// What.
    pub what: Disturbance,
    /// To which share of all users, above 0 and up to 1.
    pub share: f64,
    /// How long, where it takes time.
    pub length: Duration,
    /// How those come back who lose their connection.
    pub reconnect: Reconnect,
    /// How many arrivals fall due at once, of a burst.
    pub arrivals: u32,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// Connections are dropped without a close frame.
    Drop,
    /// Users stop reading for a while, and go on.
    PauseReading,
    /// Users fall silent on their connection, which stays open, and come back on another.
    HalfOpen,
    /// Many arrivals at once.
    Burst,
    /// Connections are dropped as by a restart of the service.
    RestartStorm,
}

/// How users come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconnect {
    /// Each after a random part of a growing span, as after any loss.
    Jitter,
    /// All of them at once.
    AtOnce,
}
