//! `run --resume`: goes on with a run that was killed or broken off, in its own folder, with its plan where it was.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;

use super::args::{RunArgs, ScenarioFlags};
use super::load::{Ready, scenario_of};
use super::run::{GOODBYE, Prepared, scenario_hash, workers};
use super::{report, signals, targets, terminal};
use crate::compare::Collector;
use crate::plan::{Plan, Resumption};
use crate::report::figures;
use crate::results::{EndedBy, Fold, Interruption, IntervalRecord, Record, RunEnd, RunInfo};
use crate::store::{JournalWriter, RunFile, RunFolder, RunLock};
use crate::tick::Tick;

/// The rest of a run; `None` when it cannot go on for a reason that the person can mend, which is told then.
pub(super) fn prepare(run: &Path, args: &RunArgs) -> anyhow::Result<Option<Prepared>> {
    let given = given_anew(args);
    if !given.is_empty() {
        let given = given.join(", ");
        tell!(
            "error: {given} cannot be used with `--resume`: a resumed run has the scenario and the flags that it began with; \
             leave them out, or start a new run"
        );
        return Ok(None);
    }
    let folder = RunFolder::open(run)?;
    if !folder.journal().is_dir() {
        return refused(run, "it has no `journal/`, so nothing tells where it was; start a new run");
    }
    let lock = RunLock::take(&folder.journal())?;
    let mut fold = Fold::new();
    let mut jury = report::jury(&folder)?;
    let mut collector = args.baseline.is_some().then(Collector::new);
    let mut trace = Trace::default();
    report::read(&folder, |record| {
        trace.follow(&record);
        jury.hear(&record);
        if let Some(collector) = &mut collector {
            collector.push(&record);
        }
        fold.push(&record);
    })?;
    let Some(info) = trace.run.take() else {
        return refused(run, "its journal does not say what was run; start a new run");
    };
    if let Some(RunEnd { ended_by: EndedBy::Plan | EndedBy::Abort, ended_at, .. }) = &trace.end {
        let why = format!("it has ended, at {ended_at}: `pbxload report` makes its reports; start a new run instead");
        return refused(run, &why);
    }
    let path = folder.path_of(RunFile::Scenario);
    if scenario_hash(&folder.read_scenario()?) != info.scenario_hash {
        let why = format!(
            "`{}` is not the scenario that ran: the rest of a run has the same plan; restore the file, or start a new run",
            path.display()
        );
        return refused(run, &why);
    }
    let origin = folder.read_origin();
    let files = origin.scenario.parent().unwrap_or(Path::new(""));
    let ready = match scenario_of(&path, files, &ScenarioFlags::default()) {
        Ok(ready) => ready,
        Err(problems) => {
            let way = format!(
                "set it to the value that it had, or to the default or the password that the original scenario `{}` has \
                 in this place: such a default may be a secret, and the copy in the run folder must stay as it is",
                origin.scenario.display()
            );
            let problems = problems.with_help_on_variables(&way);
            terminal::tell_problems(&problems);
            return Ok(None);
        }
    };
    let Ready { scenario, .. } = ready;
    let faults = targets::faults(origin.faults.as_deref())?;
    let stop = signals::listen(GOODBYE).context("cannot listen for signals")?;
    let resumption = trace.resumption(&info);
    let (at, length) = (resumption.offset, scenario.load.duration());
    if at < length {
        tell!("going on at second {:.0} of {:.0}", at.as_secs_f64(), length.as_secs_f64());
    } else {
        tell!("the load of {} was over: only what follows it is left", figures::seconds(length.as_secs_f64()));
    }
    let service = targets::open(&scenario, faults)?;
    let journal = JournalWriter::open(&folder.journal())?;
    folder.remove_reports()?;
    let workers = workers(args.workers.or(origin.workers), service.simulator.is_some(), scenario.users.count);
    let plan = Plan::new(Arc::new(scenario), &info.id, workers).resumed(&info.id, resumption);
    Ok(Some(Prepared {
        folder,
        lock,
        journal,
        service,
        plan: Arc::new(plan),
        info: *info,
        fold,
        jury,
        collector,
        stop,
    }))
}

