//! All of it at once, in one run: no fault may hide another. Expired tokens are left out, because whoever deletes the
//! groups afterwards would meet them too, unmeasured.

use super::take_for_success;
use crate::selftest::{Case, Claims, Evidence, Pace};
use crate::simulator::faults::Operation;

pub(super) const CASES: [Case; 1] = [Case {
    class: "everything",
    scenario: include_str!("../scenarios/everything.toml"),
    set: &[],
    faults: include_str!("../scenarios/everything.faults.toml"),
    touches: &[
        "failures",
        "refused",
        "lost",
        "duplicated",
        "reordered",
        "phantom",
        "corrupted",
        "echoes missing",
        "closed",
        "reconnects",
        "malformed",
        "duplicate replies",
        "foreign",
        "misdelivered",
        "asked again",
        "seq_dense",
        "exactly_once",
        "seq_ascending",
        "ack_before_echo",
        "content_unchanged",
        "every_request_answered",
    ],
    claims: everything,
    overlook_one: |results| take_for_success(results, "publish", "timed_out"),
    pace: Pace::Together,
}];

fn everything(evidence: &Evidence, claims: &mut Claims) {
    requests(evidence, claims);
    deliveries(evidence, claims);
    let injected = &evidence.injected;
    let changed = injected.corrupted_uploads + injected.corrupted_downloads;
    let reported = evidence.failed("download", "check");
    claims.fault("changed files", changed, reported, "corrupted uploads and downloads = download check");
}

fn requests(evidence: &Evidence, claims: &mut Claims) {
    let injected = &evidence.injected;
    let delayed = injected.delayed.get(&Operation::Pub).copied().unwrap_or(0);
    claims.fault("delayed publishes", delayed, evidence.started("publish"), "delayed[pub] = publish.started");
    let refused = evidence.refused_by_simulator(Operation::Pub, 503);
    let reported = evidence.failed("publish", "rejected(503)");
    claims.fault("refused publishes", refused, reported, "rejected[pub][503] = publish rejected(503)");
    let refused = evidence.refused_by_simulator(Operation::Sub, 403);
    let reported = evidence.failed("subscribe", "rejected(403)");
    claims.fault("refused subscriptions", refused, reported, "rejected[sub][403] = subscribe rejected(403)");
    let swallowed = injected.swallowed.get(&Operation::Pub).copied().unwrap_or(0);
    let reported = evidence.failed("publish", "timed_out");
    claims.fault("unanswered publishes", swallowed, reported, "swallowed[pub] = publish timed_out");
    let dropped = injected.dropped_connections;
    claims.fault("cut connections", dropped, evidence.closed(), "dropped_connections = users.closed_by_code");
    let reported = evidence.failed("connect", "upgrade(503)");
    let refused = injected.refused_connections;
    claims.fault("refused upgrades", refused, reported, "refused_connections = connect upgrade(503)");
}

fn deliveries(evidence: &Evidence, claims: &mut Claims) {
    let (injected, delivery) = (&evidence.injected, &evidence.results.delivery);
    let lost = injected.lost + injected.not_stored_deliveries;
    claims.fault("lost deliveries", lost, delivery.lost, "lost + not_stored_deliveries = delivery.lost");
    let place = evidence.lost_by("not_pushed");
    claims.fault("stored and not pushed", injected.lost, place, "lost = delivery.lost_by.not_pushed");
    let place = evidence.lost_by("not_stored");
    let compared = "not_stored_deliveries = delivery.lost_by.not_stored";
    claims.fault("accepted and not stored", injected.not_stored_deliveries, place, compared);
    let echoes = evidence.echoes_missing();
    claims.fault("publishes thrown away", injected.not_stored, echoes, "not_stored = own copies that did not come");
    claims.fault("surplus copies", injected.duplicated, delivery.duplicated, "duplicated = delivery.duplicated");
    claims.fault("swapped pairs", injected.reordered, delivery.reordered, "reordered = delivery.reordered");
    claims.fault("messages nobody sent", injected.phantom, delivery.phantom, "phantom = delivery.phantom");
    claims.fault("changed messages", injected.corrupted, delivery.corrupted, "corrupted = delivery.corrupted");
    let foreign = delivery.foreign;
    claims.fault("messages of another run", injected.other_run, foreign, "other_run = delivery.foreign");
    let astray = delivery.misdelivered;
    claims.fault("to the wrong session", injected.misdelivered, astray, "misdelivered = delivery.misdelivered");
    let gaps = evidence.broken("seq_dense");
    claims.fault("numbers left out", injected.seq_jump, gaps, "seq_jump = invariants.seq_dense");
    let again = evidence.results.users.duplicate_replies;
    claims.fault("acknowledged twice", injected.double_ack, again, "double_ack = users.duplicate_replies");
    let frames = injected.bad_frames.values().sum();
    claims.fault("frames of five kinds", frames, evidence.malformed(), "bad_frames = traffic malformed");
}
