//! Histories in which a connection is lost and its user fetches what it missed.

use super::tests::{Story, TOPIC, attach, book, key, ms, pair};
use super::*;

/// User 2 loses its connection at 200 ms and is back, attached again, from 900 to 910 ms.
fn outage() -> Story {
    pair().accepted(1, 1, 100, 1).delivered(1, 1, 1, 1, 102).delivered(2, 1, 1, 1, 103).ended(
        2,
        200,
        200,
        AttachEnd::Interrupted,
    )
}

fn back() -> Story {
    let mut story = Story::default();
    let id = attach(2, 1);
    story.0.attachments.push(AttachRecord::Requested { id, topic: TOPIC, at: ms(900) });
    story.0.attachments.push(AttachRecord::Confirmed { id, at: ms(910) });
    story.0.attachments.push(AttachRecord::Continues { id, of: attach(2, 0) });
    story
}

fn recovered(mut story: Story, counter: u64, seq: u64, sent: u64) -> Story {
    let record =
        RecoveredRecord { attach: attach(2, 1), key: key(1, counter), seq, sent: ms(sent), received: ms(1_000) };
    story.0.recovered.push(record);
    story
}

fn caught_up(mut story: Story) -> Story {
    let id = attach(2, 0);
    story.0.attachments.push(AttachRecord::CaughtUp { id, asked: ms(950), low: 2, at: ms(1_000) });
    story
}

/// Takes the parts, each followed by its instant, and judges the rest.
fn told(parts: Vec<(Story, u64)>) -> LedgerTotals {
    let mut book = book();
    for (story, at) in parts {
        book.take(&story.0);
        book.settle(ms(at));
        assert!(book.totals().is_balanced(), "{:?}", book.totals());
    }
    book.settle(ms(400_000));
    book.finish(Ending::Drained);
    let totals = book.totals().clone();
    assert!(totals.is_balanced() && totals.open == 0, "{totals:?}");
    totals
}

#[test]
fn what_is_missed_in_an_outage_and_found_in_the_history_is_recovered() {
    // One was on its way when the connection broke, one was published while nobody was attached.
    for together in [true, false] {
        let missed = outage().accepted(1, 2, 199, 2).accepted(1, 3, 500, 3);
        let fetched = caught_up(recovered(recovered(back(), 2, 2, 199), 3, 3, 500));
        let totals = if together {
            let mut one = missed;
            one.0.attachments.extend(fetched.0.attachments);
            one.0.recovered.extend(fetched.0.recovered);
            told(vec![(one, 4_000)])
        } else {
            told(vec![(missed, 5_000), (fetched, 6_000)])
        };
        assert_eq!((totals.expected, totals.delivered, totals.recovered), (3, 3, 2), "{totals:?}");
        assert_eq!((totals.lost, totals.excused_sum(), totals.duplicated), (0, 0, 0));
    }
}

#[test]
fn what_the_history_does_not_hold_is_lost_and_was_not_stored() {
    let missed = outage().accepted(1, 2, 199, 2).accepted(1, 3, 500, 3);
    let totals = told(vec![(missed, 5_000), (caught_up(recovered(back(), 3, 3, 500)), 6_000)]);
    assert_eq!((totals.expected, totals.delivered, totals.recovered, totals.lost), (3, 2, 1, 1));
    assert_eq!(totals.lost_by[LossKind::NotStored as usize], 1);
}

#[test]
fn whoever_does_not_come_back_is_owed_nothing_but_what_was_on_its_way() {
    let missed = || outage().accepted(1, 2, 199, 2).accepted(1, 3, 500, 3);
    let mut gone = Story::default();
    gone.0.attachments.push(AttachRecord::Abandoned { id: attach(2, 0) });
    for parts in
        [vec![(missed(), 5_000), (gone, 6_000)], vec![(missed(), 5_000)], vec![(missed(), 5_000), (back(), 6_000)]]
    {
        let totals = told(parts);
        assert_eq!((totals.expected, totals.delivered, totals.lost), (2, 1, 0), "{totals:?}");
        assert_eq!(totals.excused[ExcuseReason::ConnectionLost as usize], 1);
    }
}

#[test]
fn while_it_is_fetched_what_was_missed_is_open_and_nothing_is_forgotten() {
    let mut book = book();
    book.take(&outage().accepted(1, 2, 500, 2).delivered(1, 1, 2, 2, 502).0);
    book.settle(ms(60_000));
    assert_eq!((book.totals().open, book.totals().expected), (1, 2));
    assert_eq!(book.footprint().2, 1);
    book.take(&caught_up(recovered(back(), 2, 2, 500)).0);
    book.settle(ms(61_000));
    assert_eq!((book.totals().open, book.totals().recovered, book.footprint().2), (0, 1, 0));
}

