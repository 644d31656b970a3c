//! `run --resume`: a run that was killed goes on with its plan where it was, in its own folder.

use std::path::Path;

use serde_json::Value;

use crate::program::{Background, Folder, assert_balanced, call, results};
use crate::scenarios::chat;

/// The chat with its password in a file beside it, which the rest of the run has to find again.
fn scenario(folder: &Folder, hold: &str) -> String {
    folder.write("password.txt", "secret\n");
    let text = chat(hold).replace("${env:PBX_PASSWORD:-secret}", "${file:password.txt}");
    folder.write("chat.toml", &text)
}

fn started(arguments: &[&str]) -> Background {
    let mut run = Background::start(["run", "--progress", "plain"].iter().chain(arguments));
    // Said when an interval is over, so there is something in the journal.
    run.wait_for(" ops/s ");
    run
}

fn killed(run: Background) {
    run.signal("KILL");
    assert_eq!(run.finish().code, None);
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is a whole number"))
}

/// The sum of the journal's intervals so far: published, and the end of the load that they tell of, seconds.
fn journalled(run: &Path) -> (u64, f64) {
    let mut last = (0, 0.0);
    let mut segments: Vec<_> =
        std::fs::read_dir(run.join("journal")).expect("a journal").flatten().map(|entry| entry.path()).collect();
    segments.retain(|path| path.extension().is_some_and(|ending| ending == "hlog"));
    segments.sort();
    for path in segments {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        for line in text.lines().filter_map(|line| line.strip_prefix("#pbxload ")) {
            let Some(json) = line.get(9..).and_then(|json| serde_json::from_str::<Value>(json).ok()) else { continue };
            let interval = &json["record"]["interval"];
            if let (Some(to), Some(start)) = (interval["to"].as_f64(), interval["load_start"].as_f64()) {
                last = (interval["ledger"]["published"].as_u64().unwrap_or(0), (to - start) / 1e6);
            }
        }
    }
    last
}

#[test]
fn a_run_that_was_killed_twice_carries_its_plan_out() {
    let folder = Folder::new();
    let (scenario, out) = (scenario(&folder, "9s"), folder.argument("run"));
    let mut run = started(&[&scenario, "--out", &out]);
    // The lines are seconds apart, and each is said before its interval is written.
    run.wait_for(" ops/s ");
    killed(run);
    call(["report", &out]).with_code(0);
    let first = results(&folder.path("run"));
    assert_eq!(first["run"]["ended_by"], "crash");
    // This one has hardly begun again.
    killed(started(&["--resume", &out]));
    assert!(!folder.path("run").join("results.json").exists(), "the report of the first part is not that of the run");
    let ended = call(["run", "--resume", &out, "--progress", "plain"]).with_figures();
    assert!(ended.stderr.contains("going on at second"), "{}", ended.stderr);
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    assert_eq!((&results["run"]["id"], &results["run"]["seed"]), (&first["run"]["id"], &first["run"]["seed"]));
    assert_eq!(results["run"]["ended_by"], "plan");
    assert_eq!(results["run"]["started_at"], first["run"]["started_at"]);
    assert!((results["run"]["load_s"].as_f64().expect("seconds") - 9.4).abs() < 0.2, "{}", results["run"]);
    // Every arrival of the plan once, but for those that were handed out as the process was killed.
    let planned = number(&results["arrivals"]["planned"]);
    assert!((350..=362).contains(&planned), "{planned}");
    assert!(number(&results["operations"]["login"]["ok"]) >= 16, "everybody came back");
    assert_eq!((&results["delivery"]["phantom"], &results["delivery"]["lost"]), (&0.into(), &0.into()));
    let holes = results["interruptions"].as_array().expect("holes");
    assert_eq!(holes.len(), 2);
    assert!(
        holes[0]["at_s"].as_f64() > Some(3.0) && holes[0]["at_s"].as_f64() <= holes[1]["at_s"].as_f64(),
        "{holes:?}"
    );
    let marks = results["series"]["marks"].as_array().expect("marks");
    let is_hole = |mark: &&Value| mark["label"].as_str().is_some_and(|label| label.starts_with("interrupted for"));
    assert_eq!(marks.iter().filter(is_hole).count(), 2, "{marks:?}");
    let points = results["series"]["points"].as_array().expect("points");
    let at = |point: &Value| point["at_s"].as_f64().expect("seconds");
    assert!(points.windows(2).all(|pair| at(&pair[0]) <= at(&pair[1])), "the load's time goes on");
    let page = std::fs::read_to_string(folder.path("run").join("report.html")).expect("a page");
    assert!(page.contains("interrupted for"));
    // What the run says itself and what its journal says is the same.
    std::fs::remove_file(folder.path("run").join("results.json")).expect("was written");
    call(["report", &out]).with_code(0);
    let rebuilt = crate::program::results(&folder.path("run"));
    for key in ["operations", "delivery", "arrivals", "users", "traffic", "interruptions"] {
        assert_eq!(rebuilt[key], results[key], "{key}");
    }
}

