//! Ports and source addresses: each connection to one target takes a port of the address that it comes from.

use super::Finding;
use crate::engine::{PortNeed, PortRange, check_source_addresses};
use crate::scenario::Scenario;

const CHECK: &str = "ports";
const SOURCES: &str = "sources";
/// Above this part of the ports, connections that were closed in the last minute and still hold one are felt.
const PART_EASY: f64 = 0.8;

pub(super) fn look(scenario: Option<&Scenario>) -> Vec<Finding> {
    let range = PortRange::of_system();
    let Some(scenario) = scenario else { return vec![judge(range, None)] };
    let mut findings = vec![judge(range, Some(PortNeed::of(scenario, range)))];
    let sources = &scenario.target.source_addresses;
    if !sources.is_empty() {
        findings.push(match check_source_addresses(sources) {
            Ok(()) => Finding::ok(SOURCES, format!("all of the {} source addresses are this machine's", sources.len())),
            Err((address, error)) => Finding::bad(
                SOURCES,
                format!("cannot connect from `{address}`: {error}"),
                format!("`ip address add {address} dev INTERFACE`, or correct `target.source_addresses`"),
            ),
        });
    }
    findings
}

fn judge(range: PortRange, need: Option<PortNeed>) -> Finding {
    let (ports, first, last) = (range.ports(), range.first, range.last);
    let Some(need) = need else {
        return Finding::ok(CHECK, format!("{ports} ({first} to {last}) for each source address and target"));
    };
    if !need.is_met() {
        return Finding::bad(CHECK, need.to_string(), need.way_out());
    }
    let per_address = need.per_address();
    if f64::from(per_address) > f64::from(ports) * PART_EASY {
        let message = format!("{need}: closed connections keep theirs for a minute, so reconnects may find none");
        return Finding::warn(CHECK, message, need.way_out());
    }
    Finding::ok(CHECK, format!("{per_address} of {ports} ({first} to {last}) of each source address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plenty_scarce_and_too_few_are_told_apart() {
        let range = PortRange { first: 32_768, last: 60_999, reserved: 0 };
        let text =
            |users, addresses| judge(range, Some(PortNeed { users, addresses, available: range.ports() })).prose();
        insta::assert_snapshot!(judge(range, None).prose(), @"ok    ports         28232 (32768 to 60999) for each source address and target");
        insta::assert_snapshot!(text(20_000, 2), @"ok    ports         10000 of 28232 (32768 to 60999) of each source address");
        insta::assert_snapshot!(text(25_000, 1), @r#"
        warn  ports         25000 users need 25000 ports of one source address and this system gives 28232: closed connections keep theirs for a minute, so reconnects may find none
                            fix: `sysctl -w net.ipv4.ip_local_port_range="1024 65535"` makes 64512 of them, or give 2 addresses in `target.source_addresses`
        "#);
        insta::assert_snapshot!(text(100_000, 1), @r"
        bad   ports         100000 users need 100000 ports of one source address and this system gives 28232
                            fix: give 4 addresses in `target.source_addresses`
        ");
    }
}
