//! Whole runs in memory under paused time: real workers, drivers and collector against the simulator.

mod aborts;
mod arrivals;
mod catch_up;
mod clean;
mod connects;
mod drift;
mod events;
mod faults;
mod promises;
mod restarts;
mod resumed;
mod steady;
mod stuck;
mod swings;
mod tinode;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use super::*;
use crate::metrics::{Interval, Latency};
use crate::ops::OpId;
use crate::plan::Plan;
use crate::results::{Fold, IntervalRecord, Record, Results, RunInfo, WindowFigures};
use crate::scenario::{Endpoint, MetricsUrl, Overrides, Secret, Source, Surroundings, load};
use crate::simulator::faults::FaultPlan;
use crate::simulator::{InjectedFaults, LocalSimulator, SimulatorConfig};
use crate::transport::{ApiKey, Dialer, FileClient, PageClient};

/// What a Tinode server wants of every request, and of its users.
const API_KEY: &str = "a-key";
const PASSWORD: &str = "a password";

/// A run that is over.
struct Ran {
    results: Results,
    /// Every figure of the run in one interval.
    sums: Interval,
    faults: InjectedFaults,
    /// What is left on the server: names of groups that the first user is still in.
    groups_left: Vec<String>,
    /// How long the drain took, from the marks.
    drain_s: f64,
    /// Set-up, load, drain and tear-down.
    took: Duration,
    /// What was said before anything was recorded.
    notices: Vec<String>,
}

/// Who sees what a run writes down.
#[derive(Default)]
struct Watch {
    fold: Fold,
    sums: Interval,
    drain_s: f64,
    notices: Vec<String>,
}

impl Observer for Watch {
    fn notice(&mut self, text: &str) {
        assert_eq!(self.sums.ops[OpId::Token.index()].started, 0, "said too late");
        self.notices.push(text.to_owned());
    }

    fn stage(&mut self, _: &'static str, _: u32, _: u32) {}

    fn record(&mut self, record: Record) {
        match &record {
            Record::Interval(interval) => {
                self.sums.merge(&interval.figures);
                let ledger = &interval.ledger;
                assert!(ledger.is_balanced(), "{ledger:?}");
            }
            Record::Mark(mark) if mark.label == "drain" => self.drain_s = mark.to_s - mark.from_s,
            _ => {}
        }
        self.fold.push(&record);
    }

    fn progress(&mut self, _: &IntervalRecord, _: &Progress) {}
}

pub(super) fn plan(text: &str, slots: u32) -> Arc<Plan> {
    let source = Source { name: "engine.toml".into(), text: text.into() };
    let users = |_: &str| {
        let rows: String = (0..1_000).map(|user| format!("u{user},d,token {user}\n")).collect();
        Ok(format!("name,domain,token\n{rows}"))
    };
    let around = Surroundings { variable: &|_| None, read_file: &users };
    let loaded = load(&source, &Overrides::default(), &around).unwrap_or_else(|problems| panic!("{problems}"));
    Arc::new(Plan::new(Arc::new(loaded.scenario), "a simulated run", slots))
}

/// A scenario for `users` users of the file.
pub(super) fn scenario(users: u32, topology: &str, load: &str, personas: &str) -> String {
    format!(
        "name = \"simulated\"\n[target]\nurl = \"embedded\"\ntimeout = \"10s\"\n[auth]\nflow = \"token\"\n\
         [users]\ncount = {users}\nfile = \"users.csv\"\n[topology]\npairs = \"neighbours\"\n{topology}\n[load]\n{load}\n{personas}\n"
    )
}

/// The same scenario for a Tinode server: only target, auth and users are others.
fn at_tinode(scenario: &str, users: u32) -> String {
    let (head, rest) = scenario.split_once("[target]").expect("a target");
    let (_, rest) = rest.split_once("[topology]").expect("a topology");
    format!(
        "{head}[target]\nurl = \"embedded\"\ndialect = \"tinode\"\napi_key = \"{API_KEY}\"\ntimeout = \"10s\"\n\
         [auth]\nrate = \"1000/s\"\n[users]\ncount = {users}\nprovision = true\n\
         generate = {{ name = \"u{{0}}\", password = \"{PASSWORD}\" }}\n[topology]{rest}"
    )
}

/// Runs `work` inside a runtime whose time is paused.
fn simulated<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), work)
}

