//! A run in memory under simulated time: what takes minutes of load, such as a drift, takes a second.
//!
//! Plan, workers, drivers, collector and simulator are those of every run; sockets and threads are missing, because a
//! clock that stands still waits for neither.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::DuplexStream;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use crate::engine::{self, Observer, RunOptions, Stop, Targets};
use crate::plan::Plan;
use crate::results::RunInfo;
use crate::scenario::{Endpoint, MetricsUrl};
use crate::simulator::faults::FaultPlan;
use crate::simulator::{InjectedFaults, LocalSimulator, SimulatorConfig};
use crate::transport::{Dialer, FileClient, PageClient};

/// Time between two hand-overs of a run, and between two looks at the target's figures.
const INTERVAL: Duration = Duration::from_secs(5);
/// Users of the built-in list.
const USERS: u32 = 100;

/// The list of users that scenarios under simulated time read: their tokens are in it, because there is no REST.
pub(super) fn users() -> String {
    let rows: String = (0..USERS).map(|user| format!("u{user},example.com,token-{user}\n")).collect();
    format!("name,domain,token\n{rows}")
}

/// Carries a plan out against a simulator with these faults, and tells what that did.
pub(super) fn carry_out(
    plan: &Arc<Plan>,
    info: RunInfo,
    faults: FaultPlan,
    observer: &mut dyn Observer,
) -> anyhow::Result<InjectedFaults> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let runtime = runtime.context("there is no runtime to be had")?;
    LocalSet::new().block_on(&runtime, async {
        let simulator = LocalSimulator::start(SimulatorConfig { faults, ..SimulatorConfig::default() });
        let (accept, accepted) = mpsc::unbounded_channel();
        tokio::task::spawn_local(serve(simulator.clone(), accepted));
        let targets = targets(plan, accept)?;
        let (_going_on, stop) = watch::channel(Stop::No);
        let options = RunOptions { plan: Arc::clone(plan), info, targets, interval: INTERVAL, stop };
        engine::run_local(options, observer).await?;
        Ok(simulator.stop().await)
    })
}

async fn serve(simulator: LocalSimulator, mut accepted: mpsc::UnboundedReceiver<DuplexStream>) {
    while let Some(stream) = accepted.recv().await {
        simulator.serve(stream);
    }
}

fn targets(plan: &Plan, accept: mpsc::UnboundedSender<DuplexStream>) -> anyhow::Result<Targets> {
    let target = &plan.scenario.target;
    let endpoint = Endpoint { is_tls: false, host: "simulated".to_owned(), port: 0, path: String::new() };
    let service = Dialer::memory(endpoint, accept);
    let (upload, download) = (target.dialect.upload_path, target.dialect.download_prefix);
    let files = FileClient::new(service.clone(), upload.to_owned(), download.to_owned());
    let pages = target.watched.metrics.iter().map(|source| match &source.url {
        MetricsUrl::Path(path) => Ok(PageClient::new(service.clone(), path.clone())),
        MetricsUrl::Endpoint(_) => anyhow::bail!("there is no network under simulated time"),
    });
    Ok(Targets { pages: pages.collect::<anyhow::Result<_>>()?, service, files, rest: None })
}
