//! The ledger against histories small enough to be judged by hand, and against a model with faults.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::tick::Tick;

const MILLISECOND: u64 = 1_000;
pub(super) const TOPIC: TopicKey = TopicKey(77);

pub(super) fn ms(milliseconds: u64) -> Tick {
    Tick::from_micros(milliseconds * MILLISECOND)
}

pub(super) fn book() -> Book {
    Book::new(Duration::from_secs(10), Duration::from_secs(10))
}

pub(super) fn attach(user: u64, counter: u64) -> AttachId {
    AttachId((user << 32) | counter)
}

pub(super) fn key(user: u64, counter: u64) -> u64 {
    (user << 30) | counter
}

/// One side of a story, told in milliseconds.
#[derive(Default)]
pub(super) struct Story(pub(super) Batch);

impl Story {
    pub(super) fn attached(mut self, user: u64, requested: u64, confirmed: u64) -> Story {
        let id = attach(user, 0);
        self.0.attachments.push(AttachRecord::Requested { id, topic: TOPIC, at: ms(requested) });
        self.0.attachments.push(AttachRecord::Confirmed { id, at: ms(confirmed) });
        self
    }

    pub(super) fn ended(mut self, user: u64, requested: u64, done: u64, how: AttachEnd) -> Story {
        let id = attach(user, 0);
        self.0.attachments.push(AttachRecord::Ended { id, requested: ms(requested), done: ms(done), how });
        self
    }

    pub(super) fn publish(mut self, user: u64, counter: u64, sent: u64, outcome: PublishOutcome) -> Story {
        self.0.publishes.push(PublishRecord {
            key: key(user, counter),
            topic: TOPIC,
            sent: ms(sent),
            settled: ms(sent + 2),
            outcome,
            own: Some(attach(user, 0)),
            echo: true,
        });
        self
    }

    pub(super) fn accepted(self, user: u64, counter: u64, sent: u64, seq: u64) -> Story {
        self.publish(user, counter, sent, PublishOutcome::Accepted { seq })
    }

    pub(super) fn delivered(mut self, to: u64, from: u64, counter: u64, seq: u64, received: u64) -> Story {
        self.0.deliveries.push(DeliveryRecord {
            attach: attach(to, 0),
            key: key(from, counter),
            seq,
            sent: ms(received.saturating_sub(3)),
            received: ms(received),
            is_intact: true,
            has_waited: false,
        });
        self
    }

    pub(super) fn judged(self) -> LedgerTotals {
        let mut book = book();
        book.take(&self.0);
        book.settle(ms(20_000));
        book.finish(Ending::Drained);
        let totals = book.totals().clone();
        assert!(totals.is_balanced() && totals.open == 0, "{totals:?}");
        assert_eq!(totals.published, totals.accepted + totals.refused + totals.unknown);
        totals
    }
}

pub(super) fn pair() -> Story {
    Story::default().attached(1, 10, 12).attached(2, 10, 13)
}

#[test]
fn a_message_that_everyone_gets_balances() {
    let totals = pair().accepted(1, 5, 100, 1).delivered(1, 1, 5, 1, 102).delivered(2, 1, 5, 1, 103).judged();
    assert_eq!((totals.expected, totals.delivered, totals.lost), (1, 1, 0));
    assert_eq!((totals.echo_expected, totals.echo_delivered), (1, 1));
}

#[test]
fn a_publisher_s_own_copy_is_excused_until_its_message_is_judged() {
    let story = || pair().accepted(1, 5, 100, 1).delivered(2, 1, 5, 1, 103);
    let mut book = book();
    book.take(&story().0);
    let killed = book.totals().clone();
    assert_eq!((killed.accepted, killed.echo_accepted, killed.echo_expected), (1, 1, 0), "the run is killed here");
    let judged = story().judged();
    assert_eq!((judged.echo_accepted, judged.echo_expected, judged.echo_delivered), (1, 1, 0), "missing");
    let gone = pair().publish(1, 5, 100, PublishOutcome::Unknown).delivered(2, 1, 5, 1, 102);
    let gone = gone.ended(1, 102, 102, AttachEnd::ConnectionLost).judged();
    assert_eq!((gone.accepted, gone.echo_accepted, gone.echo_expected), (1, 1, 0), "it had left");
}

