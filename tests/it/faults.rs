//! Every declared fault of the simulator, at about a thousand deliveries a second, is reported: to the message.

use serde_json::Value;

use crate::program::{Folder, alone, assert_balanced, call, results};
use crate::simulated::Simulated;

/// Two teams of twelve; 90 publishes a second go to eleven colleagues each. Nobody publishes before all are there,
/// so that no fault hits a delivery that the ledger would excuse.
pub const SCENARIO: &str = r#"
name = "faults"
[target]
url = "embedded"
timeout = "20s"
[auth]
rate = "1000/s"
[users]
count = 24
generate = { name = "{1001}", domain = "example.com", password = "secret" }
[topology]
groups = [ { name = "team", members = 12 } ]
[load]
users = [ { to = 24, over = "200ms" }, { hold = "4s" } ]
arrivals = [ { to = "0/s", over = "1500ms" }, { to = "90/s", over = "100ms" }, { hold = "2500ms" } ]
arrival_spacing = "even"
drain = "2s"
[[persona]]
name = "talker"
start = "sign-in"
  [persona.state.sign-in]
  steps = [ { op = "connect" }, { op = "login" }, { op = "subscribe", to = "group:team" } ]
  next = "talk"
  [persona.state.talk]
  await = "arrival"
  on_failure = "talk"
  steps = [ { op = "publish", to = "group:team", size = "60..120 B" } ]
  next = "talk"
"#;

/// A run against a simulator with these faults: what was injected, and what is reported.
fn run(faults: &str) -> (Value, Value) {
    run_scenario(SCENARIO, faults)
}

/// As [`run`], with a scenario of one's own.
pub fn run_scenario(scenario: &str, faults: &str) -> (Value, Value) {
    let folder = Folder::new();
    let faults = folder.write("faults.toml", faults);
    let scenario = folder.write("scenario.toml", scenario);
    let server = Simulated::start(&["--faults", &faults]);
    call(["run", &scenario, "--target", &server.url, "--out", &folder.argument("run")]).with_figures();
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    (server.stop(), results)
}

pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// Holds what is reported to what was injected. Every class in `struck` has to have struck often enough to matter.
fn exact(faults: &str, struck: &[&str]) {
    let (injected, results) = run(faults);
    assert_exact(&injected, &results, struck);
}

fn assert_exact(injected: &Value, results: &Value, struck: &[&str]) {
    let delivery = &results["delivery"];
    let rejected = number(&injected["rejected"]["pub"]["503"]);
    let lost = number(&injected["lost"]) + number(&injected["not_stored_deliveries"]);
    let pairs = [
        ("lost", lost, &delivery["lost"]),
        ("duplicated", number(&injected["duplicated"]), &delivery["duplicated"]),
        ("reordered", number(&injected["reordered"]), &delivery["reordered"]),
        ("phantom", number(&injected["phantom"]), &delivery["phantom"]),
        ("corrupted", number(&injected["corrupted"]), &delivery["corrupted"]),
        ("rejected", rejected, &delivery["refused"]),
        ("rejected(503)", rejected, &results["operations"]["publish"]["failures"]["rejected(503)"]),
        ("accepted", number(&injected["totals"]["publishes_accepted"]), &delivery["accepted"]),
        ("delivered", number(&injected["totals"]["deliveries_pushed"]), &delivery["delivered"]),
        ("echoes", number(&injected["totals"]["echoes_pushed"]), &delivery["echo_delivered"]),
        ("excused", 0, &delivery["excused"]),
        ("late", 0, &delivery["late"]),
        ("foreign", 0, &delivery["foreign"]),
        ("unknown", 0, &delivery["unknown"]),
    ];
    for (class, injected, reported) in pairs {
        assert_eq!(injected, number(reported), "{class}: {delivery}");
        assert!(!struck.contains(&class) || injected >= 5, "{class} struck only {injected} times");
    }
    let all = ["lost", "duplicated", "reordered", "phantom", "corrupted", "rejected"];
    for (class, injected, _) in pairs.iter().filter(|(class, ..)| all.contains(class)) {
        assert!(struck.contains(class) || *injected == 0, "{class} was not declared");
    }
    // Eleven receivers for each message; what was refused was never expected.
    assert_eq!(number(&delivery["expected"]), 11 * number(&delivery["accepted"]));
    assert!(number(&delivery["accepted"]) > 150, "{delivery}");
}

