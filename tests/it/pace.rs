//! How closely arrivals follow the plan at 10,000 a second. A measurement of this machine and no test of the program:
//! `cargo test --release --test it -- --ignored --nocapture pace`, with nothing else running.

use crate::program::{Folder, alone, assert_balanced, call, results};
use crate::simulated::Simulated;

fn at_ten_thousand_a_second(step: &str, spacing: &str) {
    let _alone = alone();
    let folder = Folder::new();
    let scenario = format!(
        r#"
name = "pace"
[target]
url = "embedded"
timeout = "5s"
[auth]
rate = "5000/s"
[users]
count = 400
generate = {{ name = "{{1001}}", domain = "example.com", password = "secret" }}
[topology]
pairs = "neighbours"
[load]
users = [ {{ to = 400, over = "500ms" }}, {{ hold = "8s" }} ]
arrivals = [ {{ to = "0/s", over = "2s" }}, {{ to = "10000/s", over = "0s" }}, {{ hold = "6s" }} ]
arrival_spacing = "{spacing}"
[[persona]]
name = "talker"
start = "sign-in"
  [persona.state.sign-in]
  steps = [ {{ op = "connect" }}, {{ op = "login" }}, {{ op = "subscribe", to = "peer" }} ]
  next = "talk"
  [persona.state.talk]
  await = "arrival"
  steps = [ {{ {step} }} ]
  next = "talk"
"#
    );
    let scenario = folder.write("pace.toml", &scenario);
    let server = Simulated::start(&[]);
    call(["run", &scenario, "--target", &server.url, "--workers", "1", "--out", &folder.argument("run")])
        .with_figures();
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    let (arrivals, generator) = (&results["arrivals"], &results["generator"]);
    eprintln!("{spacing}, {step}: {arrivals:#}\n{generator:#}");
    if !generator["saturated_from"].is_null() {
        eprintln!("this machine was too busy: {}", results["warnings"]);
        return;
    }
    assert_eq!(arrivals["missed"], 0);
    assert!(arrivals["lag_us"]["p99"].as_u64() <= Some(1_000), "{arrivals:#}");
}

#[test]
#[ignore = "measures this machine; for release builds"]
fn notes_evenly() {
    at_ten_thousand_a_second(r#"op = "note", to = "peer", kind = "typing""#, "even");
}

#[test]
#[ignore = "measures this machine; for release builds"]
fn publishes_at_random() {
    at_ten_thousand_a_second(r#"op = "publish", to = "peer", size = "40 B""#, "poisson");
}