#[test]
fn a_kill_costs_at_most_what_was_not_in_the_journal() {
    // Fine for a second: the journal is being rewritten when the later ones are killed.
    let folder = Folder::new();
    let text = chat("2m") + "[journal]\nfine = \"1s\"\nmedium = \"2s\"\n";
    let scenario = folder.write("chat.toml", &text);
    for lines in [2, 4] {
        let out = folder.argument(&format!("run-{lines}"));
        let path = folder.path(&format!("run-{lines}"));
        let mut run = started(&[&scenario, "--out", &out]);
        (1..lines).for_each(|_| drop(run.wait_for(" ops/s ")));
        let (published, load_s) = journalled(&path);
        killed(run);
        call(["report", &out]).with_code(0);
        let results = results(&path);
        assert_balanced(&results);
        assert!(number(&results["delivery"]["published"]) >= published, "{} of {published}", results["delivery"]);
        assert!(results["run"]["load_s"].as_f64().expect("seconds") >= load_s - 1e-6, "{} of {load_s}", results["run"]);
        assert!(load_s > 0.0);
        let warnings = results["warnings"].to_string();
        assert!(warnings.contains("ended without a word") && !warnings.contains("are missing"), "{warnings}");
    }
}

#[test]
fn a_default_that_is_not_in_the_copy_is_asked_for() {
    let folder = Folder::new();
    let original = folder.write("chat.toml", &chat("2m"));
    let out = folder.argument("run");
    killed(started(&[&original, "--out", &out]));
    let refused = call(["run", "--resume", &out]).with_code(2);
    refused.says(&["`PBX_PASSWORD` is not set", "the value that it had", "chat.toml", "must stay as it is"]);
    assert!(!refused.stderr.contains("give a default"), "{}", refused.stderr);
}

#[test]
fn a_journal_without_its_beginning_gives_no_verdict() {
    let folder = Folder::new();
    let text = chat("8s") + "[journal]\nfine = \"1s\"\nmedium = \"2m\"\n";
    let (scenario, out) = (folder.write("chat.toml", &text), folder.argument("run"));
    call(["run", &scenario, "--out", &out, "--progress", "none"]).with_figures();
    let run = folder.path("run");
    std::fs::remove_file(run.join("results.json")).expect("was written");
    call(["report", &out]).with_code(0);
    let whole = results(&run);
    assert!(whole.get("holes").is_none(), "{}", whole["holes"]);
    assert_balanced(&whole);
    let segments = std::fs::read_dir(run.join("journal")).expect("a journal").flatten().map(|entry| entry.path());
    let mut segments: Vec<_> = segments.filter(|path| path.extension().is_some_and(|end| end == "hlog")).collect();
    segments.sort();
    assert!(segments.len() > 1, "{segments:?}");
    std::fs::remove_file(&segments[0]).expect("can be removed");
    std::fs::remove_file(run.join("results.json")).expect("was written");
    call(["report", &out]).with_code(0);
    let rest = results(&run);
    assert_eq!(rest["verdict"]["outcome"], "no_verdict");
    assert_eq!(rest["holes"].as_array().map(Vec::len), Some(1), "{}", rest["holes"]);
    let reasons = rest["verdict"]["reasons"].to_string();
    assert!(reasons.contains("the journal has a hole") && !reasons.contains("internal"), "{reasons}");
    assert!(rest["warnings"].to_string().contains("the journal has a hole"), "{}", rest["warnings"]);
    assert!(number(&rest["operations"]["publish"]["ok"]) > 0, "what is intact is shown: {}", rest["operations"]);
}

#[test]
fn what_cannot_go_on_says_why() {
    let folder = Folder::new();
    let (scenario, out) = (scenario(&folder, "300ms"), folder.argument("run"));
    call(["run", "--resume", &folder.argument("none")]).with_code(3).says(&["there is no run folder"]);
    std::fs::create_dir(folder.path("empty")).expect("a folder");
    call(["run", "--resume", &folder.argument("empty")]).with_code(3).says(&["is not a run folder"]);
    let began_with = "the scenario and the flags that it began with";
    call(["run", &scenario, "--resume", &out]).with_code(2).says(&["the scenario cannot be used with", began_with]);
    let ended = call(["run", "--resume", &out, "--users", "3", "--set", "seed=1"]).with_code(2);
    ended.says(&["`--users`, `--set` cannot be used with", began_with]);
    assert!(!ended.stderr.contains("Usage") && !ended.stderr.contains("--gate"), "{}", ended.stderr);
    call(["run", &scenario, "--out", &out, "--progress", "none"]).with_figures();
    call(["run", "--resume", &out]).with_code(2).says(&["it has ended", "pbxload report", "new run"]);
    assert!(folder.path("run").join("results.json").is_file(), "the reports of a run that has ended stay");
}

