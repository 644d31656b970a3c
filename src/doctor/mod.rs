//! The doctor: looks at this machine, at the plan and at the target before a run, and says what to do about what it
//! finds.
//!
//! One file for each family of checks. In each of them a small function reads the system and a pure one judges what
//! was read, so that every sentence is tested without the machine that it is about. Like `cli` it sees every other
//! room; nothing but `cli` uses it. What would keep `run` from starting is judged by `engine`'s own rules. Start
//! reading at [`Finding`], then at [`machine`].

mod backlog;
mod clock;
mod connection;
mod descriptors;
mod disk;
mod finding;
mod memory;
mod ports;
mod processors;
mod rest;
mod samples;
mod sources;
mod tls;
mod tokens;

use std::path::Path;
use std::time::Duration;

pub use finding::{Finding, Level};

use crate::engine::Targets;
use crate::gate::Gate;
use crate::scenario::{Scenario, TargetUrl};

/// Longest wait for a step of the target; a scenario may have set a shorter one.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at this machine, against what the scenario needs if there is one. `runs` is where run folders go.
pub fn machine(scenario: Option<&Scenario>, runs: &Path) -> Vec<Finding> {
    let mut findings = vec![descriptors::look(scenario)];
    findings.extend(ports::look(scenario));
    findings.push(processors::look(scenario));
    findings.push(memory::look(scenario));
    findings.push(clock::source());
    findings.push(clock::timers());
    findings.extend(backlog::look(scenario));
    findings.extend(disk::look(scenario, runs));
    findings
}

/// Looks at what is planned: tokens against the service's limits, gates against the samples that they need.
pub fn plan(scenario: &Scenario, gates: &[Gate]) -> Vec<Finding> {
    let mut findings = tokens::look(scenario);
    findings.extend(samples::look(scenario, gates));
    findings
}

/// Looks at the target: one connection up to the upgrade, one REST request without credentials, one look at each source
/// of its own figures.
pub async fn target(scenario: &Scenario, targets: &Targets) -> Vec<Finding> {
    let patience = scenario.target.timeout.min(PATIENCE);
    let mut findings = connection::look(scenario, &targets.service, patience).await;
    if let Some(rest) = &targets.rest {
        findings.push(rest::look(rest, patience).await);
    }
    findings.extend(sources::look(scenario, targets, patience).await);
    findings
}

/// Whether the load stays on this machine.
fn is_loopback(scenario: &Scenario) -> bool {
    match &scenario.target.url {
        TargetUrl::Embedded => true,
        TargetUrl::Service(endpoint) => {
            let address = endpoint.host.parse::<std::net::IpAddr>();
            endpoint.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }
    }
}