#[test]
fn what_is_too_young_to_be_judged_is_told() {
    let mut book = book();
    book.take(&pair().accepted(1, 1, 1_000, 1).accepted(1, 2, 3_000, 2).delivered(2, 1, 2, 2, 3_001).0);
    let told = |book: &Book| {
        let LedgerTotals { expected, delivered, open, unjudged, .. } = *book.totals();
        (expected, delivered, open, unjudged)
    };
    book.settle(ms(3_500));
    // The first is owed, and of the second only the delivery is known.
    assert_eq!(told(&book), (2, 1, 1, 1));
    book.settle(ms(6_000));
    assert_eq!(told(&book), (2, 1, 1, 0));
    book.take(&Story::default().accepted(1, 3, 6_100, 3).0);
    book.settle(ms(6_500));
    assert_eq!(told(&book), (2, 1, 1, 1));
    book.finish(Ending::BrokenOff);
    assert_eq!(told(&book), (3, 1, 0, 0));
}

#[test]
fn a_message_that_does_not_come_is_lost() {
    let totals = pair().accepted(1, 5, 100, 1).delivered(1, 1, 5, 1, 102).judged();
    assert_eq!((totals.expected, totals.delivered, totals.lost), (1, 0, 1));
}

#[test]
fn a_publisher_that_loses_its_connection_is_owed_nothing() {
    let story = || pair().publish(1, 5, 100, PublishOutcome::Unknown).delivered(2, 1, 5, 1, 102);
    let totals = story().ended(1, 102, 102, AttachEnd::ConnectionLost).judged();
    assert_eq!((totals.accepted, totals.expected, totals.delivered, totals.excused_sum()), (1, 1, 1, 0));
    assert_eq!((totals.echo_expected, totals.echo_delivered), (0, 0));
    // Still connected, it should have got its own copy.
    assert_eq!(story().judged().echo_expected, 1);
}

#[test]
fn a_repeat_and_a_reversal_are_told_apart() {
    let totals = pair()
        .accepted(1, 5, 100, 1)
        .accepted(1, 6, 110, 2)
        .delivered(2, 1, 6, 2, 113)
        .delivered(2, 1, 5, 1, 114)
        .delivered(2, 1, 5, 1, 115)
        .judged();
    assert_eq!((totals.delivered, totals.reordered, totals.duplicated, totals.lost), (2, 1, 1, 0));
}

#[test]
fn a_message_that_nobody_sent_is_a_phantom_and_expected_by_nobody() {
    let totals = pair().accepted(1, 5, 100, 1).delivered(2, 1, 5, 1, 103).delivered(2, 1, 900_000, 2, 104).judged();
    assert_eq!((totals.phantom, totals.expected, totals.delivered), (1, 1, 1));
}

#[test]
fn what_nobody_sent_cannot_have_been_changed_on_the_way() {
    let mut story = pair().accepted(1, 5, 100, 1).delivered(2, 1, 5, 1, 103).delivered(2, 1, 900_000, 2, 104);
    for record in &mut story.0.deliveries {
        record.is_intact = false;
    }
    let totals = story.judged();
    assert_eq!((totals.phantom, totals.corrupted), (1, 1));
}

#[test]
fn a_receiver_that_left_is_remembered_until_the_publisher_has_reported() {
    let mut book = book();
    book.take(&pair().ended(2, 200, 201, AttachEnd::Left).0);
    // Sent before the receiver left, and acknowledged seconds later.
    book.settle(ms(4_000));
    let mut late = Story::default().accepted(1, 5, 100, 1);
    late.0.publishes[0].settled = ms(5_000);
    book.take(&late.0);
    book.settle(ms(20_000));
    book.finish(Ending::Drained);
    let totals = book.totals();
    assert_eq!((totals.expected, totals.excused[ExcuseReason::Detach as usize]), (1, 1));
    assert!(totals.is_balanced());
}

#[test]
fn workers_that_report_in_turns_remember_each_others_receivers() {
    let mut book = book();
    // The first worker's batch is of a whole second, the second's too; the messages of the second one stand behind
    // those of the first and are looked at later.
    let first = pair().accepted(1, 5, 900, 2).delivered(1, 1, 5, 2, 902).delivered(2, 1, 5, 2, 902);
    let second = Story::default().attached(3, 1, 2).publish(3, 7, 100, PublishOutcome::Accepted { seq: 1 });
    let second = second.ended(3, 150, 151, AttachEnd::Disconnected).delivered(3, 3, 7, 1, 102);
    let second = second.delivered(1, 3, 7, 1, 102).delivered(2, 3, 7, 1, 102);
    book.take(&first.0);
    book.take(&second.0);
    for watermark in [2_300, 2_500, 2_800, 3_500] {
        book.settle(ms(watermark));
    }
    book.finish(Ending::Drained);
    assert_eq!(book.totals().echo_expected, 2, "both publishers were attached when they published");
}

