//! Faults of days: what grows, what restarts, and peers that fall silent without leaving.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::delay::{LONGEST, Span};

/// A delay that grows with time, beside the one of `delay`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// By how much in a minute.
    pub per_minute: Span,
    /// It grows no further than that; a minute when absent.
    pub max: Option<Span>,
}

/// Memory that is never given back, in the figures of `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Leak {
    /// Bytes a minute.
    pub bytes_per_minute: u64,
}

/// A restart: all connections are closed, none is let in for a while, and everything stored is there again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// Since the simulator's start.
    pub at: Span,
    /// How long nobody is let in.
    #[serde(rename = "for")]
    pub length: Span,
    /// Again so often; once when absent.
    pub every: Option<Span>,
}

/// Sessions that fall silent: nothing is read from them, answered, or sent, and they are not closed until a pong has been
/// missing for as long as with any client.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HalfOpen {
    /// Since the simulator's start.
    pub at: Span,
    /// Which share of all sessions, 0 to 1; all when absent.
    pub share: Option<f64>,
}

impl Growth {
    /// What it has come to.
    pub fn after(&self, uptime: Duration) -> Duration {
        let most = self.max.map_or(LONGEST, |max| max.0.min(LONGEST));
        self.per_minute.0.mul_f64(uptime.as_secs_f64() / 60.0).min(most)
    }
}

impl Leak {
    /// What it has come to.
    pub fn after(&self, uptime: Duration) -> u64 {
        (self.bytes_per_minute as f64 * uptime.as_secs_f64() / 60.0) as u64
    }
}

impl Growth {
    pub(super) fn problem(&self) -> Option<&'static str> {
        (self.per_minute.0 > LONGEST).then_some("grows by more than a minute in a minute")
    }
}

impl Restart {
    pub(super) fn problem(&self) -> Option<&'static str> {
        let is_endless = self.every.is_some_and(|every| every.0 <= self.length.0);
        is_endless.then_some("comes again before it is over: make `every` longer than `for`")
    }
}

impl HalfOpen {
    pub(super) fn problem(&self) -> Option<&'static str> {
        self.share.is_some_and(|share| !(0.0..=1.0).contains(&share)).then_some("has a `share` outside 0 to 1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_grows_evenly_and_not_beyond_its_end() {
        let growth = Growth { per_minute: Span(Duration::from_millis(60)), max: Some(Span(Duration::from_millis(90))) };
        let after = |seconds| growth.after(Duration::from_secs(seconds)).as_millis();
        assert_eq!([after(0), after(30), after(60), after(600)], [0, 30, 60, 90]);
        assert_eq!(Leak { bytes_per_minute: 600 }.after(Duration::from_secs(90)), 900);
    }
}
