//! Connections that are cut or not let in.

use super::{ONE_WRITER, TEAMS, take_for_success};
use crate::selftest::{Case, Claims, Evidence, Pace};

pub(super) const CASES: [Case; 3] = [
    Case {
        class: "drop",
        scenario: TEAMS,
        set: &[ONE_WRITER],
        // Ended by `max`, so that everybody is back before the end.
        faults: "[[drop]]\nevery = 8\nmax = 7",
        touches: &["failures", "closed", "reconnects"],
        claims: drop,
        overlook_one: |results| take_for_success(results, "publish", "closed(none)"),
        pace: Pace::Together,
    },
    Case {
        class: "refuse",
        scenario: TEAMS,
        set: &[],
        // The first five are those of the set-up; `max` is reached before the tear-down.
        // Who gets in late may be excused a message.
        faults: "refused_connections = { how = \"status\", every = 6, max = 6 }",
        touches: &["failures", "reconnects", "excused"],
        claims: refuse,
        overlook_one: |results| take_for_success(results, "connect", "upgrade(503)"),
        pace: Pace::Together,
    },
    Case {
        class: "hang-up",
        scenario: TEAMS,
        set: &[],
        faults: "refused_connections = { how = \"close\", every = 6, max = 6 }",
        touches: &["failures", "reconnects", "excused"],
        claims: hang_up,
        overlook_one: |results| take_for_success(results, "connect", "closed(none)"),
        pace: Pace::Together,
    },
];

fn drop(evidence: &Evidence, claims: &mut Claims) {
    let dropped = evidence.injected.dropped_connections;
    claims.fault("cut connections", dropped, evidence.closed(), "dropped_connections = users.closed_by_code");
    let failed = evidence.failed("publish", "closed(none)");
    claims.fault("publishes without an answer", dropped, failed, "dropped_connections = publish closed(none)");
    let reconnects = evidence.results.users.reconnects;
    claims.fault("reconnects", dropped, reconnects, "dropped_connections = users.reconnects");
}

fn refuse(evidence: &Evidence, claims: &mut Claims) {
    let reported = evidence.failed("connect", "upgrade(503)");
    let refused = evidence.injected.refused_connections;
    claims.fault("refused upgrades", refused, reported, "refused_connections = connect upgrade(503)");
    let_in(evidence, claims);
}

fn hang_up(evidence: &Evidence, claims: &mut Claims) {
    let reported = evidence.failed("connect", "closed(none)");
    let refused = evidence.injected.refused_connections;
    claims.fault("upgrades hung up on", refused, reported, "refused_connections = connect closed(none)");
    let_in(evidence, claims);
}

fn let_in(evidence: &Evidence, claims: &mut Claims) {
    let sessions = evidence.injected.totals.sessions - evidence.own_logins() - 1;
    claims.fault("let in", sessions, evidence.ok("connect"), "sessions less the set-up's = connect.ok");
}
