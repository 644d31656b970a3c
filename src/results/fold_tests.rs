//! Tests of the fold: totals, crashes, and the series at any length.

use std::time::Duration;

use super::*;
use crate::ledger::{ExcuseReason, LedgerTotals};
use crate::metrics::{Interval, Sample};
use crate::ops::{FailureKind, OpId};
use crate::tick::Tick;

const SECOND: u64 = 1_000_000;

fn tick(micros: u64) -> Tick {
    Tick::from_micros(micros)
}

/// Second `index` of a run whose load began at second 2: `ok` publishes of 1 ms and one failure.
fn interval(index: u64, ok: u64) -> Box<IntervalRecord> {
    let from = tick((index + 2) * SECOND);
    let mut figures = Interval::default();
    for number in 0..ok {
        let sample =
            Sample { op: OpId::Publish, due: from, sent: from, done: from + Duration::from_micros(1_000 + number) };
        figures.started(OpId::Publish);
        figures.ok(sample);
        figures.delivery.record(2_000 + number);
    }
    figures.started(OpId::Publish);
    figures.failed(
        Sample { op: OpId::Publish, due: from, sent: from, done: from + Duration::from_millis(5) },
        FailureKind::Rejected(503),
        || "busy".to_owned(),
    );
    figures.users.online = 10 + index;
    figures.users.peak = 12;
    figures.timer_lag.record(50);
    figures.traffic.bytes_sent = 100;
    let ledger = LedgerTotals {
        published: ok * (index + 1),
        accepted: ok * (index + 1),
        expected: ok * (index + 1),
        delivered: ok * (index + 1),
        ..LedgerTotals::default()
    };
    let cpu_us = index * 250_000;
    let health = HealthSample { workers: 2, cpu_us, rss_bytes: 1_000, descriptors: 9, ..HealthSample::default() };
    Box::new(IntervalRecord {
        from,
        to: from + Duration::from_secs(1),
        load_start: tick(2 * SECOND),
        load_from: tick(2 * SECOND),
        part: 0,
        figures,
        ledger,
        health,
    })
}

/// The two seconds before the load.
fn set_up() -> Box<IntervalRecord> {
    let mut record = interval(0, 0);
    (record.from, record.to) = (Tick::ZERO, record.load_from);
    (record.figures, record.health.cpu_us) = (Interval::default(), 0);
    record
}

fn begun() -> Fold {
    let mut fold = Fold::new();
    fold.push(&Record::Interval(set_up()));
    fold
}

fn start() -> Record {
    Record::Start(Box::new(RunInfo { name: "test".to_owned(), seed: 7, ..RunInfo::default() }))
}

fn end(load_end: u64) -> Record {
    let ended_at = "2026-03-06T17:10:00Z".to_owned();
    Record::End(RunEnd { ended_by: EndedBy::Plan, ended_at, load_end: tick(load_end) })
}

#[test]
fn totals_are_sums_and_the_books_close() {
    let mut fold = begun();
    fold.push(&start());
    (0..4).for_each(|index| fold.push(&Record::Interval(interval(index, 5))));
    fold.push(&Record::Warning("a doubt".to_owned()));
    fold.push(&Record::Warning("a doubt".to_owned()));
    fold.push(&end(6 * SECOND));
    let results = fold.finish();
    let publish = &results.operations["publish"];
    assert_eq!((publish.started, publish.ok, publish.failed, publish.open), (24, 20, 4, 0));
    assert_eq!(publish.failures["rejected(503)"], 4);
    assert_eq!((publish.response_us.count, publish.failed_us.count, publish.lag_us.count), (20, 4, 24));
    assert!((publish.rate_per_s - 5.0).abs() < 1e-9, "{}", publish.rate_per_s);
    assert_eq!((results.delivery.expected, results.delivery.delivered), (20, 20));
    assert_eq!((results.run.load_s, results.run.ended_by), (4.0, EndedBy::Plan));
    assert_eq!((results.users.peak, results.generator.cpu_s), (13, 0.75));
    assert_eq!((results.failures[0].first_s, results.failures[0].last_s), (0.005, 3.005));
    assert_eq!(results.warnings, ["a doubt"]);
    assert_eq!((results.series.points.len(), results.series.interval_s), (4, 1.0));
    assert_eq!((results.series.points[3].at_s, results.series.points[3].cpu_percent), (3.0, 25.0));
}

