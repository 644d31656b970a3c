//! Each way in which a run can end for a build: exit code, `results.json`, JUnit, summary and annotations.

use serde_json::Value;

use crate::program::{Ended, Folder, alone, assert_balanced, call_with, results};
use crate::scenarios::chat;

/// Runs a scenario text; `gates` is its section, `more` are further flags.
fn run(folder: &Folder, gates: &str, more: &[&str], variables: &[(&str, &str)]) -> Ended {
    let scenario = folder.write("scenario.toml", &format!("{}\n[gates]\n{gates}\n", chat("3s")));
    let out = folder.argument("run");
    // Another process on this machine is no reason for another verdict, unless the test is about that.
    let is_healthy = !more.iter().any(|flag| flag.contains("health."));
    let patient = if is_healthy { &["--set", "health.intervals=60"][..] } else { &[] };
    call_with([&["run", &scenario, "--out", &out, "--progress", "none"], patient, more].concat(), variables)
}

fn text(folder: &Folder, name: &str) -> String {
    std::fs::read_to_string(folder.path("run").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The gate with this beginning.
fn gate<'a>(results: &'a Value, written: &str) -> &'a Value {
    let gates = results["gates"].as_array().expect("gates");
    gates.iter().find(|gate| gate["gate"].as_str().is_some_and(|text| text.starts_with(written))).expect("the gate")
}

/// Holds `junit.xml` to what Jenkins' schema, GitHub's reporters and GitLab all take.
#[track_caller]
fn assert_junit(xml: &str, failures: usize, errors: usize) {
    let attributes = |tag: &str| -> Vec<String> {
        let inside = tag.split_once(' ').map_or("", |(_, inside)| inside).trim_end_matches('/');
        inside.split("=\"").filter_map(|part| part.rsplit(['"', ' ']).next()).map(str::to_owned).collect()
    };
    let known: [(&str, &[&str]); 11] = [
        ("testsuites", &["name", "tests", "skipped", "failures", "errors", "time"]),
        ("testsuite", &["name", "tests", "skipped", "failures", "errors", "time", "timestamp"]),
        ("properties", &[]),
        ("property", &["name", "value"]),
        ("testcase", &["name", "classname", "time"]),
        ("failure", &["message"]),
        ("error", &["message"]),
        ("skipped", &["message"]),
        ("system-out", &[]),
        ("system-err", &[]),
        ("?xml", &["version", "encoding"]),
    ];
    let mut suites = 0;
    for (at, _) in xml.match_indices('<') {
        let tag = xml[at + 1..].split('>').next().expect("a tag");
        if tag.starts_with('/') {
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        let (_, allowed) = known.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("<{tag}>"));
        for attribute in attributes(tag).iter().filter(|attribute| !attribute.is_empty()) {
            let attribute = attribute.trim();
            assert!(
                allowed.contains(&attribute) || !attribute.chars().all(|c| c.is_ascii_lowercase()) || name == "?xml",
                "`{attribute}` of <{tag}>"
            );
        }
        suites += usize::from(name == "testsuite");
    }
    assert_eq!(suites, 1);
    let of = |what: &str| xml.matches(&format!("<{what} ")).count();
    assert_eq!((of("failure"), of("error")), (failures, errors), "{xml}");
    let suite = xml.split("<testsuite ").nth(1).and_then(|rest| rest.split('>').next()).expect("the suite");
    for (attribute, count) in
        [("tests", of("testcase")), ("failures", failures), ("errors", errors), ("skipped", of("skipped"))]
    {
        assert!(suite.contains(&format!("{attribute}=\"{count}\"")), "{attribute} is not {count}: {suite}");
    }
    assert!(suite.contains("time=\"") && suite.contains("timestamp=\""), "{suite}");
    assert!(!xml.chars().any(|c| c.is_control() && c != '\n'));
}

const SOUND: &str = "require = [ \"delivery.lost == 0\", 'publish.response.p90 over 1s during \"hold\" < 30s' ]";

