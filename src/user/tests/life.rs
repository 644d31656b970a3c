//! Coming, parking, thinking, losing the connection, and going, in every phase.

use super::*;
use crate::ledger::AttachEnd;

const IDLE_TALK: &str =
    "steps = [ { op = \"note\", to = \"group:team\", kind = \"typing\" } ]\nthink = \"constant 5s\"\nnext = \"talk\"";
const PARKED: &str = r#"await = "arrival"
steps = [ { op = "publish", to = "group:team" }, { op = "publish", to = "peer" } ]
next = "talk""#;
const ATTACHED: &str = r#"steps = [ { op = "subscribe", to = "group:team" }, { op = "publish", to = "group:team" } ]
think = "constant 5s"
next = "talk""#;

/// A user in each phase that has a connection, and one on its way to it.
fn in_every_phase() -> Vec<(&'static str, Bench)> {
    let mut connecting = Bench::talking(IDLE_TALK);
    connecting.on(lost(None));
    connecting.sleep();
    let mut backing_off = Bench::talking(IDLE_TALK);
    backing_off.on(lost(Some(1012)));
    let mut fetching = Bench::talking(IDLE_TALK);
    fetching.on(lost(None));
    fetching.world.directory.forget_token(0);
    fetching.sleep();
    assert_eq!(fetching.on(Event::Connected(ConnectPhases::default())), [Action::FetchToken]);
    let uploading = Bench::talking("steps = [ { op = \"upload\", size = \"1 KiB\" } ]\nnext = \"talk\"");
    let mut closing = Bench::talking("steps = [ { op = \"disconnect\" } ]\nnext = \"sign-in\"");
    closing.wait(1);
    vec![
        ("connecting", connecting),
        ("backing off", backing_off),
        ("fetching a token", fetching),
        ("thinking", Bench::talking(IDLE_TALK)),
        ("parked", Bench::talking(PARKED)),
        ("waiting for a reply", Bench::talking(ATTACHED)),
        ("uploading", uploading),
        ("closing", closing),
    ]
}

/// Gives whatever the user waits for until it waits for nothing any more.
fn run_out(bench: &mut Bench) {
    for _ in 0..10 {
        match &bench.user.phase {
            Phase::Idle => return,
            Phase::Leaving { .. } => drop(bench.on(lost(Some(1000)))),
            Phase::Open(open) => match open.way {
                crate::user::machine::Way::Connect => drop(bench.on(Event::Connected(ConnectPhases::default()))),
                crate::user::machine::Way::Close => drop(bench.on(lost(Some(1000)))),
                crate::user::machine::Way::Frame => drop(bench.reply(200, "null")),
                crate::user::machine::Way::Http => {
                    let reply = Err((FailureKind::Refused, String::new()));
                    drop(bench.on(Event::Http(reply)));
                }
                crate::user::machine::Way::Acceptance => drop(bench.on(Event::Accepted(Ok(())))),
                crate::user::machine::Way::Token => {
                    let sent = bench.now;
                    drop(bench.on(Event::Token { sent, result: Ok(()) }));
                }
            },
            Phase::Parked | Phase::Pausing { .. } => panic!("{:?}", bench.user.phase),
        }
    }
    panic!("still {:?}", bench.user.phase);
}

#[test]
fn whoever_is_sent_offline_finishes_what_is_open_and_leaves() {
    for (phase, mut bench) in in_every_phase() {
        bench.on(Event::GoOffline);
        run_out(&mut bench);
        assert!(bench.user.is_gone(), "{phase}");
        assert_eq!((bench.world.books.online, bench.world.books.open_requests()), (0, 0), "{phase}");
        assert!(!bench.world.books.figures.users.closed_by_code.contains_key(&Some(1000)), "{phase}");
        // And comes back when it is wanted; that is no reconnect.
        let reconnects = bench.world.books.figures.users.reconnects;
        assert_eq!(bench.on(Event::GoOnline), [Action::Connect], "{phase}");
        bench.on(Event::Connected(ConnectPhases::default()));
        assert_eq!(bench.world.books.figures.users.reconnects, reconnects, "{phase}");
    }
}

