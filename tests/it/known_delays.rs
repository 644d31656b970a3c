//! The program against a server that knows its own delays.
//!
//! The server shares nothing with the program: `known_delays/server.rs` speaks the protocol by hand, waits as it is
//! told to, and writes down how long each publish took it, from the frame received to the reply written. What the
//! program says of the same run has to agree with that record, whatever the machine does meanwhile: both are
//! measured in the same seconds.

mod server;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use server::{Delay, Server};

/// One at a time: each of them would be the busy machine of the others.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs a scenario against the server and reads what the program found.
fn run(server: &Server, users: u32, load: &str, talk: &str) -> Value {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let rows: String = (1..=users).map(|user| format!("{user},example.com,token-{user}\n")).collect();
    fs::write(at("users.csv"), format!("name,domain,token\n{rows}")).expect("is written");
    let scenario = format!(
        r#"name = "known-delays"
[target]
url = "ws://{}"
[auth]
flow = "token"
[users]
count = {users}
file = "users.csv"
[topology]
pairs = "neighbours"
[load]
{load}
[[persona]]
name = "talker"
start = "sign-in"
  [persona.state.sign-in]
  steps = [ {{ op = "connect" }}, {{ op = "login" }}, {{ op = "subscribe", to = "peer" }} ]
  think = "constant 200ms"
  next = "talk"
  [persona.state.talk]
  {talk}
  steps = [ {{ op = "publish", to = "peer", size = "100 B" }} ]
  next = "talk"
"#,
        server.address()
    );
    fs::write(at("scenario.toml"), scenario).expect("is written");
    let output = Command::new(env!("CARGO_BIN_EXE_pbxload"))
        .args(["run", "--progress", "none", "--out"])
        .args([at("run"), at("scenario.toml")])
        .output()
        .expect("the program starts");
    // On a machine that is busy with other tests the program may have no verdict; its counts are exact all the same.
    assert!(matches!(output.status.code(), Some(0 | 4)), "{}", String::from_utf8_lossy(&output.stderr));
    read(&at("run/results.json"))
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("results are written")).expect("results are JSON")
}

/// Whether the program vouches for its times: it does not when it was the bottleneck itself, and says so.
fn vouches(results: &Value) -> bool {
    let is_sound = results["generator"]["saturated_from"].is_null();
    if !is_sound {
        eprintln!("times are not compared: {}", results["warnings"]);
    }
    is_sound
}

