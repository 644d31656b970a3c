//! What is left of a journal after a kill, a full disk, or a bad one.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use proptest::prelude::*;

use super::*;
use crate::ledger::{ExcuseReason, LedgerTotals};
use crate::metrics::{FrameKind, Interval, Phase, Sample, SendQueueCounts};
use crate::ops::{FailureKind, OpId};
use crate::results::{
    EndedBy, Fold, HealthSample, Interruption, IntervalRecord, Mark, Record, Results, RunEnd, RunInfo, Sign, Spell,
    WorkerSample,
};
use crate::tick::Tick;

/// An interval with something in every corner.
fn interval(index: u64) -> Record {
    let from = Tick::from_micros(1_500_000 + index * 1_000_000);
    let mut figures = Interval::default();
    for number in 0..5 + index {
        let sample = Sample {
            op: OpId::ListMembers,
            due: from,
            sent: from + Duration::from_micros(number),
            done: from + Duration::from_micros(1_234 * (number + 1)),
        };
        figures.started(OpId::ListMembers);
        figures.ok(sample);
        figures.delivery.record(77 * number);
    }
    let sample = Sample { op: OpId::Connect, due: from, sent: from, done: from + Duration::from_secs(7_000) };
    figures.started(OpId::Connect);
    figures.failed(sample, FailureKind::Closed(None), || "a \"quoted\"\n line, with, commas".to_owned());
    figures.phase(OpId::Connect, Phase::Tls, 432);
    figures.arrivals.planned = index;
    figures.arrivals.lag.record(3);
    figures.users.online = 4;
    figures.users.open.insert(OpId::Connect, 1);
    figures.users.closed_by_code.insert(None, 2);
    figures.users.closed_by_code.insert(Some(1006), 1);
    figures.users.unsolicited_by_code.insert(205, 1);
    figures.traffic.received(FrameKind::Pres, 120);
    figures.worker_cpu_us = 17;
    let mut ledger =
        LedgerTotals { expected: 10 * index, delivered: 9 * index, lost: index, ..LedgerTotals::default() };
    ledger.excused[ExcuseReason::Detach as usize] = 1;
    ledger.expected += 1;
    ledger.spread.record(2, 20 + index);
    figures.send_queue = SendQueueCounts { sampled: 9, blocked: 1, bytes: 800, bytes_max: 500 };
    let worker = WorkerSample { span_us: 1_000_000, cpu_us: 17, waited_us: 3, ..WorkerSample::default() };
    let health = HealthSample {
        workers: 2,
        cpu_us: index,
        rss_bytes: 1 << 30,
        descriptors: 70,
        is_saturated: index == 2,
        is_undecided: index == 2,
        spells: vec![Spell { from, to: from + Duration::from_secs(1), signs: [Sign::LagP99, Sign::SendQueue].into() }],
        per_worker: vec![worker, WorkerSample { cpu_us: index, ..worker }],
    };
    let to = from + Duration::from_secs(1);
    Record::Interval(Box::new(IntervalRecord {
        from,
        to,
        load_start: Tick::from_micros(500_000),
        load_from: Tick::from_micros(500_000),
        part: 0,
        figures,
        ledger,
        health,
    }))
}

fn records() -> Vec<Record> {
    let run = RunInfo {
        id: "0190".to_owned(),
        name: "test".to_owned(),
        load_planned_s: 0.1 + 0.2,
        started_at: "2026-03-06T17:00:05Z".to_owned(),
        ..RunInfo::default()
    };
    vec![
        Record::Start(Box::new(run)),
        interval(0),
        Record::Mark(Mark { from_s: 0.1 + 0.7, to_s: 1e-7 / 3.0, label: "ramp, to #2".to_owned() }),
        interval(1),
        Record::Warning("tls is off\n#pbxload 00000000 {}".to_owned()),
        interval(2),
        Record::End(RunEnd {
            ended_by: EndedBy::Plan,
            ended_at: "2026-03-06T17:00:09Z".to_owned(),
            load_end: Tick::from_micros(4_500_000),
        }),
    ]
}

