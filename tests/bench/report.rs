//! Start-up of a scenario of 100,000 users, and the report of a journal of 24 hours.

use std::fs;
use std::path::Path;
use std::time::Duration;

use pbxload::ledger::LedgerTotals;
use pbxload::metrics::{FrameKind, Interval, Sample};
use pbxload::ops::OpId;
use pbxload::results::{HealthSample, IntervalRecord, Record, RunInfo};
use pbxload::store::JournalWriter;
use pbxload::tick::Tick;

use super::Size;
use super::process::{Process, Run, Simulator};
use super::scenario::{Bench, IDLE, PAIRS, PEER, PUBLISH};
use super::table::{Bar, Table};

pub fn measure(size: Size, table: &mut Table) {
    start_up(size, table);
    long_journal(size, table);
}

fn start_up(size: Size, table: &mut Table) {
    let (rounds, few, many) = size.pick((5, 100, 100_000), (1, 10, 100));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("scenario.toml");
    let check = |users| {
        let bench = Bench {
            users,
            ramp_s: 60,
            hold_s: 600,
            topology: PAIRS,
            sign_in: PEER,
            talk: PUBLISH,
            rate: 1_000,
            ..Bench::default()
        };
        fs::write(&file, bench.text()).expect("the scenario is written");
        Process::start(Process::program(&["check", &file.display().to_string()])).finish()
    };
    let (mut spent, mut bytes) = (vec![], vec![]);
    for _ in 0..rounds {
        let (small, large) = (check(few), check(many));
        spent.push(large.cpu.as_secs_f64());
        bytes.push((large.peak_rss - small.peak_rss).max(0.0) / f64::from(many - few));
    }
    table.add(format!("`check` of {many} users: CPU"), &spent, "s", Bar::AtMost(2.0));
    table.add("plan: memory of a user", &bytes, "bytes", Bar::AtMost(200.0));
}

fn long_journal(size: Size, table: &mut Table) {
    let (rounds, seconds) = size.pick((3, 86_400), (1, 60));
    // A real run's folder, whose journal is replaced.
    let simulator = Simulator::start(&[]);
    let bench =
        Bench { users: 2, ramp_s: 1, hold_s: 1, topology: PAIRS, sign_in: PEER, talk: IDLE, ..Bench::default() };
    let (_, _, run) = Run::start(&bench.text(), &simulator.url).finish();
    let journal = run.path().join("journal");
    fs::remove_dir_all(&journal).expect("the journal goes");
    let bytes = write_journal(&journal, seconds);
    let (mut spent, mut memory) = (vec![], vec![]);
    for _ in 0..rounds {
        // With its results a run is reported without a look at its journal.
        fs::remove_file(run.path().join("results.json")).expect("the results go");
        let ended = Process::start(Process::program(&["report", &run.path().display().to_string()])).finish();
        spent.push(ended.cpu.as_secs_f64());
        memory.push(ended.peak_rss / f64::from(1 << 20));
    }
    table.add(format!("journal of {seconds} s of six operations: its size"), &[bytes / 1e6], "MB", Bar::None);
    table.add("report of that journal: CPU", &spent, "s", Bar::AtMost(10.0));
    table.add("report of that journal: most resident memory", &memory, "MiB", Bar::AtMost(500.0));
}

/// Operations of the journal's run.
const OPS: [OpId; 6] = [OpId::Connect, OpId::Login, OpId::Subscribe, OpId::Publish, OpId::History, OpId::Upload];
/// Old intervals of a journal are as wide as this, seconds.
const WIDE_S: u64 = 10;
/// So long an interval stays as fine as it was measured, seconds.
const FINE_S: u64 = 3_600;

/// A second in which each of six operations was done 200 times.
fn busy_second() -> Interval {
    let mut figures = Interval::default();
    let mut state = 1_u64;
    for index in 0..1_200_u64 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Most take a few milliseconds, one in a hundred a hundred.
        let micros = 1_000 + (state >> 40) % 4_000 + if index % 100 == 0 { (state >> 20) % 100_000 } else { 0 };
        let op = OPS[index as usize % OPS.len()];
        figures.started(op);
        let (due, sent) = (Tick::from_micros(index * 800), Tick::from_micros(index * 800 + state % 50));
        figures.ok(Sample { op, due, sent, done: sent + Duration::from_micros(micros) });
        figures.delivery.record(micros + 100);
        figures.arrivals.planned += 1;
        figures.arrivals.started += 1;
        figures.arrivals.lag.record(1 + state % 50);
        figures.traffic.received(FrameKind::Ctrl, 150);
        figures.traffic.received(FrameKind::Data, 300);
    }
    figures.timer_lag.record(30);
    figures
}

/// The journal of so many busy seconds as a run leaves it: all but the last hour in intervals of 10 s; its size in bytes.
fn write_journal(folder: &Path, seconds: u64) -> f64 {
    let mut writer = JournalWriter::open(folder).expect("a journal");
    let run = RunInfo { name: "bench".to_owned(), users_planned: 10_000, ..RunInfo::default() };
    writer.append(&Record::Start(Box::new(run))).expect("written");
    let tick = |index: u64| Tick::ZERO + Duration::from_secs(index);
    let fine = busy_second();
    let mut wide = Interval::default();
    (0..WIDE_S).for_each(|_| wide.merge(&fine));
    let mut index = 0;
    while index < seconds {
        let (width, figures) = if index + WIDE_S + FINE_S <= seconds { (WIDE_S, &wide) } else { (1, &fine) };
        let messages = 200 * (index + width);
        let record = IntervalRecord {
            from: tick(index),
            to: tick(index + width),
            load_start: Tick::ZERO,
            load_from: Tick::ZERO,
            part: 0,
            figures: figures.clone(),
            ledger: LedgerTotals { published: messages, accepted: messages, ..LedgerTotals::default() },
            health: HealthSample { workers: 2, cpu_us: 40_000 * index, rss_bytes: 80 << 20, ..HealthSample::default() },
        };
        writer.append(&Record::Interval(Box::new(record))).expect("written");
        index += width;
    }
    let files = fs::read_dir(folder).expect("the journal is there");
    files.flatten().filter_map(|file| file.metadata().ok()).map(|file| file.len() as f64).sum()
}
