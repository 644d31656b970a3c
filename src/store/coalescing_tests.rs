//! Old intervals become wider: nothing is lost and nothing is counted twice, whatever the instant of a kill.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::coalescer::{Ages, Coalescer};
use super::merger::Merger;
use super::segment::Segments;
use super::*;
use crate::metrics::{Interval, Sample};
use crate::ops::{FailureKind, OpId};
use crate::random::{Purpose, generator};
use crate::results::{Fold, HealthSample, IntervalRecord, Record, Results, RunInfo, Sign, Spell, WorkerSample};
use crate::tick::Tick;

const LOAD_START: Tick = Tick::from_micros(3_000_000);

fn start() -> Record {
    Record::Start(Box::new(RunInfo { id: "0190".to_owned(), name: "soak".to_owned(), ..RunInfo::default() }))
}

/// Second `index` of the load, or what precedes it.
fn interval(index: Option<u64>) -> Record {
    let (from, to) = match index {
        None => (Tick::ZERO, LOAD_START),
        Some(index) => (LOAD_START + Duration::from_secs(index), LOAD_START + Duration::from_secs(index + 1)),
    };
    let index = index.unwrap_or(0);
    let mut figures = Interval::default();
    for number in 0..1 + index % 3 {
        figures.started(OpId::Publish);
        figures.ok(Sample {
            op: OpId::Publish,
            due: from,
            sent: from,
            done: from + Duration::from_micros(900 + number),
        });
        figures.delivery.record(700 + index);
    }
    figures.started(OpId::Publish);
    let failed = Sample { op: OpId::Publish, due: from, sent: from, done: to };
    figures.failed(failed, FailureKind::Rejected(503), || format!("busy {}", index % 2));
    (figures.arrivals.planned, figures.arrivals.started) = (2, 2);
    (figures.users.online, figures.users.peak) = (5 + index % 7, 5 + index % 7);
    let mut ledger = crate::ledger::LedgerTotals { expected: index, delivered: index, ..Default::default() };
    ledger.spread.record(2 + index as u32 % 30, 20 + index);
    let cpu_us = index % 9 * 100_000;
    let span_us = 1_000_000;
    let worker = WorkerSample { span_us, cpu_us, waited_us: span_us - cpu_us, lag_us_max: index, ..Default::default() };
    figures.send_queue.saw(index % 50, index == 30);
    (figures.target.scrapes, figures.target.failed) = (1, u64::from(index % 4 == 3));
    if index % 4 != 3 {
        figures.target.saw("rss_bytes", (1_000 + index * 7 % 13) as f64);
    }
    // The third of three late intervals tells of all three; then two of each four for a while.
    let spell = match index {
        17 => Some((index - 2, Sign::LagP99)),
        18 => Some((index, Sign::Starvation)),
        41..70 if index.is_multiple_of(4) => Some((index - 1, Sign::Memory)),
        _ => None,
    };
    let spells = spell.into_iter().map(|(from, sign)| Spell {
        from: LOAD_START + Duration::from_secs(from),
        to,
        signs: [sign].into(),
    });
    let health = HealthSample {
        workers: 1,
        cpu_us: index * 9,
        rss_bytes: 1 << 20,
        descriptors: 9,
        is_saturated: spell.is_some(),
        is_undecided: index == 16,
        spells: spells.collect(),
        per_worker: vec![worker],
    };
    let (load_start, load_from, part) = (LOAD_START, LOAD_START, 0);
    Record::Interval(Box::new(IntervalRecord { from, to, load_start, load_from, part, figures, ledger, health }))
}

fn folded(folder: &Path) -> Results {
    let mut fold = Fold::new();
    let mut reader = JournalReader::open(folder).expect("journal");
    reader.by_ref().for_each(|record| fold.push(&record.expect("intact")));
    assert_eq!(reader.skipped_count(), 0, "{:?}", reader.skipped());
    let mut results = fold.finish();
    // The points are as wide as the records; all else is the same to the last bit.
    results.series = Default::default();
    results
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("listed")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into())
        .collect();
    names.sort();
    names
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().expect("temporary folder");
    for name in names(from) {
        fs::copy(from.join(&name), to.path().join(&name)).expect("copied");
    }
    to
}

/// A journal of so many seconds in segments of one or two, and its segments.
fn written(folder: &Path, seconds: u64) -> Vec<super::writer::Closed> {
    let mut journal = JournalWriter::open(folder).expect("journal");
    journal.end_segments_after(Duration::from_secs(1));
    journal.append(&start()).expect("room");
    journal.append(&interval(None)).expect("room");
    for index in 0..seconds {
        journal.append(&interval(Some(index))).expect("room");
    }
    journal.take_closed()
}

const AGES: Ages = Ages { fine: Duration::from_secs(2), medium: Duration::from_secs(12) };

