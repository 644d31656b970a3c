//! Ctrl-C, SIGTERM and SIGHUP in mid-load: the first drains, takes the groups down and reports; the second ends at once.

use crate::program::{Background, Ended, Folder, assert_balanced, call, results};
use crate::scenarios::chat;
use crate::simulated::Simulated;

/// A run in mid-load against a simulator of its own.
fn started(folder: &Folder, server: &Simulated, text: &str) -> Background {
    let scenario = folder.write("chat.toml", text);
    let out = folder.argument("run");
    let mut run = Background::start(["run", &scenario, "--target", &server.url, "--progress", "plain", "--out", &out]);
    run.wait_for(" ops/s ");
    run
}

fn ended_early(folder: &Folder, ended: Ended, ended_by: &str) {
    let ended = ended.with_code(4);
    assert!(ended.stderr.contains("finishing what is open"), "{}", ended.stderr);
    let way_on = format!("pbxload run --resume {}", folder.argument("run"));
    assert!(ended.stderr.contains(&way_on), "{}", ended.stderr);
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    assert_eq!(results["run"]["ended_by"], ended_by);
    assert_eq!(results["verdict"]["outcome"], "no_verdict");
    assert_eq!(results["delivery"]["lost"], 0, "{}", results["delivery"]);
    assert!(results["arrivals"]["planned"].as_u64() > Some(0));
    for file in ["report.html", "junit.xml", "summary.md"] {
        assert!(folder.path("run").join(file).is_file(), "{file}");
    }
}

fn first_signal_drains(signal: &str, ended_by: &str) {
    let (folder, server) = (Folder::new(), Simulated::start(&[]));
    let run = started(&folder, &server, &chat("2m"));
    let is_group = |topic: &String| topic.starts_with("grp");
    assert!(server.topics_of("1001").iter().any(is_group), "the groups are there during the load");
    run.signal(signal);
    ended_early(&folder, run.finish(), ended_by);
    for user in ["1001", "1005", "1008"] {
        let topics = server.topics_of(user);
        assert!(!topics.iter().any(is_group), "{user} is still in {topics:?}");
    }
    assert!(server.counters()["totals"]["publishes_accepted"].as_u64() > Some(0));
    assert_eq!(server.stop()["totals"]["sessions_open"], 0);
}

#[test]
fn interrupt_drains_and_reports() {
    first_signal_drains("INT", "interrupt");
}

#[test]
fn terminate_drains_and_reports() {
    first_signal_drains("TERM", "terminated");
}

/// The session of the terminal is gone.
#[test]
fn hangup_drains_and_reports() {
    first_signal_drains("HUP", "terminated");
}

/// Under `nohup` it is ignored, and stays so: what ends this run is the interrupt after it.
#[test]
fn hangup_stays_ignored() {
    let (folder, server) = (Folder::new(), Simulated::start(&[]));
    let (scenario, out) = (folder.write("chat.toml", &chat("2m")), folder.argument("run"));
    let arguments = ["run", &scenario, "--target", &server.url, "--progress", "plain", "--out", &out];
    let mut run = Background::start_ignoring_hangup(arguments);
    run.wait_for(" ops/s ");
    run.signal("HUP");
    run.signal("INT");
    ended_early(&folder, run.finish(), "interrupt");
}

/// Nothing published is ever answered: the drain would last ten minutes.
#[test]
fn second_signal_ends_at_once() {
    let folder = Folder::new();
    let faults = folder.write("faults.toml", "[[swallow]]\nop = \"pub\"\nevery = 1\n");
    let server = Simulated::start(&["--faults", &faults]);
    let text = chat("2m").replace("timeout = \"5s\"", "timeout = \"10m\"").replace("[load]", "[load]\ndrain = \"10m\"");
    let mut run = started(&folder, &server, &text);
    run.signal("INT");
    run.wait_for("drain");
    run.signal("INT");
    let ended = run.finish();
    ended_early(&folder, ended, "interrupt");
    // The journal tells the same story as the results that were written from memory.
    let written = results(&folder.path("run"));
    std::fs::remove_file(folder.path("run").join("results.json")).expect("was written");
    call(["report", &folder.argument("run")]).with_code(0);
    let rebuilt = results(&folder.path("run"));
    for key in ["operations", "arrivals", "users"] {
        assert_eq!(rebuilt[key], written[key], "{key}");
    }
}

/// Before the load has begun: during the sign-in, which is paced to take minutes.
#[test]
fn interrupt_before_the_load() {
    let (folder, server) = (Folder::new(), Simulated::start(&[]));
    let scenario = folder.write("chat.toml", &chat("2m").replace("1000/s", "1/s").replace("count = 8", "count = 500"));
    let out = folder.argument("run");
    let arguments = ["run", &scenario, "--target", &server.url, "--progress", "plain", "--out", &out];
    let mut run = Background::start(arguments);
    run.wait_for("access tokens: 0 of");
    run.signal("INT");
    let ended = run.finish().with_code(4);
    assert!(ended.stderr.contains("finishing"), "{}", ended.stderr);
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    assert_eq!(results["run"]["ended_by"], "interrupt");
}

/// As after `disown` and the end of the shell: what is told reaches nobody.
#[test]
fn a_run_that_nobody_can_hear_goes_on() {
    let folder = Folder::new();
    let scenario = folder.write("chat.toml", &chat("1s"));
    let out = folder.argument("run");
    let code = Background::run_unheard(["run", &scenario, "--progress", "plain", "-vv", "--out", &out]);
    assert!(code == Some(0) || code == Some(4), "{code:?}");
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    assert_eq!(results["run"]["ended_by"], "plan");
    assert!(folder.path("run").join("report.html").is_file());
}
