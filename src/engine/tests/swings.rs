//! Users that are sent online and offline faster than they can follow.

use super::steady::ON_CALL;
use super::*;

#[test]
fn a_user_that_is_sent_online_twice_at_once_has_one_driver() {
    let load = "users = [ { to = 4, over = \"0s\" }, { to = 0, over = \"0s\" }, { to = 4, over = \"0s\" }, { hold = \"5s\" } ]\n\
                arrivals = [ { to = \"5/s\", over = \"0s\" }, { hold = \"5s\" } ]";
    let ran = carry_out(&scenario(4, "", load, ON_CALL), "", 1);
    ran.assert_sound();
    assert_eq!((ran.results.users.peak, ran.results.users.logins), (4, 4));
    // A driver too many would never end, and its worker be waited for.
    assert!(ran.took < Duration::from_secs(7), "{:?}", ran.took);
}

#[test]
fn whoever_is_sent_online_at_the_very_end_is_drained_and_leaves_like_all() {
    let load = "users = [ { to = 1, over = \"0s\" }, { hold = \"5s\" }, { to = 4, over = \"0s\" } ]\n\
                arrivals = [ { to = \"5/s\", over = \"0s\" }, { hold = \"5s\" } ]";
    let ran = carry_out(&scenario(4, "", load, ON_CALL), "delay = { connect = { constant = \"200ms\" } }", 1);
    ran.assert_sound();
    assert_eq!(ran.counts(OpId::Connect).3, 0);
    assert!(ran.took < Duration::from_secs(7), "{:?}", ran.took);
}

#[test]
fn arrivals_and_departures_in_one_breath_lose_no_arrival() {
    // The curve takes users away while work is being handed to them.
    let swing = "{ to = 2, over = \"1s\" }, { to = 8, over = \"1s\" }";
    let load = format!(
        "users = [ {{ to = 8, over = \"1s\" }}, {swing}, {swing}, {swing}, {swing}, {{ to = 0, over = \"1s\" }} ]\n\
         arrivals = [ {{ to = \"200/s\", over = \"0s\" }}, {{ hold = \"10s\" }} ]"
    );
    let text = scenario(8, "", &load, ON_CALL);
    let ran = carry_out(&text, "delay = { pub = { uniform = [\"1ms\", \"30ms\"] } }", 2);
    ran.assert_sound();
    let planned: usize = (0..2).map(|slot| plan(&text, 2).arrivals(slot).count()).sum();
    assert_eq!(ran.results.arrivals.planned, planned as u64);
    assert!(ran.results.arrivals.missed > 0 && ran.results.arrivals.started > 500);
    assert_eq!(ran.counts(OpId::Publish).0, ran.results.arrivals.started);
    assert_eq!(ran.results.delivery.lost, 0);
}
