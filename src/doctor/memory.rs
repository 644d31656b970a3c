//! Memory: what is left, for the machine and for the group of processes that this one is in, against a budget.

use std::fs;
use std::path::Path;

use super::Finding;
use crate::gate::ScenarioFacts;
use crate::report::figures::bytes as size;
use crate::scenario::{Scenario, TargetUrl};

const CHECK: &str = "memory";
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// For each user on a plain connection. Measured: 7.7 KiB with its state, from runs of 100 and 1,500 users; an idle
/// connection alone 6.9 KiB. Buffers of the kernel's sockets are not in it.
const PLAIN_USER_BYTES: u64 = 8 * KIB;
/// For each user over TLS. Measured: 8.3 KiB more than plain, for the two ends of a record.
const TLS_USER_BYTES: u64 = 18 * KIB;
/// For each user's other end in the embedded simulator. Measured: 8.1 KiB an idle connection, and its session.
const SIMULATED_USER_BYTES: u64 = 32 * KIB;
/// For the program. Measured: 43 MiB with five operations, 85 MiB with seventeen and the simulator; the difference
/// is their histograms.
const PROGRAM_BYTES: u64 = 32 * MIB;
const OPERATION_BYTES: u64 = 4 * MIB;

pub(super) fn look(scenario: Option<&Scenario>) -> Finding {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text));
    judge(machine, group_rest(), scenario.map(|scenario| (scenario.users.count, budget(scenario))))
}

/// What a scenario may take.
fn budget(scenario: &Scenario) -> u64 {
    let user = match &scenario.target.url {
        TargetUrl::Embedded => PLAIN_USER_BYTES + SIMULATED_USER_BYTES,
        TargetUrl::Service(endpoint) if endpoint.is_tls => TLS_USER_BYTES,
        TargetUrl::Service(_) => PLAIN_USER_BYTES,
    };
    let operations = ScenarioFacts::of(scenario).ops.len() as u64;
    PROGRAM_BYTES + operations * OPERATION_BYTES + u64::from(scenario.users.count) * user
}

/// `MemAvailable` of `/proc/meminfo`, in bytes.
fn available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(KIB)
}

/// What the tightest control group around this process has left; `None` when none of them limits it.
fn group_rest() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = group_path(&groups)?;
    let root = Path::new("/sys/fs/cgroup");
    let read = |group: &Path, name: &str| fs::read_to_string(root.join(group).join(name)).ok();
    let rest = |group: &Path| rest_of(&read(group, "memory.max")?, &read(group, "memory.current")?);
    Path::new(own.trim_start_matches('/')).ancestors().filter_map(rest).min()
}

/// The path in the line of version 2 of `/proc/self/cgroup`.
fn group_path(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::"))
}

/// `memory.max` less `memory.current`; `None` for `max`, no limit.
fn rest_of(max: &str, current: &str) -> Option<u64> {
    Some(max.trim().parse::<u64>().ok()?.saturating_sub(current.trim().parse().ok()?))
}

fn judge(machine: Option<u64>, group: Option<u64>, need: Option<(u32, u64)>) -> Finding {
    let Some(left) = [machine, group].into_iter().flatten().min() else {
        return Finding::ok(CHECK, "the system does not tell what is available");
    };
    let (whose, fix) = if group == Some(left) {
        ("of this control group", "raise `memory.max` (`MemoryMax=` in the systemd unit, `--memory` of a container)")
    } else {
        ("of this machine", "stop what else takes memory here")
    };
    let Some((users, budget)) = need else {
        return Finding::ok(CHECK, format!("{} {whose} available", size(left)));
    };
    let found = format!("{} {whose} available, {users} users may take {}", size(left), size(budget));
    let fix = format!("{fix}, or plan fewer users with `--users`");
    if budget > left {
        Finding::bad(CHECK, found, fix)
    } else if budget > left / 10 * 7 {
        Finding::warn(CHECK, format!("{found}, and the kernel's socket buffers come on top"), fix)
    } else {
        Finding::ok(CHECK, found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_texts_are_read() {
        let meminfo = "MemTotal:       24627512 kB\nMemFree:         1 kB\nMemAvailable:   21000000 kB\n";
        assert_eq!(available(meminfo), Some(21_000_000 * 1024));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
        assert_eq!(group_path("12:cpu:/x\n0::/user.slice/a.scope\n"), Some("/user.slice/a.scope"));
        assert_eq!(group_path("12:cpu:/x\n"), None);
        assert_eq!(rest_of("1000\n", "400\n"), Some(600));
        assert_eq!(rest_of("1000\n", "4000\n"), Some(0));
        assert_eq!(rest_of("max\n", "400\n"), None);
    }

    #[test]
    fn the_tighter_of_machine_and_group_counts() {
        let text = |machine, group, need| judge(machine, group, need).prose();
        insta::assert_snapshot!(text(Some(20 << 30), None, Some((10_000, 200 << 20))), @"ok    memory        20.0 GiB of this machine available, 10000 users may take 200 MiB");
        insta::assert_snapshot!(text(Some(20 << 30), Some(256 << 20), Some((10_000, 200 << 20))), @r"
        warn  memory        256 MiB of this control group available, 10000 users may take 200 MiB, and the kernel's socket buffers come on top
                            fix: raise `memory.max` (`MemoryMax=` in the systemd unit, `--memory` of a container), or plan fewer users with `--users`
        ");
        insta::assert_snapshot!(text(Some(100 << 20), None, Some((10_000, 200 << 20))), @r"
        bad   memory        100 MiB of this machine available, 10000 users may take 200 MiB
                            fix: stop what else takes memory here, or plan fewer users with `--users`
        ");
    }
}
