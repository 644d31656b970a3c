//! A server that restarts, that gets slower, and whose connections die without a word.

use super::faults::teams;
use super::*;

#[test]
fn after_a_restart_everybody_comes_back_and_has_missed_nothing() {
    for ran in teams("[[restart]]\nat = \"40s\"\nfor = \"5s\"\nevery = \"45s\"") {
        let (delivery, users) = (&ran.results.delivery, &ran.results.users);
        assert!(ran.faults.restarts >= 2 && ran.faults.refused_while_down > 0, "{:?}", ran.faults);
        assert_eq!(users.reconnects, 24, "{users:?}");
        assert_eq!((delivery.lost, delivery.duplicated, delivery.phantom), (0, 0, 0), "{delivery:?}");
        assert!(delivery.recovered > 0, "{delivery:?}");
    }
}

#[test]
fn a_dead_link_is_found_given_up_and_caught_up_on() {
    // Pings every 30 s, dead after 90: at the latest 120 s after the last sign of life.
    let load = "users = [ { to = 12, over = \"1s\" }, { hold = \"4m\" } ]\ndrain = \"15s\"";
    // Members who mostly listen: a request without an answer would tell of a dead link sooner.
    let quiet = super::faults::TEAMS.replace("uniform 500ms 1500ms", "exponential 60s");
    let text = scenario(12, "groups = [ { name = \"team\", members = 6 } ]", load, &quiet);
    // The server itself would cut after 55 s without a pong; this one has no such patience with any.
    let text = text.replace("[auth]", "ping_every = \"5s\"\ndead_after = \"15s\"\n[auth]");
    let ran = carry_out(&text, "[[half_open]]\nat = \"60s\"\nshare = 0.5", 2);
    ran.assert_sound();
    assert_eq!(ran.faults.half_open, 6);
    let (delivery, users) = (&ran.results.delivery, &ran.results.users);
    assert!((4..=6).contains(&users.dead_links), "{users:?}");
    assert_eq!(users.closed_by_code.values().sum::<u64>(), 0, "nobody closed anything: {users:?}");
    assert_eq!((delivery.lost, delivery.duplicated, delivery.phantom), (0, 0, 0), "{delivery:?}");
    // Off, the link stays dead until the server has had enough.
    let off = text.replace("ping_every = \"5s\"\ndead_after = \"15s\"", "ping_every = \"0s\"\ndead_after = \"0s\"");
    let ran = carry_out(&off, "[[half_open]]\nat = \"60s\"\nshare = 0.5", 2);
    assert_eq!(ran.results.users.dead_links, 0);
}

#[test]
fn a_quiet_connection_is_pinged_and_lives() {
    let load = "users = [ { to = 4, over = \"1s\" }, { hold = \"20m\" } ]";
    let text = scenario(4, "", load, super::steady::ON_CALL);
    let text = text.replace("[load]", "[load]\narrivals = [ { to = \"0.001/s\", over = \"1s\" }, { hold = \"20m\" } ]");
    let text = text.replace("[auth]", "ping_every = \"5s\"\ndead_after = \"12s\"\n[auth]");
    let ran = carry_out(&text, "", 1);
    ran.assert_sound();
    let users = &ran.results.users;
    assert_eq!((users.dead_links, users.reconnects, users.logins), (0, 0, 4), "{users:?}");
}

#[test]
fn a_delay_that_grows_is_seen_to_grow() {
    let load = "users = [ { to = 4, over = \"1s\" }, { hold = \"10m\" } ]\narrivals = [ { to = \"1/s\", over = \"1s\" }, { hold = \"9m\" } ]";
    let text = scenario(4, "", load, super::steady::ON_CALL);
    let ran = carry_out(
        &text,
        "growing_delay = { pub = { per_minute = \"50ms\" } }\nslow_accept = { constant = \"300ms\" }",
        1,
    );
    ran.assert_sound();
    let publish = &ran.results.operations["publish"].service_us;
    assert!(publish.min < 20_000 && (450_000..530_000).contains(&publish.max), "{publish:?}");
    assert!(ran.results.operations["connect"].service_us.min >= 299_000);
    assert_eq!(ran.faults.slow_accepts, ran.faults.totals.sessions, "of a run in memory all are WebSockets");
}
