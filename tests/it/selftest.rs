//! `selftest`: every class of fault is reported to the message, and a harness that overlooks one is found out.

use std::time::Duration;

use assert_cmd::Command;
use serde_json::Value;

fn selftest(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pbxload"));
    command.arg("selftest").args(arguments).timeout(Duration::from_secs(240));
    command
}

fn rows_that_are_off(json: &Value) -> Vec<String> {
    let classes = json["classes"].as_array().expect("a list of classes");
    let rows = classes.iter().flat_map(|class| class["rows"].as_array().expect("rows"));
    rows.filter(|row| row["exact"] != true).map(Value::to_string).collect()
}

#[test]
fn every_fault_is_reported_to_the_message() {
    let output = selftest(&["--json"]).output().expect("runs");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON on stdout");
    assert_eq!(rows_that_are_off(&json), [""; 0], "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(json["exact"], true);
    assert!(json["classes"].as_array().is_some_and(|classes| classes.len() >= 38), "{}", json["summary"]);
}

/// Some of each subject. Each differs from an honest report by a single fault.
#[test]
fn a_fault_that_is_overlooked_is_found_out() {
    let blind = [
        "late-reply",
        "timeout",
        "drop",
        "refuse",
        "lose",
        "phantom",
        "silent-detach",
        "seq-jump",
        "marks",
        "corrupt-upload",
        "restart",
        "half-open",
        "slow-accept",
        "growing-delay",
        "leak",
    ];
    let mut arguments: Vec<&str> = blind.iter().flat_map(|class| ["--only", class, "--sabotage", class]).collect();
    arguments.extend(["--only", "duplicate"]);
    let output = selftest(&arguments).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let is_off = |class: &str| text.lines().any(|line| line.starts_with(class) && line.contains("  NO "));
    assert!(blind.into_iter().all(is_off) && !is_off("duplicate"), "{text}");
    let last = format!("15 of 16 classes were not reported as they were injected: {}", blind.join(", "));
    assert_eq!(text.lines().last(), Some(last.as_str()));
}

#[test]
fn an_unknown_class_is_a_mistake_of_the_caller() {
    let output = selftest(&["--only", "gremlins"]).output().expect("runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no class `gremlins`; there are clean, delay"));
}
