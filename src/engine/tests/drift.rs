//! Drift of whole runs under paused time: what is planted is found, and what is not there is not found.

use std::cell::Cell;
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::steady::ON_CALL;
use super::*;
use crate::gate::{Gate, Jury, NoBaseline, Rules};
use crate::results::DriftVerdict;
use crate::scenario::MetricsUrl;

/// What grows while the load holds still, as a share a minute.
#[derive(Debug, Clone, Copy)]
struct Planted {
    latency: f64,
    leak: f64,
}

/// Of a service of which all is as it was at the beginning.
const STEADY_GATES: [&str; 2] = ["publish.response.p99.drift < 5%/h", "target.rss_bytes.drift < 1%/h"];

const GATES: [&str; 3] =
    ["publish.response.p50.drift < 5%/h", "target.rss_bytes.drift < 1%/h", "publish.rate.drift > -20%/h"];

/// An hour of three arrivals a second against a service that answers after 40 ms and holds 100 MB, give or take some noise.
fn hour(planted: Planted) -> Results {
    let load = "users = [ { to = 6, over = \"1s\" }, { hold = \"1h\" } ]\narrivals = [ { to = \"3/s\", over = \"1s\" }, { hold = \"1h\" } ]";
    let metrics = "timeout = \"10s\"\nmetrics = [ { url = \"/metrics\", figures = { rss_bytes = \"process_resident_memory_bytes\", gone = \"no_such_metric\" } } ]";
    let plan = plan(&scenario(6, "", load, ON_CALL).replacen("timeout = \"10s\"", metrics, 1), 1);
    assert_eq!(plan.scenario.target.watched.metrics[0].url, MetricsUrl::Path("/metrics".to_owned()));
    simulated(async move {
        let (dialer, mut accepted) = memory();
        let simulator = LocalSimulator::start(SimulatorConfig::default());
        let clock = Clock::start();
        let minutes = move || clock.now().as_secs_f64() / 60.0;
        tokio::task::spawn_local(async move {
            while let Some(stream) = accepted.recv().await {
                let (ours, theirs) = tokio::io::duplex(64 * 1024);
                simulator.serve(theirs);
                let wait = move || Duration::from_secs_f64(0.04 * (1.0 + planted.latency * minutes()));
                tokio::task::spawn_local(slowly(ours, stream, wait));
            }
        });
        let (pages, mut asked) = memory();
        tokio::task::spawn_local(async move {
            let count = Rc::new(Cell::new(0u64));
            while let Some(stream) = asked.recv().await {
                count.set(count.get() + 1);
                // Every fiftieth is refused: that is no zero.
                let noise = (count.get() % 7) as f64 * 1e4;
                let value = 1e8 * (1.0 + planted.leak * minutes()) + noise;
                let page = format!("# TYPE x gauge\nprocess_resident_memory_bytes {value}\n");
                tokio::task::spawn_local(answer(stream, (!count.get().is_multiple_of(50)).then_some(page)));
            }
        });
        let (mut options, _tell) = options(&plan, &dialer, Duration::from_secs(10));
        options.targets.pages = vec![PageClient::new(pages, "/metrics".to_owned())];
        judged(options, &GATES).await
    })
}

/// Twelve minutes of six messages a second against the simulator with these faults, whose own `/metrics` are read.
fn simulator_with(faults: &str) -> Results {
    let load = "users = [ { to = 6, over = \"1s\" }, { hold = \"12m\" } ]\narrivals = [ { to = \"6/s\", over = \"1s\" }, { hold = \"12m\" } ]";
    let metrics = "timeout = \"10s\"\nmetrics = [ { url = \"/metrics\", figures = { rss_bytes = \"process_resident_memory_bytes\" } } ]";
    let plan = plan(&scenario(6, "", load, ON_CALL).replacen("timeout = \"10s\"", metrics, 1), 1);
    let faults = FaultPlan::parse(&format!("delay.pub = {{ constant = \"100ms\" }}\n{faults}")).expect("a fault plan");
    simulated(async move {
        let dialer = served(SimulatorConfig { faults, ..SimulatorConfig::default() });
        let (options, _tell) = options(&plan, &dialer, Duration::from_secs(5));
        judged(options, &STEADY_GATES).await
    })
}

struct Judged {
    watch: Watch,
    jury: Jury,
}

/// Carries a run out and judges it.
async fn judged(options: RunOptions, gates: &[&str]) -> Results {
    let gates: Vec<Gate> = gates.iter().map(|gate| Gate::parse(gate).expect(gate)).collect();
    let mut judged = Judged { watch: Watch::default(), jury: Jury::new(&gates, &[], Rules::default()) };
    run_local(options, &mut judged).await.expect("a run");
    let mut results = judged.watch.fold.finish();
    judged.jury.judge(&mut results, &NoBaseline);
    results
}

