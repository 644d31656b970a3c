//! Memory: what is left, for the machine and for the group of processes that this one is in, and what a run may take.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::ops::OpId;
use crate::scenario::{Scenario, TargetUrl};

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

/// What is available, in bytes; `None` where the system does not tell or sets no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLeft {
    /// Of the machine.
    pub machine: Option<u64>,
    /// Of the tightest control group.
    pub group: Option<u64>,
}

impl MemoryLeft {
    /// As the system tells it now.
    pub fn now() -> MemoryLeft {
        let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text));
        MemoryLeft { machine, group: group_rest() }
    }
}

/// Bytes that a scenario may take.
pub fn memory_needed(scenario: &Scenario) -> u64 {
    let (program, user) = parts(scenario);
    program + u64::from(scenario.users.count) * user
}

/// More users than memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryShort {
    /// Users planned.
    pub users: u32,
    /// Bytes that they may take.
    pub needed: u64,
    /// Bytes that are available.
    pub left: u64,
    /// Users that would fit.
    pub fits: u64,
}

/// Whether the scenario fits into what is left.
///
/// # Errors
/// It does not.
pub(super) fn check_memory(scenario: &Scenario, left: MemoryLeft) -> Result<(), MemoryShort> {
    let needed = memory_needed(scenario);
    match [left.machine, left.group].into_iter().flatten().min() {
        Some(left) if needed > left => {
            let (program, user) = parts(scenario);
            Err(MemoryShort { users: scenario.users.count, needed, left, fits: left.saturating_sub(program) / user })
        }
        _ => Ok(()),
    }
}

/// What the program takes, and what each user takes on top of it.
fn parts(scenario: &Scenario) -> (u64, u64) {
    let states = scenario.personas.iter().flat_map(|persona| &persona.states);
    let ops: BTreeSet<OpId> = states.flat_map(|state| &state.steps).map(|step| step.op.id()).collect();
    // Fetching tokens is an operation too.
    let program = PROGRAM_BYTES + (ops.len() as u64 + 1) * OPERATION_BYTES;
    let user = match &scenario.target.url {
        TargetUrl::Embedded => PLAIN_USER_BYTES + SIMULATED_USER_BYTES,
        TargetUrl::Service(endpoint) if endpoint.is_tls => TLS_USER_BYTES,
        TargetUrl::Service(_) => PLAIN_USER_BYTES,
    };
    (program, user)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineError;
    use crate::engine::tests::{plan, scenario};

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
    fn a_shortage_names_the_users_that_would_fit() {
        let load = "users = [ { to = 1000, over = \"1s\" }, { hold = \"1s\" } ]";
        let persona = "[[persona]]\nname = \"p\"\n[persona.state.a]\nsteps = [ { op = \"connect\" } ]\nthink = \"1h\"\nnext = \"a\"";
        let text = scenario(1_000, "", load, persona).replace("\"embedded\"", "\"ws://127.0.0.1:1\"");
        let scenario = &plan(&text, 1).scenario;
        let check = |machine, group| check_memory(scenario, MemoryLeft { machine, group });
        assert_eq!(check(None, None), Ok(()));
        assert_eq!(check(Some(1 << 30), Some(u64::MAX)), Ok(()));
        let short = check(Some(1 << 30), Some(PROGRAM_BYTES + 2 * OPERATION_BYTES + 500 * PLAIN_USER_BYTES));
        let short = short.expect_err("half of what the users take");
        assert_eq!(short.fits, 500);
        insta::assert_snapshot!(EngineError::Memory(short), @"1000 users may take 47 MiB and 43 MiB are available; plan at most 500 users, or give more memory (`MemoryMax=` of a systemd unit, `--memory` of a container)");
    }
}
