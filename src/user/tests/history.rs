//! Paging through history while live messages come in.

use super::*;

const READ: &str = r#"steps = [ { op = "subscribe", to = "group:team" }, { op = "history", to = "group:team", limit = 200 } ]
think = "constant 1s"
next = "talk""#;

/// Attached for a minute, seq 5 received live, the first page asked for.
fn reading(lines: &str) -> Bench {
    let mut bench = Bench::talking(lines);
    let id = bench.id();
    bench.wait(60_000).message(TEAM, 5, 5, 2);
    // The history request goes out with the reply to the subscribe.
    bench.reply_to(&id, 200, "null");
    assert_eq!(bench.last()["get"]["what"], "data");
    bench
}

fn lines(on_failure: &str) -> String {
    // A timeout of the subscribe that this test lets wait for a minute would come first.
    READ.replace("\"group:team\" },", "\"group:team\", timeout = \"5m\" },") + on_failure
}

fn live(bench: &Bench) -> Vec<u64> {
    bench.world.books.batch.deliveries.iter().map(|record| record.seq).collect()
}

#[test]
fn a_page_is_told_from_what_arrives_live_in_between() {
    let mut bench = reading(&lines(""));
    // Newest first; 6 was stored but never pushed, 7 comes live in the middle of the page.
    bench.message(TEAM, 6, 6, 500);
    bench.message(TEAM, 5, 5, 1_000);
    bench.message(TEAM, 7, 7, 1);
    bench.message(TEAM, 4, 4, 100_000);
    assert_eq!(live(&bench), [5]);
    bench.reply(208, r#"{"what":"data","count":3}"#);
    assert_eq!(live(&bench), [5, 7]);
    // The next page begins below the lowest, and an empty one ends it.
    assert_eq!(bench.last()["get"]["data"]["before"], 4);
    bench.reply(204, r#"{"what":"data"}"#);
    assert_eq!(bench.counts(OpId::History), (1, 1, 0));
    assert!(bench.is_pausing());
}

#[test]
fn the_pages_of_one_history_are_one_operation() {
    let mut bench = reading(&lines(""));
    bench.wait(10).message(TEAM, 4, 4, 100_000);
    bench.reply(208, r#"{"count":1}"#);
    bench.wait(30).reply(204, "null");
    assert_eq!(bench.counts(OpId::History), (1, 1, 0));
    let response = bench.figures(OpId::History).response.max();
    assert!((40_000..40_100).contains(&response), "{response}");
}

#[test]
fn a_page_that_is_never_closed_keeps_no_live_message_back() {
    for end in
        [Event::Disconnected(Lost { code: None, detail: String::new(), by: crate::user::LostBy::Peer }), Event::Leave]
    {
        let mut bench = reading(&lines(""));
        bench.message(TEAM, 6, 6, 1);
        assert_eq!(live(&bench), [5]);
        bench.on(end);
        assert_eq!(live(&bench), [5, 6]);
    }
}

#[test]
fn what_comes_of_a_page_that_was_given_up_is_no_repeat() {
    let mut bench = reading(&lines("\non_failure = \"continue\""));
    let id = bench.id();
    bench.sleep();
    bench.message(TEAM, 5, 5, 1_000);
    bench.message(TEAM, 4, 4, 200_000);
    bench.message(TEAM, 6, 6, 1);
    assert_eq!(live(&bench), [5, 6]);
    bench.reply_to(&id, 208, r#"{"count":2}"#);
    assert_eq!(bench.world.books.figures.users.late_replies, 1);
    // From here on a repeat is a repeat.
    bench.message(TEAM, 6, 6, 10);
    assert_eq!(live(&bench), [5, 6, 6]);
}

#[test]
fn a_server_that_sends_the_same_page_for_ever_is_left() {
    let mut bench = reading(&lines(""));
    for _ in 0..3 {
        bench.message(TEAM, 4, 4, 100_000);
        bench.reply(208, r#"{"count":1}"#);
    }
    assert_eq!(bench.counts(OpId::History), (1, 1, 0));
}
