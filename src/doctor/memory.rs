//! Memory: what is left, for the machine and for the group of processes that this one is in, against a budget.

use super::Finding;
use crate::engine::{MemoryLeft, memory_needed};
use crate::report::figures::bytes as size;
use crate::scenario::Scenario;

const CHECK: &str = "memory";
pub(super) fn look(scenario: Option<&Scenario>) -> Finding {
    let MemoryLeft { machine, group } = MemoryLeft::now();
    judge(machine, group, scenario.map(|scenario| (scenario.users.count, memory_needed(scenario))))
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
