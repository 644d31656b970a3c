//! The ledger against servers that break their promises: each is counted as what it is, and the balance closes.

use super::tests::{Story, TOPIC, attach, book, key, ms, pair};
use super::*;

/// Of another topic than the one of the stories.
const ELSEWHERE: TopicKey = TopicKey(78);

fn violated(totals: &LedgerTotals, invariant: Invariant) -> u64 {
    totals.checks.get(invariant).violated
}

fn elsewhere(mut story: Story, user: u64) -> Story {
    let id = attach(user, 0);
    story.0.attachments.push(AttachRecord::Requested { id, topic: ELSEWHERE, at: ms(10) });
    story.0.attachments.push(AttachRecord::Confirmed { id, at: ms(11) });
    story
}

#[test]
fn two_messages_under_one_number() {
    let totals = pair()
        .accepted(1, 5, 100, 1)
        .accepted(1, 6, 110, 1)
        .delivered(2, 1, 5, 1, 103)
        .delivered(2, 1, 6, 1, 113)
        .judged();
    assert_eq!((totals.delivered, totals.lost, totals.duplicated), (2, 0, 0));
    assert_eq!(violated(&totals, Invariant::SeqUnique), 1);
}

#[test]
fn a_message_that_is_delivered_under_another_number_than_acknowledged() {
    let totals = pair().accepted(1, 5, 100, 7).delivered(2, 1, 5, 8, 103).judged();
    assert_eq!((totals.delivered, totals.lost, violated(&totals, Invariant::SeqUnique)), (1, 0, 1));
    let example = &totals.checks.get(Invariant::SeqUnique).examples[0];
    assert_eq!(example, "message 5 of user 1 is 7, and 8 at user 2");
}

#[test]
fn numbers_that_go_backward_are_reordered_and_no_message_is_missing() {
    let totals = pair()
        .accepted(1, 5, 100, 9)
        .accepted(1, 6, 110, 4)
        .delivered(2, 1, 5, 9, 103)
        .delivered(2, 1, 6, 4, 113)
        .judged();
    assert_eq!((totals.delivered, totals.reordered, totals.lost), (2, 1, 0));
    assert_eq!(violated(&totals, Invariant::SeqAscending), 1);
}

#[test]
fn a_jump_is_a_gap_until_the_history_explains_it() {
    let mut book = book();
    book.take(&pair().accepted(1, 5, 100, 1).accepted(1, 6, 110, 1_000).0);
    book.settle(ms(20_000));
    let _ = book.questions(ms(20_000));
    let gaps = book.gaps();
    assert_eq!(gaps, [Gap { topic: TOPIC, reader: 1, low: 2, high: 999 }]);
    assert_eq!(violated(book.totals(), Invariant::SeqDense), 0);
    book.gap_is_real(gaps[0], ms(20_000));
    assert_eq!(violated(book.totals(), Invariant::SeqDense), 1);
}

#[test]
fn what_two_workers_saw_of_a_busy_topic_is_no_gap_until_both_are_in() {
    let mut book = book();
    // Each worker has every second number; one is missing at the very beginning.
    let of = |story: Story, parity: u64| {
        let seqs = (1..2_000u64).filter(|seq| seq % 2 == parity && *seq != 4);
        seqs.fold(story, |story, seq| story.accepted(1 + parity, seq, 100 + seq / 10, seq))
    };
    book.take(&of(pair(), 0).0);
    book.take(&of(Story::default(), 1).0);
    book.settle(ms(20_000));
    assert_eq!(book.gaps().iter().map(|gap| (gap.low, gap.high)).collect::<Vec<_>>(), [(4, 4)]);
}

#[test]
fn numbers_up_to_the_last_one_there_is_are_no_trouble() {
    let totals = pair().accepted(1, 5, 100, u64::MAX).accepted(1, 6, 110, u64::MAX - 1).judged();
    assert_eq!((totals.accepted, violated(&totals, Invariant::SeqUnique)), (2, 0));
}

#[test]
fn a_message_delivered_on_a_topic_that_is_not_its_own_is_nobodys_delivery() {
    // Known before it comes, and come before it is known.
    for is_known in [true, false] {
        let publish = || Story::default().accepted(1, 5, 100, 1);
        let receipts = Story::default().delivered(3, 1, 5, 1, 102).delivered(2, 1, 5, 1, 103);
        let mut book = book();
        book.take(&elsewhere(pair(), 3).0);
        if is_known {
            book.take(&publish().0);
        }
        book.take(&receipts.0);
        if !is_known {
            book.take(&publish().0);
        }
        book.settle(ms(20_000));
        book.finish(Ending::Drained);
        let totals = book.totals();
        assert!(totals.is_balanced(), "{totals:?}");
        assert_eq!((totals.expected, totals.delivered, totals.misdelivered), (1, 1, 1), "{is_known}");
        assert_eq!((totals.lost, totals.duplicated, totals.phantom), (0, 0, 0));
    }
}

#[test]
fn a_misdelivery_hides_no_loss() {
    let mut book = book();
    // Places in the two topics are equal: a receipt in one must not stand for one in the other.
    book.take(&elsewhere(elsewhere(pair(), 3), 4).delivered(4, 1, 5, 1, 102).accepted(1, 5, 100, 1).0);
    book.settle(ms(20_000));
    assert_eq!(book.owed(), [attach(2, 0)]);
    book.finish(Ending::Drained);
    let totals = book.totals();
    assert_eq!((totals.lost, totals.misdelivered, totals.delivered), (1, 1, 0));
    assert_eq!(totals.checks.get(Invariant::ExactlyOnce).violated, 1);
}

#[test]
fn who_is_owed_a_message_is_asked_about_once_for_each() {
    let mut book = book();
    book.take(&pair().accepted(1, 5, 100, 1).accepted(1, 6, 8_000, 2).delivered(2, 1, 6, 2, 8_001).0);
    book.settle(ms(11_000));
    assert_eq!(book.owed_since(ms(0), ms(6_000)), [attach(2, 0)]);
    assert_eq!(book.owed_since(ms(6_000), ms(11_000)), [], "it has what came since");
}

#[test]
fn a_second_acknowledgement_changes_nothing() {
    let totals = pair().accepted(1, 5, 100, 1).accepted(1, 5, 100, 1).delivered(2, 1, 5, 1, 103).judged();
    assert_eq!((totals.published, totals.accepted, totals.delivered, totals.lost), (1, 1, 1, 0));
}

#[test]
fn a_history_with_another_number_than_was_seen_live_differs() {
    let mut book = book();
    let mut story = pair().accepted(1, 5, 100, 1);
    for seq in [1, 2] {
        story.0.past.push(PastRecord { key: key(1, 5), seq, received: ms(150) });
    }
    book.take(&story.0);
    let check = book.totals().checks.get(Invariant::HistoryAsLive);
    assert_eq!((check.checked, check.violated), (2, 1));
}
