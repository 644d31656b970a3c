//! `pbxload doctor`: exit codes, and that each finding that matters names its remedy.

use std::fs;
use std::net::TcpListener;
use std::process::Output;

use assert_cmd::Command;
use pbxload::simulator::{Encryption, Simulator, SimulatorConfig};
use pbxload::transport::install_provider;
use serde_json::Value;

fn doctor(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pbxload"));
    command.arg("doctor").args(args).env_remove("PBX_PASSWORD").output().expect("the program starts")
}

fn text(output: &Output) -> String {
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn findings(output: &Output) -> Vec<Value> {
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    answer["findings"].as_array().expect("a list").clone()
}

fn finding<'a>(findings: &'a [Value], check: &str) -> &'a Value {
    findings.iter().find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("no `{check}`: {findings:#?}"))
}

#[test]
fn the_machine_alone_can_be_looked_at() {
    let output = doctor(&[]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
    for check in ["descriptors", "ports", "processors", "memory", "clock", "timers", "disk"] {
        assert!(text(&output).contains(check), "{check}: {}", text(&output));
    }
}

#[test]
fn the_smoke_scenario_is_usable_and_every_finding_has_a_level() {
    let output = doctor(&["scenarios/smoke.toml", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let findings = findings(&output);
    assert_eq!(finding(&findings, "target")["level"], "ok");
    assert_eq!(finding(&findings, "gates")["level"], "ok");
    for finding in &findings {
        let level = finding["level"].as_str().expect("a level");
        assert!(["ok", "warn"].contains(&level), "{finding}");
        assert!(level == "ok" || finding["fix"].is_string(), "a warning without a remedy: {finding}");
    }
}

#[test]
fn nothing_that_listens_is_bad_and_names_the_remedy() {
    // A port that was free a moment ago: nobody is given it again so soon.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let output = doctor(&["scenarios/smoke.toml", "--json", "--target", &format!("ws://{address}")]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let findings = findings(&output);
    let tcp = finding(&findings, "tcp");
    assert_eq!(tcp["level"], "bad");
    assert!(tcp["message"].as_str().is_some_and(|message| message.contains(&address.to_string())), "{tcp}");
    assert!(
        tcp["fix"].as_str().is_some_and(|fix| fix.contains("start the service") && fix.contains("target.url")),
        "{tcp}"
    );
}

#[test]
fn a_self_signed_target_says_what_to_set() {
    install_provider();
    let config = SimulatorConfig { encryption: Encryption::SelfSigned, ..SimulatorConfig::default() };
    let server = Simulator::start(config).expect("starts");
    let target = format!("wss://{}", server.address());
    let output = doctor(&["scenarios/smoke.toml", "--target", &target]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    for words in ["ca_file", "verify = false"] {
        assert!(text(&output).contains(words), "{}", text(&output));
    }
    let output = doctor(&["scenarios/smoke.toml", "--json", "--target", &target, "--set", "target.tls.verify=false"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let findings = findings(&output);
    let tls = finding(&findings, "tls");
    assert_eq!(tls["level"], "warn");
    assert!(tls["message"].as_str().is_some_and(|message| message.contains("valid for another")), "{tls}");
    for check in ["tcp", "websocket", "rest"] {
        assert_eq!(finding(&findings, check)["level"], "ok", "{findings:#?}");
    }
}

#[test]
fn figures_that_the_target_does_not_tell_are_named_before_the_run() {
    let server = Simulator::start(SimulatorConfig::default()).expect("starts");
    let target = format!("ws://{}", server.address());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("none.pid");
    let metrics = "target.metrics=[{ url = \"/metrics\", figures = { sessions = \"simulator_sesions\", rss = \"process_resident_memory_bytes\" } }]";
    let process = format!("target.process={{ pid_file = \"{}\" }}", file.display());
    let args = ["scenarios/smoke.toml", "--json", "--target", &target, "--set", metrics, "--set", &process];
    let output = doctor(&args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let all = findings(&output);
    let own: Vec<&Value> = all.iter().filter(|finding| finding["check"] == "own figures").collect();
    let [page, process] = own.as_slice() else { panic!("{all:#?}") };
    for (finding, words) in [(page, "`sessions` = `simulator_sesions`"), (process, "none.pid")] {
        assert_eq!(finding["level"], "warn");
        assert!(finding["message"].as_str().is_some_and(|message| message.contains(words)), "{finding}");
        assert!(finding["fix"].is_string(), "{finding}");
    }
    assert!(!page["message"].as_str().is_some_and(|message| message.contains("process_resident")), "{page}");
    let right = metrics.replace("sesions", "sessions");
    std::fs::write(&file, std::process::id().to_string()).expect("is written");
    let output = doctor(&args.map(|arg| if arg == metrics { right.as_str() } else { arg }));
    for finding in findings(&output).iter().filter(|finding| finding["check"] == "own figures") {
        assert_eq!(finding["level"], "ok", "{finding}");
    }
}

#[test]
fn the_rest_request_carries_no_credentials() {
    let server = Simulator::start(SimulatorConfig::default()).expect("starts");
    let output = doctor(&["scenarios/smoke.toml", "--target", &format!("ws://{}", server.address())]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let totals = server.stop().totals;
    assert_eq!((totals.tokens, totals.logins, totals.publishes_accepted), (0, 0, 0));
}

#[test]
fn a_bad_scenario_is_the_persons_mistake() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("scenario.toml");
    fs::write(&path, "name = 3\n").expect("is written");
    let output = doctor(&[path.to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("scenario.toml"));
}

#[test]
fn an_address_of_somebody_else_stops_doctor_and_run() {
    // TEST-NET-3: nobody's.
    let foreign = "target.source_addresses=[\"203.0.113.1\"]";
    let server = Simulator::start(SimulatorConfig::default()).expect("starts");
    let target = format!("ws://{}", server.address());
    let output = doctor(&["scenarios/smoke.toml", "--json", "--target", &target, "--set", foreign]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(finding(&findings(&output), "sources")["level"], "bad");
    let folder = tempfile::tempdir().expect("a folder");
    let run = Command::new(env!("CARGO_BIN_EXE_pbxload"))
        .args(["run", "scenarios/smoke.toml", "--progress", "none", "--target", &target, "--set", foreign, "--out"])
        .arg(folder.path().join("run"))
        .output()
        .expect("the program starts");
    assert_eq!(run.status.code(), Some(3));
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(said.contains("203.0.113.1") && said.contains("target.source_addresses"), "{said}");
}
