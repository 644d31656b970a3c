//! Events of the scenario: who is hit, how long they take to be back, and what they missed.

use super::faults::TEAMS;
use super::*;
use crate::results::EventFigures;

fn with(events: &str, load: &str) -> String {
    let load = format!("users = [ {{ to = 40, over = \"1s\" }}, {{ hold = \"2m\" }} ]\ndrain = \"15s\"\n{load}");
    scenario(40, "groups = [ { name = \"team\", members = 8 } ]", &load, &format!("{TEAMS}\n{events}"))
}

#[test]
fn dropped_users_come_back_with_jitter_and_have_missed_nothing() {
    let text = with("[[event]]\ndo = \"drop\"\nat = \"30s\"\nevery = \"40s\"\nshare = 0.25", "");
    for slots in [1, 2] {
        let ran = carry_out(&text, "", slots);
        ran.assert_sound();
        let (events, delivery) = (&ran.results.events, &ran.results.delivery);
        let seen: Vec<_> = events.iter().map(|event| (event.what.as_str(), event.at_s, event.affected)).collect();
        assert_eq!(seen, [("drop", 30.0, 10), ("drop", 70.0, 10), ("drop", 110.0, 10)]);
        for event in events {
            assert_eq!((event.back, event.missed), (10, event.recovered), "{event:?}");
            // The first pause is a random part of half a second.
            assert!(event.back_ms_p50 > 20.0 && event.back_ms_max <= 510.0, "{event:?}");
            assert!(event.back_ms_p50 <= event.back_ms_p99 && event.back_ms_p99 <= event.back_ms_max);
        }
        let recovered: u64 = events.iter().map(|event| event.recovered).sum();
        assert_eq!((recovered, ran.results.users.reconnects), (delivery.recovered, 30), "{events:?}");
        assert!(recovered > 0);
        assert_eq!((delivery.lost, delivery.duplicated, delivery.excused), (0, 0, 0), "{delivery:?}");
        assert_eq!(ran.results.users.closed_by_code.len(), 0, "the service closed nothing");
        let marks = ran.results.series.marks.iter().filter(|mark| mark.label == "drop").count();
        assert_eq!(marks, 3);
    }
}

/// Users that the plan sends away and brings back, on topics where little is said.
fn swinging(events: &str) -> String {
    let load = "users = [ { to = 40, over = \"1s\" }, { hold = \"20s\" }, { to = 10, over = \"1s\" }, { hold = \"20s\" }, \
                { to = 40, over = \"1s\" }, { hold = \"30s\" } ]\n\
                arrivals = [ { to = \"30/s\", over = \"1s\" }, { hold = \"1m\" } ]\ndrain = \"15s\"";
    scenario(40, "", load, &format!("{}\n{events}", super::steady::ON_CALL))
}

#[test]
fn what_came_while_the_plan_had_a_user_offline_is_no_doing_of_an_event() {
    // One second after all are back, most have received nothing live yet.
    for (again, times, login) in [("", 1, 80), ("every = \"2s\"", 15, 80), ("every = \"1s\"", 29, 600)] {
        let text = swinging(&format!("[[event]]\ndo = \"drop\"\nat = \"44s\"\n{again}\nshare = 0.5"));
        let slow = format!("login = {{ constant = \"{login}ms\" }}, pub = {{ constant = \"5ms\" }}");
        let ran = carry_out(&text, &format!("delay = {{ {slow} }}"), 2);
        ran.assert_sound();
        let (events, delivery) = (&ran.results.events, &ran.results.delivery);
        let sum = |figure: fn(&EventFigures) -> u64| events.iter().map(figure).sum::<u64>();
        let (missed, recovered) = (sum(|event| event.missed), sum(|event| event.recovered));
        assert_eq!((events.len(), delivery.lost, delivery.duplicated), (times, 0, 0), "{delivery:?}");
        assert!(delivery.recovered > 0 && delivery.excused == 0, "{delivery:?}");
        assert_eq!((missed, recovered), (delivery.recovered, delivery.recovered), "{events:?}");
    }
}

