//! Attachments as the ledger hears of them, and messages as they are booked.

use super::*;
use crate::ledger::{AttachEnd, DeliveryRecord};

const JOIN: &str = r#"steps = [ { op = "subscribe", to = "group:team" } ]
think = "constant 1s"
next = "talk""#;
const JOIN_AND_LEAVE: &str = r#"steps = [ { op = "subscribe", to = "group:team" }, { op = "leave", to = "group:team" } ]
think = "constant 1s"
next = "talk""#;

fn deliveries(bench: &Bench) -> &[DeliveryRecord] {
    &bench.world.books.batch.deliveries
}

/// Instants of the last `Ended`: asked for, certain; and how it ended.
fn ended(bench: &Bench) -> (Tick, Tick, AttachEnd) {
    match bench.attachments().last() {
        Some(&AttachRecord::Ended { requested, done, how, .. }) => (requested, done, how),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_subscribe_is_known_from_its_request_and_certain_from_its_reply() {
    let mut bench = Bench::talking(JOIN);
    let asked = bench.now;
    // Live before the reply: the server may handle it so.
    bench.wait(5).message(TEAM, 1, 1, 3);
    bench.wait(5).reply(200, "null");
    let [AttachRecord::Requested { id, at, .. }, AttachRecord::Confirmed { id: same, at: certain }] =
        *bench.attachments()
    else {
        panic!("{:?}", bench.attachments())
    };
    assert_eq!((id, at, certain), (same, asked, bench.now));
    assert_eq!(deliveries(&bench)[0].attach, id);
    assert!((3_000..3_010).contains(&bench.world.books.figures.delivery.max()));
}

#[test]
fn a_repeated_subscribe_keeps_the_attachment() {
    let mut bench = Bench::talking(JOIN);
    bench.reply(200, "null");
    bench.sleep();
    bench.reply(304, "null");
    let requests = bench.attachments().iter().filter(|record| matches!(record, AttachRecord::Requested { .. }));
    assert_eq!(requests.count(), 1);
    // Refused now, it stands all the same.
    bench.sleep();
    bench.reply(403, "null");
    let refused = |record: &AttachRecord| matches!(record, AttachRecord::Ended { how: AttachEnd::Refused, .. });
    assert!(!bench.attachments().iter().any(refused));
}

#[test]
fn a_refused_subscribe_is_no_attachment() {
    let mut bench = Bench::talking(JOIN);
    bench.reply(404, "null");
    assert_eq!(ended(&bench).2, AttachEnd::Refused);
}

#[test]
fn a_304_that_was_expected_is_an_attachment_too() {
    let expecting = JOIN.replace("team\" }", "team\", expect = { code = [200, 304] } }");
    let mut bench = Bench::talking(&expecting);
    bench.reply(304, "null");
    assert!(matches!(bench.attachments().last(), Some(AttachRecord::Confirmed { .. })));
}

#[test]
fn a_leave_is_in_effect_from_its_request_and_over_with_its_reply() {
    let mut bench = Bench::talking(JOIN_AND_LEAVE);
    bench.wait(10).reply(200, "null");
    let asked = bench.now;
    bench.wait(30).reply(200, "null");
    assert_eq!(ended(&bench), (asked, bench.now, AttachEnd::Left));
    // What comes now is nobody's.
    bench.message(TEAM, 1, 1, 1);
    let batch = &bench.world.books.batch;
    assert_eq!((deliveries(&bench).len(), batch.foreign, batch.misdelivered), (0, 0, 1));
    assert_eq!(batch.checks.get(crate::ledger::Invariant::NothingAfterLeave).violated, 1);
}

#[test]
fn a_refused_leave_leaves_everything_as_it_was() {
    let mut bench = Bench::talking(&format!("{JOIN_AND_LEAVE}\non_failure = \"continue\""));
    bench.reply(200, "null");
    bench.wait(30).reply(403, "null");
    assert!(matches!(bench.attachments().last(), Some(AttachRecord::Confirmed { .. })));
    bench.message(TEAM, 1, 1, 1);
    assert_eq!(deliveries(&bench).len(), 1);
}

#[test]
fn a_leave_that_is_answered_after_its_timeout_ends_the_attachment_as_of_its_request() {
    let mut bench = Bench::talking(&format!("{JOIN_AND_LEAVE}\non_failure = \"continue\""));
    bench.reply(200, "null");
    let (asked, id) = (bench.now, bench.id());
    bench.sleep();
    bench.wait(500).reply_to(&id, 200, "null");
    assert_eq!(ended(&bench), (asked, bench.now, AttachEnd::Left));
    assert_eq!(bench.world.books.figures.users.late_replies, 1);
}

#[test]
fn an_eviction_ends_the_attachment_some_time_before_it_is_heard_of() {
    let mut bench = Bench::talking(JOIN);
    bench.wait(60_000).reply(200, "null");
    bench.frame(&format!(r#"{{"ctrl":{{"topic":"{TEAM}","code":205,"text":"evicted","params":{{"unsub":true}}}}}}"#));
    let (requested, done, how) = ended(&bench);
    assert_eq!((done, how), (bench.now, AttachEnd::Left));
    // A message acknowledged just before may have been accepted just after: no longer than the timeout ago.
    assert_eq!(done.since(requested), Duration::from_secs(10));
    assert_eq!(bench.world.books.figures.users.unsolicited_by_code[&205], 1);
    // The next subscribe is a new attachment.
    bench.sleep();
    let requests = bench.attachments().iter().filter(|record| matches!(record, AttachRecord::Requested { .. }));
    assert_eq!(requests.count(), 2);
}

#[test]
fn a_message_of_another_run_or_client_is_foreign() {
    let mut bench = Bench::talking(JOIN);
    bench.reply(200, "null");
    let stamp = Stamp { run: Stamp::run_tag("another"), synthetic: false, user: 1, counter: 1, sent: Tick::ZERO };
    for id in [stamp.encode().as_str(), "99c5075a-cf52-493c-8572-9e30437a02ce", ""] {
        bench.frame(&format!(r#"{{"data":{{"topic":"{TEAM}","seq":1,"content":"x","reqid":"{id}"}}}}"#));
    }
    assert_eq!((deliveries(&bench).len(), bench.world.books.batch.foreign), (0, 3));
}

#[test]
fn both_sides_of_a_conversation_name_one_topic() {
    let publish = "steps = [ { op = \"subscribe\", to = \"peer\" } ]\nthink = \"constant 1s\"\nnext = \"talk\"";
    let bench = Bench::talking(publish);
    let mut other = Bench::new(
        "[persona.state.only]\nsteps = [ { op = \"connect\" }, { op = \"login\" }, { op = \"subscribe\", to = \"peer\" } ]\nnext = \"only\"",
    );
    other.world.directory.set_id(0, UserId(OWN));
    other.user = User::new(1, 1, Mode::Forever);
    let access = Secret::new("t".to_owned());
    other.world.directory.set_token(1, Token { access, refresh: None, expires: Tick::NEVER });
    other.on(Event::GoOnline);
    other.on(Event::Connected(ConnectPhases::default()));
    other.reply(200, &format!(r#"{{"user":"usr{PEER}"}}"#));
    let key = |bench: &Bench| match bench.attachments() {
        [AttachRecord::Requested { topic, .. }] => *topic,
        other => panic!("{other:?}"),
    };
    assert_eq!(key(&bench), key(&other));
}