fn write(folder: &Path, records: &[Record], segment_bytes: u64) {
    let mut writer = JournalWriter::with_segments_of(folder, segment_bytes).expect("journal");
    for record in records {
        writer.append(record).expect("appended");
    }
    writer.sync().expect("synced");
}

fn read(folder: &Path) -> (Vec<Record>, Vec<Skipped>) {
    let mut reader = JournalReader::open(folder).expect("journal");
    let records = reader.by_ref().map(|record| record.expect("no error")).collect();
    (records, reader.skipped().to_vec())
}

fn folded(records: &[Record]) -> Results {
    let mut fold = Fold::new();
    records.iter().for_each(|record| fold.push(record));
    fold.finish()
}

/// What makes two records the same: their text, which holds every counter and every bucket of every histogram.
fn text(record: &Record) -> String {
    let place = tempfile::tempdir().expect("temporary folder");
    write(place.path(), std::slice::from_ref(record), SEGMENT_BYTES_MAX);
    fs::read_to_string(place.path().join("00000.hlog")).expect("text")
}

fn segment() -> (Vec<u8>, Vec<String>) {
    let place = tempfile::tempdir().expect("temporary folder");
    write(place.path(), &records(), SEGMENT_BYTES_MAX);
    let bytes = fs::read(place.path().join("00000.hlog")).expect("bytes");
    (bytes, records().iter().map(text).collect())
}

#[test]
fn a_journal_gives_back_what_was_written() {
    let place = tempfile::tempdir().expect("temporary folder");
    write(place.path(), &records(), SEGMENT_BYTES_MAX);
    let (read, skipped) = read(place.path());
    assert_eq!(skipped, []);
    assert_eq!(read.len(), records().len());
    for (read, written) in read.iter().zip(&records()) {
        assert_eq!(text(read), text(written));
    }
    assert_eq!(folded(&read), folded(&records()), "a fold of the journal is the fold of the live run");
}

#[test]
fn other_tools_read_the_histograms() {
    let (bytes, _) = segment();
    let mut tags = Vec::new();
    let mut starts = Vec::new();
    for entry in IntervalLogIterator::new(&bytes) {
        match entry.expect("a valid interval log") {
            LogEntry::Interval(line) => {
                tags.push(line.tag().expect("tagged").as_str().to_owned());
                starts.push(line.start_timestamp().as_secs_f64());
            }
            LogEntry::StartTime(at) | LogEntry::BaseTime(at) => assert_eq!(at.as_secs(), 1_772_816_405),
        }
    }
    assert_eq!((starts[0], starts[starts.len() - 1]), (1.0, 3.0));
    insta::assert_snapshot!(tags[..tags.len() / 3].join(" "), @"connect.lag connect.failed connect.phase.tls list-members.response list-members.service list-members.lag delivery delivery.spread arrivals.lag delivery.spread.2");
}

#[test]
fn a_kill_at_any_byte_leaves_a_prefix() {
    let (bytes, texts) = segment();
    let place = tempfile::tempdir().expect("temporary folder");
    let path = place.path().join("00000.hlog");
    // Every cut near a line's end, where the cases differ, and every 17th in the long histogram lines.
    let near_end = |cut: usize| (cut.saturating_sub(4)..cut + 4).any(|at| bytes.get(at) == Some(&b'\n'));
    for cut in (0..=bytes.len()).filter(|&cut| cut % 17 == 0 || near_end(cut)) {
        fs::write(&path, &bytes[..cut]).expect("written");
        let (read, skipped) = read(place.path());
        let whole = bytes[..cut].split_inclusive(|&byte| byte == b'\n').filter(|line| line.starts_with(b"#pbxload "));
        let sealed =
            whole.filter(|line| line.ends_with(b"\n") || line.ends_with(b"}}}") || line.ends_with(b"\"}}")).count();
        assert!(read.len() == sealed || read.len() + 1 == sealed, "cut {cut}: {} of {sealed}", read.len());
        assert!(skipped.len() <= 1, "cut {cut}: {skipped:?}");
        if let (Some(last), Some(written)) = (read.last(), texts.get(read.len().saturating_sub(1))) {
            assert_eq!(&text(last), written, "cut {cut}");
        }
    }
}

