//! A server that breaks its promises: each is counted as what it is, to the message, and the balance closes.

use super::faults::{TEAMS, teams};
use super::*;

#[test]
fn numbers_that_are_left_out_are_gaps_that_the_history_confirms() {
    for ran in teams("seq_jump = { every = 60 }") {
        let jumps = ran.faults.seq_jump;
        assert!(jumps > 10);
        assert_eq!(ran.broken(), [("seq_dense", jumps)]);
        let asked = &ran.results.users.resubscribed;
        assert_eq!((asked.silently_detached, asked.still_attached > 0), (0, true), "{asked:?}");
        let delivery = &ran.results.delivery;
        assert_eq!((delivery.lost, delivery.delivered), (0, ran.faults.totals.deliveries_pushed));
    }
}

#[test]
fn numbers_that_are_given_again_or_go_backward_lose_nothing() {
    for ran in teams("seq_repeat = { every = 50 }\nseq_backward = { every = 70 }") {
        let done = &ran.faults;
        assert!(done.seq_repeat > 10 && done.seq_backward > 10, "{done:?}");
        let (again, behind) = (done.seq_repeat + done.seq_backward, done.seq_backward_deliveries);
        assert_eq!(ran.broken(), [("seq_unique", again), ("seq_ascending", behind)]);
        let delivery = &ran.results.delivery;
        assert_eq!((delivery.reordered, delivery.lost, delivery.duplicated, delivery.phantom), (behind, 0, 0, 0));
        assert_eq!(delivery.delivered, done.totals.deliveries_pushed);
    }
}

#[test]
fn a_second_acknowledgement_answers_nothing() {
    for ran in teams("double_ack = { every = 30 }") {
        assert!(ran.faults.double_ack > 10);
        let users = &ran.results.users;
        assert_eq!((users.duplicate_replies, users.late_replies), (ran.faults.double_ack, 0));
        assert_eq!((ran.broken(), ran.counts(OpId::Publish).2), (vec![], 0));
        assert_eq!(ran.results.delivery.accepted, ran.faults.totals.publishes_accepted);
    }
}

#[test]
fn a_copy_before_its_acknowledgement_is_told() {
    for ran in teams("early_echo = { every = 30 }") {
        assert!(ran.faults.early_echo > 10);
        assert_eq!(ran.broken(), [("ack_before_echo", ran.faults.early_echo)]);
        assert_eq!(ran.results.delivery.echo_delivered, ran.faults.totals.echoes_pushed);
    }
}

#[test]
fn what_comes_to_the_wrong_user_is_nobodys_delivery_and_hides_no_loss() {
    for ran in teams("misdelivered = { every = 20 }\nother_run = { every = 300 }\nlost = { every = 400 }") {
        let (seen, done) = (&ran.results.delivery, &ran.faults);
        assert!(done.misdelivered > 20 && done.other_run > 10 && done.lost > 10, "{done:?}");
        assert_eq!((seen.misdelivered, seen.foreign), (done.misdelivered, done.other_run));
        assert_eq!((seen.lost, seen.delivered), (done.lost, done.totals.deliveries_pushed));
        assert_eq!(ran.broken(), [("exactly_once", done.lost)]);
    }
}

/// Some who leave for now, and some who leave for good, beside those who talk.
const LEAVERS: &str = r#"
[[persona]]
name = "leaver"
share = 1
  [persona.state.sign-in]
  steps = [ { op = "connect" }, { op = "login" }, { op = "subscribe", to = "group:team" }, { op = "leave", to = "group:team" } ]
  next = "be-gone"
  [persona.state.be-gone]
  think = "1h"
  steps = []
  next = "be-gone"
"#;

#[test]
fn what_comes_after_a_leave_is_told() {
    let load = "users = [ { to = 12, over = \"1s\" }, { hold = \"1m\" } ]\ndrain = \"15s\"";
    let personas = format!("{}{LEAVERS}", TEAMS.replace("share = 1", "share = 2"));
    let of_a_pbx = scenario(12, "groups = [ { name = \"team\", members = 6 } ]", load, &personas);
    for text in [&of_a_pbx, &at_tinode(&of_a_pbx, 12)] {
        let ran = carry_out(text, "after_leave = { every = 10 }", 2);
        ran.assert_sound();
        assert!(ran.faults.after_leave > 10);
        assert_eq!(ran.broken(), [("nothing_after_leave", ran.faults.after_leave)]);
        let delivery = &ran.results.delivery;
        assert_eq!((delivery.misdelivered, delivery.lost), (ran.faults.after_leave, 0));
    }
}

/// Whoever is detached without a word is asked within seconds of the first message that it does not get, is attached by
/// that again, and gets all that follows.
#[test]
fn a_user_that_was_silently_detached_is_found_and_receives_again() {
    for ran in teams("silent_detach = { every = 700, max = 8 }") {
        let done = &ran.faults;
        assert_eq!(done.silent_detach, 8);
        let asked = &ran.results.users.resubscribed;
        assert_eq!(asked.silently_detached, 8, "{asked:?}");
        let delivery = &ran.results.delivery;
        assert_eq!((delivery.lost, delivery.delivered), (done.silent_detach_deliveries, done.totals.deliveries_pushed));
        assert_eq!(ran.broken(), [("exactly_once", delivery.lost)]);
        // Five others publish once a second each. Nobody was cut off for much longer than the five seconds of patience.
        assert!(delivery.lost < 8 * 5 * 15, "{} in all", delivery.lost);
        // Who is detached may not publish, and is told so.
        assert_eq!(ran.counts(OpId::Publish).2, delivery.refused);
        assert!(delivery.refused > 0);
    }
}

#[test]
fn marks_and_histories_that_are_wrong_are_told_wherever_they_are_read() {
    let looking = TEAMS.replace(
        "size = \"40 B\" } ]",
        "size = \"40 B\" }, { op = \"describe\", to = \"group:team\" }, { op = \"history\", to = \"group:team\", limit = 8 } ]",
    );
    let load = "users = [ { to = 12, over = \"1s\" }, { hold = \"30s\" } ]\ndrain = \"15s\"";
    let of_a_pbx = scenario(12, "groups = [ { name = \"team\", members = 6 } ]", load, &looking);
    for text in [&of_a_pbx, &at_tinode(&of_a_pbx, 12)] {
        let ran = carry_out(text, "marks = { every = 9 }\ncorrupted_history = { every = 50 }", 2);
        ran.assert_sound();
        let done = &ran.faults;
        assert!(done.marks > 10 && done.corrupted_history > 10, "{done:?}");
        assert_eq!(ran.broken(), [("history_as_live", done.corrupted_history), ("marks_in_order", done.marks)]);
    }
}

#[test]
fn a_history_that_differs_is_found_after_the_drain_where_it_is_read_because_of_a_loss() {
    for ran in teams("lost = { every = 900 }\ncorrupted_history = { every = 20 }") {
        let done = &ran.faults;
        assert!(done.lost > 3 && done.corrupted_history > 3, "{done:?}");
        assert_eq!(ran.broken(), [("exactly_once", done.lost), ("history_as_live", done.corrupted_history)]);
        assert_eq!(ran.results.delivery.lost_by.get("not_pushed"), Some(&done.lost));
    }
}