#[test]
fn whoever_drains_begins_nothing_and_keeps_its_connection() {
    for (phase, mut bench) in in_every_phase() {
        bench.on(Event::Drain);
        let started: Vec<u64> = OpId::ALL.iter().map(|&op| bench.figures(op).started).collect();
        run_out(&mut bench);
        assert_eq!(bench.world.books.open_requests(), 0, "{phase}");
        bench.on(Event::Arrival { due: bench.now });
        bench.on(Event::GoOnline);
        let after: Vec<u64> = OpId::ALL.iter().map(|&op| bench.figures(op).started).collect();
        assert_eq!(after, started, "{phase}");
        bench.on(Event::Leave);
        run_out(&mut bench);
        assert!(bench.user.is_gone(), "{phase}");
    }
}

#[test]
fn whoever_leaves_is_gone_at_once_whatever_was_open() {
    for (phase, mut bench) in in_every_phase() {
        let open = bench.world.books.open_requests();
        bench.on(Event::Leave);
        assert!(!matches!(bench.user.phase, Phase::Open(_)), "{phase}");
        run_out(&mut bench);
        assert!(bench.user.is_gone(), "{phase}");
        assert_eq!(bench.world.books.open_requests(), open, "{phase}");
    }
}

#[test]
fn a_lost_connection_is_counted_by_its_code_and_followed_by_a_reconnect() {
    for (phase, mut bench) in in_every_phase() {
        let had_connection = bench.user.session.is_some();
        let reconnects = bench.world.books.figures.users.reconnects;
        let before = bench.now;
        let actions = bench.on(lost(Some(1011)));
        let closed = bench.world.books.figures.users.closed_by_code.get(&Some(1011)).copied();
        match phase {
            "closing" => assert_eq!((closed, actions), (None, vec![Action::Connect])),
            "connecting" | "backing off" => assert_eq!((had_connection, closed), (false, None), "{phase}"),
            // What follows is decided when the token is there.
            "fetching a token" => assert_eq!((closed, bench.world.books.open_requests()), (Some(1), 1)),
            _ => {
                assert_eq!(closed, Some(1), "{phase}");
                assert_eq!(actions.contains(&Action::CancelHttp), phase == "uploading", "{phase}");
                assert!(bench.user.next_wake().since(before) <= Duration::from_millis(500), "{phase}");
                assert_eq!(bench.sleep(), [Action::Connect], "{phase}");
                bench.on(Event::Connected(ConnectPhases::default()));
                assert_eq!(bench.world.books.figures.users.reconnects, reconnects + 1, "{phase}");
            }
        }
    }
}

#[test]
fn an_upload_that_loses_its_connection_fails_with_the_close_code() {
    let mut bench = Bench::talking("steps = [ { op = \"upload\", size = \"1 KiB\" } ]\nnext = \"talk\"");
    bench.on(lost(Some(1001)));
    assert_eq!(bench.failures(OpId::Upload, FailureKind::Closed(Some(1001))), 1);
    // What the cancelled request would have said is nobody's any more.
    bench.on(Event::Http(Err((FailureKind::Refused, String::new()))));
    assert_eq!(bench.counts(OpId::Upload), (1, 0, 1));
}

