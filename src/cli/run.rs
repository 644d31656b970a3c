//! `run`: carries a scenario out, writes the run folder, prints the verdict.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;

use tokio::sync::watch;

use super::args::RunArgs;
use super::compare::Against;
use super::hardware::hardware;
use super::load::{Ready, scenario};
use super::progress::Display;
use super::targets::Service;
use super::{Exit, ci, resume, signals, targets, terminal};
use crate::compare::{Collector, HistoryLine, load_hash};
use crate::engine::{self, Observer, Progress, RunOptions, Stop};
use crate::gate::{Jury, NoBaseline, ScenarioFacts};
use crate::plan::Plan;
use crate::random::mix;
use crate::report::{self, Format};
use crate::results::{DayFigures, EndedBy, Fold, IntervalRecord, Record, Results, RunInfo, WindowFigures};
use crate::scenario::{Scenario, TargetUrl};
use crate::store::{Ages, JournalKeeper, JournalWriter, Origin, RunFile, RunFolder, RunLock, append_history};

/// Time between two records of the journal.
const INTERVAL: Duration = Duration::from_secs(1);
/// Said at the first Ctrl-C.
pub(super) const GOODBYE: &str = "finishing what is open and writing the reports; once more to stop at once";
/// Reports that every run writes.
const REPORTS: [(Format, RunFile); 4] = [
    (Format::Json, RunFile::Results),
    (Format::Html, RunFile::Report),
    (Format::Junit, RunFile::Junit),
    (Format::Markdown, RunFile::Summary),
];

pub(super) fn execute(args: &RunArgs) -> anyhow::Result<Exit> {
    let Ok(against) = Against::of(args) else { return Ok(Exit::BadInput) };
    let prepared = match (&args.resume, &args.scenario) {
        (Some(run), _) => resume::prepare(run, args)?,
        (None, Some(path)) => prepare(path, args)?,
        (None, None) => None,
    };
    match prepared {
        Some(prepared) => carry_out(prepared, against, args),
        None => Ok(Exit::BadInput),
    }
}

/// A run that can begin, or go on.
pub(super) struct Prepared {
    pub(super) folder: RunFolder,
    /// Held as long as the folder is written.
    pub(super) lock: RunLock,
    pub(super) journal: JournalWriter,
    pub(super) service: Service,
    pub(super) plan: Arc<Plan>,
    pub(super) info: RunInfo,
    /// What is known of the run so far.
    pub(super) fold: Fold,
    /// Who judges it, having heard as much.
    pub(super) jury: Jury,
    /// What the comparison needs of its intervals, when one is to be made.
    pub(super) collector: Option<Collector>,
    pub(super) stop: watch::Receiver<Stop>,
}

/// A new run; `None` when the person made mistakes, which are told then.
fn prepare(path: &Path, args: &RunArgs) -> anyhow::Result<Option<Prepared>> {
    let ready = match scenario(path, &args.flags) {
        Ok(ready) => ready,
        Err(problems) => {
            terminal::tell_problems(&problems);
            return Ok(None);
        }
    };
    let Ready { scenario, effective, gates } = ready;
    let users = scenario.users.count;
    if let Some(workers) = args.workers.filter(|workers| *workers > users) {
        tell!("error: `--workers {workers}` is more than the {users} users: give {users} or less, or leave it out");
        return Ok(None);
    }
    let faults = match targets::faults(args.faults.as_deref()) {
        Ok(faults) => faults,
        Err(error) => {
            tell!("error: {:#}", anyhow::Error::from(error));
            return Ok(None);
        }
    };
    if let (Some(file), TargetUrl::Service(endpoint)) = (&args.faults, &scenario.target.url) {
        let file = file.display();
        tell!(
            "error: `--faults {file}` is for the embedded simulator, and the target is `{}:{}`: nothing of it would happen; \
             give it to the simulator that is the target, `pbxload simulate --faults {file}`, or set `target.url = \"embedded\"`",
            endpoint.host,
            endpoint.port
        );
        return Ok(None);
    }
    let started_at = Timestamp::now();
    let stop = signals::listen(GOODBYE).context("cannot listen for signals")?;
    let folder = RunFolder::create(args.out.as_deref(), &scenario.name, started_at)?;
    let lock = RunLock::take(&folder.journal())?;
    folder.write_whole(RunFile::Scenario, effective.as_bytes())?;
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let origin =
        Origin { scenario: absolute(path), faults: args.faults.as_deref().map(absolute), workers: args.workers };
    folder.write_origin(&origin)?;
    let journal = JournalWriter::open(&folder.journal())?;
    let service = targets::open(&scenario, faults)?;
    let scenario = Arc::new(scenario);
    let info = RunInfo {
        rules: Some(gates.info()),
        ..run_info(&scenario, &effective, path, args, started_at, service.targets.service.endpoint.is_tls)
    };
    let workers = workers(args.workers, service.simulator.is_some(), users);
    let plan = Arc::new(Plan::new(scenario, &info.id, workers));
    Ok(Some(Prepared {
        folder,
        lock,
        journal,
        service,
        plan,
        info,
        fold: Fold::new(),
        jury: gates.jury(),
        collector: args.baseline.is_some().then(Collector::new),
        stop,
    }))
}