#[test]
fn a_kill_at_any_step_loses_nothing_and_counts_nothing_twice() {
    let place = tempfile::tempdir().expect("temporary folder");
    let closed = written(place.path(), 85);
    let whole = folded(place.path());
    let mut coalescer = Coalescer::new(place.path(), AGES);
    coalescer.add(closed);
    let (mut before, mut renamed) = (copy(place.path()), 0);
    for _ in 0..120 {
        let names_before = names(place.path());
        coalescer.step(LOAD_START + Duration::from_secs(85)).expect("room");
        let segments = |names: &[String]| names.iter().filter(|name| name.ends_with("hlog")).count();
        if segments(&names(place.path())) == segments(&names_before) {
            continue;
        }
        assert_eq!(folded(place.path()), whole, "{:?}", names(place.path()));
        let made = names(place.path()).into_iter().find(|name| !names_before.contains(name) && !name.ends_with("tmp"));
        if let Some(made) = made {
            renamed += 1;
            // Killed when the new segment had its name and none, or only one, of the old ones was gone.
            let gone = renamed % 2;
            let between = copy(before.path());
            fs::copy(place.path().join(&made), between.path().join(&made)).expect("copied");
            let replaced = names_before.iter().filter(|name| !names(place.path()).contains(name));
            let replaced: Vec<&String> = replaced.filter(|name| !name.ends_with("tmp")).collect();
            assert!(!replaced.is_empty());
            for name in replaced.iter().take(gone) {
                fs::remove_file(between.path().join(name)).expect("removed");
            }
            assert_eq!(folded(between.path()), whole, "{made}, {gone} gone");
            // Who goes on with such a run clears up.
            JournalWriter::open(between.path()).expect("journal");
            assert_eq!(Segments::of(between.path()).expect("listed").left_over.len(), 0);
            assert_eq!(folded(between.path()), whole, "{made}, cleared up");
        }
        before = copy(place.path());
    }
    assert!(renamed >= 7, "{renamed}");
    let widths: Vec<u32> =
        Segments::of(place.path()).expect("listed").valid.iter().map(|segment| segment.width_s).collect();
    assert!(widths.is_sorted_by(|one, next| one >= next), "the older the wider: {widths:?}");
    assert_eq!((widths.first(), widths.last()), (Some(&60), Some(&0)));
    assert!(widths.contains(&10), "{widths:?}");
}

#[test]
fn a_segment_that_cannot_be_rewritten_stays_and_is_left_in_peace() {
    let place = tempfile::tempdir().expect("temporary folder");
    let closed = written(place.path(), 30);
    let whole = folded(place.path());
    let mut coalescer = Coalescer::new(&place.path().join("gone"), AGES);
    coalescer.add(closed);
    let now = LOAD_START + Duration::from_secs(30);
    let error = coalescer.step(now).expect_err("there is no such folder").to_string();
    assert!(error.contains("gone"), "{error}");
    coalescer.step(now).expect("a rest");
    assert_eq!(folded(place.path()), whole);
}

#[test]
fn the_word_of_a_damaged_record_outlives_its_segment() {
    let place = tempfile::tempdir().expect("temporary folder");
    let closed = written(place.path(), 30);
    let path = &closed[3].segment.path;
    let mut bytes = fs::read(path).expect("readable");
    let last = bytes.len() - 9;
    bytes[last] ^= 1;
    fs::write(path, bytes).expect("written");
    let mut coalescer = Coalescer::new(place.path(), AGES);
    coalescer.add(closed.clone());
    for _ in 0..40 {
        coalescer.step(LOAD_START + Duration::from_secs(30)).expect("room");
    }
    assert!(!closed[3].segment.path.exists());
    let warnings = folded(place.path()).warnings.join("\n");
    assert!(
        warnings.contains("a part of the journal could not be used") && warnings.contains("are missing"),
        "{warnings}"
    );
}

#[test]
fn another_runs_segments_are_not_rewritten() {
    let place = tempfile::tempdir().expect("temporary folder");
    let closed = written(place.path(), 30);
    let other = tempfile::tempdir().expect("temporary folder");
    let mut journal = JournalWriter::open(other.path()).expect("journal");
    journal.append(&Record::Start(Box::new(RunInfo { id: "other".to_owned(), ..RunInfo::default() }))).expect("room");
    journal.append(&interval(Some(3))).expect("room");
    fs::copy(other.path().join("00000.hlog"), &closed[2].segment.path).expect("copied");
    let mut coalescer = Coalescer::new(place.path(), AGES);
    coalescer.add(closed.clone());
    for _ in 0..40 {
        coalescer.step(LOAD_START + Duration::from_secs(30)).expect("room");
    }
    assert!(closed[2].segment.path.exists(), "{:?}", names(place.path()));
}