#[test]
fn a_flipped_bit_costs_one_record() {
    let (bytes, texts) = segment();
    let place = tempfile::tempdir().expect("temporary folder");
    let path = place.path().join("00000.hlog");
    for at in (0..bytes.len()).step_by(11).chain((1..bytes.len()).filter(|&at| bytes[at - 1] == b'\n')) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, &flipped).expect("written");
        let (read, skipped) = read(place.path());
        // A line end that is gone joins a seal with the next record's first line, which costs that one too.
        let cost = if bytes[at] == b'\n' { 2 } else { 1 };
        assert!(read.len() + cost >= texts.len(), "byte {at}: {} left, {skipped:?}", read.len());
        assert!(read.len() == texts.len() || skipped.len() == 1, "byte {at}: {skipped:?}");
    }
}

#[test]
fn segments_follow_each_other_and_each_names_the_run() {
    let place = tempfile::tempdir().expect("temporary folder");
    write(place.path(), &records(), 2_000);
    let segments = segment::Segments::of(place.path()).expect("segments").valid;
    assert!(segments.len() >= 3, "{segments:?}");
    let (all, skipped) = read(place.path());
    assert_eq!((all.len(), skipped.len()), (records().len(), 0));
    fs::remove_file(&segments[0].path).expect("removed");
    let (rest, _) = read(place.path());
    assert_eq!(folded(&rest).run.name, "test");
}

#[test]
fn a_resumed_run_leaves_the_torn_segment_alone() {
    let place = tempfile::tempdir().expect("temporary folder");
    write(place.path(), &records()[..4], SEGMENT_BYTES_MAX);
    let first = place.path().join("00000.hlog");
    let bytes = fs::read(&first).expect("bytes");
    fs::write(&first, &bytes[..bytes.len() - 30]).expect("torn");
    write(place.path(), &[records()[0].clone(), interval(5)], SEGMENT_BYTES_MAX);
    let mut resumed = records()[0].clone();
    if let Record::Start(run) = &mut resumed {
        run.started_at = "2026-03-06T18:00:00Z".to_owned();
    }
    write(place.path(), &[resumed], SEGMENT_BYTES_MAX);
    let (read, skipped) = read(place.path());
    assert_eq!((read.len(), skipped.len()), (5, 1));
    assert!(matches!(&read[4], Record::Start(run) if run.started_at == "2026-03-06T18:00:00Z"));
    assert!(skipped[0].to_string().contains("00000.hlog"), "{}", skipped[0]);
}

#[test]
fn a_newer_format_is_named_and_the_rest_is_used() {
    let (bytes, texts) = segment();
    let place = tempfile::tempdir().expect("temporary folder");
    let json = br#"{"block":0,"record":{"start":{"format":9,"all":"new"}}}"#;
    let newer = [format!("#pbxload {:08x} ", crc32fast::hash(json)).as_bytes(), json, b"\n"].concat();
    fs::write(place.path().join("00000.hlog"), newer).expect("written");
    let mut reader = JournalReader::open(place.path()).expect("journal");
    let error = reader.next().expect("an answer").expect_err("too new").to_string();
    assert!(error.contains("journal format 9, this build reads 2 and older"), "{error}");
    assert!(reader.next().is_none());
    fs::write(place.path().join("00001.hlog"), bytes).expect("written");
    let (read, skipped) = read(place.path());
    assert_eq!((read.len(), skipped.len()), (texts.len(), 1));
    assert!(skipped[0].to_string().contains("journal format 9"), "{}", skipped[0]);
}

