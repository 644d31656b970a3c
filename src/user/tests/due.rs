//! When an operation is due: after a think time, for an arrival, for a peer or a token that comes late.

use super::*;
use crate::metrics::Latency;

const PARKED: &str = r#"await = "arrival"
steps = [ { op = "publish", to = "group:team" }, { op = "publish", to = "peer" } ]
next = "talk""#;

#[test]
fn after_a_think_time_the_operation_was_due_when_it_ended() {
    let mut bench = Bench::talking(
        "steps = [ { op = \"publish\", to = \"group:team\" } ]\nthink = \"constant 5s\"\nnext = \"talk\"",
    );
    bench.reply(202, "null");
    let planned = bench.user.next_wake();
    assert_eq!(planned.since(bench.now), Duration::from_secs(5));
    // Woken 40 ms late: that is lag, and part of the response.
    bench.now = planned + Duration::from_millis(40);
    bench.on(Event::Wake);
    bench.wait(10).reply(202, "null");
    let figures = bench.figures(OpId::Publish);
    let of = |latency: &Latency, micros| Latency::are_alike(latency.max(), micros);
    assert!(of(&figures.lag, 40_000) && of(&figures.response, 50_000) && of(&figures.service, 10_000));
}

#[test]
fn an_arrival_sets_when_its_first_step_was_due_and_only_that() {
    let mut bench = Bench::talking(PARKED);
    assert!(bench.user.is_parked());
    let due = bench.now;
    bench.wait(300).on(Event::Arrival { due });
    bench.wait(100).reply(202, "null");
    let first = bench.figures(OpId::Publish).response.max();
    assert!((400_000..401_000).contains(&first), "{first}");
    assert_eq!(bench.last()["pub"]["topic"], format!("usr{PEER}"));
    bench.wait(100).reply(202, "null");
    assert!(bench.user.is_parked());
    let response = bench.figures(OpId::Publish).response.min();
    assert!((99_900..101_000).contains(&response), "{response}");
    // Nobody is parked twice, and what comes unasked is not taken.
    let mut busy = Bench::talking("steps = [ { op = \"describe\", to = \"me\" } ]\nnext = \"talk\"");
    assert_eq!(busy.on(Event::Arrival { due }), []);
}

#[test]
fn a_peer_that_is_not_there_yet_is_waited_for_and_due_is_when_it_was_found() {
    let mut bench = Bench::new(
        r#"start = "sign-in"
[persona.state.sign-in]
steps = [ { op = "connect" }, { op = "login" }, { op = "publish", to = "peer" } ]
next = "sign-in""#,
    );
    bench.world.directory = Arc::new(Directory::new(2, 1));
    let access = Secret::new("t".to_owned());
    bench.world.directory.set_token(0, Token { access, refresh: None, expires: Tick::NEVER });
    bench.world.load_start = bench.now;
    bench.sign_in();
    for _ in 0..12 {
        assert_eq!(bench.sleep(), []);
    }
    assert_eq!(bench.counts(OpId::Publish).0, 0);
    bench.world.directory.set_id(1, UserId(PEER));
    assert_eq!(bench.sleep().len(), 1);
    bench.wait(20).reply(202, "null");
    let response = bench.figures(OpId::Publish).response.max();
    assert!((20_000..20_100).contains(&response), "{response}");
}

#[test]
fn a_peer_that_never_comes_is_a_failure_once_it_is_overdue() {
    let mut bench =
        Bench::talking("steps = [ { op = \"publish\", to = \"peer\" } ]\nthink = \"constant 1s\"\nnext = \"talk\"");
    bench.world.directory = Arc::new(Directory::new(2, 1));
    bench.reply(202, "null");
    for _ in 0..40 {
        if bench.counts(OpId::Publish).2 == 0 {
            bench.sleep();
        }
    }
    assert_eq!(bench.failures(OpId::Publish, FailureKind::Local(LocalCause::NoPeer)), 1);
}

#[test]
fn a_token_is_fetched_before_the_step_that_needs_it_and_the_wait_for_its_turn_is_no_service() {
    let mut bench = Bench::new(
        "[persona.state.only]\nsteps = [ { op = \"connect\" }, { op = \"login\" } ]\nthink = \"constant 1s\"\nnext = \"only\"",
    );
    bench.world.directory.forget_token(0);
    bench.on(Event::GoOnline);
    assert_eq!(bench.on(Event::Connected(ConnectPhases::default())), [Action::FetchToken]);
    // Its turn comes after 3 s, the answer 50 ms later.
    let sent = bench.now + Duration::from_secs(3);
    bench.wait(3_050);
    let access = Secret::new("t".to_owned());
    bench.world.directory.set_token(0, Token { access, refresh: None, expires: Tick::NEVER });
    assert_eq!(bench.on(Event::Token { sent, result: Ok(()) }).len(), 1);
    assert!(bench.last()["login"]["secret"].is_string());
    let service = bench.figures(OpId::Token).service.max();
    assert!((50_000..50_100).contains(&service), "{service}");
    bench.wait(10).reply(200, &format!(r#"{{"user":"usr{OWN}"}}"#));
    assert_eq!((bench.counts(OpId::Token), bench.counts(OpId::Login)), ((1, 1, 0), (1, 1, 0)));
    // Due when it wanted to log in, token or not.
    assert!(bench.figures(OpId::Login).response.max() >= 3_060_000);
}

#[test]
fn a_token_that_is_dead_when_it_comes_fails_the_step_instead_of_asking_for_ever() {
    let mut bench = Bench::new(
        "[persona.state.only]\nsteps = [ { op = \"connect\" }, { op = \"login\" } ]\nthink = \"constant 1s\"\nnext = \"only\"",
    );
    bench.world.directory.forget_token(0);
    bench.on(Event::GoOnline);
    bench.on(Event::Connected(ConnectPhases::default()));
    let (access, expires, sent) = (Secret::new("t".to_owned()), bench.now, bench.now);
    bench.world.directory.set_token(0, Token { access, refresh: None, expires });
    bench.on(Event::Token { sent, result: Ok(()) });
    assert_eq!(bench.failures(OpId::Login, FailureKind::Local(LocalCause::NoToken)), 1);
    assert!(bench.is_pausing());
}