#[test]
fn a_message_that_comes_live_and_by_history_counts_once_and_is_no_repeat() {
    // Accepted while the second attachment was asked for: the service may push it and hold it in the history.
    let raced = || outage().accepted(1, 2, 905, 2);
    let mut live = Story::default();
    live.0.deliveries.push(DeliveryRecord {
        attach: attach(2, 1),
        key: key(1, 2),
        seq: 2,
        sent: ms(905),
        received: ms(960),
        is_intact: true,
        has_waited: false,
    });
    let fetched = || caught_up(recovered(back(), 2, 2, 905));
    let mut first_live = back();
    first_live.0.deliveries.clone_from(&live.0.deliveries);
    let live_first =
        told(vec![(raced(), 920), (first_live, 970), (caught_up(recovered(Story::default(), 2, 2, 905)), 1_000)]);
    let live_last = told(vec![(raced(), 2_950), (fetched(), 3_000), (live, 3_100)]);
    for (totals, recovered) in [(live_first, 0), (live_last, 0), (told(vec![(raced(), 920), (fetched(), 3_000)]), 1)] {
        assert_eq!((totals.expected, totals.delivered, totals.recovered), (2, 2, recovered), "{totals:?}");
        assert_eq!((totals.lost, totals.excused_sum(), totals.duplicated), (0, 0, 0));
    }
}

#[test]
fn a_message_in_flight_when_the_connection_breaks_that_comes_to_the_next_attachment_counts_once() {
    // Sent before the break, accepted after the user had asked to be attached again, and pushed there.
    let (is_interrupted, is_lost) = (AttachEnd::Interrupted, AttachEnd::ConnectionLost);
    for (end, together) in [(is_interrupted, true), (is_interrupted, false), (is_lost, true), (is_lost, false)] {
        let mut sent = pair().accepted(1, 1, 100, 1).delivered(1, 1, 1, 1, 102).delivered(2, 1, 1, 1, 103);
        sent = sent.ended(2, 200, 200, end).publish(1, 2, 190, PublishOutcome::Accepted { seq: 2 });
        sent.0.publishes[1].settled = ms(930);
        let mut again = back();
        again.0.attachments.truncate(if end == AttachEnd::Interrupted { 3 } else { 2 });
        let live = DeliveryRecord {
            attach: attach(2, 1),
            key: key(1, 2),
            seq: 2,
            sent: ms(190),
            received: ms(931),
            is_intact: true,
            has_waited: false,
        };
        if together {
            sent.0.attachments.extend(again.0.attachments);
            sent.0.deliveries.push(live);
            again = Story::default();
        } else {
            again.0.deliveries.push(live);
        }
        let totals = told(vec![(sent, 3_500), (again, 5_000)]);
        assert_eq!((totals.expected, totals.delivered), (2, 2), "{end:?} {together}: {totals:?}");
        assert_eq!((totals.lost, totals.excused_sum(), totals.duplicated), (0, 0, 0));
    }
}

#[test]
fn what_a_service_without_its_history_numbers_anew_is_lost_and_said() {
    let mut book = book();
    // The topic had come to 1 when the connection was lost; what is sent then is 1 again.
    book.take(&outage().accepted(1, 2, 500, 1).0);
    book.settle(ms(5_000));
    assert_eq!((book.totals().open, book.take_warning()), (1, None));
    book.take(&caught_up(back()).0);
    book.settle(ms(6_000));
    let warning = book.take_warning().expect("a warning");
    assert!(warning.starts_with("the service lost its history: topic numbers went back"), "{warning}");
    book.finish(Ending::Drained);
    let totals = book.totals();
    assert_eq!((totals.expected, totals.delivered, totals.lost, totals.open), (2, 1, 1, 0), "{totals:?}");
    assert_eq!(book.take_warning(), None);
}

#[test]
fn what_was_skipped_while_the_connection_lasted_is_lost_although_the_history_has_it() {
    // 2 never came, 3 did.
    let skipped = pair().accepted(1, 2, 110, 2).accepted(1, 3, 120, 3).delivered(2, 1, 3, 3, 123).ended(
        2,
        200,
        200,
        AttachEnd::Interrupted,
    );
    let totals = told(vec![(skipped, 5_000), (caught_up(recovered(back(), 2, 2, 110)), 6_000)]);
    assert_eq!((totals.expected, totals.delivered, totals.recovered, totals.lost), (2, 1, 0, 1));
}

#[test]
fn a_publish_of_unknown_outcome_is_settled_by_its_own_stamp() {
    let asked = || outage().publish(2, 7, 190, PublishOutcome::Unknown);
    let mut found = back();
    found.0.publishes.push(PublishRecord {
        key: key(2, 7),
        topic: TopicKey(0),
        sent: ms(190),
        settled: ms(1_000),
        outcome: PublishOutcome::Accepted { seq: 2 },
        own: None,
        echo: false,
    });
    let totals = told(vec![(asked(), 5_000), (found, 6_000)]);
    assert_eq!((totals.accepted, totals.unknown, totals.not_accepted), (2, 0, 0));
    let mut not_found = back();
    not_found.0.findings.push((key(2, 7), Finding::NotStored));
    let totals = told(vec![(asked(), 5_000), (not_found, 6_000)]);
    assert_eq!((totals.accepted, totals.unknown, totals.not_accepted), (1, 1, 1));
    // The service came to it later than the history was asked.
    let mut not_found = back();
    not_found.0.findings.push((key(2, 7), Finding::NotStored));
    let seen = Story::default().delivered(1, 2, 7, 2, 6_500);
    let totals = told(vec![(asked(), 5_000), (not_found, 6_000), (seen, 7_000)]);
    assert_eq!((totals.accepted, totals.unknown, totals.not_accepted), (2, 0, 0), "{totals:?}");
}
