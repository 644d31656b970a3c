//! One request, one settlement: replies, refusals, timeouts, and what comes too late.

use super::*;
use crate::ledger::{PublishOutcome, PublishRecord};
use crate::metrics::Latency;

const PUBLISH: &str = r#"steps = [ { op = "publish", to = "group:team" } ]
think = "constant 1s"
next = "talk""#;

fn publishes(bench: &Bench) -> &[PublishRecord] {
    &bench.world.books.batch.publishes
}

#[test]
fn a_reply_settles_its_request_once_and_a_second_one_is_a_duplicate() {
    let mut bench = Bench::talking(PUBLISH);
    let id = bench.id();
    bench.wait(250).reply(202, r#"{"seq":7}"#);
    bench.reply_to(&id, 202, r#"{"seq":7}"#);
    bench.reply_to(&id, 500, "null");
    assert_eq!(bench.counts(OpId::Publish), (1, 1, 0));
    assert_eq!(bench.world.books.figures.users.duplicate_replies, 2);
    let service = &bench.figures(OpId::Publish).service;
    assert!(Latency::are_alike(service.min(), 250_000) && Latency::are_alike(service.max(), 250_000));
    let [record] = publishes(&bench) else { panic!("one publish") };
    assert_eq!(record.outcome, PublishOutcome::Accepted { seq: 7 });
    assert_eq!(record.settled.micros_since(record.sent), 250_000);
}

#[test]
fn what_arrives_in_between_settles_nothing() {
    let mut bench = Bench::talking(PUBLISH);
    let noise = [
        "0",
        "",
        "not json",
        r#"{"ctrl":{"id":"of somebody else","code":200}}"#,
        r#"{"ctrl":{"code":409,"text":"must attach first"}}"#,
        r#"{"pres":{"topic":"me","src":"usr5","what":"on"}}"#,
        r#"{"info":{"topic":"grpTeam0000001","from":"usr5","what":"kp"}}"#,
        r#"{"data":{"topic":"grpOther","seq":1,"content":"x"}}"#,
        r#"{"meta":{"topic":"me"}}"#,
    ];
    for frame in noise {
        assert_eq!(bench.frame(frame), []);
    }
    assert_eq!(bench.world.books.open_requests(), 1);
    let users = &bench.world.books.figures.users;
    assert_eq!((users.unmatched_replies, users.unsolicited_by_code[&409]), (2, 1));
    bench.reply(202, r#"{"seq":1}"#);
    assert_eq!(bench.counts(OpId::Publish), (1, 1, 0));
}

#[test]
fn a_publish_acknowledged_after_its_timeout_is_late_and_the_ledger_is_told() {
    let mut bench = Bench::talking(&format!("{PUBLISH}\non_failure = \"continue\""));
    let id = bench.id();
    bench.sleep();
    assert_eq!(bench.failures(OpId::Publish, FailureKind::TimedOut), 1);
    bench.wait(1).reply_to(&id, 202, r#"{"seq":9}"#);
    assert_eq!(bench.world.books.figures.users.late_replies, 1);
    assert_eq!(bench.counts(OpId::Publish), (1, 0, 1));
    let outcomes: Vec<PublishOutcome> = publishes(&bench).iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [PublishOutcome::Unknown, PublishOutcome::Accepted { seq: 9 }]);
    assert_eq!(publishes(&bench)[0].key, publishes(&bench)[1].key);
    bench.reply_to(&id, 202, r#"{"seq":9}"#);
    assert_eq!(bench.world.books.figures.users.duplicate_replies, 1);
}

#[test]
fn a_late_reply_to_something_else_is_no_publish() {
    // The vendor's sample of a join is answered with a seq.
    let join = "steps = [ { op = \"subscribe\", to = \"group:team\" } ]\nthink = \"constant 1s\"\nnext = \"talk\"";
    let mut bench = Bench::talking(&format!("{join}\non_failure = \"continue\""));
    let id = bench.id();
    bench.sleep();
    bench.reply_to(&id, 202, r#"{"seq":1}"#);
    assert_eq!(bench.world.books.figures.users.late_replies, 1);
    assert!(publishes(&bench).is_empty());
    // But it is attached now.
    assert!(matches!(bench.attachments(), [AttachRecord::Requested { .. }, AttachRecord::Confirmed { .. }]));
}

#[test]
fn an_expected_refusal_counts_as_ok_and_has_no_effect() {
    let mut bench = Bench::talking(
        "steps = [ { op = \"publish\", to = \"group:team\", expect = { code = 403 } } ]\nthink = \"constant 1s\"\nnext = \"talk\"",
    );
    bench.reply(403, "null");
    assert_eq!(bench.counts(OpId::Publish), (1, 1, 0));
    assert_eq!(publishes(&bench)[0].outcome, PublishOutcome::Refused);
}

#[test]
fn a_success_instead_of_the_expected_refusal_fails_and_still_has_its_effect() {
    let mut bench = Bench::talking(
        "steps = [ { op = \"publish\", to = \"group:team\", expect = { code = 403 } } ]\nthink = \"constant 1s\"\nnext = \"talk\"",
    );
    bench.reply(202, r#"{"seq":3}"#);
    assert_eq!(bench.failures(OpId::Publish, FailureKind::Check), 1);
    let [record] = publishes(&bench) else { panic!("one publish") };
    assert_eq!(record.outcome, PublishOutcome::Accepted { seq: 3 });
}

#[test]
fn a_meta_is_no_acknowledgement() {
    let mut bench = Bench::talking(PUBLISH);
    let id = bench.id();
    bench.frame(&format!(r#"{{"meta":{{"id":"{id}","topic":"{TEAM}"}}}}"#));
    assert_eq!(publishes(&bench)[0].outcome, PublishOutcome::Unknown);
    assert_eq!(bench.world.books.open_requests(), 0);
}

#[test]
fn a_400_without_an_id_is_the_open_requests_and_a_409_is_not() {
    let mut bench = Bench::talking(PUBLISH);
    bench.frame(r#"{"ctrl":{"code":409,"text":"must attach first"}}"#);
    assert_eq!(bench.world.books.open_requests(), 1);
    bench.frame(r#"{"ctrl":{"code":400,"text":"malformed"}}"#);
    assert_eq!(bench.failures(OpId::Publish, FailureKind::Rejected(400)), 1);
    assert_eq!(publishes(&bench)[0].outcome, PublishOutcome::Refused);
    bench.frame(r#"{"ctrl":{"code":400,"text":"malformed"}}"#);
    assert_eq!(bench.world.books.figures.users.unsolicited_by_code[&400], 1);
}

#[test]
fn a_frame_that_could_not_be_sent_fails_at_once() {
    let mut bench = Bench::talking(PUBLISH);
    bench.on(Event::Unsent);
    assert_eq!(bench.failures(OpId::Publish, FailureKind::Local(LocalCause::SendBuffer)), 1);
    assert!(bench.is_pausing());
    bench.on(Event::Unsent);
    assert_eq!(bench.counts(OpId::Publish), (1, 0, 1));
}

#[test]
fn a_note_has_no_reply_and_is_over_when_it_is_sent() {
    let mut bench = Bench::talking(
        "steps = [ { op = \"note\", to = \"group:team\", kind = \"read\", repeat = 3 } ]\nthink = \"constant 1s\"\nnext = \"talk\"",
    );
    assert_eq!(bench.counts(OpId::Note), (3, 3, 0));
    assert_eq!(bench.last()["note"]["what"], "read");
    assert!(bench.is_pausing());
    bench.frame(r#"{"ctrl":{"code":409}}"#);
    assert_eq!(bench.counts(OpId::Note), (3, 3, 0));
}

#[test]
fn a_saved_value_fills_a_later_template_and_repeat_repeats() {
    let mut bench = Bench::talking(
        r#"steps = [
  { op = "create-group", title = "t", save = "room" },
  { op = "publish", to = "${room.topic}", text = "into ${room.topic}", repeat = 2 },
  { op = "raw", frame = '{"get":{"id":"${id}","topic":"${room.topic}","what":"desc"}}' },
]
next = "talk""#,
    );
    bench.reply(200, "null");
    for seq in 1..=2 {
        assert_eq!(bench.last()["pub"]["content"], format!("into {TEAM}"));
        assert_eq!(bench.counts(OpId::Publish).0, seq);
        bench.reply(202, r#"{"seq":1}"#);
    }
    assert_eq!(bench.last()["get"]["topic"], TEAM);
    assert_eq!(bench.last()["get"]["id"], bench.id());
    // The group that it created: one attachment, confirmed, and named as the publisher's own.
    let [AttachRecord::Requested { id, topic, .. }, AttachRecord::Confirmed { .. }] = *bench.attachments() else {
        panic!("{:?}", bench.attachments())
    };
    assert!(publishes(&bench).iter().all(|record| record.own == Some(id) && record.topic == topic));
}

#[test]
fn a_step_with_a_chance_is_taken_about_so_often() {
    let mut bench = Bench::talking(
        "steps = [ { op = \"publish\", to = \"group:team\", chance = 0.25 } ]\nthink = \"constant 1s\"\nnext = \"talk\"",
    );
    for _ in 0..1_000 {
        match bench.world.books.open_requests() {
            0 => bench.sleep(),
            _ => bench.reply(202, "null"),
        };
    }
    let (taken, _, _) = bench.counts(OpId::Publish);
    assert!((150..=250).contains(&taken), "{taken}");
}

#[test]
fn publishing_to_emc_is_refused_here() {
    // The loader refuses it where it can see it; a name that the server gives is only known here.
    let mut bench = Bench::talking(
        r#"steps = [ { op = "create-group", save = "room" }, { op = "publish", to = "${room.topic}", text = "x" } ]
next = "talk""#,
    );
    let id = bench.id();
    bench.frame(&format!(r#"{{"ctrl":{{"id":"{id}","topic":"emc123","code":200}}}}"#));
    assert_eq!(bench.failures(OpId::Publish, FailureKind::Local(LocalCause::Emc)), 1);
    assert!(bench.sent.iter().all(|frame| frame.get("pub").is_none()));
    assert!(publishes(&bench).is_empty());
    assert!(bench.is_pausing());
}

#[test]
fn only_a_401_discards_the_token() {
    for (code, is_kept) in [(401, false), (403, true), (503, true)] {
        let mut bench = Bench::talking(PUBLISH);
        bench.on(lost(None));
        bench.sleep();
        bench.on(Event::Connected(ConnectPhases::default()));
        bench.reply(code, "null");
        assert_eq!(bench.counts(OpId::Login), (2, 1, 1));
        assert_eq!(bench.world.directory.token(0).is_some(), is_kept, "{code}");
    }
}
