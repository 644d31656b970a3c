//! Carries cases out: a simulator and a run for each, some side by side.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;

use super::case::{Case, Pace};
use super::evidence::Evidence;
use super::row::Row;
use super::simulated;
use crate::engine::{self, Observer, Progress, RunOptions, Stop, Targets};
use crate::ops::OpId;
use crate::plan::Plan;
use crate::results::{Fold, IntervalRecord, Record, RunInfo, WindowFigures};
use crate::scenario::{Overrides, Scenario, Source, Surroundings, load};
use crate::simulator::SimulatorHandle;
use crate::simulator::faults::FaultPlan;

/// Cases side by side. Each has three threads and is idle most of the time.
const AT_ONCE: usize = 6;
/// Time between two hand-overs of a run.
const INTERVAL: Duration = Duration::from_millis(250);

/// Starts the simulator with these faults and makes it ready to be used.
pub type Opener<'a> = &'a (dyn Fn(&Scenario, FaultPlan) -> anyhow::Result<(Targets, SimulatorHandle)> + Sync);

/// A case that was carried out.
#[derive(Debug)]
pub struct Examined {
    /// The class of fault.
    pub class: &'static str,
    /// Its rows.
    pub rows: Vec<Row>,
    /// Doubts of the run itself, such as a generator that could not keep up.
    pub doubts: Vec<String>,
}

/// Carries cases out and tells their rows, in the order of the cases. In each class of `sabotaged` one
/// fault is overlooked.
///
/// # Errors
/// A case that could not be carried out.
pub fn conduct(cases: &[Case], sabotaged: &[String], open: Opener<'_>) -> anyhow::Result<Vec<Examined>> {
    let mut examined: Vec<Option<anyhow::Result<Examined>>> = cases.iter().map(|_| None).collect();
    let examine = |case: &Case| {
        let is_sabotaged = sabotaged.iter().any(|class| class == case.class);
        examine(case, is_sabotaged, open).with_context(|| format!("`{}` cannot be carried out", case.class))
    };
    let of_pace = |pace: Pace| cases.iter().enumerate().filter(move |(_, case)| case.pace == pace);
    for (index, case) in of_pace(Pace::Simulated).chain(of_pace(Pace::Alone)) {
        examined[index] = Some(examine(case));
    }
    let waiting: Mutex<VecDeque<(usize, &Case)>> = Mutex::new(of_pace(Pace::Together).collect());
    let done = Mutex::new(&mut examined);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some((index, case)) = next else { return };
                    let result = examine(case);
                    done.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(result);
                }
            });
        }
    });
    examined.into_iter().flatten().collect()
}

fn examine(case: &Case, is_sabotaged: bool, open: Opener<'_>) -> anyhow::Result<Examined> {
    let mut evidence = evidence(case, open)?;
    if is_sabotaged {
        (case.overlook_one)(&mut evidence.results);
    }
    let mut doubts = evidence.results.warnings.clone();
    if let Some(from) = evidence.results.generator.saturated_from {
        doubts.push(format!("this machine was too busy from second {from:.1} of the run on"));
    }
    Ok(Examined { class: case.class, rows: case.rows(&evidence), doubts })
}

fn evidence(case: &Case, open: Opener<'_>) -> anyhow::Result<Evidence> {
    let scenario = Arc::new(scenario(case)?);
    let faults = FaultPlan::parse(case.faults)?;
    let seconds = |span: Duration| span.as_secs_f64();
    let info = RunInfo {
        id: uuid::Uuid::now_v7().to_string(),
        name: scenario.name.clone(),
        users_planned: scenario.users.count,
        load_planned_s: seconds(scenario.load.duration()),
        steady: (scenario.load.steady()).map(|(from, to)| WindowFigures { from_s: seconds(from), to_s: seconds(to) }),
        ..RunInfo::default()
    };
    let plan = Arc::new(Plan::new(Arc::clone(&scenario), &info.id, 1));
    let mut folder = Folder(Fold::new());
    let injected = match case.pace {
        Pace::Simulated => simulated::carry_out(&plan, info, faults, &mut folder)?,
        Pace::Together | Pace::Alone => {
            let (targets, simulator) = open(&scenario, faults)?;
            let (_going_on, stop) = watch::channel(Stop::No);
            engine::run(RunOptions { plan: Arc::clone(&plan), info, targets, interval: INTERVAL, stop }, &mut folder)?;
            simulator.stop()
        }
    };
    let service = |op: OpId| folder.0.sums().ops[op.index()].service.clone();
    Ok(Evidence {
        results: folder.0.finish(),
        injected,
        publish_service: service(OpId::Publish),
        connect_service: service(OpId::Connect),
        arrivals_planned: plan.arrivals(0).count() as u64,
        groups: u64::from(plan.topology.groups()),
    })
}

/// The scenario of a case. It reads neither files nor the environment; a list of users is built in.
pub(super) fn scenario(case: &Case) -> anyhow::Result<Scenario> {
    let source = Source { name: format!("selftest {}", case.class), text: case.scenario.to_owned() };
    let set = case.set.iter().map(|set| (*set).to_owned()).collect();
    let overrides = Overrides { set, ..Overrides::default() };
    let around = Surroundings { variable: &|_| None, read_file: &|_| Ok(simulated::users()) };
    let loaded = load(&source, &overrides, &around)
        .map_err(|problems| anyhow::anyhow!("{}", problems.render(crate::scenario::Style::Plain)))?;
    Ok(loaded.scenario)
}

/// Folds what a run tells.
struct Folder(Fold);

impl Observer for Folder {
    fn stage(&mut self, _: &'static str, _: u32, _: u32) {}

    fn record(&mut self, record: Record) {
        self.0.push(&record);
    }

    fn progress(&mut self, _: &IntervalRecord, _: &Progress) {}
}
