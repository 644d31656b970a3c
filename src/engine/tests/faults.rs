//! A server that does wrong on purpose, and counts it: our figures are its figures.

use super::*;

/// Chats in teams, and goes on after a failure.
pub(super) const TEAMS: &str = r#"
[[persona]]
name = "member"
share = 1
start = "sign-in"
  [persona.state.sign-in]
  steps = [ { op = "connect" }, { op = "login" }, { op = "subscribe", to = "group:team" } ]
  next = "talk"
  [persona.state.talk]
  think = "uniform 500ms 1500ms"
  steps = [ { op = "publish", to = "group:team", size = "40 B" } ]
  on_failure = "continue"
  next = "talk"
"#;

/// Runs teams against a server of each dialect, with the same faults.
pub(super) fn teams(faults: &str) -> [Ran; 2] {
    let load = "users = [ { to = 12, over = \"1s\" }, { hold = \"2m\" } ]\ndrain = \"15s\"";
    let of_a_pbx = scenario(12, "groups = [ { name = \"team\", members = 6 } ]", load, TEAMS);
    [&of_a_pbx, &at_tinode(&of_a_pbx, 12)].map(|scenario| {
        let ran = carry_out(scenario, faults, 2);
        ran.assert_sound();
        ran
    })
}

#[test]
fn every_lost_doubled_invented_reversed_and_changed_delivery_is_found() {
    for ran in teams(
        "lost = { rate = 0.01 }\nduplicated = { rate = 0.01 }\nphantom = { rate = 0.005 }\nreordered = { rate = 0.01 }\ncorrupted = { rate = 0.01 }",
    ) {
        let (seen, done) = (&ran.results.delivery, &ran.faults);
        assert!(done.lost > 20 && done.duplicated > 20 && done.phantom > 10 && done.reordered > 20, "{done:?}");
        assert_eq!((seen.lost, seen.duplicated, seen.phantom), (done.lost, done.duplicated, done.phantom));
        assert_eq!((seen.reordered, seen.corrupted), (done.reordered, done.corrupted));
        assert_eq!(seen.accepted, done.totals.publishes_accepted);
    }
}

#[test]
fn what_was_acknowledged_and_not_stored_is_lost_by_everyone() {
    for ran in teams("not_stored = { every = 50 }") {
        assert!(ran.faults.not_stored > 10);
        assert_eq!(ran.results.delivery.lost, ran.faults.not_stored_deliveries);
    }
}

#[test]
fn a_publish_that_is_never_answered_was_accepted_all_the_same() {
    // The user goes on after its timeout; those who wait are fewer publishes, not fewer deliveries.
    for ran in teams("[[swallow]]\nop = \"pub\"\nevery = 40") {
        let swallowed = ran.faults.swallowed.values().sum::<u64>();
        assert!(swallowed > 10);
        let delivery = &ran.results.delivery;
        assert_eq!((delivery.lost, delivery.unknown, delivery.excused), (0, 0, 0), "{delivery:?}");
        assert_eq!(delivery.delivered, ran.faults.totals.deliveries_pushed);
        assert_eq!(ran.counts(OpId::Publish).2, swallowed);
    }
}

#[test]
fn a_loss_is_found_although_its_acknowledgement_was_late() {
    // Replies 4 s late: judged long after the first receiver had it. And 12 s late: after the timeout.
    for (delay, is_failure) in [("4s", false), ("12s", true)] {
        let late = format!("[[slow_reply]]\nop = \"pub\"\ndelay = {{ constant = \"{delay}\" }}\nevery = 2");
        for ran in teams(&format!("lost = {{ rate = 0.05 }}\n{late}")) {
            let delivery = &ran.results.delivery;
            assert!(ran.faults.lost > 20);
            assert_eq!(delivery.lost, ran.faults.lost, "{delay}: {delivery:?}");
            assert_eq!(delivery.delivered, ran.faults.totals.deliveries_pushed, "{delay}");
            assert_eq!((ran.counts(OpId::Publish).2 > 0, ran.sums.users.late_replies > 0), (is_failure, is_failure));
        }
    }
}

#[test]
fn an_acknowledgement_after_the_own_copy_is_told() {
    for ran in teams("[[slow_reply]]\nop = \"pub\"\ndelay = { constant = \"300ms\" }\nevery = 10") {
        let late = ran.faults.slow_replies.values().sum::<u64>();
        assert!(late > 10);
        assert_eq!(ran.broken(), [("ack_before_echo", late)]);
    }
}

#[test]
fn a_server_that_keeps_its_promises_breaks_none_and_each_row_of_the_spread_adds_up() {
    for ran in teams("") {
        assert_eq!(ran.broken(), []);
        let looked_at =
            |name: &str| ran.results.invariants.iter().find(|promise| promise.name == name).map(|p| p.checked);
        assert!(
            ["seq_unique", "seq_dense", "ack_before_echo", "content_unchanged"]
                .map(looked_at)
                .iter()
                .all(|n| *n > Some(100))
        );
        let delivery = &ran.results.delivery;
        let rows: u64 = delivery.spread_by_receivers.iter().map(|row| row.spread_us.count).sum();
        assert_eq!(rows, delivery.spread_us.count);
        assert!(delivery.spread_by_receivers.iter().any(|row| (row.receivers_min, row.receivers_max) == (5, Some(9))));
    }
}

#[test]
fn sessions_with_a_gap_are_asked_and_had_been_attached_all_the_time() {
    for ran in teams("lost = { rate = 0.01 }") {
        let asked = &ran.results.users.resubscribed;
        assert!(asked.still_attached > 5, "{asked:?}");
        assert_eq!((asked.silently_detached, asked.refused, asked.unanswered), (0, 0, 0), "{asked:?}");
        assert_eq!(asked.asked, asked.still_attached);
        assert_eq!(ran.counts(OpId::Subscribe).0, 12, "they are nobody's step");
        assert_eq!(ran.broken(), [("exactly_once", ran.faults.lost)]);
    }
}

#[test]
fn cut_connections_cost_excuses_and_no_losses() {
    for ran in teams("[[drop]]\nat = \"30s\"\nshare = 0.5\n[[drop]]\nevery = 40") {
        let users = &ran.results.users;
        assert!(ran.faults.dropped_connections > 10);
        assert_eq!(users.closed_by_code.values().sum::<u64>(), ran.faults.dropped_connections);
        assert!(users.reconnects >= ran.faults.dropped_connections - 2, "{users:?}");
        let delivery = &ran.results.delivery;
        assert_eq!((delivery.lost, delivery.duplicated, delivery.phantom), (0, 0, 0), "{delivery:?}");
        assert_eq!(delivery.published, delivery.accepted + delivery.unknown);
    }
}

#[test]
fn refusals_and_broken_frames_are_counted_and_end_nothing_else() {
    for ran in teams(
        "[[reject]]\nop = \"pub\"\ncode = 503\nevery = 30\n[bad_frames]\nkinds = [\"not_json\", \"unknown_verb\"]\nevery = 25",
    ) {
        let rejected: u64 = ran.faults.rejected.values().flat_map(|codes| codes.values()).sum();
        assert_eq!((ran.counts(OpId::Publish).2, ran.results.delivery.refused), (rejected, rejected));
        let malformed = ran.sums.traffic.frames_received[crate::metrics::FrameKind::Malformed as usize];
        assert_eq!(malformed, ran.faults.bad_frames.values().sum::<u64>());
        assert_eq!(ran.results.delivery.lost, 0);
    }
}