fn carry_out(prepared: Prepared, against: Option<Against>, args: &RunArgs) -> anyhow::Result<Exit> {
    let Prepared { folder, lock, journal, service, plan, info, fold, jury, collector, stop } = prepared;
    let scenario = &plan.scenario;
    let ages = Ages { fine: scenario.journal.fine, medium: scenario.journal.medium };
    let is_new = plan.resumption().is_none();
    let mut watcher = Watcher {
        display: Display::new(args.progress, scenario.load.duration(), scenario.users.count),
        fold,
        jury,
        journal: JournalKeeper::start(journal, ages).context("no thread can be made for the journal")?,
        told: BTreeSet::new(),
        has_started: false,
        collector,
    };
    let options = RunOptions { plan: Arc::clone(&plan), info, targets: service.targets, interval: INTERVAL, stop };
    let outcome = engine::run(options, &mut watcher);
    watcher.display.finish();
    let Watcher { mut fold, jury, journal, mut told, has_started, collector, .. } = watcher;
    for trouble in journal.finish() {
        tell(trouble, &mut told, &mut fold);
    }
    if let Err(error) = outcome {
        // Nothing was measured: an empty folder would only be in the way.
        if !has_started && is_new {
            let _ = std::fs::remove_dir_all(folder.path());
        }
        return Err(error.into());
    }
    let mut results = fold.finish();
    match &against {
        Some(against) => {
            jury.judge(&mut results, against);
            against.compare(collector.as_ref(), folder.path(), &mut results)?;
        }
        None => jury.judge(&mut results, &NoBaseline),
    }
    let written = write_reports(&folder, &results);
    drop(lock);
    if args.history.as_os_str() != "off"
        && let Err(error) = append_history(&args.history, &HistoryLine::of(&results))
    {
        // The run is carried out and reported; its place in the history is all that is missing.
        tell!("warning: {:#}", anyhow::Error::from(error));
    }
    let mut summary = Vec::new();
    report::text::write(&results, terminal::layout(), &mut summary)?;
    terminal::print(&String::from_utf8_lossy(&summary));
    ci::tell(&results);
    // The verdict is told even when no file can hold it.
    written?;
    tell!("\nreport: {}", folder.path_of(RunFile::Report).display());
    if matches!(results.run.ended_by, EndedBy::Interrupt | EndedBy::Terminated) {
        tell!("the run can go on where it was: pbxload run --resume {}", quoted(&folder.path().display().to_string()));
    }
    Ok(Exit::of(&results.verdict))
}

/// Writes everything that a run folder holds besides scenario and journal.
pub(super) fn write_reports(folder: &RunFolder, results: &Results) -> anyhow::Result<()> {
    for (format, file) in REPORTS {
        let mut bytes = Vec::new();
        report::render(format, results, &mut bytes)?;
        folder.write_whole(file, &bytes)?;
    }
    Ok(())
}

/// Worker threads: one a core, and a core left to the simulator when it runs in the same process.
pub(super) fn workers(wanted: Option<u32>, has_simulator: bool, users: u32) -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let free = if has_simulator { cores.saturating_sub(1) } else { cores };
    wanted.unwrap_or_else(|| free.clamp(1, users.max(1)))
}

