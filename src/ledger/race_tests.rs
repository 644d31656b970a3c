//! Histories in which something comes later than usual: the acknowledgement, the end of an attachment, the echo.

use super::tests::{Story, TOPIC, attach, book, ms, pair};
use super::*;

fn excused(totals: &LedgerTotals, reason: ExcuseReason) -> u64 {
    totals.excused[reason as usize]
}

/// Takes the parts one after the other, settling at each instant, and judges the rest.
fn told(parts: impl IntoIterator<Item = (Story, u64)>) -> LedgerTotals {
    let mut book = book();
    for (story, settled_at) in parts {
        book.take(&story.0);
        book.settle(ms(settled_at));
        assert!(book.totals().is_balanced(), "{:?}", book.totals());
    }
    book.finish(Ending::Drained);
    let totals = book.totals().clone();
    assert!(totals.is_balanced() && totals.open == 0, "{totals:?}");
    assert_eq!(totals.published, totals.accepted + totals.refused + totals.unknown);
    totals
}

fn three() -> Story {
    pair().attached(3, 10, 14)
}

/// A publish of user 1 at 100 ms whose outcome becomes known at `settled`.
fn settled_at(outcome: PublishOutcome, settled: u64) -> Story {
    let mut story = Story::default().publish(1, 5, 100, outcome);
    story.0.publishes[0].settled = ms(settled);
    story
}

#[test]
fn a_message_acknowledged_long_after_its_first_receipt_is_still_judged() {
    // Seen by 2, looked at before its publisher reports it, then acknowledged: 3 never gets it.
    let totals = told([
        (three().delivered(2, 1, 5, 1, 105), 3_000),
        (settled_at(PublishOutcome::Accepted { seq: 1 }, 4_000), 5_000),
        (Story::default(), 20_000),
    ]);
    assert_eq!((totals.expected, totals.delivered, totals.lost), (2, 1, 1));
}

#[test]
fn a_message_acknowledged_after_its_timeout_is_still_judged() {
    let totals = told([
        (three(), 3_000),
        (settled_at(PublishOutcome::Unknown, 10_100), 13_000),
        (settled_at(PublishOutcome::Accepted { seq: 1 }, 14_000), 15_000),
        (Story::default().delivered(2, 1, 5, 1, 14_100), 20_000),
    ]);
    assert_eq!((totals.expected, totals.delivered, totals.lost), (2, 1, 1));
    assert_eq!((totals.published, totals.accepted, totals.unknown), (1, 1, 0));
}

#[test]
fn an_acknowledgement_that_ends_the_run_is_judged_too() {
    let mut book = book();
    book.take(&three().delivered(2, 1, 5, 1, 105).0);
    book.settle(ms(3_000));
    book.take(&settled_at(PublishOutcome::Accepted { seq: 1 }, 3_100).0);
    book.finish(Ending::Drained);
    assert_eq!((book.totals().expected, book.totals().delivered, book.totals().lost), (2, 1, 1));
}

#[test]
fn a_repeated_subscribe_excuses_nothing_that_was_missed_before() {
    let id = attach(2, 0);
    let mut again = Story::default().accepted(1, 5, 100, 1);
    again.0.attachments.push(AttachRecord::Confirmed { id, at: ms(150) });
    let totals = told([(pair(), 50), (again, 20_000)]);
    assert_eq!((totals.lost, totals.excused_sum()), (1, 0));
}

#[test]
fn a_connection_that_breaks_seconds_after_the_publish_excuses_what_was_on_its_way() {
    let broken = Story::default().ended(2, 5_000, 5_000, AttachEnd::ConnectionLost);
    let totals = told([(pair().accepted(1, 5, 100, 1), 4_000), (broken, 6_000)]);
    assert_eq!((totals.lost, excused(&totals, ExcuseReason::ConnectionLost)), (0, 1));
}

#[test]
fn a_leave_that_is_answered_late_excuses_what_was_published_meanwhile() {
    // Asked to leave at 90, the message accepted at 102, the reply only at 6,000.
    let left = Story::default().ended(2, 90, 6_000, AttachEnd::Left);
    let totals = told([(pair().accepted(1, 5, 100, 1), 4_000), (left, 7_000)]);
    assert_eq!((totals.lost, excused(&totals, ExcuseReason::Detach)), (0, 1));
}

#[test]
fn a_loss_is_certain_as_soon_as_its_attachment_ends() {
    let mut book = book();
    book.take(&pair().accepted(1, 5, 100, 1).0);
    book.settle(ms(4_000));
    assert_eq!((book.totals().open, book.totals().lost), (1, 0));
    // Accepted long before the leave was asked for: its reply would have come behind the message.
    book.take(&Story::default().ended(2, 4_500, 4_600, AttachEnd::Left).0);
    book.settle(ms(5_000));
    assert_eq!((book.totals().open, book.totals().lost), (0, 1));
}