#[test]
fn delivery_before_acknowledgement_is_normal() {
    let mut book = book();
    book.take(&pair().delivered(2, 1, 5, 1, 101).0);
    book.settle(ms(1_000));
    book.take(&Story::default().accepted(1, 5, 100, 1).0);
    book.settle(ms(20_000));
    book.finish(Ending::Drained);
    assert_eq!((book.totals().delivered, book.totals().phantom, book.totals().lost), (1, 0, 0));
}

#[test]
fn races_with_attach_and_detach_are_excused_with_their_reason() {
    // 3 attaches while the message is on its way, 4 asked after it was accepted, 5 left before it was sent,
    // 6 left while it was on its way, 7 lost its connection, 8 left after it was accepted: only 8 is owed it.
    let totals = pair()
        .attached(3, 99, 105)
        .attached(4, 103, 104)
        .attached(5, 1, 2)
        .ended(5, 50, 60, AttachEnd::Left)
        .attached(6, 1, 2)
        .ended(6, 101, 108, AttachEnd::Left)
        .attached(7, 1, 2)
        .ended(7, 104, 104, AttachEnd::ConnectionLost)
        .attached(8, 1, 2)
        .ended(8, 103, 108, AttachEnd::Left)
        .accepted(1, 5, 100, 1)
        .delivered(2, 1, 5, 1, 103)
        .judged();
    let excused = |reason: ExcuseReason| totals.excused[reason as usize];
    assert_eq!(
        (excused(ExcuseReason::Attach), excused(ExcuseReason::Detach), excused(ExcuseReason::ConnectionLost)),
        (1, 1, 1)
    );
    assert_eq!((totals.delivered, totals.lost, totals.expected), (1, 1, 5));
}

#[test]
fn a_message_skipped_before_the_connection_broke_is_lost() {
    let totals = pair()
        .accepted(1, 5, 100, 1)
        .accepted(1, 6, 101, 2)
        .delivered(2, 1, 6, 2, 104)
        .ended(2, 105, 105, AttachEnd::ConnectionLost)
        .judged();
    assert_eq!((totals.delivered, totals.lost), (1, 1));
}

#[test]
fn a_publish_without_an_answer_counts_as_accepted_once_somebody_has_it() {
    let totals = pair()
        .publish(1, 5, 100, PublishOutcome::Unknown)
        .publish(1, 6, 200, PublishOutcome::Unknown)
        .publish(1, 7, 300, PublishOutcome::Refused)
        .delivered(2, 1, 5, 1, 103)
        .judged();
    assert_eq!((totals.accepted, totals.unknown, totals.refused, totals.delivered), (1, 1, 1, 1));
}

#[test]
fn a_straggler_is_delivered_late_and_not_lost() {
    let mut book = book();
    book.take(&pair().attached(3, 99, 105).accepted(1, 5, 100, 1).0);
    book.settle(ms(10_000));
    assert_eq!((book.totals().open, book.totals().expected), (1, 2));
    let mut late = Story::default().delivered(3, 1, 5, 1, 10_900).delivered(2, 1, 5, 1, 11_000);
    late.0.deliveries.iter_mut().for_each(|delivery| delivery.sent = ms(100));
    book.take(&late.0);
    book.settle(ms(60_000));
    book.finish(Ending::Drained);
    let totals = book.totals();
    assert_eq!((totals.delivered, totals.late, totals.lost, totals.excused_sum()), (2, 2, 0, 0));
    assert!(totals.is_balanced());
}

