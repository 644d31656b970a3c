//! Lost connections: what was missed is fetched from the history, to the message.

use super::faults::{TEAMS, teams};
use super::*;

/// Cuts of half the users, of all of them, and of single ones, over and over.
const CUTS: &str = "[[drop]]\nat = \"30s\"\nshare = 0.5\n[[drop]]\nat = \"60s\"\nshare = 1.0\n[[drop]]\nevery = 40";

fn without_catch_up() -> String {
    let load = "users = [ { to = 12, over = \"1s\" }, { hold = \"2m\" } ]\ndrain = \"15s\"\ncatch_up = false";
    scenario(12, "groups = [ { name = \"team\", members = 6 } ]", load, TEAMS)
}

#[test]
fn what_was_missed_in_lost_connections_is_recovered_and_nothing_is_lost() {
    for ran in teams(CUTS) {
        let (delivery, users) = (&ran.results.delivery, &ran.results.users);
        assert!(ran.faults.dropped_connections > 20, "{:?}", ran.faults);
        assert!(delivery.recovered > 20, "{delivery:?}");
        assert_eq!((delivery.lost, delivery.duplicated, delivery.phantom), (0, 0, 0), "{delivery:?}");
        // Nothing is left that a lost connection would have to excuse.
        assert_eq!(delivery.excused_by.get("connection_lost"), None, "{delivery:?}");
        // What was recovered was not pushed; the rest was, but for what was pushed to a connection that broke.
        assert!(delivery.delivered - delivery.recovered <= ran.faults.totals.deliveries_pushed, "{delivery:?}");
        let fetched = &users.caught_up;
        assert!(fetched.whole >= users.reconnects - 2, "{users:?}");
        assert_eq!(fetched.topics, fetched.whole + fetched.cut_short + fetched.refused + fetched.unanswered);
        assert_eq!((fetched.cut_short, fetched.refused), (0, 0), "{fetched:?}");
        assert!(!ran.results.operations.contains_key("history"), "they are nobody's step");
        assert_eq!(ran.broken(), []);
    }
}

#[test]
fn publishes_of_unknown_outcome_are_settled_at_the_reconnect() {
    for ran in teams(&format!("delay = {{ pub = {{ constant = \"400ms\" }} }}\n{CUTS}")) {
        let (delivery, fetched) = (&ran.results.delivery, &ran.results.users.caught_up);
        assert!(fetched.settled > 2, "{fetched:?}");
        assert_eq!(delivery.accepted, ran.faults.totals.publishes_accepted, "{delivery:?}");
        assert_eq!(delivery.unknown, delivery.not_accepted, "every outcome is known: {delivery:?}");
        assert_eq!((delivery.lost, delivery.duplicated), (0, 0), "{delivery:?}");
    }
}

#[test]
fn what_is_not_in_the_history_either_is_lost_in_an_outage_too() {
    for ran in teams(&format!("not_stored = {{ every = 25 }}\n{CUTS}")) {
        let delivery = &ran.results.delivery;
        assert!(ran.faults.not_stored > 10 && delivery.recovered > 20);
        // Those who were attached lost it, and so did those who were just away: the server counts the former only. Of a
        // publish that was not answered either, nothing is left that would tell of it.
        let receivers = 5 * delivery.not_accepted;
        assert!(delivery.lost + receivers >= ran.faults.not_stored_deliveries, "{delivery:?} {:?}", ran.faults);
        assert!(delivery.lost_by["not_stored"] > 0, "{delivery:?}");
    }
}

#[test]
fn losses_of_a_standing_connection_are_lost_although_the_history_has_them() {
    for ran in teams(&format!("lost = {{ rate = 0.02 }}\n{CUTS}")) {
        let delivery = &ran.results.delivery;
        let missed = delivery.lost + delivery.recovered;
        assert!(ran.faults.lost > 20 && delivery.recovered > 20);
        // One that was held back right before a cut cannot be told from one that was on its way.
        assert!(
            delivery.lost <= ran.faults.lost && delivery.lost + 10 >= ran.faults.lost,
            "{delivery:?} {:?}",
            ran.faults
        );
        assert!(missed >= ran.faults.lost);
    }
}

#[test]
fn without_it_nothing_is_fetched_and_what_was_on_its_way_is_excused() {
    let of_a_pbx = without_catch_up();
    for text in [of_a_pbx.clone(), at_tinode(&of_a_pbx, 12)] {
        let ran = carry_out(&text, CUTS, 2);
        ran.assert_sound();
        assert_eq!((ran.results.delivery.recovered, ran.results.users.caught_up.topics), (0, 0));
        assert_eq!(ran.results.delivery.lost, 0);
    }
}