#[test]
fn an_attach_that_is_refused_late_was_never_expected_to_get_anything() {
    let mut asking = pair().accepted(1, 5, 100, 1).delivered(2, 1, 5, 1, 103);
    asking.0.attachments.push(AttachRecord::Requested { id: attach(3, 0), topic: TOPIC, at: ms(50) });
    let refused = Story::default().ended(3, 5_000, 5_000, AttachEnd::Refused);
    let totals = told([(asking, 4_000), (refused, 6_000)]);
    assert_eq!((totals.expected, totals.delivered, totals.excused_sum()), (1, 1, 0));
}

#[test]
fn the_publishers_other_sessions_expect_no_copy() {
    // It lost its connection before the answer and came back on a new one; 2 proves that the message was accepted.
    let mut story = pair().ended(1, 101, 101, AttachEnd::ConnectionLost);
    let back = AttachId((1 << 32) | 1);
    story.0.attachments.push(AttachRecord::Requested { id: back, topic: TOPIC, at: ms(101) });
    story.0.attachments.push(AttachRecord::Confirmed { id: back, at: ms(104) });
    let mut lost = settled_at(PublishOutcome::Unknown, 101);
    lost.0.publishes[0].own = None;
    let totals = told([(story, 50), (lost, 60), (Story::default().delivered(2, 1, 5, 1, 103), 20_000)]);
    assert_eq!((totals.expected, totals.delivered, totals.excused_sum()), (1, 1, 0));
    assert_eq!((totals.accepted, totals.echo_expected), (1, 0));
}

#[test]
fn an_echo_alone_proves_when_a_message_was_accepted() {
    // Never answered, echoed at 103; 2 only attached a second later and 4 was there all the time.
    let story =
        Story::default().attached(1, 10, 12).attached(4, 10, 12).delivered(1, 1, 5, 1, 103).attached(2, 1_000, 1_002);
    let totals = told([(story, 4_000), (settled_at(PublishOutcome::Unknown, 10_100), 20_000)]);
    assert_eq!((totals.accepted, totals.expected, totals.lost, totals.excused_sum()), (1, 1, 1, 0));
}

#[test]
fn an_echo_that_comes_late_is_an_echo_and_no_repeat() {
    let echo = Story::default().delivered(1, 1, 5, 1, 5_000);
    let totals = told([(pair().accepted(1, 5, 100, 1).delivered(2, 1, 5, 1, 103), 4_000), (echo, 20_000)]);
    assert_eq!((totals.echo_expected, totals.echo_delivered, totals.duplicated), (1, 1, 0));
}

#[test]
fn what_ended_while_a_slow_publish_was_open_is_still_known_when_it_is_reported() {
    // 3 leaves at 5 s; the publish of 100 ms is only answered at 9 s, and nobody had it.
    let totals = told([
        (three().ended(3, 5_000, 5_001, AttachEnd::Left), 8_500),
        (settled_at(PublishOutcome::Accepted { seq: 1 }, 9_000), 20_000),
    ]);
    assert_eq!((totals.expected, totals.lost, excused(&totals, ExcuseReason::Detach)), (2, 1, 1));
}

#[test]
fn a_run_that_is_broken_off_excuses_only_what_was_still_on_its_way() {
    let mut book = book();
    book.take(&three().accepted(1, 5, 100, 1).ended(3, 4_500, 4_600, AttachEnd::Left).0);
    book.finish(Ending::BrokenOff);
    let totals = book.totals();
    assert_eq!((totals.expected, totals.lost, excused(totals, ExcuseReason::Unfinished)), (2, 1, 1));
    assert!(totals.is_balanced());
}

#[test]
fn a_message_without_a_number_is_not_out_of_order() {
    let totals = told([(
        pair().accepted(1, 5, 100, 1).accepted(1, 6, 110, 2).delivered(2, 1, 5, 1, 103).delivered(2, 1, 6, 0, 113),
        20_000,
    )]);
    assert_eq!((totals.delivered, totals.reordered), (2, 0));
}

#[test]
fn a_phantom_is_nothing_but_a_phantom() {
    let mut story = pair().delivered(2, 1, 900_000, 1, 15_000);
    story.0.deliveries[0].is_intact = false;
    story.0.deliveries[0].sent = ms(100);
    let totals = told([(story, 16_000), (Story::default(), 40_000)]);
    assert_eq!((totals.phantom, totals.delivered, totals.late, totals.corrupted), (1, 0, 0, 0));
}