fn memory() -> (Dialer, mpsc::UnboundedReceiver<tokio::io::DuplexStream>) {
    let (accept, accepted) = mpsc::unbounded_channel();
    let endpoint = Endpoint { is_tls: false, host: "simulated".into(), port: 8887, path: String::new() };
    let key = ApiKey { header: "X-Tinode-APIKey", value: Secret::new(API_KEY) };
    (Dialer::memory(endpoint, accept).with_key(Some(key)), accepted)
}

/// The way to a simulator of its own that serves whoever dials.
fn served(config: SimulatorConfig) -> Dialer {
    let (dialer, mut accepted) = memory();
    let simulator = LocalSimulator::start(config);
    tokio::task::spawn_local(async move {
        while let Some(stream) = accepted.recv().await {
            simulator.serve(stream);
        }
    });
    dialer
}

fn options(plan: &Arc<Plan>, dialer: &Dialer, interval: Duration) -> (RunOptions, watch::Sender<Stop>) {
    let (tell, stop) = watch::channel(Stop::No);
    let dialect = plan.scenario.target.dialect;
    let files = FileClient::new(dialer.clone(), dialect.upload_path.into(), dialect.download_prefix.into());
    let pages = plan.scenario.target.watched.metrics.iter().map(|source| match &source.url {
        MetricsUrl::Path(path) => PageClient::new(dialer.clone(), path.clone()),
        MetricsUrl::Endpoint(_) => panic!("there is no network under paused time"),
    });
    let targets = Targets { service: dialer.clone(), files, rest: None, pages: pages.collect() };
    let load_planned_s = plan.scenario.load.duration().as_secs_f64();
    let steady = plan
        .scenario
        .load
        .steady()
        .map(|(from, to)| WindowFigures { from_s: from.as_secs_f64(), to_s: to.as_secs_f64() });
    let info = RunInfo { load_planned_s, steady, ..RunInfo::default() };
    (RunOptions { plan: Arc::clone(plan), info, targets, interval, stop }, tell)
}

/// Carries a scenario out against the simulator with these faults, by so many workers.
fn carry_out(text: &str, faults: &str, slots: u32) -> Ran {
    carry_out_where(plan(text, slots), faults, |_| true)
}

fn carry_out_plan(plan: Arc<Plan>, faults: &str) -> Ran {
    carry_out_where(plan, faults, |_| true)
}

/// The same; the server looks only at those connections, counted from 0, that `is_served` says.
fn carry_out_where(plan: Arc<Plan>, faults: &str, is_served: fn(u64) -> bool) -> Ran {
    let faults = FaultPlan::parse(faults).expect("a fault plan");
    simulated(async move {
        let (dialer, mut accepted) = memory();
        let usual = match plan.scenario.target.dialect.name {
            "tinode" => SimulatorConfig::tinode(Some(API_KEY.to_owned())),
            _ => SimulatorConfig::default(),
        };
        let simulator = LocalSimulator::start(SimulatorConfig { faults, ..usual });
        let server = simulator.clone();
        tokio::task::spawn_local(async move {
            let mut unanswered = Vec::new();
            for number in 0.. {
                let Some(stream) = accepted.recv().await else { break };
                if is_served(number) { server.serve(stream) } else { unanswered.push(stream) }
            }
        });
        // Merging whole histograms is what a simulated hour would take most of its time for.
        let interval = Duration::from_secs(1).max(plan.scenario.load.duration() / 60);
        let (options, _tell) = options(&plan, &dialer, interval);
        let mut watch = Watch::default();
        let clock = Clock::start();
        run_local(options, &mut watch).await.expect("a run");
        let took = clock.now().since_start();
        let groups_left = groups_of_first_user(&plan, &dialer).await;
        let faults = simulator.stop().await;
        let Watch { fold, sums, drain_s, notices } = watch;
        Ran { results: fold.finish(), sums, faults, groups_left, drain_s, took, notices }
    })
}