#[test]
fn a_pass() {
    let _alone = alone();
    let folder = Folder::new();
    let ended = run(&folder, SOUND, &[], &[]).with_code(0);
    assert!(ended.stdout.contains("PASS: all 2 gates held"), "{}", ended.stdout);
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    let windowed = gate(&results, "publish.response.p90");
    assert_eq!((&windowed["passed"], &windowed["status"]), (&Value::Bool(true), &Value::from("held")));
    assert_eq!((&windowed["severity"], &windowed["stage"]), (&Value::from("require"), &Value::from("hold")));
    assert!(windowed["window"]["to_s"].as_f64() > windowed["window"]["from_s"].as_f64(), "{windowed}");
    let stages: Vec<&str> = results["run"]["stages"]
        .as_array()
        .expect("stages")
        .iter()
        .filter_map(|stage| stage["name"].as_str())
        .collect();
    assert_eq!(stages, ["ramp-1", "hold-1", "arrivals-ramp-1", "arrivals-ramp-2", "arrivals-hold-1"]);
    assert_junit(&text(&folder, "junit.xml"), 0, 0);
    assert!(text(&folder, "report.html").contains("whole run"));

    // The journal alone says the same, windows included.
    std::fs::remove_file(folder.path("run").join("results.json")).expect("is there");
    crate::program::call(["report", &folder.argument("run")]).with_code(0);
    let again = crate::program::results(&folder.path("run"));
    assert_eq!(again["gates"], results["gates"]);
}

