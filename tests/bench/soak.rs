//! The shipped soak for 20 minutes with 2,000 users: tokens that live for a minute, one restart of the target, one
//! `kill -9` of the generator, which then goes on. Nothing may be lost without a reason, and memory stays flat.
//!
//! Only when it is named: `cargo bench -- soak`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Size;
use super::process::{Process, Results, Simulator};
use super::table::{Bar, Table, median};

/// Seconds of the run at which something happens.
struct Times {
    load: u64,
    /// Within the first minutes, because it is no leak that everybody connects at once: what that takes, the allocator keeps.
    restart: u64,
    /// Memory counts from then on.
    settled: u64,
    kill: u64,
    /// So many seconds around an instant make its figure.
    around: u64,
}

const FULL: Times = Times { load: 1_200, restart: 180, settled: 300, kill: 720, around: 10 };
const QUICK: Times = Times { load: 24, restart: 8, settled: 13, kill: 17, around: 2 };
/// The scenario's gates on times and failures know of no restart.
const GATES: &str = "gates.require=[\"delivery.lost == 0\", \"delivery.duplicated == 0\"]";
/// A minute after the load, everything has been written.
const AFTER: Duration = Duration::from_secs(60);

pub fn measure(size: Size, table: &mut Table) {
    let times = size.pick(FULL, QUICK);
    let (users, rate, auth) = size.pick((2_000, 200, 500), (40, 10, 200));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let faults = folder.path().join("faults.toml");
    let text = format!("token_lifetime = \"60s\"\n[[restart]]\nat = \"{}s\"\nfor = \"5s\"\n", times.restart);
    fs::write(&faults, text).expect("the faults are written");
    let simulator = Simulator::start(&["--faults", &faults.display().to_string()]);
    let out = folder.path().join("run").display().to_string();
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/soak.toml").display().to_string();
    let (count, load) = (users.to_string(), format!("{}s", times.load));
    let rates = [format!("auth.rate={auth}/s"), format!("load.arrivals[1].to={rate}/s")];
    let first = start(&[
        &["run", &scenario, "--target", &simulator.url, "--users", &count, "--duration", &load, "--out", &out][..],
        &[
            "--set",
            &rates[0],
            "--set",
            &rates[1],
            "--set",
            GATES,
            "--workers",
            "1",
            "--progress",
            "none",
            "--history",
            "off",
        ],
    ]);
    let before = watch(first, Duration::from_secs(times.kill), End::Killed);
    let rest = start(&[&["run", "--resume", &out, "--workers", "1", "--progress", "none", "--history", "off"]]);
    let rest_lasts = Duration::from_secs(times.load - times.kill) + AFTER;
    let after = watch(rest, rest_lasts, End::ByItself);
    let results = Results::of(Path::new(&out));
    balance(&results);

    let settled = around(&before, times.settled, times.around);
    // The load goes on where the journal ended, so its end is known from the end of the process only.
    let online = after.len().saturating_sub(QUIET_S);
    let end = around(&after, online as u64, times.around);
    let unexplained: f64 = UNEXPLAINED.iter().map(|path| results.number(path)).sum();
    table.add(
        format!("soak, {users} users, {} s: deliveries expected", times.load),
        &[results.number("/delivery/expected")],
        "",
        Bar::None,
    );
    for (figure, path) in FIGURES {
        table.add(format!("soak: {figure}"), &[results.number(path)], "", Bar::None);
    }
    table.add("soak: lost, duplicated, phantom, corrupted or misdelivered", &[unexplained], "", Bar::AtMost(0.0));
    table.add(format!("soak: resident memory at second {}", times.settled), &[settled / MIB], "MiB", Bar::None);
    table.add("soak: resident memory at the end, of the resumed process", &[end / MIB], "MiB", Bar::None);
    table.add("soak: growth of memory", &[end / settled], "times", Bar::AtMost(1.02));
}

const MIB: f64 = 1_048_576.0;
/// The last seconds of a run, in which users go, the last deliveries come, and reports are made.
const QUIET_S: usize = 20;

const UNEXPLAINED: [&str; 5] =
    ["/delivery/lost", "/delivery/duplicated", "/delivery/phantom", "/delivery/corrupted", "/delivery/misdelivered"];

/// What the table tells besides.
const FIGURES: [(&str, &str); 5] = [
    ("recovered from the history", "/delivery/recovered"),
    ("excused, each with its reason", "/delivery/excused"),
    ("reconnects", "/users/reconnects"),
    ("tokens fetched and refreshed", "/operations/token/ok"),
    ("tokens refused", "/operations/token/failed"),
];

#[derive(PartialEq)]
enum End {
    Killed,
    ByItself,
}

fn start(arguments: &[&[&str]]) -> Process {
    let mut command = Process::program(&arguments.concat());
    // The copy of the scenario in the run's folder has no default of a password.
    command.env("PBX_PASSWORD", "secret");
    Process::start(command)
}

/// Resident memory of each second, until the end of the process, or its end by `kill -9`.
fn watch(mut process: Process, lasts: Duration, end: End) -> Vec<f64> {
    let begun = Instant::now();
    let mut resident = Vec::new();
    while begun.elapsed() < lasts && !process.has_ended() {
        resident.push(process.rss());
        let next = Duration::from_secs(resident.len() as u64);
        std::thread::sleep(next.saturating_sub(begun.elapsed()));
    }
    assert_eq!(process.has_ended(), end == End::ByItself, "after {:?}", begun.elapsed());
    if end == End::ByItself {
        process.finish();
    }
    // Dropped, and with that killed by SIGKILL, if it is still there.
    resident
}

/// The median over some seconds on both sides.
fn around(resident: &[f64], second: u64, seconds: u64) -> f64 {
    let at = |second: u64| usize::try_from(second).unwrap_or(usize::MAX).min(resident.len());
    median(&resident[at(second.saturating_sub(seconds))..at(second + seconds)])
}

/// Every counter is accounted for.
fn balance(results: &Results) {
    let sum = |parts: &[&str]| parts.iter().map(|path| results.number(path)).sum::<f64>();
    let delivery = ["/delivery/delivered", "/delivery/lost", "/delivery/excused"];
    assert_eq!(results.number("/delivery/expected"), sum(&delivery), "expected deliveries");
    let arrivals = ["/arrivals/started", "/arrivals/missed"];
    assert_eq!(results.number("/arrivals/planned"), sum(&arrivals), "planned arrivals");
}
