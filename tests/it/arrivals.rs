//! `planned = started + missed`, exactly, in every run: those that end by plan, and those that somebody ends.

use crate::program::{Background, Folder, assert_balanced, call, results};
use crate::scenarios::chat;
use crate::simulated::Simulated;
use serde_json::Value;

/// Arrivals at 400 a second for eight users who need 60 ms for each: two of three find nobody, so that there are
/// some of both kinds on the way at every moment.
fn crowded(hold: &str) -> String {
    chat(hold).replace("40/s", "400/s")
}

const SLOW: &str = "[delay]\npub = { constant = \"60ms\" }\n";
/// Longer than any wait: a drain that does not end by itself.
const STUCK: &str = "[delay]\npub = { constant = \"50s\" }\n";

fn counts(results: &Value) -> [u64; 3] {
    ["planned", "started", "missed"].map(|key| results["arrivals"][key].as_u64().expect("a count"))
}

/// Ends a run in mid-load by these signals, the second of them as soon as the first was taken.
fn ended_by(signals: &[&str], workers: &str, faults: &str) {
    let folder = Folder::new();
    let faults = folder.write("faults.toml", faults);
    let server = Simulated::start(&["--faults", &faults]);
    let text =
        crowded("2m").replace("timeout = \"5s\"", "timeout = \"1m\"").replace("[load]", "[load]\ndrain = \"1m\"");
    let scenario = folder.write("chat.toml", &text);
    let out = folder.argument("run");
    let to = ["--target", &server.url, "--workers", workers, "--progress", "plain", "--out", &out];
    let mut run = Background::start([&["run", &scenario], &to[..]].concat());
    run.wait_for(" ops/s ");
    run.signal(signals[0]);
    run.wait_for("finishing what is open");
    for signal in &signals[1..] {
        run.signal(signal);
    }
    run.finish().with_code(4);
    let written = results(&folder.path("run"));
    assert_balanced(&written);
    let [planned, started, missed] = counts(&written);
    assert!(planned == started + missed && started > 0 && missed > 0, "{}", written["arrivals"]);
    // Whoever took an arrival published for it: one message to the peer, or it is still at it.
    let publishes = written["operations"]["publish"]["started"].as_u64().expect("a count");
    assert!(publishes >= started.saturating_sub(8), "{publishes} publishes of {started} arrivals");
    // Every interval that was written down balances, and all of them make the whole.
    std::fs::remove_file(folder.path("run").join("results.json")).expect("was written");
    call(["report", &folder.argument("run")]).with_code(0);
    assert_eq!(counts(&results(&folder.path("run"))), [planned, started, missed]);
}

#[test]
fn of_a_run_that_is_stopped_in_the_middle() {
    ended_by(&["INT"], "1", SLOW);
    ended_by(&["INT"], "5", SLOW);
}

#[test]
fn of_a_run_that_is_broken_off() {
    ended_by(&["INT", "INT"], "1", STUCK);
    ended_by(&["INT", "TERM"], "5", STUCK);
}

/// By hand: even spacing, 0 to 400 a second over 100 ms, which are 20, and then 400 a second for 1.9 s. The schedule
/// ends before the load does, so every one of them is due, for any number of workers.
#[test]
fn of_a_run_that_ends_by_plan() {
    let folder = Folder::new();
    let faults = folder.write("faults.toml", SLOW);
    let text =
        crowded("3s").replace("{ hold = \"3s\" } ]\narrival_spacing", "{ hold = \"1900ms\" } ]\narrival_spacing");
    let scenario = folder.write("chat.toml", &text);
    for workers in ["1", "3", "8"] {
        let out = folder.argument(workers);
        call(["run", &scenario, "--faults", &faults, "--workers", workers, "--out", &out]).with_figures();
        let written = results(&folder.path(workers));
        assert_balanced(&written);
        let [planned, started, missed] = counts(&written);
        assert_eq!((planned, started + missed), (780, 780), "{workers} workers: {}", written["arrivals"]);
        // The run says so of each of its workers.
        let per_worker = written["generator"]["per_worker"].as_array().expect("a list");
        assert_eq!(per_worker.len().to_string(), workers);
        assert!(per_worker.iter().all(|worker| worker["cpu_s"].as_f64() > Some(0.0)), "{per_worker:?}");
    }
}

#[test]
fn numbers_of_workers_that_make_no_sense_are_mistakes() {
    let folder = Folder::new();
    let scenario = folder.write("chat.toml", &chat("1s"));
    for (workers, said) in [("0", "1..=1024"), ("4000000", "1..=1024"), ("9", "8 users"), ("-1", "unexpected")] {
        let ended = call(["run", &scenario, "--workers", workers, "--out", &folder.argument("run")]).with_code(2);
        ended.says(&[said]);
    }
    assert!(!folder.path("run").exists(), "nothing was begun");
}