fn run_info(
    scenario: &Scenario,
    effective: &str,
    path: &Path,
    args: &RunArgs,
    started_at: Timestamp,
    is_tls: bool,
) -> RunInfo {
    let target = match &scenario.target.url {
        TargetUrl::Embedded => "embedded".to_owned(),
        TargetUrl::Service(endpoint) => {
            let scheme = if endpoint.is_tls { "wss" } else { "ws" };
            format!("{scheme}://{}:{}{}", endpoint.host, endpoint.port, endpoint.path)
        }
    };
    let verification = match (is_tls, scenario.target.tls.verify) {
        (false, _) => "none",
        (true, true) => "on",
        (true, false) => "off",
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    RunInfo {
        id: uuid::Uuid::now_v7().to_string(),
        name: scenario.name.clone(),
        description: scenario.description.clone(),
        seed: scenario.seed,
        target,
        dialect: scenario.target.dialect.name.to_owned(),
        tls_verification: verification.to_owned(),
        scenario_hash: scenario_hash(effective),
        load_hash: load_hash(effective),
        hardware: Some(hardware()),
        users_planned: scenario.users.count,
        load_planned_s: scenario.load.duration().as_secs_f64(),
        stages: ScenarioFacts::of(scenario).stages,
        steady: scenario
            .load
            .steady()
            .map(|(from, to)| WindowFigures { from_s: from.as_secs_f64(), to_s: to.as_secs_f64() }),
        day: scenario.load.day.map(|day| DayFigures {
            start_minute: day.start,
            from_s: day.opening.as_secs_f64(),
            speed_up: day.speed_up,
        }),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        machine: format!("{cores} processors, {} {}", std::env::consts::OS, std::env::consts::ARCH),
        started_at: started_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        command: command(scenario, path, args),
        ..RunInfo::default()
    }
}

/// What tells two scenarios apart, hexadecimal.
pub(super) fn scenario_hash(text: &str) -> String {
    format!("{:016x}", text.bytes().fold(text.len() as u64, |hash, byte| mix(hash ^ u64::from(byte))))
}

/// The command line that repeats the run. Values of `--set` stay out of it where they may be secret.
fn command(scenario: &Scenario, path: &Path, args: &RunArgs) -> String {
    let flags = &args.flags;
    let mut words = vec!["pbxload run".to_owned(), quoted(&path.display().to_string())];
    let mut flag = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            words.push(format!("{name} {}", quoted(&value)));
        }
    };
    flag("--target", flags.target.clone());
    flag("--users", flags.users.map(|users| users.to_string()));
    flag("--duration", flags.duration.map(|duration| humantime::format_duration(duration).to_string()));
    flag("--seed", Some(scenario.seed.to_string()));
    for set in &flags.set {
        let (path, value) = set.split_once('=').unwrap_or((set, ""));
        let is_secret = ["password", "token", "secret", "api_key"].iter().any(|word| path.contains(word));
        flag("--set", Some(if is_secret { format!("{path}=…") } else { format!("{path}={value}") }));
    }
    for gate in &flags.gates {
        flag("--gate", Some(gate.clone()));
    }
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Writes down, folds and shows what a run tells.
struct Watcher {
    display: Display,
    fold: Fold,
    jury: Jury,
    journal: JournalKeeper,
    /// Troubles of the journal that have been told.
    told: BTreeSet<String>,
    has_started: bool,
    /// What the comparison needs of the intervals, when one is to be made.
    collector: Option<Collector>,
}

impl Observer for Watcher {
    fn stage(&mut self, stage: &'static str, done: u32, wanted: u32) {
        self.display.stage(stage, done, wanted);
    }

    fn notice(&mut self, text: &str) {
        self.display.say(&format!("warning: {text}"));
    }

    fn record(&mut self, record: Record) {
        self.has_started = true;
        self.fold.push(&record);
        self.jury.hear(&record);
        if let Some(collector) = &mut self.collector {
            collector.push(&record);
        }
        self.journal.put(record);
        for trouble in self.journal.troubles() {
            // It waits with what the disk does not take, and is there when reports are made again.
            if let Some(warning) = tell(trouble, &mut self.told, &mut self.fold) {
                self.journal.put(warning);
            }
        }
    }

    fn progress(&mut self, record: &IntervalRecord, progress: &Progress) {
        self.display.interval(record, progress);
    }

    fn has_seen_enough(&self) -> bool {
        self.jury.abort().is_some()
    }
}

/// Says what is wrong with the journal, once: now, and in the reports. The run goes on. Gives what was said, if it was.
fn tell(trouble: String, told: &mut BTreeSet<String>, fold: &mut Fold) -> Option<Record> {
    /// A disk that comes and goes for days tells little that is new.
    const TOLD_MAX: usize = 100;
    (told.len() < TOLD_MAX && told.insert(trouble.clone())).then(|| {
        tell!("warning: {trouble}");
        let warning = Record::Warning(trouble);
        fold.push(&warning);
        warning
    })
}
