//! Whatever comes in whatever order: each request ends once, and nothing panics.

use proptest::prelude::*;

use super::*;

const STATES: &str = r#"start = "sign-in"
[persona.state.sign-in]
steps = [ { op = "connect" }, { op = "login" } ]
next = "settle"
[persona.state.settle]
steps = [ { op = "subscribe", to = "group:team" }, { op = "subscribe", to = "peer" } ]
on_failure = "continue"
next = "talk"
[persona.state.talk]
await = "arrival"
steps = [
  { op = "publish", to = "group:team", repeat = 2 },
  { op = "note", to = "peer", kind = "recv" },
  { op = "publish", to = "peer", expect = { code = 403 }, chance = 0.5 },
  { op = "history", to = "group:team", limit = 300 },
  { op = "upload", size = "1 KiB", save = "file" },
  { op = "download", file = "${file.url}" },
]
on_failure = "continue"
next = { talk = 3, away = 1 }
[persona.state.away]
steps = [ { op = "leave", to = "group:team" }, { op = "disconnect" } ]
think = "uniform 1ms 3s"
next = "sign-in""#;

/// What may happen to a user, in numbers that a shrinker can make smaller.
fn happen(bench: &mut Bench, what: u8, number: u64, text: &str, ids: &mut Vec<String>) {
    if bench.sent.iter().any(|frame| frame.is_object()) {
        let id = bench
            .sent
            .iter()
            .rev()
            .find_map(|frame| Some(frame.as_object()?.values().next()?.get("id")?.as_str()?.to_owned()));
        if let Some(id) = id.filter(|id| ids.last() != Some(id)) {
            ids.push(id);
        }
    }
    let code = [200, 202, 204, 205, 208, 304, 400, 401, 403, 409, 500][number as usize % 11];
    let old = ids.get(number as usize % ids.len().max(1)).cloned().unwrap_or_default();
    let new = ids.last().cloned().unwrap_or_default();
    let params = format!(r#"{{"seq":{number},"count":{},"user":"usr{OWN}","token":"t","url":"u"}}"#, number % 4);
    let (sent, due) = (bench.now, bench.now);
    match what {
        0 => drop(bench.on(Event::GoOnline)),
        1 => drop(bench.on(Event::GoOffline)),
        2 => drop(bench.on(Event::Arrival { due })),
        3 => drop(bench.wait(number % 15_000).on(Event::Wake)),
        4 => drop(bench.on(lost(Some(number as u16)))),
        5 => drop(bench.on(lost(None))),
        6 => drop(bench.on(Event::ConnectFailed(FailureKind::Refused, text.to_owned()))),
        7 => drop(bench.on(Event::Token { sent, result: Ok(()) })),
        8 => drop(bench.on(Event::Unsent)),
        9 => drop(bench.on(Event::Http(Err((FailureKind::Malformed, text.to_owned()))))),
        10 => {
            let (code, body) =
                (crate::protocol::Code(code), r#"{"ctrl":{"code":200,"params":{"url":"u"}}}"#.to_owned());
            let reply =
                HttpReply { code, body, bytes: 1, is_intact: number.is_multiple_of(2), phases: HttpPhases::default() };
            drop(bench.on(Event::Http(Ok(reply))));
        }
        11 => drop(bench.frame(text)),
        12 => drop(bench.frame(&format!(r#"{{"ctrl":{{"code":{code},"topic":"{TEAM}"}}}}"#))),
        13 => drop(bench.message(TEAM, number % 9, number as u32 % 9, number)),
        14 => drop(bench.message(&format!("usr{PEER}"), number % 9, number as u32 % 9, number)),
        15 => drop(bench.frame(&format!(r#"{{"meta":{{"id":"{old}"}}}}"#))),
        16 | 17 => drop(bench.reply_to(&old, code, &params)),
        // The user connects only when it asked to: a driver says so only then.
        18 | 19 if matches!(&bench.user.phase, Phase::Open(open) if open.way == crate::user::machine::Way::Connect) => {
            bench.on(Event::Connected(ConnectPhases::default()));
        }
        20 => drop(bench.reply_to(&new, code, &params)),
        _ => drop(bench.reply_to(&new, 200, &params)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    /// `Bench::on` checks after each event that started = ok + failed + open.
    #[test]
    fn every_request_ends_once_whatever_arrives_in_between(
        story in prop::collection::vec((0u8..26, 0u64..20_000, "\\PC{0,12}"), 1..120),
    ) {
        let mut bench = Bench::new(STATES);
        let mut ids = Vec::new();
        bench.on(Event::GoOnline);
        for (what, number, text) in &story {
            happen(&mut bench, *what, *number, text, &mut ids);
        }
        // A publish that was begun is reported once, or twice when its acknowledgement came late.
        bench.on(Event::Leave);
        let mut keys: Vec<u64> = bench.world.books.batch.publishes.iter().map(|record| record.key).collect();
        let late = bench.world.books.figures.users.late_replies as usize;
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        prop_assert_eq!(keys.len() as u64, bench.counts(OpId::Publish).0);
        prop_assert!(all - keys.len() <= late);
    }

    #[test]
    fn no_frame_makes_a_user_panic(frames in prop::collection::vec("\\PC{0,60}|\\{\"(ctrl|data|meta|pres|info)\":.{0,40}\\}", 1..20)) {
        let mut bench = Bench::new(STATES);
        bench.sign_in();
        for frame in &frames {
            bench.frame(frame);
        }
        prop_assert_eq!(bench.world.books.open_requests(), 1);
    }
}