#[test]
fn whom_a_later_event_hits_first_is_taken_over_by_it() {
    let pause = "[[event]]\ndo = \"pause-reading\"\nat = \"30s\"\nfor = \"5s\"";
    let drop = "[[event]]\ndo = \"drop\"\nat = \"32s\"\nshare = 0.3";
    let ran = carry_out(&with(&format!("{pause}\n{drop}"), ""), "", 2);
    ran.assert_sound();
    let seen = |event: &EventFigures| (event.affected, event.back, event.overtaken, event.not_back());
    assert_eq!(ran.results.events.iter().map(seen).collect::<Vec<_>>(), [(40, 28, 12, 0), (12, 12, 0, 0)]);
    assert_eq!(ran.results.events[0].back_ms_p50, 5_000.0, "{:?}", ran.results.events);
    // Pauses that are longer than what lies between them.
    let pauses = "[[event]]\ndo = \"pause-reading\"\nat = \"30s\"\nfor = \"4s\"\nevery = \"2s\"\nshare = 0.5";
    let ran = carry_out(&with(pauses, ""), "", 2);
    ran.assert_sound();
    let events = &ran.results.events;
    assert!(events.iter().all(|event| event.affected == 20 && event.not_back() == 0), "{events:?}");
    let (last, before) = events.split_last().expect("events");
    assert!(before.iter().all(|event| event.overtaken > 0) && last.overtaken == 0, "{events:?}");
}

#[test]
fn whom_the_plan_sends_away_before_it_is_back_never_comes_back_from_the_event() {
    // Reading ends while the plan takes most of them offline; they are online again long before the end.
    let ran = carry_out(
        &swinging("[[event]]\ndo = \"half-open\"\nat = \"20.9s\"\nfor = \"20s\""),
        "delay = { login = { constant = \"2s\" } }",
        2,
    );
    ran.assert_sound();
    let [event] = &ran.results.events[..] else { panic!("{:?}", ran.results.events) };
    assert_eq!((event.affected, event.overtaken), (40, 0), "{event:?}");
    assert!(event.not_back() > 0 && event.back >= 10 && event.back_ms_max < 10_000.0, "{event:?}");
}

#[test]
fn a_restart_storm_brings_all_back_at_once() {
    let ran = carry_out(
        &with("[[event]]\ndo = \"restart-storm\"\nat = \"1m\"", ""),
        "delay = { login = { constant = \"30ms\" } }",
        2,
    );
    ran.assert_sound();
    let [event] = &ran.results.events[..] else { panic!("{:?}", ran.results.events) };
    assert_eq!((event.affected, event.back), (40, 40));
    assert!(event.back_ms_max < 50.0, "nobody waits: {event:?}");
    assert_eq!(ran.results.delivery.lost, 0);
}

#[test]
fn users_that_fall_silent_come_back_beside_their_old_session() {
    let ran = carry_out(&with("[[event]]\ndo = \"half-open\"\nat = \"1m\"\nshare = 0.5\nfor = \"20s\"", ""), "", 2);
    ran.assert_sound();
    let [event] = &ran.results.events[..] else { panic!("{:?}", ran.results.events) };
    assert_eq!((event.what.as_str(), event.affected, event.back), ("half-open", 20, 20));
    let delivery = &ran.results.delivery;
    assert_eq!((delivery.lost, delivery.duplicated, delivery.phantom), (0, 0, 0), "{delivery:?}");
    assert!(delivery.recovered > 0);
}

#[test]
fn slow_readers_get_everything_late_or_catch_up() {
    let ran = carry_out(&with("[[event]]\ndo = \"pause-reading\"\nat = \"1m\"\nshare = 0.25\nfor = \"5s\"", ""), "", 2);
    ran.assert_sound();
    let [event] = &ran.results.events[..] else { panic!("{:?}", ran.results.events) };
    assert_eq!((event.affected, event.back), (10, 10), "{event:?}");
    assert!((4_900.0..6_000.0).contains(&event.back_ms_max), "{event:?}");
    let delivery = &ran.results.delivery;
    assert_eq!((delivery.lost, delivery.duplicated), (0, 0), "{delivery:?}");
    assert!(
        delivery.delivery_us.max < 1_000_000,
        "how long it waited for its reader is no delivery time: {delivery:?}"
    );
    assert!(event.waited_messages > 0, "{event:?}");
}

