//! `selftest`: makes every class of fault and shows that each is reported, to the message.

use super::args::SelftestArgs;
use super::{Exit, targets, terminal};
use crate::engine::Targets;
use crate::scenario::Scenario;
use crate::selftest::{self, Case, Row};
use crate::simulator::SimulatorHandle;
use crate::simulator::faults::FaultPlan;

pub(super) fn execute(args: &SelftestArgs) -> anyhow::Result<Exit> {
    if let Some(unknown) = args.only.iter().chain(&args.sabotage).find(|class| selftest::named(class).is_none()) {
        let known: Vec<&str> = selftest::all().iter().map(|case| case.class).collect();
        tell!("error: there is no class `{unknown}`; there are {}", known.join(", "));
        return Ok(Exit::BadInput);
    }
    let is_wanted = |case: &Case| args.only.is_empty() || args.only.iter().any(|class| class == case.class);
    let cases: Vec<Case> = selftest::all().into_iter().filter(is_wanted).collect();
    tell!("{} of {} classes of fault; all of them take less than a minute", cases.len(), selftest::all().len());
    let examined = selftest::conduct(&cases, &args.sabotage, &open)?;
    terminal::print(&match args.json {
        true => format!("{:#}\n", selftest::to_json(&examined)),
        false => selftest::to_text(&examined),
    });
    let is_exact = examined.iter().flat_map(|case| &case.rows).all(Row::agrees);
    Ok(if is_exact { Exit::Pass } else { Exit::GateFailed })
}

fn open(scenario: &Scenario, faults: FaultPlan) -> anyhow::Result<(Targets, SimulatorHandle)> {
    let service = targets::open(scenario, faults)?;
    let simulator = service.simulator.ok_or_else(|| anyhow::anyhow!("the self-test loads nothing but a simulator"))?;
    Ok((service.targets, simulator))
}
