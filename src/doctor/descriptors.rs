//! Descriptors: one for each connection and some to spare.

use super::Finding;
use crate::engine::{DESCRIPTORS_SPARE, descriptor_limits, descriptors_needed, users_within};
use crate::scenario::Scenario;

const CHECK: &str = "descriptors";

pub(super) fn look(scenario: Option<&Scenario>) -> Finding {
    match descriptor_limits() {
        Some(limits) => judge(limits, scenario.map(|scenario| (descriptors_needed(scenario), scenario))),
        None => Finding::ok(CHECK, "the system does not tell its limit"),
    }
}

/// `run` raises the soft limit to the hard one itself, so the hard one is what counts.
fn judge((soft, hard): (u64, u64), need: Option<(u64, &Scenario)>) -> Finding {
    let limits = format!("soft limit {soft}, raised by `run` to the hard limit {hard}");
    let Some((needed, scenario)) = need else {
        let users = hard.saturating_sub(DESCRIPTORS_SPARE);
        return Finding::ok(CHECK, format!("{limits}: room for {users} users"));
    };
    if needed <= hard {
        return Finding::ok(CHECK, format!("{needed} needed; {limits}"));
    }
    // The program itself takes some: of a very low limit nothing is left for users.
    let (enough_for, fewer) = match users_within(scenario, hard) {
        0 => ("not enough for a single user".to_owned(), String::new()),
        users => (format!("enough for {users} users"), format!("; or `--users {users}`")),
    };
    Finding::bad(
        CHECK,
        format!("{needed} needed, and the hard limit is {hard}, {enough_for}"),
        format!(
            "as root `ulimit -n {needed}` in the shell that starts it, `LimitNOFILE={needed}` in its systemd unit, or \
             `* hard nofile {needed}` in /etc/security/limits.conf{fewer}"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::samples::tests::{TALKER, scenario};

    #[test]
    fn enough_and_too_few_are_told_with_the_numbers() {
        let scenario = scenario("ws://127.0.0.1:1", TALKER);
        let text = |limits, need| judge(limits, need).prose();
        insta::assert_snapshot!(text((1_024, 20_000), None), @"ok    descriptors   soft limit 1024, raised by `run` to the hard limit 20000: room for 19900 users");
        insta::assert_snapshot!(text((1_024, 20_000), Some((20_000, &scenario))), @"ok    descriptors   20000 needed; soft limit 1024, raised by `run` to the hard limit 20000");
        insta::assert_snapshot!(text((1_024, 4_096), Some((20_100, &scenario))), @r"
        bad   descriptors   20100 needed, and the hard limit is 4096, enough for 3996 users
                            fix: as root `ulimit -n 20100` in the shell that starts it, `LimitNOFILE=20100` in its systemd unit, or `* hard nofile 20100` in /etc/security/limits.conf; or `--users 3996`
        ");
        insta::assert_snapshot!(text((60, 60), Some((20_100, &scenario))), @r"
        bad   descriptors   20100 needed, and the hard limit is 60, not enough for a single user
                            fix: as root `ulimit -n 20100` in the shell that starts it, `LimitNOFILE=20100` in its systemd unit, or `* hard nofile 20100` in /etc/security/limits.conf
        ");
    }
}
