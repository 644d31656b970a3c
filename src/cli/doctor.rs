//! `doctor`: looks at this machine, the plan and the target before a run, and says what to do.

use std::path::Path;

use serde_json::json;

use super::args::DoctorArgs;
use super::load::{Ready, scenario};
use super::{Exit, targets, terminal};
use crate::doctor::{self, Finding, Level};
use crate::scenario::TargetUrl;
use crate::simulator::faults::FaultPlan;
use crate::store::RUNS;

pub(super) fn execute(args: &DoctorArgs) -> anyhow::Result<Exit> {
    let runs = Path::new(RUNS);
    let findings = match &args.scenario {
        None => doctor::machine(None, runs),
        Some(path) => match scenario(path, &args.flags) {
            Ok(ready) => examine(&ready, runs)?,
            Err(problems) if args.json => {
                let detail = serde_json::to_value(&problems)?;
                terminal::print(&format!("{:#}\n", json!({ "usable": false, "problems": detail })));
                return Ok(Exit::BadInput);
            }
            Err(problems) => {
                terminal::tell_problems(&problems);
                return Ok(Exit::BadInput);
            }
        },
    };
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (bad, warnings) = (count(Level::Bad), count(Level::Warn));
    if args.json {
        terminal::print(&format!("{:#}\n", json!({ "usable": bad == 0, "findings": findings })));
    } else {
        let lines: String = findings.iter().map(Finding::prose).collect();
        let answer = if bad == 0 { "usable" } else { "not usable" };
        terminal::print(&format!("{lines}\n{answer}: {bad} bad, {warnings} to be thought about\n"));
    }
    Ok(if bad == 0 { Exit::Pass } else { Exit::NotCarriedOut })
}

fn examine(ready: &Ready, runs: &Path) -> anyhow::Result<Vec<Finding>> {
    let scenario = &ready.scenario;
    let mut findings = doctor::machine(Some(scenario), runs);
    findings.extend(doctor::plan(scenario, &ready.gates.gates));
    if scenario.target.url == TargetUrl::Embedded {
        findings.push(Finding::ok("target", "the embedded simulator, started with the run"));
        return Ok(findings);
    }
    match targets::open(scenario, FaultPlan::default()) {
        Ok(service) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            findings.extend(runtime.block_on(doctor::target(scenario, &service.targets)));
        }
        // Certificates that cannot be read, names that cannot be verified: the error says what to set.
        Err(error) => findings.push(Finding::bad("target", format!("{error:#}"), "correct `[target]`")),
    }
    Ok(findings)
}
