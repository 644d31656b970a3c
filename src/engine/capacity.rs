//! What a run needs of this machine before its first connection: descriptors, ports, local addresses.
//!
//! `run` refuses by these rules and `check` and `doctor` tell them beforehand, so there is one copy of each number.

use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, UdpSocket};

use crate::scenario::{Scenario, TargetUrl};

/// Descriptors that the program needs besides one for each connection: timers, runtimes, files, uploads in flight.
pub const DESCRIPTORS_SPARE: u64 = 100;
/// Linux' own range of ports, where the system's cannot be read.
const PORTS_USUAL: PortRange = PortRange { first: 32_768, last: 60_999, reserved: 0 };
/// The widest range that a program without privileges can be given.
const PORTS_WIDEST: u32 = 65_535 - 1_024 + 1;

/// Descriptors that a scenario needs. With the embedded simulator both ends of a connection are in this process.
pub fn descriptors_needed(scenario: &Scenario) -> u64 {
    u64::from(scenario.users.count) * ends(scenario) + DESCRIPTORS_SPARE
}

/// Users of a scenario that fit into a limit of descriptors.
pub fn users_within(scenario: &Scenario, limit: u64) -> u64 {
    limit.saturating_sub(DESCRIPTORS_SPARE) / ends(scenario)
}

fn ends(scenario: &Scenario) -> u64 {
    if scenario.target.url == TargetUrl::Embedded { 2 } else { 1 }
}

/// The ports that the system gives to connections without one of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest.
    pub first: u16,
    /// The highest.
    pub last: u16,
    /// Ports within it that are never given.
    pub reserved: u32,
}

impl PortRange {
    /// The range of this machine; Linux' usual one where it does not tell.
    pub fn of_system() -> PortRange {
        let read = |name: &str| fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).unwrap_or_default();
        PortRange::parse(&read("ip_local_port_range"), &read("ip_local_reserved_ports")).unwrap_or(PORTS_USUAL)
    }

    /// Reads `ip_local_port_range`, two numbers, and `ip_local_reserved_ports`, a list such as `8080,9148-9150`.
    pub fn parse(range: &str, reserved: &str) -> Option<PortRange> {
        let mut bounds = range.split_whitespace().map(str::parse::<u16>);
        let (first, last) = (bounds.next()?.ok()?, bounds.next()?.ok()?);
        if last < first {
            return None;
        }
        let inside = |part: &str| -> Option<u32> {
            let (low, high) = part.split_once('-').unwrap_or((part, part));
            let (low, high) = (low.trim().parse::<u16>().ok()?.max(first), high.trim().parse::<u16>().ok()?.min(last));
            Some(if low <= high { u32::from(high - low) + 1 } else { 0 })
        };
        let reserved = reserved.split(',').filter_map(inside).sum();
        Some(PortRange { first, last, reserved })
    }

    /// Ports that one source address has for one destination.
    pub fn ports(self) -> u32 {
        (u32::from(self.last - self.first) + 1).saturating_sub(self.reserved)
    }
}

/// Users against the ports of their source addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortNeed {
    /// Users planned.
    pub users: u32,
    /// Source addresses that can reach the target; 1 when the system chooses.
    pub addresses: u32,
    /// Ports that each of them has.
    pub available: u32,
}

impl PortNeed {
    /// What a scenario needs, of a system with this range.
    pub fn of(scenario: &Scenario, range: PortRange) -> PortNeed {
        let target = match &scenario.target.url {
            TargetUrl::Embedded => Some(true),
            TargetUrl::Service(endpoint) => endpoint.host.parse::<IpAddr>().ok().map(|address| address.is_ipv4()),
        };
        let fits = |address: &&IpAddr| target.is_none_or(|is_v4| address.is_ipv4() == is_v4);
        let addresses = scenario.target.source_addresses.iter().filter(fits).count().max(1) as u32;
        PortNeed { users: scenario.users.count, addresses, available: range.ports() }
    }

    /// Users of the busiest source address.
    pub fn per_address(self) -> u32 {
        self.users.div_ceil(self.addresses.max(1))
    }

    /// Whether every user gets a port.
    pub fn is_met(self) -> bool {
        self.per_address() <= self.available
    }

    /// What would do.
    pub fn way_out(self) -> String {
        let addresses = self.users.div_ceil(self.available.max(1)).max(self.addresses + 1);
        let more = format!("give {addresses} addresses in `target.source_addresses`");
        if self.per_address() <= PORTS_WIDEST {
            format!("`sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"` makes {PORTS_WIDEST} of them, or {more}")
        } else {
            more
        }
    }
}

impl fmt::Display for PortNeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PortNeed { users, addresses, available } = self;
        let sources = if *addresses == 1 { "one source address" } else { "each of the source addresses" };
        write!(f, "{users} users need {} ports of {sources} and this system gives {available}", self.per_address())
    }
}

/// A local address that cannot be used, and why.
///
/// # Errors
/// The first address that is not one of this machine's.
pub fn check_source_addresses(addresses: &[IpAddr]) -> Result<(), (IpAddr, io::Error)> {
    addresses.iter().try_for_each(|&address| UdpSocket::bind((address, 0)).map(drop).map_err(|error| (address, error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_texts_are_read() {
        for (range, reserved, ports) in [
            ("32768\t60999\n", "\n", 28_232),
            ("1024 65535", "", 64_512),
            ("32768 60999", "8080,32000-32999,40000\n", 28_232 - 232 - 1),
            ("1000 1000", "1000", 0),
        ] {
            assert_eq!(PortRange::parse(range, reserved).map(PortRange::ports), Some(ports), "{range} {reserved}");
        }
        for wrong in ["", "1024", "60999 32768", "a b", "1 70000"] {
            assert_eq!(PortRange::parse(wrong, ""), None, "{wrong}");
        }
    }

    #[test]
    fn a_shortage_of_ports_names_the_number_that_would_do() {
        let need = |users, addresses| PortNeed { users, addresses, available: 28_232 };
        assert!(need(28_232, 1).is_met() && need(56_464, 2).is_met());
        assert!(!need(28_233, 1).is_met() && !need(56_465, 2).is_met());
        let short = need(60_000, 2);
        insta::assert_snapshot!(format!("{short}; {}", short.way_out()), @r#"60000 users need 30000 ports of each of the source addresses and this system gives 28232; `sysctl -w net.ipv4.ip_local_port_range="1024 65535"` makes 64512 of them, or give 3 addresses in `target.source_addresses`"#);
        insta::assert_snapshot!(need(200_000, 1).way_out(), @"give 8 addresses in `target.source_addresses`");
    }

    #[test]
    fn an_address_of_somebody_else_is_named() {
        let own: IpAddr = [127, 0, 0, 1].into();
        // TEST-NET-3: nobody's.
        let other: IpAddr = [203, 0, 113, 1].into();
        assert!(check_source_addresses(&[own]).is_ok());
        assert_eq!(check_source_addresses(&[own, other]).map_err(|(address, _)| address), Err(other));
    }
}