#[test]
fn a_warning() {
    let _alone = alone();
    let folder = Folder::new();
    let gates = format!("{SOUND}\nwarn = [ \"publish.count > 100000\", \"publish.count > 0\" ]");
    let summary = folder.argument("step-summary.md");
    std::fs::write(&summary, "before\n").expect("written");
    let github = [("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", summary.as_str())];
    let ended = run(&folder, &gates, &[], &github).with_code(0);
    assert!(ended.stdout.contains("WARN  publish.count > 100000"), "{}", ended.stdout);
    assert!(ended.stdout.contains("\n::warning title=chat%3A gate warns::publish.count > 100000"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("::error"), "{}", ended.stdout);
    let results = results(&folder.path("run"));
    assert_eq!(gate(&results, "publish.count > 100000")["severity"], "warn");
    assert_eq!(gate(&results, "publish.count > 0")["passed"], true, "a warning that is none is listed too");
    // Of this machine something may be said too.
    let warnings = results["warnings"].as_array().expect("a list").iter().map(Value::to_string);
    assert_eq!(warnings.filter(|warning| warning.contains("publish.count")).count(), 1, "{}", results["warnings"]);
    assert_junit(&text(&folder, "junit.xml"), 0, 0);
    let told = std::fs::read_to_string(&summary).expect("is there");
    assert_eq!(told, format!("before\n{}", text(&folder, "summary.md")));
}

#[test]
fn a_failure() {
    let _alone = alone();
    let folder = Folder::new();
    let gates = "require = [ 'publish.response.p50 over 1s < 1us', \"delivery.lost == 0\" ]";
    let missing = folder.argument("nowhere/summary.md");
    let github = [("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", missing.as_str())];
    let ended = run(&folder, gates, &[], &github).with_code(1);
    assert!(ended.stdout.contains("FAIL: 1 of 2 gates did not hold"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("\n::error title=chat%3A gate failed::publish.response.p50 over 1s"),
        "{}",
        ended.stdout
    );
    assert!(ended.stderr.contains("warning: the job summary"), "{}", ended.stderr);
    let results = results(&folder.path("run"));
    let failed = gate(&results, "publish.response.p50");
    assert_eq!((&failed["passed"], &failed["status"]), (&Value::Bool(false), &Value::from("not_held")));
    assert!(results["verdict"]["reasons"][0].as_str().is_some_and(|why| why.contains("from second")), "{results}");
    assert_junit(&text(&folder, "junit.xml"), 2, 0);
}

#[test]
fn an_abort() {
    let _alone = alone();
    let folder = Folder::new();
    let faults = folder.write("faults.toml", "[[reject]]\nop = \"pub\"\ncode = 503\nevery = 1\n");
    let gates = "abort_when = [ { gate = \"publish.failures.ratio > 50%\", for = \"1s\" } ]";
    let ended = run(&folder, gates, &["--faults", &faults, "--duration", "60s"], &[]).with_code(1);
    assert!(ended.stdout.contains("FAIL: the run had clearly failed"), "{}", ended.stdout);
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    assert_eq!(
        (&results["run"]["ended_by"], &results["verdict"]["outcome"]),
        (&Value::from("abort"), &Value::from("fail"))
    );
    assert_eq!(results["abort"]["rule"], "publish.failures.ratio > 50% for 1s");
    assert!(results["run"]["load_s"].as_f64() < Some(30.0), "{}", results["run"]);
    assert!(text(&folder, "summary.md").contains("abort"));
    assert_junit(&text(&folder, "junit.xml"), 1, 0);
}

#[test]
fn a_sick_generator() {
    let folder = Folder::new();
    // No program is that small, so the generator is its own bottleneck from the first interval on.
    let sick = ["--set", "health.memory=0.001%", "--set", "health.intervals=1"];
    let gates = "require = [ \"publish.response.p50 < 1us\" ]";
    let ended = run(&folder, gates, &sick, &[("GITHUB_ACTIONS", "true")]).with_code(4);
    assert!(ended.stdout.contains("NO VERDICT"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("::error title=chat%3A No verdict::the generator was the bottleneck"),
        "{}",
        ended.stdout
    );
    let results = results(&folder.path("run"));
    assert_eq!(results["verdict"]["outcome"], "no_verdict");
    assert!(results["generator"]["saturated_from"].is_number());
    assert_junit(&text(&folder, "junit.xml"), 1, 1);
}

/// As a rule spells are short. This one is all of the run, which is easier to come by, and so is what is tolerated.
#[test]
fn a_sick_generator_that_is_tolerated() {
    let _alone = alone();
    let folder = Folder::new();
    let memory = ["--set", "health.memory=0.001%", "--set", "health.intervals=1"];
    let tolerant = [&memory[..], &["--set", "health.tolerate=100%"]].concat();
    let gates = "require = [ \"publish.response.p50 < 30s\", \"publish.response.p50 over 1s < 30s\" ]";
    run(&folder, gates, &tolerant, &[]).with_code(0);
    let live = results(&folder.path("run"));
    assert_eq!(live["verdict"]["outcome"], "pass");
    let warnings = live["warnings"].to_string();
    assert!(warnings.contains("That was tolerated") && warnings.contains("by the use of memory"), "{warnings}");
    assert_eq!(
        (&live["generator"]["spells"][0]["signs"][0], &live["generator"]["tolerated_share"]),
        (&"memory".into(), &1.0.into())
    );
    // The journal alone gives the same answer.
    std::fs::remove_file(folder.path("run").join("results.json")).expect("was written");
    crate::program::call(["report", &folder.argument("run")]).with_code(0);
    let rebuilt = results(&folder.path("run"));
    for part in ["verdict", "gates", "generator", "warnings"] {
        assert_eq!(rebuilt[part], live[part], "{part}");
    }
}

#[test]
fn too_few_samples() {
    let _alone = alone();
    let folder = Folder::new();
    let gates = "require = [ \"login.response.p50 < 30s\" ]\nmin_samples = 1000";
    let ended = run(&folder, gates, &[], &[]).with_code(4);
    assert!(ended.stdout.contains("only 8 samples"), "{}", ended.stdout);
    let results = results(&folder.path("run"));
    assert_eq!(gate(&results, "login")["status"], "too_few_samples");
    assert_junit(&text(&folder, "junit.xml"), 0, 1);
}

#[test]
fn no_baseline() {
    let _alone = alone();
    for (section, code) in [("", 4), ("missing_baseline = \"fail\"", 1)] {
        let folder = Folder::new();
        let gates = format!("require = [ \"publish.response.p50 <= baseline + 10%\" ]\n{section}");
        let ended = run(&folder, &gates, &[], &[]).with_code(code);
        assert!(ended.stdout.contains("there is no baseline to compare with"), "{}", ended.stdout);
        assert_eq!(gate(&results(&folder.path("run")), "publish")["status"], "no_baseline");
    }
}

#[test]
fn wrong_gates_are_found_before_the_run() {
    let folder = Folder::new();
    let gates = "require = [ 'publish.rate during \"hodl-1\" > 5/s', \"publish.rate over 10ms > 5/s\" ]\n\
                 abort_when = [ { gate = \"failures.ration > 5%\", for = \"1s\" }, { gaet = \"x\" } ]\nmin_samples = -1";
    run(&folder, gates, &[], &[]).with_code(2).says(&["`gaet`", "min_samples", "failures.ratio"]);
    let gates = "require = [ 'publish.rate during \"hodl-1\" > 5/s', \"publish.rate over 10ms > 5/s\" ]";
    run(&folder, gates, &[], &[]).with_code(2).says(&["did you mean `hold-1`?", "over 1s"]);
}

#[test]
fn arrivals_that_nobody_is_there_for_are_doubtful() {
    let folder = Folder::new();
    let text = chat("3s").replace("{ hold = \"3s\" } ]\narrivals", "{ to = 0, over = \"1s\" } ]\narrivals");
    let scenario = folder.write("scenario.toml", &text);
    let ended = crate::program::call(["check", &scenario]).with_code(0);
    assert!(ended.stdout.contains("nobody is online after 1.2 s, and arrivals go on for 2.2 s"), "{}", ended.stdout);
    let scenario = folder.write("fine.toml", &chat("3s"));
    let ended = crate::program::call(["check", &scenario]).with_code(0);
    assert!(!ended.stdout.contains("doubtful"), "{}", ended.stdout);
}

/// Every other user is one of a persona that only looks on: no talker has a talker for its peer.
const LOOKER_ON: &str = r#"
[[persona]]
name = "looker-on"
start = "look"
  [persona.state.look]
  steps = [ { op = "connect" }, { op = "login" }, { op = "describe", to = "me" } ]
  think = "1s"
"#;

#[test]
fn publishes_that_nobody_can_receive_are_doubtful() {
    let folder = Folder::new();
    let said = |text: &str| crate::program::call(["check", &folder.write("scenario.toml", text)]).with_code(0).stdout;
    let spared = chat("3s").replace("size = \"20..400 B\"", "size = \"20..400 B\", noecho = true") + LOOKER_ON;
    let text = said(&spared);
    let sentence = "persona `talker`, state `talk`: nobody can receive what is published to `peer`";
    assert!(text.contains(sentence) && text.contains("add `{ op = \"subscribe\", to = \"peer\" }`"), "{text}");
    assert_eq!(text.matches("nobody can receive").count(), 1, "the team has two talkers: {text}");
    for heard in [
        // The publisher's own copy comes.
        chat("3s") + LOOKER_ON,
        // Whoever looks on listens.
        spared.replace("{ op = \"describe\", to = \"me\" }", "{ op = \"subscribe\", to = \"peer\" }"),
        // What a frame does nobody knows.
        spared.replace("{ op = \"describe\", to = \"me\" }", "{ op = \"raw\", frame = \"{}\" }"),
    ] {
        let text = said(&heard);
        assert!(!text.contains("doubtful"), "{text}");
    }
}

#[test]
fn no_shipped_scenario_is_doubtful() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = std::fs::read_dir(folder).expect("the scenarios").map(|file| file.expect("a file").path());
    let files: Vec<_> = files.filter(|path| path.extension().is_some_and(|name| name == "toml")).collect();
    assert!(files.len() > 5);
    for file in files {
        let ended = crate::program::call(["check", &file.display().to_string()]).with_code(0);
        assert!(!ended.stdout.contains("doubtful"), "{}", ended.stdout);
    }
}