/// The records of another run, as many as there are.
fn of_another(mut records: Vec<Record>) -> Vec<Record> {
    if let Some(Record::Start(run)) = records.first_mut() {
        run.id = "another".to_owned();
    }
    records
}

fn bytes_of(records: &[Record]) -> Vec<u8> {
    let place = tempfile::tempdir().expect("temporary folder");
    write(place.path(), records, SEGMENT_BYTES_MAX);
    fs::read(place.path().join("00000.hlog")).expect("bytes")
}

#[test]
fn of_two_runs_mixed_the_larger_is_read_and_the_other_named() {
    let (mine, texts) = segment();
    let others = bytes_of(&of_another(records()[..3].to_vec()));
    let both = [&others[..], &mine[..]].concat();
    for segments in
        [vec![others.clone(), mine.clone()], vec![mine.clone(), others.clone()], vec![both, mine.clone(), mine.clone()]]
    {
        let count = segments.len();
        let mut reader = JournalReader::of_bytes(segments);
        let read: Vec<String> = reader.by_ref().map(|record| text(&record.expect("intact"))).collect();
        assert!(read.iter().all(|one| texts.contains(one)), "of another run");
        assert!(read.len() >= texts.len(), "{count} segments: {}", read.len());
        assert!(reader.skipped().iter().any(|one| one.why.contains("another run")), "{:?}", reader.skipped());
    }
}

/// Indices of the intervals that come out of these segments, and the places that were passed over.
fn told(segments: Vec<Vec<u8>>) -> (Vec<u64>, Vec<Skipped>) {
    let mut reader = JournalReader::of_bytes(segments);
    let index = |record: Record| match record {
        Record::Interval(interval) => Some((interval.from.as_micros() - 1_500_000) / 1_000_000),
        _ => None,
    };
    let told = reader.by_ref().filter_map(|record| index(record.expect("intact"))).collect();
    (told, reader.skipped().to_vec())
}

#[test]
fn a_copied_segment_and_one_out_of_its_place_are_passed_over_and_named() {
    let start = || records().remove(0);
    let mark = || records().remove(2);
    let of = |index: u64| bytes_of(&[start(), interval(2 * index), interval(2 * index + 1), mark()]);
    let in_order = told(vec![of(0), of(1), of(2)]);
    assert_eq!(in_order, (vec![0, 1, 2, 3, 4, 5], vec![]));
    for (segments, intervals, place) in [
        (vec![of(0), of(1), of(0), of(2)], vec![0, 1, 2, 3, 4, 5], "00002.hlog"),
        (vec![of(0), of(0), of(2)], vec![0, 1, 4, 5], "00001.hlog"),
        (vec![of(0), of(2), of(1)], vec![0, 1, 4, 5], "00002.hlog"),
    ] {
        let (told, skipped) = told(segments);
        assert_eq!(told, intervals);
        let [skipped] = &skipped[..] else { panic!("one place: {skipped:?}") };
        assert!(skipped.to_string().contains(place) && skipped.line > 1, "{skipped}");
        assert!(skipped.why.contains("a copy of another segment"), "{skipped}");
    }
}

#[test]
fn an_interruption_in_a_copied_segment_is_told_once() {
    let interruption = Interruption { at_s: 2.0, from: "a".into(), to: "b".into(), lasted_s: 1.0 };
    let part = bytes_of(&[records().remove(0), Record::Resume(interruption), interval(0)]);
    let reader = JournalReader::of_bytes(vec![part.clone(), part]);
    let resumed = reader.filter(|record| matches!(record, Ok(Record::Resume(_)))).count();
    assert_eq!(resumed, 1);
}

