//! A day in minutes: the whole stack under paused time, in memory, with restarts, dropped connections, slow readers and
//! tokens that expire. Memory must be flat: every byte that is allocated and not given back is counted.
//!
//! In a binary of its own, because the counter is the process's allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pbxload::engine::{Observer, Progress, RunOptions, Stop, Targets, run_local};
use pbxload::plan::Plan;
use pbxload::results::{Fold, IntervalRecord, Record, Results, RunInfo};
use pbxload::scenario::{Endpoint, Overrides, Secret, Source, Surroundings, load};
use pbxload::simulator::faults::FaultPlan;
use pbxload::simulator::{InjectedFaults, LocalSimulator, SimulatorConfig};
use pbxload::transport::{ApiKey, Dialer, FileClient};
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

/// The system's allocator, which counts what is held.
struct Counting;

static HELD: AtomicI64 = AtomicI64::new(0);

fn count(bytes: usize, sign: i64) {
    HELD.fetch_add(sign * i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::Relaxed);
}

#[expect(unsafe_code, reason = "the trait is unsafe; every call goes to the system's allocator as it came")]
// SAFETY: the system's allocator keeps the contract; counting touches no memory of its own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), -1);
        count(size, 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const HOUR: f64 = 3_600.0;
/// Held by the test that is measured.
static ALONE: Mutex<()> = Mutex::new(());

/// Folds the records, and notes what is held at the end of each interval.
#[derive(Default)]
struct Watch {
    fold: Fold,
    /// Bytes of them that the fold holds.
    folded: i64,
    /// Second of the load, bytes of the fold, and of everything else.
    held: Vec<(f64, [i64; 2])>,
}

impl Observer for Watch {
    fn stage(&mut self, _: &'static str, _: u32, _: u32) {}

    fn record(&mut self, record: Record) {
        if let Record::Interval(interval) = &record {
            assert!(interval.ledger.is_balanced(), "{:?}", interval.ledger);
            let at_s = interval.to.since(interval.load_start).as_secs_f64();
            self.held.push((at_s, [self.folded, HELD.load(Ordering::Relaxed) - self.folded]));
        }
        let before = HELD.load(Ordering::Relaxed);
        self.fold.push(&record);
        self.folded += HELD.load(Ordering::Relaxed) - before;
    }

    fn progress(&mut self, _: &IntervalRecord, _: &Progress) {}
}

impl Watch {
    /// The most that was held between two hours, by the fold and by everything else.
    fn most(&self, hours: std::ops::Range<f64>) -> [i64; 2] {
        let within = self.held.iter().filter(|(at_s, _)| hours.contains(&(at_s / HOUR)));
        within.map(|(_, held)| *held).reduce(|[a, b], [c, d]| [a.max(c), b.max(d)]).expect("intervals")
    }
}

fn scenario(users: u32, think: &str) -> String {
    format!(
        r#"
name = "a-day"
[target]
url = "embedded"
dialect = "tinode"
api_key = "a-key"
timeout = "10s"
[auth]
rate = "1000/s"
[users]
count = {users}
provision = true
generate = {{ name = "u{{0}}", password = "a password" }}
[topology]
pairs = "neighbours"
groups = [ {{ name = "team", members = 4 }} ]
[load]
users = [ {{ to = {users}, over = "10s" }}, {{ hold = "24h" }} ]
drain = "15s"
[[persona]]
name = "talker"
share = 1
start = "sign-in"
  [persona.state.sign-in]
  steps = [ {{ op = "connect" }}, {{ op = "login" }}, {{ op = "subscribe", to = "peer" }}, {{ op = "subscribe", to = "group:team" }} ]
  next = "talk"
  [persona.state.talk]
  think = "exponential {think}"
  steps = [ {{ op = "publish", to = "peer", size = "20..200 B" }}, {{ op = "publish", to = "group:team", chance = 0.3 }} ]
  next = "talk"
[[event]]
do = "drop"
at = "20m"
every = "30m"
share = 0.25
[[event]]
do = "half-open"
at = "40m"
every = "2h"
share = 0.25
for = "1m"
[[event]]
do = "pause-reading"
at = "50m"
every = "2h"
share = 0.25
for = "5s"
"#
    )
}

/// A restart every three hours from the second on, and tokens that live for an hour.
const FAULTS: &str = "token_lifetime = \"1h\"\n[[restart]]\nat = \"2h\"\nfor = \"20s\"\nevery = \"3h\"";

fn a_day(users: u32, think: &str) -> (Watch, InjectedFaults) {
    let source = Source { name: "a-day.toml".into(), text: scenario(users, think) };
    let around = Surroundings { variable: &|_| None, read_file: &|_| Err("none".into()) };
    let loaded = load(&source, &Overrides::default(), &around).unwrap_or_else(|problems| panic!("{problems}"));
    let plan = Arc::new(Plan::new(Arc::new(loaded.scenario), "a day", 1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), async move {
        let (accept, mut accepted) = mpsc::unbounded_channel();
        let endpoint = Endpoint { is_tls: false, host: "simulated".into(), port: 6060, path: String::new() };
        let key = ApiKey { header: "X-Tinode-APIKey", value: Secret::new("a-key") };
        let dialer = Dialer::memory(endpoint, accept).with_key(Some(key));
        let faults = FaultPlan::parse(FAULTS).expect("a fault plan");
        let mut config = SimulatorConfig { faults, ..SimulatorConfig::tinode(Some("a-key".to_owned())) };
        // What the service stores is not ours to judge, and full soon.
        config.rules.history_messages_max = 100;
        let simulator = LocalSimulator::start(config);
        let server = simulator.clone();
        tokio::task::spawn_local(async move {
            while let Some(stream) = accepted.recv().await {
                server.serve(stream);
            }
        });
        let dialect = plan.scenario.target.dialect;
        let files = FileClient::new(dialer.clone(), dialect.upload_path.into(), dialect.download_prefix.into());
        let (_tell, stop) = watch::channel(Stop::No);
        let options = RunOptions {
            plan: Arc::clone(&plan),
            info: RunInfo { load_planned_s: 24.0 * HOUR, ..RunInfo::default() },
            targets: Targets { service: dialer, files, rest: None, pages: Vec::new() },
            interval: Duration::from_secs(60),
            stop,
        };
        let mut watch = Watch::default();
        run_local(options, &mut watch).await.expect("a run");
        (watch, simulator.stop().await)
    })
}

fn check(watch: Watch, faults: &InjectedFaults, users: u64) {
    let ([series_noon, noon], [series_night, night]) = (watch.most(11.0..13.0), watch.most(22.0..24.0));
    // Users, connections, ledger, and the simulator.
    assert!(night <= noon + noon / 50, "{noon} bytes held at noon, {night} at night");
    // The report's series is full at ten and at twenty o'clock: then its points get twice as wide, and each of their
    // histograms a little longer.
    assert!(series_night <= series_noon + (192 << 10), "the series: {series_noon} bytes, then {series_night}");
    assert!(series_night < 1 << 20, "the series: {series_night} bytes");
    let Results { delivery, users: counts, events, warnings, .. } = watch.fold.finish();
    assert_eq!((delivery.lost, delivery.duplicated, delivery.phantom), (0, 0, 0), "{delivery:?}");
    assert_eq!(delivery.expected, delivery.delivered + delivery.excused, "{delivery:?}");
    assert_eq!(faults.restarts, 8);
    assert!(delivery.recovered > 0 && counts.reconnects >= 7 * users, "{delivery:?} {counts:?}");
    assert_eq!(events.len(), 48 + 12 + 12);
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn a_day_of_eight_users_loses_nothing_and_its_memory_is_flat() {
    let _alone = ALONE.lock();
    let (watch, faults) = a_day(8, "90s");
    check(watch, &faults, 8);
}

#[test]
fn a_day_of_forty_busy_users_loses_nothing_and_its_memory_is_flat() {
    let _alone = ALONE.lock();
    let (watch, faults) = a_day(40, "20s");
    check(watch, &faults, 40);
}