#[test]
fn nothing_injected_nothing_reported() {
    exact("", &[]);
}

#[test]
fn lost() {
    exact("lost = { rate = 0.03 }", &["lost"]);
}

#[test]
fn accepted_and_not_stored() {
    exact("not_stored = { every = 25 }", &["lost"]);
}

#[test]
fn duplicated() {
    exact("duplicated = { rate = 0.03 }", &["duplicated"]);
}

#[test]
fn reordered() {
    exact("reordered = { rate = 0.03 }", &["reordered"]);
}

#[test]
fn phantom() {
    exact("phantom = { rate = 0.03 }", &["phantom"]);
}

#[test]
fn corrupted() {
    exact("corrupted = { rate = 0.03 }", &["corrupted"]);
}

#[test]
fn rejected() {
    exact("[[reject]]\nop = \"pub\"\ncode = 503\nevery = 15", &["rejected", "rejected(503)"]);
}

#[test]
fn all_together() {
    let faults = "
        seed = 11
        lost = { rate = 0.02 }
        duplicated = { rate = 0.02 }
        reordered = { rate = 0.03 }
        phantom = { rate = 0.02 }
        corrupted = { rate = 0.02 }
        not_stored = { every = 40 }
        [[reject]]
        op = \"pub\"
        code = 503
        every = 20
    ";
    exact(faults, &["lost", "duplicated", "reordered", "phantom", "corrupted", "rejected"]);
}

/// The same at five thousand deliveries a second.
#[test]
fn all_together_at_five_thousand_deliveries_a_second() {
    let scenario = SCENARIO.replace("90/s", "460/s");
    let faults = "
        seed = 5
        lost = { rate = 0.01 }
        duplicated = { rate = 0.01 }
        reordered = { rate = 0.01 }
        phantom = { rate = 0.01 }
        corrupted = { rate = 0.01 }
        not_stored = { every = 90 }
        [[reject]]
        op = \"pub\"
        code = 503
        every = 50
    ";
    let all = ["lost", "duplicated", "reordered", "phantom", "corrupted", "rejected"];
    let (injected, results) = run_scenario(&scenario, faults);
    assert_exact(&injected, &results, &all);
    let missed = number(&results["arrivals"]["missed"]);
    let deliveries = number(&results["delivery"]["expected"]);
    eprintln!("{deliveries} deliveries in 2.6 s, {missed} arrivals missed");
}

/// A cut connection excuses what was on its way to it, and nothing else.
#[test]
fn cut_connections_lose_nothing() {
    let (injected, results) = run("[[drop]]\nevery = 12\nmax = 15\n");
    let dropped = number(&injected["dropped_connections"]);
    assert!(dropped >= 5, "{injected}");
    assert_eq!(number(&results["users"]["closed_by_code"]["none"]), dropped);
    assert_eq!(number(&results["delivery"]["lost"]), 0, "{}", results["delivery"]);
    assert_eq!(number(&results["delivery"]["phantom"]), 0, "{}", results["delivery"]);
}

/// The same, with the simulator inside the run: the flag of `run` reaches it.
#[test]
fn faults_of_the_embedded_simulator() {
    let _alone = alone();
    let folder = Folder::new();
    let faults = folder.write("faults.toml", "lost = { every = 30, max = 7 }\n");
    let scenario = folder.write("scenario.toml", SCENARIO);
    let gate = ["--gate", "delivery.lost == 0"];
    let out = folder.argument("run");
    let ended = call([&["run", &scenario, "--faults", &faults, "--out", &out], &gate[..]].concat()).with_code(1);
    assert!(ended.stdout.contains("FAIL") && ended.stdout.contains("delivery.lost == 0"), "{}", ended.stdout);
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    assert_eq!(results["delivery"]["lost"], 7);
}