/// The value below or at which this part of the sorted times lies.
fn percentile(sorted: &[Duration], part: f64) -> Duration {
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// How late the program says that its own timers were, milliseconds: what a busy machine adds on the way there, and
/// again on the way back, is in neither record.
fn own_lateness_ms(results: &Value, name: &str) -> f64 {
    let lags = [&results["generator"]["lag_us"], &results["arrivals"]["lag_us"]];
    2.0 * lags.iter().filter_map(|lag| lag[name].as_f64()).fold(0.0, f64::max) / 1e3
}

/// Compares the program's service times with the server's own record: within 2 %, a millisecond for the way through
/// the sockets, and the lateness to which the program itself admits; a fraction of a millisecond on a quiet machine.
fn assert_agrees(results: &Value, record: &[Duration]) {
    let publish = &results["operations"]["publish"];
    assert_eq!(publish["ok"], record.len(), "one sample for each reply: {publish}");
    assert_eq!((&publish["failed"], &publish["open"]), (&0.into(), &0.into()));
    if !vouches(results) {
        return;
    }
    for (name, part) in [("p50", 0.50), ("p95", 0.95), ("p99", 0.99)] {
        let own = percentile(record, part).as_secs_f64() * 1e3;
        let measured = publish["service_us"][name].as_f64().expect("a figure") / 1e3;
        let tolerance = own * 0.02 + 1.0 + own_lateness_ms(results, name);
        assert!((measured - own).abs() <= tolerance, "{name}: measured {measured:.2} ms, the server {own:.2} ms");
    }
}

/// Nothing is lost, and each message comes to the peer once.
fn assert_delivered(results: &Value, published: usize) {
    let delivery = &results["delivery"];
    assert_eq!(delivery["published"], published);
    for none in ["lost", "duplicated", "reordered", "phantom", "corrupted", "foreign"] {
        assert_eq!(delivery[none], 0, "{none}: {delivery}");
    }
    let count = |name: &str| delivery[name].as_u64().expect("a count");
    assert_eq!(count("expected"), count("delivered") + count("excused"), "{delivery}");
    assert_eq!(count("echo_expected"), count("echo_delivered"), "{delivery}");
}

#[test]
fn a_fixed_delay_is_measured_as_the_server_has_it() {
    let server = Server::start(Delay::fixed(Duration::from_millis(200)));
    let load = "users = [ { to = 20, over = \"0s\" }, { hold = \"6s\" } ]";
    let results = run(&server, 20, load, "think = \"constant 1ms\"");
    let record = server.record();
    assert!(record.len() > 400, "{} samples", record.len());
    assert_agrees(&results, &record);
    assert_delivered(&results, record.len());
}

#[test]
fn two_modes_of_delay_keep_their_percentiles() {
    // Every tenth takes twelve times as long: the median lies in the one mode, p95 and p99 in the other. A tool that
    // averaged would show 105 ms everywhere.
    let server = Server::start(Delay::bimodal(Duration::from_millis(50), Duration::from_millis(600)));
    let load = "users = [ { to = 20, over = \"0s\" }, { hold = \"6s\" } ]";
    let results = run(&server, 20, load, "think = \"constant 1ms\"");
    let record = server.record();
    assert!(record.len() > 400, "{} samples", record.len());
    assert_agrees(&results, &record);
    assert_delivered(&results, record.len());
    let service = &results["operations"]["publish"]["service_us"];
    let p50 = service["p50"].as_u64().expect("a figure");
    let p95 = service["p95"].as_u64().expect("a figure");
    assert!(p95 > 8 * p50, "the modes stay apart: {service}");
}

/// Arrivals at a constant rate against a server that stands still once.
///
/// By hand: at 100 arrivals a second one comes every 10 ms, and 40 users are there to take it. When the server stops
/// answering, the request that it holds first is one user's; a few more users wait for the usual 20 ms. The others
/// take an arrival each and stay with it, so after (40 − 1 − a few) × 10 ms, about 0.4 s, nobody is parked. The
/// stall goes on for another 1.1 s, in which about 110 arrivals find nobody. At least: 150 arrivals (149, if the
/// first falls just before it) fall into 1.5 s, of which no more than 39 find a user, so 110 are missed. At most:
/// as many as fall into the time until the last held reply was written, which the server tells.
#[test]
fn a_stall_shows_in_response_times_and_missed_arrivals() {
    const RATE: f64 = 100.0;
    const USERS: u32 = 40;
    let stall = Duration::from_millis(1_500);
    let server = Server::start(Delay::stalling(Duration::from_millis(20), 200, stall));
    // The load outlasts the arrivals: one that is due as the load ends may or may not come.
    let load = "users = [ { to = 40, over = \"0s\" }, { hold = \"10s\" } ]\n\
                arrivals = [ { hold = \"2s\" }, { to = \"100/s\", over = \"0s\" }, { hold = \"7s\" } ]\n\
                arrival_spacing = \"even\"";
    let results = run(&server, USERS, load, "await = \"arrival\"");
    let record = server.record();
    let arrivals = &results["arrivals"];
    let count = |name: &str| arrivals[name].as_u64().expect("a count");
    assert_eq!(count("planned"), 700);
    assert_eq!(count("planned"), count("started") + count("missed"), "{arrivals}");
    assert_eq!(count("started"), record.len() as u64, "each arrival that was taken is one publish");

    let held = server.held().expect("the server stood still");
    assert!(held >= stall);
    let least = (stall.as_secs_f64() * RATE) as u64 - 1 - u64::from(USERS - 1);
    // A machine that is busy beside the stall misses a few more: 25 arrivals are a quarter of a second.
    let most = (held.as_secs_f64() * RATE) as u64 + 1 - u64::from(USERS - 1) + 25;
    assert!((least..=most).contains(&count("missed")), "{} missed, by hand {least} to {most}", count("missed"));

    // The first request that was held waited for the whole stall, and the program says so.
    let publish = &results["operations"]["publish"];
    let response_max = publish["response_us"]["max"].as_u64().expect("a figure");
    assert!(response_max >= 1_490_000, "the longest response: {response_max} µs");
    assert_delivered(&results, record.len());
    assert_eq!(publish["ok"], record.len());
    if !vouches(&results) {
        return;
    }
    // It was the server that was late and not the program.
    let lag = arrivals["lag_us"]["p99"].as_u64().expect("a figure");
    assert!(lag < response_max / 10, "lag {lag} µs, response {response_max} µs");
    let longest = record.last().expect("a reply").as_secs_f64() * 1e3;
    let measured = publish["service_us"]["max"].as_f64().expect("a figure") / 1e3;
    let tolerance = longest * 0.02 + 1.0 + own_lateness_ms(&results, "max");
    assert!((measured - longest).abs() <= tolerance, "measured {measured:.2} ms, the server {longest:.2} ms");
}

/// The same stall with users enough for every arrival: nothing is missed, and the percentiles follow from arithmetic.
///
/// By hand: 1,000 arrivals, one every 10 ms. The server stands still for `held`. What arrives in that time waits for
/// the rest of it, so the n-th longest response is `held` − n × 10 ms, up to the spacing of two arrivals and the usual
/// 20 ms: p90 is the 100th longest, p95 the 50th, p99 the 10th. The median is an arrival that was not held.
#[test]
fn percentiles_under_a_stall_agree_with_the_arithmetic() {
    let stall = Duration::from_millis(1_500);
    let server = Server::start(Delay::stalling(Duration::from_millis(20), 200, stall));
    let load = "users = [ { to = 200, over = \"0s\" }, { hold = \"14s\" } ]\n\
                arrivals = [ { hold = \"2s\" }, { to = \"100/s\", over = \"0s\" }, { hold = \"10s\" } ]\n\
                arrival_spacing = \"even\"";
    let results = run(&server, 200, load, "await = \"arrival\"");
    let record = server.record();
    let arrivals = &results["arrivals"];
    assert_eq!(arrivals["planned"], 1_000);
    assert_eq!(arrivals["started"].as_u64(), Some(record.len() as u64), "{arrivals}");
    assert_delivered(&results, record.len());
    let held = server.held().expect("the server stood still").as_secs_f64() * 1e3;
    // On a machine so busy that somebody was not ready in time the arithmetic is another.
    if !vouches(&results) || arrivals["missed"] != 0 {
        return;
    }
    let response = &results["operations"]["publish"]["response_us"];
    // Half of the replies were not held: what they took beyond the usual, a busy machine added to the server.
    let late = (percentile(&record, 0.5).as_secs_f64() * 1e3 - 20.0).max(0.0);
    for (name, longest) in [("p50", None), ("p90", Some(100.0)), ("p95", Some(50.0)), ("p99", Some(10.0))] {
        let (least, most) =
            longest.map_or((20.0, 20.0), |rank| (held - (rank + 1.0) * 10.0, held - (rank - 1.0) * 10.0 + 20.0));
        let own = own_lateness_ms(&results, name.replace("p90", "p95").as_str());
        let tolerance = most * 0.02 + 1.0 + 2.0 * late + own;
        let measured = response[name].as_f64().expect("a figure") / 1e3;
        let range = least - tolerance..=most + tolerance;
        assert!(range.contains(&measured), "{name}: {measured:.1} ms, by hand {least:.1} to {most:.1} ms");
    }
}
