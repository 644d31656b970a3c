//! The watchdog of a connection: pings it when nothing comes, and gives it up when nothing comes still.
//!
//! A link that is dead tells nobody: a peer whose machine is gone closes nothing. Any frame is a sign of life, a pong
//! too. What is heard only notes its instant; the timer is set again when it fires, not before.

use std::time::Duration;

use crate::scenario::Target;
use crate::tick::Tick;

/// When to ping, and when to give up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Keepalive {
    /// `None` for never.
    ping_every: Option<Duration>,
    dead_after: Option<Duration>,
}

/// One connection's.
#[derive(Debug)]
pub(super) struct Watchdog {
    keepalive: Keepalive,
    heard: Tick,
    pinged: Tick,
    /// When to look next.
    pub(super) at: Tick,
}

/// What a look has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Fine,
    Ping,
    /// The last sign of life was then.
    Dead(Tick),
}

impl Keepalive {
    pub(super) fn of(target: &Target) -> Keepalive {
        let on = |span: Duration| (!span.is_zero()).then_some(span);
        Keepalive { ping_every: on(target.ping_every), dead_after: on(target.dead_after) }
    }
}

impl Default for Watchdog {
    fn default() -> Watchdog {
        Watchdog { keepalive: Keepalive::default(), heard: Tick::ZERO, pinged: Tick::ZERO, at: Tick::NEVER }
    }
}

impl Watchdog {
    /// Of a connection that has just been opened.
    pub(super) fn new(now: Tick, keepalive: Keepalive) -> Watchdog {
        let mut watchdog = Watchdog { keepalive, heard: now, pinged: now, at: Tick::NEVER };
        watchdog.rest(now);
        watchdog
    }

    /// Something came.
    pub(super) fn hear(&mut self, now: Tick) {
        self.heard = now;
    }

    /// Looks, when it is time.
    pub(super) fn look(&mut self, now: Tick) -> Look {
        if now < self.at {
            return Look::Fine;
        }
        let Keepalive { ping_every, dead_after } = self.keepalive;
        let found = if dead_after.is_some_and(|span| self.heard + span <= now) {
            Look::Dead(self.heard)
        } else if ping_every.is_some_and(|span| self.heard.max(self.pinged) + span <= now) {
            self.pinged = now;
            Look::Ping
        } else {
            Look::Fine
        };
        self.rest(now);
        found
    }

    fn rest(&mut self, now: Tick) {
        let Keepalive { ping_every, dead_after } = self.keepalive;
        let ping = ping_every.map_or(Tick::NEVER, |span| self.heard.max(self.pinged) + span);
        let dead = dead_after.map_or(Tick::NEVER, |span| self.heard + span);
        // Of a dead one nothing more is asked; a millisecond is as fine as paused time goes.
        self.at = ping.min(dead).max(now + Duration::from_millis(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_link_is_pinged_and_a_dead_one_given_up_while_a_lively_one_costs_a_look_now_and_then() {
        let second = |second: u64| Tick::from_micros(second * 1_000_000);
        let span = |seconds| Some(Duration::from_secs(seconds));
        let keepalive = Keepalive { ping_every: span(30), dead_after: span(90) };
        let mut watchdog = Watchdog::new(second(0), keepalive);
        let mut looks = Vec::new();
        for now in 0..=100 {
            if now == 10 {
                watchdog.hear(second(10));
            }
            if watchdog.at <= second(now) {
                looks.push((now, watchdog.look(second(now))));
            }
        }
        let heard = second(10);
        let wanted = [(30, Look::Fine), (40, Look::Ping), (70, Look::Ping), (100, Look::Dead(heard))];
        assert_eq!(looks, wanted);
        assert_eq!(Watchdog::new(second(0), Keepalive::default()).at, Tick::NEVER, "off");
    }
}