#[test]
fn a_run_that_is_written_or_changed_is_not_gone_on_with() {
    let folder = Folder::new();
    let (scenario, out) = (scenario(&folder, "2m"), folder.argument("run"));
    let run = started(&[&scenario, "--out", &out]);
    call(["run", "--resume", &out]).with_code(3).says(&["is being written by process"]);
    let report = call(["report", &out]).with_code(0);
    assert!(report.stderr.contains("still going on"), "{}", report.stderr);
    let so_far = results(&folder.path("run"))["verdict"]["reasons"].to_string();
    assert!(so_far.contains("still going on") && !so_far.contains("without a word"), "{so_far}");
    killed(run);
    let copy = folder.path("run").join("scenario.toml");
    let text = std::fs::read_to_string(&copy).expect("the scenario as it ran");
    std::fs::write(&copy, text.replace("40/s", "50/s")).expect("changed");
    call(["run", "--resume", &out]).with_code(2).says(&["not the scenario that ran", "restore"]);
    std::fs::write(&copy, &text).expect("restored");
    std::fs::remove_file(folder.path("password.txt")).expect("was there");
    call(["run", "--resume", &out]).with_code(2).says(&["cannot read `password.txt`"]);
    // A run that has not been gone on with is as it was.
    call(["report", &out]).with_code(0);
    assert_eq!(results(&folder.path("run"))["run"]["ended_by"], "crash");
}

/// A machine that goes down for an update ends its processes first: the run ends in good order, and its plan is not
/// carried out.
#[test]
fn a_run_that_was_terminated_goes_on() {
    let folder = Folder::new();
    let (scenario, out) = (scenario(&folder, "4s"), folder.argument("run"));
    let run = started(&[&scenario, "--out", &out]);
    run.signal("TERM");
    run.finish().with_code(4);
    call(["run", "--resume", &out, "--progress", "none"]).with_figures();
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    assert_eq!(results["run"]["ended_by"], "plan");
    assert_eq!(results["interruptions"].as_array().map(Vec::len), Some(1));
    assert_eq!(results["delivery"]["lost"], 0, "{}", results["delivery"]);
}

#[test]
fn a_run_that_was_killed_in_its_set_up_is_to_be_started_anew() {
    let folder = Folder::new();
    let text = chat("2m").replace("1000/s", "1/s").replace("count = 8", "count = 500");
    let (scenario, out) = (folder.write("chat.toml", &text), folder.argument("run"));
    let mut run = Background::start(["run", &scenario, "--progress", "plain", "--out", &out]);
    run.wait_for("access tokens: 0 of");
    call(["report", &out]).with_code(3).says(&["still in its set-up"]);
    killed(run);
    for command in [vec!["report", &out], vec!["run", "--resume", &out]] {
        call(command).with_code(3).says(&["ended before its load began", "start it anew", "--out"]);
    }
    call(["run", &scenario, "--out", &out]).with_code(3).says(&["ended before its load began", "remove it", "--out"]);
}

/// Nothing published is ever answered: the drain would last minutes.
#[test]
fn a_run_that_was_killed_in_its_drain_has_its_load_behind_it() {
    let folder = Folder::new();
    let faults = folder.write("faults.toml", "[[swallow]]\nop = \"pub\"\nevery = 1\n");
    let out = folder.argument("run");
    let text = std::fs::read_to_string(scenario(&folder, "1s")).expect("the scenario");
    let text = text.replace("[load]", "[load]\ndrain = \"2m\"").replace("timeout = \"5s\"", "timeout = \"20s\"");
    let scenario = folder.write("chat.toml", &text);
    let mut run = Background::start(["run", &scenario, "--progress", "plain", "--out", &out, "--faults", &faults]);
    run.wait_for("drain");
    // Lines of the drain: its intervals are in the journal.
    run.wait_for(" ops/s ");
    killed(run);
    call(["report", &out]).with_code(0);
    let reasons = results(&folder.path("run"))["verdict"]["reasons"].to_string();
    assert!(reasons.contains("without a word after its load of 1.4 s was over"), "{reasons}");
    let ended = call(["run", "--resume", &out, "--progress", "plain"]);
    assert!(ended.stderr.contains("the load of 1.4 s was over: only what follows it is left"), "{}", ended.stderr);
}