#[test]
fn a_run_without_an_end_excuses_what_was_on_its_way() {
    let mut fold = begun();
    fold.push(&start());
    let mut last = interval(0, 5);
    last.figures.started(OpId::Publish);
    (last.ledger.expected, last.ledger.open) = (8, 3);
    last.ledger.excused[ExcuseReason::Attach as usize] = 2;
    last.ledger.expected += 2;
    fold.push(&Record::Interval(last));
    let results = fold.finish();
    let DeliveryFigures { expected, delivered, lost, excused, excused_by, .. } = &results.delivery;
    assert_eq!((*expected, *delivered, *lost, *excused), (10, 5, 0, 5));
    assert_eq!((excused_by["unfinished"], excused_by["attach"]), (3, 2));
    assert_eq!(results.operations["publish"].open, 1);
    assert_eq!((results.run.ended_by, results.run.load_s), (EndedBy::Crash, 1.0));
    insta::assert_snapshot!(results.warnings.join("\n"), @r"
    the run ended without a word; the figures are those up to second 1.000 of the load
    3 deliveries were still on their way at the end and are excused as `unfinished`
    ");
}

/// Second `index` of a part that was resumed when two seconds of the load were over, with ticks from 5 s on.
fn resumed_interval(index: u64) -> Box<IntervalRecord> {
    let mut record = interval(index, 5);
    let by = Duration::from_secs(5 - 2);
    (record.from, record.to) = (record.from + by, record.to + by);
    (record.load_from, record.load_start, record.part) = (tick(7 * SECOND), tick(5 * SECOND), 1);
    record.health.cpu_us = 50_000 + index * 250_000;
    let mut failures = crate::metrics::FailureLog::default();
    failures.record(OpId::Publish, FailureKind::Rejected(503), record.to, String::new);
    record.figures.failures = failures;
    record
}

#[test]
fn the_parts_of_a_resumed_run_add_up_and_the_hole_takes_no_time() {
    let mut fold = begun();
    fold.push(&start());
    fold.push(&Record::Interval(interval(0, 5)));
    let mut killed = interval(1, 5);
    killed.figures.started(OpId::Publish);
    (killed.ledger.expected, killed.ledger.open) = (13, 3);
    (killed.ledger.unjudged, killed.ledger.misdelivered) = (4, 2);
    fold.push(&Record::Interval(killed));
    fold.push(&start());
    let (from, to) = ("2026-03-06T17:00:05Z".to_owned(), "2026-03-06T17:03:05Z".to_owned());
    fold.push(&Record::Resume(Interruption { at_s: 2.0, from, to, lasted_s: 180.0 }));
    let mut set_up = resumed_interval(0);
    set_up.to = set_up.load_from;
    set_up.figures.failures.clear();
    fold.push(&Record::Interval(set_up));
    for index in 2..4 {
        fold.push(&Record::Interval(resumed_interval(index)));
    }
    fold.push(&end(9 * SECOND));
    let results = fold.finish();
    let publish = &results.operations["publish"];
    assert_eq!((publish.started, publish.ok, publish.failed, publish.open), (31, 25, 5, 1));
    let DeliveryFigures { expected, delivered, lost, excused, unjudged, misdelivered, .. } = results.delivery;
    assert_eq!((expected, delivered, lost, excused), (13 + 20, 10 + 20, 0, 3));
    assert_eq!((unjudged, misdelivered), (4, 2));
    assert_eq!((results.run.load_s, results.run.ended_by), (4.0, EndedBy::Plan));
    let at: Vec<f64> = results.series.points.iter().map(|point| point.at_s).collect();
    assert_eq!(at, [0.0, 1.0, 2.0, 3.0]);
    assert_eq!((results.interruptions.len(), results.failures[0].last_s), (1, 4.0));
    assert_eq!(results.series.marks[0].label, "interrupted for 3m");
    // 0.25 s of the first part; of the second, from its set-up on, 0.75 s.
    assert_eq!(results.generator.cpu_s, 0.25 + 0.75);
    assert_eq!(results.warnings.len(), 2, "{:?}", results.warnings);
    assert!(results.warnings[1].starts_with("4 messages were too young to be judged"), "{:?}", results.warnings);
}

#[test]
fn intervals_of_any_width_give_the_same_totals_and_their_own_width() {
    let mut fold = begun();
    let mut wide = interval(0, 5);
    for index in 1..10 {
        let next = interval(index, 5);
        assert!(wide.is_followed_by(&next));
        wide.absorb(*next);
    }
    let (mut narrow, mut gauges) = (begun(), wide.figures.users.clone());
    (0..10).for_each(|index| narrow.push(&Record::Interval(interval(index, 5))));
    fold.push(&Record::Interval(wide));
    for index in 10..12 {
        fold.push(&Record::Interval(interval(index, 5)));
        narrow.push(&Record::Interval(interval(index, 5)));
    }
    assert_eq!((std::mem::take(&mut gauges.online), gauges.peak), (19, 19));
    let (wide, narrow) = (fold.finish(), narrow.finish());
    assert_eq!((&wide.operations, &wide.delivery), (&narrow.operations, &narrow.delivery));
    assert_eq!((&wide.failures, &wide.warnings), (&narrow.failures, &narrow.warnings));
    let widths: Vec<(f64, f64)> = wide.series.points.iter().map(|point| (point.at_s, point.width_s)).collect();
    assert_eq!(widths, [(0.0, 10.0), (10.0, 1.0), (11.0, 1.0)]);
}

fn holes(records: impl IntoIterator<Item = Box<IntervalRecord>>, end: Option<Record>) -> Vec<(f64, f64)> {
    let mut fold = Fold::new();
    records.into_iter().for_each(|record| fold.push(&Record::Interval(record)));
    end.into_iter().for_each(|end| fold.push(&end));
    let results = fold.finish();
    let told = results.warnings.iter().filter(|warning| warning.contains("the journal has a hole")).count();
    assert_eq!(told, results.holes.len(), "{:?}", results.warnings);
    results.holes.iter().map(|hole| (hole.from_s, hole.to_s)).collect()
}

#[test]
fn a_hole_is_told_wherever_it_is() {
    let of = |seconds: &[u64]| seconds.iter().map(|&index| interval(index, 1)).collect::<Vec<_>>();
    let with_set_up = |seconds| [set_up()].into_iter().chain(of(seconds));
    assert_eq!(holes(with_set_up(&[0, 1, 2]), Some(end(5 * SECOND))), []);
    assert_eq!(holes(with_set_up(&[0, 1, 4]), Some(end(7 * SECOND))), [(2.0, 4.0)], "between");
    assert_eq!(holes(of(&[0, 1]), Some(end(4 * SECOND))), [(-2.0, 0.0)], "the set-up");
    assert_eq!(holes(of(&[3, 4]), Some(end(7 * SECOND))), [(-2.0, 3.0)], "the beginning");
    assert_eq!(holes(with_set_up(&[0, 1]), Some(end(7 * SECOND))), [(2.0, 5.0)], "the end");
}

#[test]
fn a_hole_is_told_where_parts_of_a_run_meet() {
    let mut prepared = resumed_interval(0);
    prepared.to = prepared.load_from;
    let whole = || [set_up(), interval(0, 5), interval(1, 5), prepared.clone(), resumed_interval(2)];
    assert_eq!(holes(whole(), None), []);
    let without = |number| whole().into_iter().enumerate().filter(move |&(n, _)| n != number).map(|(_, record)| record);
    assert_eq!(holes(without(2), None), [(1.0, 2.0)], "the end of the first part; the rest begins its set-up there");
    assert_eq!(holes(without(3), None), [(2.0, 2.0)], "the set-up of the rest");
    assert_eq!(holes(whole().into_iter().skip(3), None), [(0.0, 2.0)], "all of the first part");
    assert_eq!(holes(without(4), Some(end(8 * SECOND))), [(2.0, 3.0)], "the end of the rest");
    // Killed twice, the second time before the load went on.
    let mut third = resumed_interval(4);
    (third.part, third.load_start, third.load_from) = (2, tick(8 * SECOND), tick(10 * SECOND));
    (third.from, third.to) = (tick(8 * SECOND), tick(10 * SECOND));
    assert_eq!(holes(whole().into_iter().take(4).chain([third]), None), []);
    let later = whole().map(|mut record| {
        record.part *= 2;
        record
    });
    assert_eq!(holes(later, None).len(), 1, "a part between the two");
}

#[test]
fn a_hole_in_the_return_of_the_users_takes_no_time_of_the_load() {
    // The return of two seconds, told in quarters.
    let quarter = |number: u64| {
        let mut record = resumed_interval(0);
        (record.from, record.to) =
            (tick(5 * SECOND + number * SECOND / 2), tick(5 * SECOND + (number + 1) * SECOND / 2));
        record
    };
    let before = || [set_up(), interval(0, 5), interval(1, 5)].into_iter();
    let told = |missing: &[u64], rest: Option<Box<IntervalRecord>>| {
        let quarters = (0..4).filter(|number| !missing.contains(number)).map(quarter);
        let mut fold = Fold::new();
        before().chain(quarters).chain(rest).for_each(|record| fold.push(&Record::Interval(record)));
        fold.push(&end(9 * SECOND));
        fold.finish()
    };
    let rest = || {
        let mut rest = resumed_interval(2);
        rest.to += Duration::from_secs(1);
        Some(rest)
    };
    let words = |results: Results| results.holes.iter().map(HoleFigures::in_words).collect::<Vec<_>>().join("; ");
    assert_eq!(told(&[], rest()).holes, []);
    insta::assert_snapshot!(words(told(&[1], rest())), @"the figures of 0.5 s in the return of the users at second 2.0 of the load are missing");
    insta::assert_snapshot!(words(told(&[0, 1, 2], rest())), @"the figures of 1.5 s in the return of the users at second 2.0 of the load are missing");
    insta::assert_snapshot!(words(told(&[2, 3], None)), @"the figures from second 2.0 to 4.0 of the load, and of 1.0 s in the return of the users after an interruption, are missing");
    // And in the set-up of the first part.
    insta::assert_snapshot!(HoleFigures { from_s: -2.579, to_s: -0.1009, return_s: 0.0 }.in_words(), @"the figures of 2.5 s in the set-up, from 2.6 s before the load on, are missing");
    insta::assert_snapshot!(HoleFigures { from_s: -2.0, to_s: 3.0, return_s: 0.0 }.in_words(), @"the figures from 2.0 s before the load, in the set-up, to second 3.0 of the load are missing");
}

#[test]
fn rates_are_those_of_the_load_that_is_there() {
    for (missing, ends) in [([3, 4], 10), ([8, 9], 10), ([0, 1], 10)] {
        let mut fold = begun();
        (0..10)
            .filter(|index| !missing.contains(index))
            .for_each(|index| fold.push(&Record::Interval(interval(index, 5))));
        fold.push(&end((ends + 2) * SECOND));
        let results = fold.finish();
        assert_eq!((results.holes.len(), results.holes[0].of_load_s()), (1, 2.0));
        let publish = &results.operations["publish"];
        assert_eq!((results.run.load_s, publish.rate_per_s), (10.0, 5.0), "{missing:?}");
        assert_eq!(results.per_told_s(publish.ok), 5.0, "{missing:?}");
    }
}

#[test]
fn what_is_missing_before_several_parts_is_one_hole() {
    // The load stood at second 2 when each of these parts was to take it up; only the last one came so far.
    let prepared = |part: u32| {
        let mut record = interval(0, 0);
        let begins = (u64::from(part) + 1) * 2 * SECOND;
        (record.part, record.from, record.to) = (part, tick(begins), tick(begins + 2 * SECOND));
        (record.load_start, record.load_from) = (tick(begins), record.to);
        record
    };
    let last = |record: Box<IntervalRecord>| {
        let mut load = record.clone();
        (load.from, load.to) = (record.to, record.to + Duration::from_secs(1));
        [record, load]
    };
    let later = || [prepared(1), prepared(2)].into_iter().chain(last(prepared(3)));
    assert_eq!(holes(later(), None).len(), 1, "all of the first part");
    assert_eq!(holes([set_up(), interval(0, 5)].into_iter().chain(later()), None).len(), 1, "the first part's end");
    assert_eq!(holes([set_up(), interval(0, 5), interval(1, 5)].into_iter().chain(later()), None), []);
    // What a later part should have told is a hole of its own.
    let mut lost = last(prepared(3));
    lost.iter_mut().for_each(|record| record.load_start = tick(5 * SECOND));
    assert_eq!(holes([prepared(1), prepared(2)].into_iter().chain(lost), None).len(), 2);
}

#[test]
fn the_splinter_at_the_end_joins_the_point_before_it() {
    let mut fold = begun();
    (0..3).for_each(|index| fold.push(&Record::Interval(interval(index, 5))));
    let mut splinter = interval(3, 1);
    splinter.to = splinter.from + Duration::from_micros(600);
    fold.push(&Record::Interval(splinter));
    let points = fold.finish().series.points;
    let widths: Vec<f64> = points.iter().map(|point| point.width_s).collect();
    assert_eq!(widths, [1.0, 1.0, 1.0006]);
    assert_eq!(points[2].operations["publish"].ok, 6);
    assert!(points.iter().all(|point| point.cpu_percent < 51.0), "{points:?}");
}

#[test]
fn saturation_begins_with_the_first_flagged_interval() {
    let mut fold = begun();
    for index in 0..5 {
        let mut record = interval(index, 1);
        record.health.is_saturated = index == 2 || index == 4;
        fold.push(&Record::Interval(record));
    }
    assert_eq!(fold.finish().generator.saturated_from, Some(2.0));
}

#[test]
fn spells_of_all_parts_stand_in_seconds_of_the_load() {
    let spell = |record: &mut IntervalRecord, back: u64, sign: Sign| {
        let from = record.from.minus(Duration::from_secs(back));
        record.health.is_saturated = true;
        record.health.spells = vec![Spell { from, to: record.to, signs: [sign].into() }];
    };
    let (mut records, mut wide) = (vec![set_up()], vec![set_up()]);
    records.extend((0..2).map(|index| interval(index, 5)));
    spell(&mut records[2], 1, Sign::LagP99);
    wide.extend(records[1..].iter().cloned());
    let mut later: Vec<_> = (2..8).map(resumed_interval).collect();
    spell(&mut later[2], 2, Sign::LagP99);
    spell(&mut later[3], 0, Sign::Memory);
    spell(&mut later[5], 0, Sign::Memory);
    records.extend(later.iter().cloned());
    // As the journal keeps them later on: a wide record begins where a spell is first told.
    let mut merged = later.remove(2);
    later.drain(2..).for_each(|next| merged.absorb(*next));
    wide.extend(later.into_iter().chain([merged]));
    let figures = |records: Vec<Box<IntervalRecord>>| {
        let mut fold = Fold::new();
        records.into_iter().for_each(|record| fold.push(&Record::Interval(record)));
        let generator = fold.finish().generator;
        let spells = generator.spells.iter().map(|spell| (spell.from_s, spell.to_s, spell.signs.len()));
        (generator.spoilt_s, generator.saturated_from, spells.collect::<Vec<_>>())
    };
    // One spell goes on where the run was interrupted, although nobody knows that it was the same.
    let expected = (7.0, Some(1.0), vec![(0.0, 6.0, 2), (7.0, 8.0, 1)]);
    assert_eq!(figures(wide), expected);
    assert_eq!(figures(records), expected);
}

#[test]
fn a_spell_in_the_return_of_the_users_takes_no_second_of_the_load() {
    let spell = |from: Tick, to: Tick| Spell { from, to, signs: [Sign::WorkerCpu].into() };
    let folded = |spells: &[(u64, u64)]| {
        let mut fold = begun();
        fold.push(&start());
        (0..2).for_each(|index| fold.push(&Record::Interval(interval(index, 5))));
        // The second part has users come back from 5 s to 7 s, and takes up the load then.
        let mut back = resumed_interval(2);
        (back.from, back.to) = (tick(5 * SECOND), tick(7 * SECOND));
        for (record, &(from, to)) in [back, resumed_interval(2)].iter_mut().zip(spells) {
            record.health.is_saturated = to > from;
            record.health.spells.extend((to > from).then(|| spell(tick(from * SECOND), tick(to * SECOND))));
            fold.push(&Record::Interval(record.clone()));
        }
        let generator = fold.finish().generator;
        let spells = generator.spells.iter().map(|spell| (spell.from_s, spell.to_s, spell.return_s));
        let words: Vec<String> = generator.spells.iter().map(|spell| spell.in_words()).collect();
        (generator.spoilt_s, generator.saturated_from, spells.collect::<Vec<_>>(), words.join("; "))
    };
    let (spoilt_s, from_s, spells, words) = folded(&[(5, 6), (0, 0)]);
    assert_eq!((spoilt_s, from_s, spells), (1.0, Some(2.0), vec![(2.0, 2.0, 1.0)]));
    insta::assert_snapshot!(words, @"while users came back at second 2.0 (1.0 s, by a worker's use of its core)");
    let (spoilt_s, from_s, spells, words) = folded(&[(5, 7), (7, 8)]);
    assert_eq!((spoilt_s, from_s, spells), (3.0, Some(2.0), vec![(2.0, 3.0, 2.0)]));
    insta::assert_snapshot!(words, @"while users came back at second 2.0 (2.0 s) and on to second 3.0 (1.0 s), by a worker's use of its core");
    // That it was one is known in the load only.
    assert_eq!(folded(&[(0, 0), (6, 8)]).2, vec![(2.0, 3.0, 1.0)]);
}

#[test]
fn nothing_at_all_folds_to_an_empty_crash() {
    let results = Fold::new().finish();
    assert_eq!((results.run.ended_by, results.run.load_s), (EndedBy::Crash, 0.0));
    assert_eq!(results.warnings.len(), 2);
}

#[test]
fn a_long_series_is_merged_as_histograms_and_loses_nothing() {
    let mut fold = Fold::with_points_max(100);
    fold.push(&Record::Interval(set_up()));
    let intervals = 235;
    let mut largest = 0;
    for index in 0..intervals {
        fold.push(&Record::Interval(interval(index, 1 + index % 3)));
        largest = largest.max(fold.timeline_points());
    }
    let results = fold.finish();
    let points = &results.series.points;
    assert!(largest <= 100, "{largest}");
    assert_eq!((points.len(), results.series.interval_s), (59, 4.0));
    assert!(points.is_sorted_by(|one, next| one.at_s + 4.0 == next.at_s));
    let ok: u64 = points.iter().map(|point| point.operations["publish"].ok).sum();
    let failed: u64 = points.iter().map(|point| point.operations["publish"].failed).sum();
    let delivered: u64 = points.iter().map(|point| point.delivered).sum();
    assert_eq!((ok, failed), (results.operations["publish"].ok, intervals));
    assert_eq!(delivered, results.delivery.delivery_us.count);
    let Some(PercentilePoint { p50, max, .. }) = points.get(10).map(|point| point.delivery_us) else {
        panic!("too few points");
    };
    assert_eq!((p50, max), (2_000, 2_002));
    assert_eq!(points.iter().map(|point| point.bytes_sent).sum::<u64>(), 100 * intervals);
}

#[test]
fn results_survive_json() {
    let mut fold = begun();
    fold.push(&start());
    (0..3).for_each(|index| fold.push(&Record::Interval(interval(index, 50))));
    fold.push(&Record::Mark(Mark { from_s: 0.0, to_s: 2.5, label: "ramp".to_owned() }));
    fold.push(&end(5 * SECOND));
    let results = fold.finish();
    let json = serde_json::to_string(&results).expect("json");
    let read: Results = serde_json::from_str(&json).expect("results");
    assert_eq!(read.series.marks, results.series.marks);
    assert_eq!(read.operations["publish"].response_us.p99, results.operations["publish"].response_us.p99);
    assert_eq!((read.delivery, read.users, read.arrivals), (results.delivery, results.users, results.arrivals));
}