#[test]
fn a_pause_longer_than_the_timeout_is_no_loss_and_no_time_of_the_service() {
    // Whoever does not read for the usual half minute is cut by the service, for it answers no pings.
    for (length, catch_up, is_cut) in [(12, "true", false), (30, "true", true), (30, "false", true)] {
        let pause = format!("do = \"pause-reading\"\nat = \"30s\"\nshare = 0.25\nfor = \"{length}s\"");
        let personas = format!("{}\n[[event]]\n{pause}", super::steady::ON_CALL);
        let rate = "40/s";
        let arrivals = format!("arrivals = [ {{ to = \"{rate}\", over = \"5s\" }}, {{ hold = \"1m50s\" }} ]");
        let users = "users = [ { to = 40, over = \"1s\" }, { hold = \"2m\" } ]\ndrain = \"15s\"";
        let text = scenario(40, "", &format!("{users}\n{arrivals}\ncatch_up = {catch_up}"), &personas);
        let ran = carry_out(&text, "delay = { pub = { uniform = [\"5ms\", \"900ms\"] } }", 2);
        ran.assert_sound();
        assert_eq!(ran.broken(), []);
        let (results, delivery) = (&ran.results, &ran.results.delivery);
        assert_eq!((delivery.lost, delivery.duplicated, delivery.late), (0, 0, 0), "{delivery:?}");
        assert_eq!(delivery.excused > 0, is_cut && catch_up == "false", "{delivery:?}");
        assert_eq!(results.operations.values().map(|operation| operation.failed).sum::<u64>(), 0);
        assert_eq!(results.users.reconnects, if is_cut { 10 } else { 0 });
        let [event] = &results.events[..] else { panic!("{:?}", results.events) };
        // They read again after all of the time, and find out then that they were cut.
        assert_eq!((event.affected, event.back, event.back_ms_max), (10, 10, f64::from(length) * 1e3), "{event:?}");
        // Whose request was open has its answer in the socket, for longer than the timeout.
        assert!(event.waited_replies > 0 && event.waited_messages > 0, "{event:?}");
        let (publish, delivered) = (results.operations["publish"].response_us.max, delivery.delivery_us.max);
        assert!(publish < 1_000_000 && delivered < 1_000_000, "{publish} {delivered}");
    }
}

#[test]
fn a_pause_ends_with_the_load_and_what_the_service_never_answered_is_found_after_it() {
    let pause = "[[event]]\ndo = \"pause-reading\"\nat = \"100s\"\nshare = 0.5\nfor = \"1h\"";
    let ran = carry_out(&with(pause, ""), "delay = { pub = { uniform = [\"5ms\", \"60ms\"] } }", 2);
    ran.assert_sound();
    let delivery = &ran.results.delivery;
    assert_eq!((delivery.lost, delivery.duplicated), (0, 0), "{delivery:?}");
    assert_eq!((ran.results.events[0].affected, ran.results.events[0].back), (20, 20));
    // Frames that a service drops are found all the same, also those that paused users waited for.
    let pause = "[[event]]\ndo = \"pause-reading\"\nat = \"60s\"\nshare = 0.5\nfor = \"20s\"";
    let ran = carry_out(&with(pause, ""), "[[swallow]]\nop = \"pub\"\nrate = 0.01", 2);
    let unanswered = ran.broken().iter().find(|(name, _)| *name == "every_request_answered").map_or(0, |found| found.1);
    assert_eq!(unanswered, ran.results.operations["publish"].failed);
    assert!(unanswered > 0);
}

#[test]
fn a_burst_begins_so_many_iterations_at_once() {
    let load = "users = [ { to = 20, over = \"1s\" }, { hold = \"1m\" } ]\narrivals = [ { to = \"0.01/s\", over = \"1s\" }, { hold = \"50s\" } ]";
    let personas = format!("{}\n[[event]]\ndo = \"burst\"\nat = \"30s\"\narrivals = 15", super::steady::ON_CALL);
    for slots in [1, 2] {
        let ran = carry_out(&scenario(20, "", load, &personas), "", slots);
        ran.assert_sound();
        assert_eq!((ran.results.events[0].affected, ran.results.events[0].what.as_str()), (15, "burst"));
        let arrivals = &ran.results.arrivals;
        assert!(arrivals.started + arrivals.missed >= 15 && arrivals.started >= 13, "{arrivals:?}");
    }
}

#[test]
fn whom_an_event_hits_is_a_matter_of_the_seed_and_their_number_of_the_share() {
    let plan = plan(&with("[[event]]\ndo = \"drop\"\nat = \"30s\"\nevery = \"1s\"\nshare = 0.3", ""), 2);
    let hit = |number: usize| -> Vec<u32> {
        let event = plan.occurrences()[number];
        (0..40).filter(|user| plan.is_hit(&event, *user)).collect()
    };
    assert_eq!((hit(0).len(), hit(0) == hit(0)), (12, true));
    assert!((1..20).any(|number| hit(number) != hit(0)) && (0..20).all(|number| hit(number).len() == 12));
}
