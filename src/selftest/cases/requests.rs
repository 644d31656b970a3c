//! Requests that are refused or never answered.

use super::{GIVE_UP_SOON, ONE_WRITER, TEAMS, take_for_success};
use crate::selftest::{Case, Claims, Evidence, Pace};
use crate::simulator::faults::Operation;

const SESSIONS: &str = include_str!("../scenarios/sessions.toml");

pub(super) const CASES: [Case; 4] = [
    Case {
        class: "reject-publish",
        scenario: TEAMS,
        set: &[],
        faults: "[[reject]]\nop = \"pub\"\ncode = 503\nevery = 5",
        touches: &["failures", "refused"],
        claims: reject_publish,
        overlook_one: |results| take_for_success(results, "publish", "rejected(503)"),
        pace: Pace::Together,
    },
    Case {
        class: "reject-subscribe",
        scenario: TEAMS,
        set: &[],
        // The first four are those of the set-up. Who attaches late may be excused a message.
        faults: "[[reject]]\nop = \"sub\"\ncode = 403\nevery = 6\nmax = 6",
        touches: &["failures", "reconnects", "excused"],
        claims: reject_subscribe,
        overlook_one: |results| take_for_success(results, "subscribe", "rejected(403)"),
        pace: Pace::Together,
    },
    Case {
        class: "timeout",
        scenario: TEAMS,
        set: &[ONE_WRITER, GIVE_UP_SOON],
        faults: "[[swallow]]\nop = \"pub\"\nevery = 6",
        touches: &["failures", "every_request_answered"],
        claims: timeout,
        overlook_one: |results| take_for_success(results, "publish", "timed_out"),
        pace: Pace::Together,
    },
    Case {
        class: "expired-token",
        scenario: SESSIONS,
        set: &[],
        // Tokens that live shorter than was said: nobody refreshes one that seems to be good for an hour.
        faults: "token_lifetime = \"1s\"\ntoken_lifetime_told = \"1h\"",
        touches: &["failures", "reconnects"],
        claims: expired_token,
        overlook_one: |results| take_for_success(results, "login", "rejected(401)"),
        pace: Pace::Together,
    },
];

fn reject_publish(evidence: &Evidence, claims: &mut Claims) {
    let refused = evidence.refused_by_simulator(Operation::Pub, 503);
    let reported = evidence.failed("publish", "rejected(503)");
    claims.fault("refused publishes", refused, reported, "rejected[pub][503] = publish rejected(503)");
    claims.fault("in the ledger", refused, evidence.results.delivery.refused, "rejected[pub][503] = delivery.refused");
}

fn reject_subscribe(evidence: &Evidence, claims: &mut Claims) {
    let refused = evidence.refused_by_simulator(Operation::Sub, 403);
    let reported = evidence.failed("subscribe", "rejected(403)");
    claims.fault("refused subscriptions", refused, reported, "rejected[sub][403] = subscribe rejected(403)");
    let users = u64::from(evidence.results.run.users_planned);
    claims.fault("attached in the end", users, evidence.ok("subscribe"), "users of the plan = subscribe.ok");
}

fn timeout(evidence: &Evidence, claims: &mut Claims) {
    let swallowed = evidence.injected.swallowed.get(&Operation::Pub).copied().unwrap_or(0);
    let reported = evidence.failed("publish", "timed_out");
    claims.fault("unanswered publishes", swallowed, reported, "swallowed[pub] = publish timed_out");
    let answered = evidence.injected.totals.publishes_accepted - swallowed;
    claims.fault("answered publishes", answered, evidence.ok("publish"), "accepted less swallowed = publish.ok");
}

fn expired_token(evidence: &Evidence, claims: &mut Claims) {
    let expired = evidence.injected.expired_tokens;
    let reported = evidence.failed("login", "rejected(401)");
    claims.fault("expired tokens", expired, reported, "expired_tokens = login rejected(401)");
    let logins = evidence.injected.totals.logins;
    claims.fault("logins", logins, evidence.results.users.logins, "logins = users.logins");
    // Whoever was refused fetches another token: one for each user before the load, and one for each refusal.
    let fetched = evidence.ok("token").saturating_sub(u64::from(evidence.results.run.users_planned));
    let is_fetched = crate::selftest::Bound::AtLeast(1);
    claims.bounded("fetched again", expired, fetched, is_fetched, "a refused user's next login has a new token");
}
