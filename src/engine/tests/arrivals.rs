//! Arrivals and the number of workers: which are due does not depend on it, and hardly which are missed.

use super::steady::ON_CALL;
use super::*;

/// `users` on call, an arrival every 100 ms for 40 s, and a server that takes `delay` for each publish.
fn on_call(users: u32, delay: &str, slots: u32) -> Ran {
    let load = format!(
        "users = [ {{ to = {users}, over = \"1s\" }}, {{ hold = \"49s\" }} ]\n\
         arrivals = [ {{ hold = \"5s\" }}, {{ to = \"10/s\", over = \"0s\" }}, {{ hold = \"40s\" }}, {{ to = \"0/s\", over = \"0s\" }} ]\n\
         arrival_spacing = \"even\""
    );
    let ran = carry_out(
        &scenario(users, "", &load, ON_CALL),
        &format!("delay = {{ pub = {{ constant = \"{delay}\" }} }}"),
        slots,
    );
    ran.assert_sound();
    assert_eq!(ran.results.arrivals.planned, 400, "{slots} workers");
    ran
}

/// By hand: six users of whom each is busy for 550 ms can take 10.9 arrivals a second. With four workers two of them
/// have one user each, and get an arrival every 400 ms by the plan: alone they would miss every second one.
#[test]
fn an_arrival_is_taken_by_whoever_is_free_anywhere_in_the_run() {
    for slots in [1, 2, 4, 6] {
        let ran = on_call(6, "550ms", slots);
        assert_eq!(ran.results.arrivals.missed, 0, "{slots} workers: {:?}", ran.results.arrivals);
        // The way to another worker takes none of the time that counts from when the arrival was due.
        assert!(ran.results.arrivals.lag_us.max <= 2_000, "{slots} workers: {:?}", ran.results.arrivals);
    }
}

/// By hand: each of four users is busy for 950 ms and then takes the next arrival, one second after its last: 4 of
/// every 10 arrivals are started.
#[test]
fn what_nobody_can_take_is_missed_by_any_number_of_workers() {
    for slots in [1, 2, 3, 4] {
        let arrivals = on_call(4, "950ms", slots).results.arrivals;
        assert_eq!((arrivals.started, arrivals.missed), (160, 240), "{slots} workers: {arrivals:?}");
    }
}