#[test]
fn an_upload_is_settled_by_its_http_reply_and_saves_its_url() {
    let mut bench = Bench::talking(
        r#"steps = [ { op = "upload", size = "1 KiB", save = "file" }, { op = "download", file = "${file.url}" } ]
next = "talk""#,
    );
    let reply = |body: &str, is_intact| HttpReply {
        code: crate::protocol::Code::OK,
        body: body.to_owned(),
        bytes: 1_024,
        is_intact,
        phases: HttpPhases::default(),
    };
    let actions = bench.on(Event::Http(Ok(reply(r#"{"ctrl":{"code":200,"params":{"url":"abc"}}}"#, true))));
    assert_eq!(actions, [Action::Download { file: "abc".into(), token: "file token".into() }]);
    bench.on(Event::Http(Ok(reply("", false))));
    assert_eq!((bench.counts(OpId::Upload), bench.counts(OpId::Download)), ((1, 1, 0), (1, 0, 1)));
    assert_eq!(bench.failures(OpId::Download, FailureKind::Check), 1);
    let traffic = &bench.world.books.figures.traffic;
    assert_eq!((traffic.bytes_uploaded, traffic.bytes_downloaded), (1_024, 1_024));
}

#[test]
fn the_pause_before_a_reconnect_is_drawn_from_a_span_that_grows_to_30_s() {
    let mut bench = Bench::new("[persona.state.only]\nsteps = [ { op = \"connect\" } ]\nnext = \"only\"");
    bench.on(Event::GoOnline);
    let mut longest = Duration::ZERO;
    for attempt in 0..200u32 {
        bench.on(Event::ConnectFailed(FailureKind::Refused, "no".to_owned()));
        let pause = bench.user.next_wake().since(bench.now);
        let span = Duration::from_millis(500 * 2u64.pow(attempt.min(6))).min(Duration::from_secs(30));
        assert!(pause <= span, "attempt {attempt}: {pause:?} of {span:?}");
        longest = longest.max(pause);
        assert_eq!(bench.sleep(), [Action::Connect]);
    }
    assert!(longest > Duration::from_secs(25), "{longest:?}");
    assert_eq!(bench.failures(OpId::Connect, FailureKind::Refused), 200);
}

#[test]
fn a_failure_is_followed_by_what_the_state_says() {
    let lines = |what: &str| {
        let plan_b = "[persona.state.plan-b]\nsteps = [ { op = \"describe\", to = \"me\" } ]\nnext = \"talk\"";
        let talk = "steps = [ { op = \"publish\", to = \"group:team\" }, { op = \"publish\", to = \"peer\" } ]\nnext = \"talk\"";
        format!("{talk}\non_failure = \"{what}\"\n{}", if what == "plan-b" { plan_b } else { "" })
    };
    let mut bench = Bench::talking(&lines("continue"));
    bench.reply(500, "null");
    bench.sleep();
    assert_eq!(bench.last()["pub"]["topic"], format!("usr{PEER}"));
    let mut bench = Bench::talking(&lines("plan-b"));
    bench.reply(500, "null");
    bench.sleep();
    assert_eq!(bench.last()["get"]["topic"], "me");
    let mut bench = Bench::talking(&lines("stop"));
    assert_eq!(bench.reply(500, "null"), [Action::Close]);
    bench.on(lost(Some(1000)));
    assert!(bench.user.is_gone());
    let mut bench = Bench::talking(&lines("restart"));
    assert_eq!(bench.reply(500, "null"), [Action::Abort]);
    assert_eq!(bench.sleep(), [Action::Connect]);
}

#[test]
fn a_lost_connection_with_a_token_on_its_way_offline_leaves_nothing_open() {
    let mut bench = Bench::talking(IDLE_TALK);
    bench.on(lost(None));
    bench.world.directory.forget_token(0);
    bench.sleep();
    bench.on(Event::Connected(ConnectPhases::default()));
    bench.on(Event::GoOffline);
    bench.on(lost(None));
    assert_eq!(bench.world.books.open_requests(), 1);
    let sent = bench.now;
    bench.on(Event::Token { sent, result: Ok(()) });
    assert!(bench.user.is_gone());
    assert_eq!(bench.world.books.open_requests(), 0);
}

#[test]
fn the_end_of_a_session_ends_its_attachments_and_tells_who_ended_it() {
    let ends = |bench: &Bench| -> Vec<(u64, AttachEnd)> {
        let end = |record: &AttachRecord| match *record {
            AttachRecord::Ended { requested, how, .. } => Some((bench.now.micros_since(requested), how)),
            _ => None,
        };
        bench.attachments().iter().filter_map(end).collect()
    };
    let attached = || {
        let mut bench = Bench::talking(ATTACHED);
        bench.reply(200, "null");
        bench
    };
    let mut bench = attached();
    bench.on(lost(None));
    assert_eq!(ends(&bench), [(0, AttachEnd::Interrupted)]);
    // Polite: in effect since the close frame was sent.
    let mut bench = attached();
    bench.reply(202, "null");
    assert_eq!(bench.on(Event::GoOffline), [Action::Close]);
    bench.wait(70).on(lost(Some(1000)));
    assert_eq!(ends(&bench), [(70_000, AttachEnd::Disconnected)]);
    // A server that does not close is not waited for longer than 2 s.
    let mut bench = attached();
    bench.reply(202, "null");
    bench.on(Event::GoOffline);
    assert_eq!(bench.sleep(), [Action::Abort]);
    assert_eq!(ends(&bench), [(2_000_000, AttachEnd::Disconnected)]);
}