#[test]
fn the_history_tells_where_a_delivery_was_lost_and_whether_a_publish_was_accepted() {
    let mut book = book();
    book.take(
        &pair()
            .accepted(1, 5, 100, 1)
            .accepted(1, 6, 110, 2)
            .accepted(1, 7, 120, 3)
            .publish(1, 8, 130, PublishOutcome::Unknown)
            .publish(1, 9, 140, PublishOutcome::Unknown)
            .accepted(1, 10, 150, 5)
            .delivered(2, 1, 10, 5, 153)
            .0,
    );
    let asked: Vec<u64> = book.questions(ms(200)).iter().map(|question| question.key).collect();
    assert_eq!(asked, [5, 6, 7, 8, 9].map(|counter| key(1, counter)));
    book.learn(key(1, 5), Finding::Stored);
    book.learn(key(1, 6), Finding::NotStored);
    book.learn(key(1, 8), Finding::Stored);
    book.learn(key(1, 9), Finding::NotStored);
    book.finish(Ending::Drained);
    let totals = book.totals();
    let lost = |kind: LossKind| totals.lost_by[kind as usize];
    assert_eq!((lost(LossKind::NotPushed), lost(LossKind::NotStored), lost(LossKind::Undiagnosed)), (2, 1, 1));
    assert_eq!((totals.lost, totals.delivered, totals.expected), (4, 1, 5));
    assert_eq!((totals.accepted, totals.unknown, totals.not_accepted), (5, 1, 1));
    assert!(totals.is_balanced());
}

#[test]
fn the_books_are_complete_only_when_all_have_it() {
    let mut book = book();
    book.take(&pair().accepted(1, 5, 100, 1).delivered(1, 1, 5, 1, 102).0);
    assert!(!book.is_complete());
    book.take(&Story::default().delivered(2, 1, 5, 1, 103).0);
    assert!(book.is_complete());
}

#[test]
fn nothing_is_kept_for_ever() {
    let mut book = book();
    for round in 0..100u64 {
        let at = round * 10_000;
        let story = Story::default()
            .attached(1, at, at + 1)
            .attached(2, at, at + 1)
            .accepted(1, round, at + 10, round + 1)
            .delivered(2, 1, round, round + 1, at + 12)
            .ended(1, at + 20, at + 21, AttachEnd::Disconnected)
            .ended(2, at + 20, at + 21, AttachEnd::Disconnected);
        book.take(&story.0);
        book.settle(ms(at + 5_000));
        // A publish may be reported until its timeout is over; so long its receivers' windows are kept.
        assert!(book.footprint().1 <= 6, "{:?}", book.footprint());
    }
    book.settle(ms(1_100_000));
    assert_eq!((book.totals().delivered, book.totals().lost), (100, 0));
    // Attachments stay for as long as a publisher has to report what it sent to them.
    book.settle(ms(1_010_000));
    assert_eq!(book.footprint(), (0, 0, 0));
}

proptest! {
    /// Messages between members of one topic, each delivery hit by at most one fault: the ledger finds them all.
    #[test]
    fn every_injected_fault_is_found(
        members in 2u64..80,
        faults in prop::collection::vec(prop::collection::vec(0u8..12, 80), 1..12),
        chunks in 1usize..4,
    ) {
        let mut story = Story::default();
        for user in 0..members {
            story = story.attached(user, 1, 2);
        }
        let (mut lost, mut duplicated, mut phantom, mut delivered) = (0, 0, 0, 0);
        for (index, row) in faults.iter().enumerate() {
            let (seq, sent) = (index as u64 + 1, 100 + 10 * index as u64);
            let author = seq % members;
            story = story.accepted(author, seq, sent, seq);
            for to in (0..members).filter(|&to| to != author) {
                match row[to as usize] {
                    0 => { lost += 1; continue }
                    1 => { duplicated += 1; story = story.delivered(to, author, seq, seq, sent + 4) }
                    2 => { phantom += 1; story = story.delivered(to, author, 500_000 + 100 * seq + to, seq, sent + 4) }
                    _ => {}
                }
                delivered += 1;
                story = story.delivered(to, author, seq, seq, sent + 5);
            }
        }
        // Hand the records over in several batches, deliveries possibly before their publishes.
        let mut book = book();
        let Batch { attachments, publishes, deliveries, .. } = story.0;
        book.take(&Batch { attachments, ..Batch::default() });
        for part in deliveries.chunks(deliveries.len() / chunks + 1) {
            book.take(&Batch { deliveries: part.to_vec(), ..Batch::default() });
        }
        for part in publishes.chunks(publishes.len() / chunks + 1) {
            book.take(&Batch { publishes: part.to_vec(), ..Batch::default() });
        }
        book.settle(ms(30_000));
        book.finish(Ending::Drained);
        let totals = book.totals();
        prop_assert!(totals.is_balanced());
        prop_assert_eq!((totals.lost, totals.duplicated, totals.phantom, totals.delivered),
                        (lost, duplicated, phantom, delivered));
        prop_assert_eq!(totals.expected, (members - 1) * faults.len() as u64);
    }
}
