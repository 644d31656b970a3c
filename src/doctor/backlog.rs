//! The listening side's queues, when that side is this machine: a full one looks like a slow or refusing service.

use std::fs;

use super::{Finding, is_loopback};
use crate::scenario::Scenario;

const CHECK: &str = "backlog";
/// Connections that a ramp may have waiting at once; Linux' own limit since 5.4.
const ENOUGH: u32 = 4_096;

pub(super) fn look(scenario: Option<&Scenario>) -> Option<Finding> {
    let scenario = scenario.filter(|scenario| is_loopback(scenario))?;
    let read = |name: &str| number(&fs::read_to_string(format!("/proc/sys/net/{name}")).unwrap_or_default());
    judge(read("core/somaxconn"), read("ipv4/tcp_max_syn_backlog"), scenario.users.count)
}

fn number(text: &str) -> Option<u32> {
    text.trim().parse().ok()
}

fn judge(somaxconn: Option<u32>, syn: Option<u32>, users: u32) -> Option<Finding> {
    let (somaxconn, syn) = (somaxconn?, syn?);
    let wanted = users.min(ENOUGH);
    let found = format!("the target is this machine: somaxconn {somaxconn}, tcp_max_syn_backlog {syn}");
    if somaxconn >= wanted && syn.max(somaxconn) >= wanted {
        return Some(Finding::ok(CHECK, found));
    }
    Some(Finding::warn(
        CHECK,
        format!("{found}: connections beyond that wait a second or more for their next try"),
        format!(
            "`sysctl -w net.core.somaxconn={ENOUGH} net.ipv4.tcp_max_syn_backlog={ENOUGH}`, then restart the service"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_queue_is_a_warning_only_for_many_users() {
        let text = |somaxconn, users| judge(number(somaxconn), Some(512), users).map(|finding| finding.prose());
        insta::assert_snapshot!(text("128\n", 100).unwrap_or_default(), @"ok    backlog       the target is this machine: somaxconn 128, tcp_max_syn_backlog 512");
        insta::assert_snapshot!(text("128\n", 5_000).unwrap_or_default(), @r"
        warn  backlog       the target is this machine: somaxconn 128, tcp_max_syn_backlog 512: connections beyond that wait a second or more for their next try
                            fix: `sysctl -w net.core.somaxconn=4096 net.ipv4.tcp_max_syn_backlog=4096`, then restart the service
        ");
        assert_eq!(text("", 5_000), None);
    }
}
