//! Access tokens: how long they take, and what the service's own guards make of so many sign-ins.

use super::{Finding, is_loopback};
use crate::report::figures::seconds;
use crate::scenario::{Scenario, TokenFlow, UserSource};

const CHECK: &str = "tokens";
/// REST requests a minute that the newest service takes from one address; older ones take 5,000 and 1,000.
/// Source: protocol reference, section 2.
const REQUESTS_PER_MINUTE_MAX: f64 = 10_000.0;
/// Failed sign-ins after which the service blocks an address, by default. Source: protocol reference, section 2.
const FAILURES_MAX: u32 = 50;
/// Processor time of a login by password, as seen on a Tinode server. Source: protocol reference, section 26.
const HASHING_S: f64 = 0.072;
/// A server has more processors than that.
const HASHING_EASY_CORES: f64 = 1.0;
/// Longer set-ups are worth a word.
const SET_UP_EASY_S: f64 = 600.0;

pub(super) fn look(scenario: &Scenario) -> Vec<Finding> {
    if scenario.auth.flow == TokenFlow::Token {
        return vec![Finding::ok(CHECK, "the user file has them: nothing is fetched")];
    }
    if scenario.auth.flow == TokenFlow::Password {
        return vec![judge_hashing(scenario.users.count, scenario.auth.rate_per_s)];
    }
    let mut findings = vec![judge_pace(scenario.users.count, scenario.auth.rate_per_s)];
    let is_one_password = matches!(scenario.users.source, UserSource::Generated { .. });
    findings.extend(judge_block(
        scenario.users.count,
        scenario.auth.refusals_max,
        is_one_password,
        is_loopback(scenario),
    ));
    findings
}

/// Logins by password: what they cost the server, which hashes each of them.
fn judge_hashing(users: u32, rate_per_s: f64) -> Finding {
    let set_up_s = f64::from(users) / rate_per_s;
    let cores = rate_per_s * HASHING_S;
    let found = format!(
        "{users} logins by password at {rate_per_s}/s take {} before the load, and {cores:.1} of the server's processors",
        seconds(set_up_s)
    );
    if cores > HASHING_EASY_CORES {
        return Finding::warn(
            CHECK,
            format!("{found}: until they are through, hashing is what is measured"),
            "`auth.rate = \"10/s\"`, or bring tokens along with `auth.flow = \"token\"`",
        );
    }
    Finding::ok(CHECK, found)
}

fn judge_pace(users: u32, rate_per_s: f64) -> Finding {
    let set_up_s = f64::from(users) / rate_per_s;
    let found = format!("{users} tokens at {rate_per_s}/s take {} before the load", seconds(set_up_s));
    let per_minute = rate_per_s * 60.0;
    if per_minute > REQUESTS_PER_MINUTE_MAX && f64::from(users) > REQUESTS_PER_MINUTE_MAX {
        let message =
            format!("{found}: {per_minute:.0} requests a minute, and the service takes {REQUESTS_PER_MINUTE_MAX}");
        return Finding::warn(
            CHECK,
            message,
            "`auth.rate = \"150/s\"`, or raise `access_limit` in `system.ini` of the PBX",
        );
    }
    if set_up_s > SET_UP_EASY_S {
        return Finding::warn(
            CHECK,
            format!("{found}; the first of them age meanwhile"),
            "raise `auth.rate` up to `\"150/s\"`, or bring tokens along with `auth.flow = \"token\"`",
        );
    }
    Finding::ok(CHECK, found)
}

/// One mistake in a password that all share is as many failed sign-ins as there are users.
fn judge_block(users: u32, refusals_max: u32, is_one_password: bool, is_loopback: bool) -> Option<Finding> {
    const CHECK: &str = "blocking";
    if is_loopback || users < FAILURES_MAX {
        return None;
    }
    let white_list = "put this machine's address on the PBX's IP white list";
    if refusals_max >= FAILURES_MAX {
        let message = format!(
            "`auth.refusals_max` is {refusals_max}, and the service blocks an address for an hour after {FAILURES_MAX} failed sign-ins"
        );
        return Some(Finding::warn(CHECK, message, format!("`auth.refusals_max = 10`, and {white_list}")));
    }
    let whose = if is_one_password { "one wrong password for all of them" } else { "a wrong user file" };
    Some(Finding {
        fix: Some(format!("{white_list}, to be safe")),
        ..Finding::ok(
            CHECK,
            format!(
                "{whose} ends the run after {refusals_max} refusals, before the {FAILURES_MAX} that block the address for an hour"
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_beyond_the_services_limit_is_a_warning() {
        insta::assert_snapshot!(judge_pace(1_000, 50.0).prose(), @"ok    tokens        1000 tokens at 50/s take 20 s before the load");
        insta::assert_snapshot!(judge_pace(20_000, 500.0).prose(), @r#"
        warn  tokens        20000 tokens at 500/s take 40 s before the load: 30000 requests a minute, and the service takes 10000
                            fix: `auth.rate = "150/s"`, or raise `access_limit` in `system.ini` of the PBX
        "#);
        insta::assert_snapshot!(judge_pace(20_000, 10.0).prose(), @r#"
        warn  tokens        20000 tokens at 10/s take 33 min 20 s before the load; the first of them age meanwhile
                            fix: raise `auth.rate` up to `"150/s"`, or bring tokens along with `auth.flow = "token"`
        "#);
    }

    #[test]
    fn logins_by_password_that_take_more_than_a_processor_are_a_warning() {
        insta::assert_snapshot!(judge_hashing(100, 10.0).prose(), @"ok    tokens        100 logins by password at 10/s take 10 s before the load, and 0.7 of the server's processors");
        insta::assert_snapshot!(judge_hashing(1_000, 50.0).prose(), @r#"
        warn  tokens        1000 logins by password at 50/s take 20 s before the load, and 3.6 of the server's processors: until they are through, hashing is what is measured
                            fix: `auth.rate = "10/s"`, or bring tokens along with `auth.flow = "token"`
        "#);
    }

    #[test]
    fn many_users_with_one_password_can_block_the_address() {
        let text = |refusals_max| judge_block(1_000, refusals_max, true, false).map(|finding| finding.prose());
        insta::assert_snapshot!(text(10).unwrap_or_default(), @r"
        ok    blocking      one wrong password for all of them ends the run after 10 refusals, before the 50 that block the address for an hour
                            fix: put this machine's address on the PBX's IP white list, to be safe
        ");
        insta::assert_snapshot!(text(100).unwrap_or_default(), @r"
        warn  blocking      `auth.refusals_max` is 100, and the service blocks an address for an hour after 50 failed sign-ins
                            fix: `auth.refusals_max = 10`, and put this machine's address on the PBX's IP white list
        ");
        assert_eq!(judge_block(10, 10, true, false), None);
        assert_eq!(judge_block(1_000, 10, true, true), None);
    }
}