/// What the command line says that only the beginning of a run can be told.
fn given_anew(args: &RunArgs) -> Vec<&'static str> {
    let ScenarioFlags { target, users, duration, seed, set, gates, allow_hosts } = &args.flags;
    let words = [
        ("the scenario", args.scenario.is_some()),
        ("`--target`", target.is_some()),
        ("`--users`", users.is_some()),
        ("`--duration`", duration.is_some()),
        ("`--seed`", seed.is_some()),
        ("`--set`", !set.is_empty()),
        ("`--gate`", !gates.is_empty()),
        ("`--allow-host`", !allow_hosts.is_empty()),
        ("`--out`", args.out.is_some()),
        ("`--faults`", args.faults.is_some()),
    ];
    words.into_iter().filter(|(_, is_given)| *is_given).map(|(word, _)| word).collect()
}

fn refused(run: &Path, why: &str) -> anyhow::Result<Option<Prepared>> {
    tell!("error: `{}` cannot go on: {why}", run.display());
    Ok(None)
}

/// What the records of a run tell about where it was.
#[derive(Default)]
struct Trace {
    run: Option<Box<RunInfo>>,
    end: Option<RunEnd>,
    interruption: Option<Interruption>,
    /// Part, end, and start of the load of its latest interval, in the load or before it.
    latest: Option<(u32, Tick, Tick)>,
    /// When the latest part took up the load.
    load_from: Tick,
    /// Time of the load that is over.
    offset: Duration,
}

impl Trace {
    fn follow(&mut self, record: &Record) {
        match record {
            Record::Start(run) => {
                self.run.get_or_insert_with(|| run.clone());
            }
            Record::Interval(interval) => self.follow_interval(interval),
            Record::Resume(interruption) => {
                self.interruption = Some(interruption.clone());
                self.end = None;
            }
            Record::End(end) => {
                // What came after the load's end was the drain.
                if let Some((_, _, load_start)) = self.latest {
                    self.offset = self.offset.min(end.load_end.since(load_start));
                }
                self.end = Some(end.clone());
            }
            Record::Mark(_) | Record::Warning(_) => {}
        }
    }

    fn follow_interval(&mut self, interval: &IntervalRecord) {
        if self.latest.is_some_and(|(part, ..)| part != interval.part) {
            self.end = None;
        }
        let to = self.latest.map_or(interval.to, |(_, to, _)| to.max(interval.to));
        self.latest = Some((interval.part, to, interval.load_start));
        self.load_from = interval.load_from;
        if !interval.is_set_up() {
            self.offset = self.offset.max(interval.to.since(interval.load_start));
        }
    }

    fn resumption(&self, info: &RunInfo) -> Resumption {
        let (part, to, _) = self.latest.unwrap_or_default();
        Resumption {
            part: part + 1,
            offset: self.offset,
            clock_from: to.next_multiple(Duration::from_secs(1)),
            interrupted_at: self.interrupted_at(info, to),
        }
    }

    /// When the last interval ended, by the clock on the wall.
    fn interrupted_at(&self, info: &RunInfo, to: Tick) -> (String, i64) {
        let at = match (&self.end, &self.interruption) {
            (Some(end), _) => end.ended_at.parse::<Timestamp>(),
            (None, Some(interruption)) => {
                interruption.to.parse::<Timestamp>().map(|went_on| went_on + to.since(self.load_from))
            }
            (None, None) => info.started_at.parse::<Timestamp>().map(|started| started + to.since_start()),
        };
        let at = at.unwrap_or_else(|_| Timestamp::now());
        (at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), at.as_microsecond())
    }
}