#[test]
fn a_hostile_line_is_passed_over() {
    let (bytes, texts) = segment();
    let place = tempfile::tempdir().expect("temporary folder");
    let long = vec![b'x'; 40 << 20];
    let seals = b"\n#pbxload \n#pbxload zzzzzzzz {}\n#pbxload 00000000 {\"block\":99999999999,\"record\":{}}\n\n\n";
    fs::write(place.path().join("00000.hlog"), [&long[..], seals, &bytes].concat()).expect("written");
    let (read, skipped) = read(place.path());
    assert_eq!(read.len(), texts.len());
    assert_eq!(skipped.len(), 2, "{skipped:?}");
}

#[test]
fn an_empty_or_missing_journal_is_named() {
    let place = tempfile::tempdir().expect("temporary folder");
    let error = JournalReader::open(&place.path().join("journal")).expect_err("missing").to_string();
    assert!(error.contains("journal` is missing"), "{error}");
    let error = JournalReader::open(place.path()).expect_err("empty").to_string();
    assert!(error.contains("holds no record") && error.contains("start it anew"), "{error}");
}

/// A journal of every kind of segment, and what it folds to.
fn several() -> (Results, Vec<Vec<u8>>) {
    let start = records()[0].clone();
    let mut wide = Vec::new();
    let mut merger = merger::Merger::new(2);
    (0..4).for_each(|index| merger.push(interval(index), &mut wide));
    merger.flush(&mut wide);
    wide.insert(0, start.clone());
    let mut resumed = vec![start.clone()];
    let (from, to) = (String::new(), String::new());
    resumed.push(Record::Resume(crate::results::Interruption { at_s: 5.0, from, to, lasted_s: 3.0 }));
    for index in 6..8 {
        let mut record = interval(index);
        if let Record::Interval(record) = &mut record {
            record.part = 1;
            record.load_start = Tick::from_micros(1_500_000);
        }
        resumed.push(record);
    }
    let parts = [wide, vec![start, interval(4)], of_another(records()[..2].to_vec()), resumed];
    let segments: Vec<Vec<u8>> = parts.iter().map(|records| bytes_of(records)).collect();
    let mut fold = Fold::new();
    JournalReader::of_bytes(segments.clone()).for_each(|record| fold.push(&record.expect("intact")));
    (fold.finish(), segments)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    /// The same as the fuzz target `journal`, on journals that were whole once: several segments, wider intervals, a
    /// resumed part, another run's records.
    #[test]
    fn no_damage_to_any_journal_makes_the_report_fail_or_invent(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..3),
    ) {
        let (whole, mut segments) = several();
        for (segment, at, mask) in damage {
            let segment = segment.get(&segments).len().checked_sub(1).map(|last| (segment.index(segments.len()), last));
            if let Some((segment, last)) = segment {
                segments[segment][at.index(last + 1)] ^= mask;
            }
        }
        for (segment, cut) in cuts {
            let segment = segment.index(segments.len());
            let length = segments[segment].len();
            segments[segment].truncate(cut.index(length + 1));
        }
        let mut fold = Fold::new();
        let mut reader = JournalReader::of_bytes(segments);
        reader.by_ref().flatten().for_each(|record| fold.push(&record));
        let results = fold.finish();
        for (name, op) in &results.operations {
            prop_assert!(op.started <= whole.operations[name].started, "{name}");
        }
        prop_assert!(results.delivery.delivered <= whole.delivery.delivered.max(results.delivery.expected));
        prop_assert_eq!(
            results.delivery.expected,
            results.delivery.delivered + results.delivery.lost + results.delivery.excused
        );
    }

    #[test]
    fn random_damage_never_changes_a_number(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut bytes, texts) = segment();
        for (at, mask) in damage {
            let at = at.index(bytes.len());
            bytes[at] ^= mask;
        }
        bytes.truncate(bytes.len() - cut.index(bytes.len()) / 3);
        let place = tempfile::tempdir().expect("temporary folder");
        fs::write(place.path().join("00000.hlog"), bytes).expect("written");
        let (read, _) = read(place.path());
        // A subset, in order.
        let mut written = texts.iter();
        for record in &read {
            let text = text(record);
            prop_assert!(written.any(|one| *one == text), "never written: {text}");
        }
    }
}