/// A second of a busy run: 400 publishes, 2,000 deliveries, 2 logins, 5 uploads.
fn busy(index: u64, random: &mut crate::random::Random) -> Record {
    use rand_distr::{Distribution as _, LogNormal};
    let from = LOAD_START + Duration::from_secs(index);
    let mut figures = Interval::default();
    let mut micros = |median: f64| LogNormal::new(median.ln(), 0.7).expect("finite").sample(random) as u64;
    for (op, count, median) in [
        (OpId::Publish, 400, 4_000.0),
        (OpId::Connect, 2, 9_000.0),
        (OpId::Login, 2, 5_000.0),
        (OpId::Subscribe, 6, 3_000.0),
        (OpId::Token, 1, 20_000.0),
        (OpId::Upload, 5, 80_000.0),
    ] {
        for _ in 0..count {
            let (lag, done) = (micros(60.0), micros(median));
            let sent = from + Duration::from_micros(lag);
            figures.started(op);
            figures.ok(Sample { op, due: from, sent, done: sent + Duration::from_micros(done) });
            if op == OpId::Connect {
                for phase in [crate::metrics::Phase::Tcp, crate::metrics::Phase::Tls, crate::metrics::Phase::Upgrade] {
                    figures.phase(op, phase, done / 3);
                }
            }
        }
    }
    for _ in 0..2_000 {
        figures.delivery.record(micros(5_000.0));
    }
    for _ in 0..200 {
        figures.timer_lag.record(micros(60.0));
        figures.arrivals.lag.record(micros(60.0));
    }
    let mut ledger =
        crate::ledger::LedgerTotals { expected: 2_000 * index, delivered: 2_000 * index, ..Default::default() };
    for _ in 0..100 {
        ledger.spread.record(25, micros(900.0));
    }
    let (load_start, load_from, part, health) = (LOAD_START, LOAD_START, 0, HealthSample::default());
    let to = from + Duration::from_secs(1);
    Record::Interval(Box::new(IntervalRecord { from, to, load_start, load_from, part, figures, ledger, health }))
}

fn bytes_per_record(records: &[Record]) -> u64 {
    let place = tempfile::tempdir().expect("temporary folder");
    let mut journal = JournalWriter::open(place.path()).expect("journal");
    records.iter().for_each(|record| journal.append(record).expect("room"));
    fs::metadata(place.path().join("00000.hlog")).expect("written").len() / records.len() as u64
}

#[test]
fn a_week_of_a_busy_run_fits_in_a_few_hundred_megabytes() {
    let mut random = generator(1, Purpose::Arrivals);
    let fine: Vec<Record> = (0..60).map(|index| busy(index, &mut random)).collect();
    let merged = |width_s: u32| {
        let (mut merger, mut out) = (Merger::new(width_s), Vec::new());
        fine.iter().for_each(|record| merger.push(record.clone(), &mut out));
        merger.flush(&mut out);
        assert_eq!(out.len(), 60 / width_s as usize);
        out
    };
    let sizes = [bytes_per_record(&fine), bytes_per_record(&merged(10)), bytes_per_record(&merged(60))];
    // The last hour at 1 s, the day before at 10 s, six days at 60 s.
    let counts = [3_600, 23 * 360, 6 * 24 * 60];
    let week: u64 = sizes.iter().zip(counts).map(|(size, count)| size * count).sum();
    assert!(week < 400_000_000, "{sizes:?} bytes a record: {} MB", week / 1_000_000);
    eprintln!("{sizes:?} bytes a record; a week takes {} MB", week / 1_000_000);
    let uncoalesced = sizes[0] * 7 * 86_400;
    assert!(uncoalesced > 8 * week, "{} MB", uncoalesced / 1_000_000);
}

/// Writes a day of a busy run as it lies on the disk at its end, and says where.
#[test]
#[ignore = "makes a journal to measure `pbxload report` with: minutes"]
fn a_day_to_measure_with() {
    let folder = std::env::temp_dir().join("pbxload-day");
    let mut random = generator(1, Purpose::Arrivals);
    let minute: Vec<Record> = (0..60).map(|index| busy(index, &mut random)).collect();
    let journal = folder.join("journal");
    let mut writer = JournalWriter::open(&journal).expect("journal");
    writer.append(&start()).expect("room");
    let (mut merger, mut wide) = (Merger::new(10), Vec::new());
    minute.iter().for_each(|record| merger.push(record.clone(), &mut wide));
    for minutes in 0..24 * 60 {
        // The last hour is as fine as it was measured.
        for record in if minutes < 23 * 60 { &wide } else { &minute } {
            let Record::Interval(mut interval) = record.clone() else { continue };
            let by = Duration::from_secs(minutes * 60);
            (interval.from, interval.to) = (interval.from + by, interval.to + by);
            interval.ledger.expected = 2_000 * 60 * minutes;
            interval.ledger.delivered = interval.ledger.expected;
            writer.append(&Record::Interval(interval)).expect("room");
        }
    }
    fs::write(folder.join("scenario.toml"), "").expect("written");
    eprintln!("{}", folder.display());
}
