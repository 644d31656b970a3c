//! What the REST interface bears from one address: calls per minute, failed logins in a row.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::simulator::SimulatorConfig;

/// Addresses that are remembered; beyond that, all start anew.
const ADDRESSES_MAX: usize = 10_000;
const WINDOW: Duration = Duration::from_secs(60);
/// How long an address is blocked after too many failed logins: the PBX's default.
const BLOCKED_FOR: Duration = Duration::from_secs(3600);

#[derive(Debug)]
struct Address {
    window_start: Instant,
    calls: u32,
    failures: u32,
    blocked_until: Option<Instant>,
}

/// Counts calls and failures by address. An in-memory connection counts as one address.
#[derive(Debug)]
pub(super) struct RestLimits {
    calls_per_minute: Option<u32>,
    failures_max: Option<u32>,
    addresses: HashMap<Option<IpAddr>, Address>,
}

/// Why a call is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    TooMany,
    Blocked,
}

impl RestLimits {
    pub fn new(config: &SimulatorConfig) -> RestLimits {
        RestLimits {
            calls_per_minute: config.rest_calls_per_minute,
            failures_max: config.failed_logins_max,
            addresses: HashMap::new(),
        }
    }

    /// Counts a call; whether it is let in.
    pub fn admit(&mut self, address: Option<IpAddr>) -> Result<(), Refused> {
        if self.calls_per_minute.is_none() && self.failures_max.is_none() {
            return Ok(());
        }
        let now = Instant::now();
        let calls_max = self.calls_per_minute;
        let state = self.state(address, now);
        if state.blocked_until.is_some_and(|until| now < until) {
            return Err(Refused::Blocked);
        }
        if now >= state.window_start + WINDOW {
            (state.window_start, state.calls) = (now, 0);
        }
        state.calls += 1;
        if calls_max.is_some_and(|most| state.calls > most) { Err(Refused::TooMany) } else { Ok(()) }
    }

    /// Notes how a login went; failures in a row block the address.
    pub fn note_login(&mut self, address: Option<IpAddr>, accepted: bool) {
        let Some(most) = self.failures_max else { return };
        let now = Instant::now();
        let state = self.state(address, now);
        state.failures = if accepted { 0 } else { state.failures + 1 };
        if state.failures >= most {
            state.failures = 0;
            state.blocked_until = Some(now + BLOCKED_FOR);
        }
    }

    fn state(&mut self, address: Option<IpAddr>, now: Instant) -> &mut Address {
        if self.addresses.len() >= ADDRESSES_MAX {
            self.addresses.clear();
        }
        let fresh = || Address { window_start: now, calls: 0, failures: 0, blocked_until: None };
        self.addresses.entry(address).or_insert_with(fresh)
    }
}