/// Asks the server, by frames of its own, which groups user 0 is in.
async fn groups_of_first_user(plan: &Arc<Plan>, dialer: &Dialer) -> Vec<String> {
    use base64::Engine as _;
    use tokio_tungstenite::tungstenite::Message;

    let stream = dialer.dial().await.expect("connects").stream;
    let path = plan.scenario.target.dialect.websocket_path;
    let (mut socket, _) = crate::transport::upgrade(stream, dialer, path).await.expect("upgrades");
    let (scheme, secret) = match plan.scenario.target.dialect.name {
        "tinode" => ("basic", format!("u0:{PASSWORD}")),
        _ => ("access_token", "u0@d:token 0".to_owned()),
    };
    let secret = base64::engine::general_purpose::STANDARD.encode(secret);
    let login = format!(r#"{{"login":{{"id":"l","scheme":"{scheme}","secret":"{secret}"}}}}"#);
    // A PBX refuses the first of them, and goes on.
    socket.send(Message::text(r#"{"hi":{"id":"h","ver":"0.25"}}"#)).await.expect("is sent");
    let list = r#"{"get":{"id":"g","topic":"me","what":"sub"}}"#;
    for frame in [login.as_str(), r#"{"sub":{"id":"s","topic":"me"}}"#, list] {
        socket.send(Message::text(frame)).await.expect("is sent");
    }
    loop {
        let text = socket.next().await.expect("open").expect("open").into_text().expect("text");
        let frame: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let part = frame.as_object().and_then(|frame| frame.values().next()).expect("a verb");
        if part["id"] == "g" {
            let topics = part["sub"].as_array().cloned().unwrap_or_default();
            let names = topics.iter().filter_map(|topic| topic["topic"].as_str());
            return names.filter(|name| name.starts_with("grp")).map(str::to_owned).collect();
        }
    }
}

impl Ran {
    /// Promises that were found broken, by their word.
    fn broken(&self) -> Vec<(&str, u64)> {
        let broken = self.results.invariants.iter().filter(|promise| promise.violated > 0);
        broken.map(|promise| (promise.name.as_str(), promise.violated)).collect()
    }

    /// Started, ok, failed and open of an operation, which must add up.
    fn counts(&self, op: OpId) -> (u64, u64, u64, u64) {
        let figures = &self.results.operations[op.name()];
        assert_eq!(figures.started, figures.ok + figures.failed + figures.open, "{}", op.name());
        (figures.started, figures.ok, figures.failed, figures.open)
    }

    fn service(&self, op: OpId) -> &Latency {
        &self.sums.ops[op.index()].service
    }

    /// Checks everything that holds in each run that was not broken off.
    fn assert_sound(&self) {
        for (name, op) in &self.results.operations {
            assert_eq!(op.started, op.ok + op.failed + op.open, "{name}");
        }
        let delivery = &self.results.delivery;
        let excused: u64 = delivery.excused;
        assert_eq!(delivery.expected, delivery.delivered + delivery.lost + excused, "{delivery:?}");
        assert_eq!(delivery.published, delivery.accepted + delivery.refused + delivery.unknown, "{delivery:?}");
        let arrivals = &self.results.arrivals;
        assert_eq!(arrivals.planned, arrivals.started + arrivals.missed, "{arrivals:?}");
        assert_eq!(self.sums.users.unmatched_replies, 0);
        assert_eq!(self.faults.totals.sessions_open, 0, "somebody is still connected");
        assert_eq!(self.groups_left, Vec::<String>::new());
    }
}

/// Whether every value of a histogram is this one, as far as its three digits go.
fn is_always(latency: &Latency, micros: u64) -> bool {
    Latency::are_alike(latency.min(), micros) && Latency::are_alike(latency.max(), micros)
}