impl Observer for Judged {
    fn stage(&mut self, _: &'static str, _: u32, _: u32) {}

    fn record(&mut self, record: Record) {
        self.jury.hear(&record);
        self.watch.record(record);
    }

    fn progress(&mut self, _: &IntervalRecord, _: &Progress) {}
}

/// Passes everything on, what the server says after a while.
async fn slowly(server: DuplexStream, client: DuplexStream, wait: impl Fn() -> Duration) {
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let up = async { drop(tokio::io::copy(&mut from_client, &mut to_server).await) };
    let down = async {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_server.read(&mut bytes).await {
            tokio::time::sleep(wait()).await;
            if to_client.write_all(&bytes[..read]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! { () = up => {}, () = down => {} }
}

/// One page for one request, or a refusal.
async fn answer(mut stream: DuplexStream, page: Option<String>) {
    let mut request = vec![0; 4096];
    let read = stream.read(&mut request).await.unwrap_or(0);
    assert!(request[..read].starts_with(b"GET /metrics HTTP/1.1\r\n"));
    let (status, page) = page.map_or(("503 Busy", String::new()), |page| ("200 OK", page));
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", page.len());
    let _ = stream.write_all((head + &page).as_bytes()).await;
}

fn verdict(results: &Results, figure: &str) -> (DriftVerdict, String) {
    let drift = results.drift.iter().find(|drift| drift.figure == figure);
    drift.map_or_else(|| panic!("no {figure}"), |drift| (drift.verdict, drift.says.clone()))
}

fn passed(results: &Results) -> Vec<Option<bool>> {
    results.gates.iter().map(|gate| gate.passed).collect()
}

#[test]
fn a_planted_percent_a_minute_is_found_in_the_times_and_in_the_targets_memory() {
    let results = hour(Planted { latency: 0.01, leak: 0.01 });
    for figure in ["publish.response.p50", "publish.response.p99", "delivery.p50", "target.rss_bytes"] {
        let (verdict, says) = verdict(&results, figure);
        assert!(verdict == DriftVerdict::Drifting && says.contains("grew by"), "{says}");
    }
    assert_eq!(passed(&results), [Some(false), Some(false), Some(true)], "{:?}", results.gates);
    let own = &results.target;
    // Once every ten seconds, and one of fifty was refused.
    assert!(own.scrapes >= 360 && own.failed == own.scrapes / 50, "{own:?}");
    let rss = own.figures["rss_bytes"];
    assert!(rss.min >= 1e8 && rss.last > 1.59e8 && rss.samples == own.scrapes - own.failed, "{rss:?}");
    assert!(!own.figures.contains_key("gone"));
    let warned = |word: &str| results.warnings.iter().any(|warning| warning.contains(word));
    assert!(warned("HTTP 503") && warned("`target.gone` could not be read"), "{:?}", results.warnings);
    assert!(results.series.points.iter().any(|point| point.target.contains_key("rss_bytes")));
}

#[test]
fn where_nothing_drifts_nothing_is_found() {
    let results = hour(Planted { latency: 0.0, leak: 0.0 });
    let drifting: Vec<&String> =
        results.drift.iter().filter(|drift| drift.verdict == DriftVerdict::Drifting).map(|drift| &drift.says).collect();
    // The memory of this very process is that of all tests that run beside this one.
    let drifting: Vec<_> = drifting.into_iter().filter(|says| !says.starts_with("generator.")).collect();
    assert!(drifting.is_empty(), "{drifting:?}");
    for figure in ["publish.response.p50", "target.rss_bytes"] {
        let (verdict, says) = verdict(&results, figure);
        assert_eq!(verdict, DriftVerdict::Steady, "{says}");
    }
    assert_eq!(passed(&results), [Some(true); 3], "{:?}", results.gates);
}

#[test]
fn a_leak_that_the_simulator_shows_on_its_metrics_fails_the_gate_of_its_memory_alone() {
    let results = simulator_with("leak = { bytes_per_minute = 131072 }");
    let (grows, says) = verdict(&results, "target.rss_bytes");
    assert!(grows == DriftVerdict::Drifting && says.contains("grew by"), "{says}");
    // The planted 7.5 MiB an hour lie within the interval.
    let drift = results.drift.iter().find(|drift| drift.figure == "target.rss_bytes").expect("measured");
    let (low, high) = drift.per_hour_95.expect("an interval");
    let planted = 60.0 * 131_072.0;
    assert!(low <= planted && planted <= high && (high - low) < planted / 50.0, "{low} to {high}");
    assert_eq!(passed(&results), [Some(true), Some(false)], "{:?}", results.gates);
    assert_eq!(results.target.failed, 0, "{:?}", results.target);
}

#[test]
fn a_delay_that_grows_fails_the_gate_of_the_response_time_alone() {
    let results = simulator_with("growing_delay.pub = { per_minute = \"1ms\" }");
    let (grows, says) = verdict(&results, "publish.response.p99");
    assert_eq!(grows, DriftVerdict::Drifting, "{says}");
    assert_eq!(passed(&results), [Some(false), Some(true)], "{:?}", results.gates);
}

#[test]
fn a_simulator_that_does_not_age_passes_both_gates() {
    let results = simulator_with("");
    assert_eq!(passed(&results), [Some(true), Some(true)], "{:?}", results.gates);
    assert_eq!(verdict(&results, "target.rss_bytes").0, DriftVerdict::Steady);
    assert_eq!(verdict(&results, "publish.response.p99").0, DriftVerdict::Steady);
}
