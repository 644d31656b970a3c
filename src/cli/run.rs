//! `run`: carries a scenario out, writes the run folder, prints the verdict.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;

use super::args::RunArgs;
use super::hardware::hardware;
use super::load::{Ready, scenario};
use super::progress::Display;
use super::{Exit, compare, signals, targets, terminal};
use crate::compare::{Collector, HistoryLine, load_hash, summarise};
use crate::engine::{self, Observer, Progress, RunOptions};
use crate::gate;
use crate::plan::Plan;
use crate::random::mix;
use crate::report::{self, Format};
use crate::results::{Fold, IntervalRecord, Record, Results, RunInfo};
use crate::scenario::{Scenario, TargetUrl};
use crate::store::{JournalWriter, RunFile, RunFolder, append_history};

/// Time between two records of the journal.
const INTERVAL: Duration = Duration::from_secs(1);
/// Said at the first Ctrl-C.
const GOODBYE: &str = "finishing what is open and writing the reports; once more to stop at once";
/// Reports that every run writes.
const REPORTS: [(Format, RunFile); 4] = [
    (Format::Json, RunFile::Results),
    (Format::Html, RunFile::Report),
    (Format::Junit, RunFile::Junit),
    (Format::Markdown, RunFile::Summary),
];

pub(super) fn execute(args: &RunArgs) -> anyhow::Result<Exit> {
    let ready = match scenario(&args.scenario, &args.flags) {
        Ok(ready) => ready,
        Err(problems) => {
            eprint!("{}", problems.render(terminal::problem_style()));
            return Ok(Exit::BadInput);
        }
    };
    let Ready { scenario, effective, gates } = ready;
    let faults = match targets::faults(args.faults.as_deref()) {
        Ok(faults) => faults,
        Err(error) => {
            eprintln!("error: {:#}", anyhow::Error::from(error));
            return Ok(Exit::BadInput);
        }
    };
    // Before any load is made: a run that was to be compared and cannot be is not started.
    let baseline = match &args.baseline {
        None => None,
        Some(path) => match compare::given(path, args.baseline_missing) {
            Some(runs) => Some((path, runs)),
            None => return Ok(Exit::BadInput),
        },
    };
    let started_at = Timestamp::now();
    let stop = signals::listen(GOODBYE).context("cannot listen for signals")?;
    let folder = RunFolder::create(args.out.as_deref(), &scenario.name, started_at)?;
    folder.write_whole(RunFile::Scenario, effective.as_bytes())?;
    let mut journal = JournalWriter::open(&folder.journal())?;
    let service = targets::open(&scenario, faults)?;
    let scenario = Arc::new(scenario);
    let info = run_info(&scenario, &effective, args, started_at, service.targets.service.endpoint.is_tls);
    let workers = workers(args.workers, service.simulator.is_some(), scenario.users.count);
    let plan = Arc::new(Plan::new(Arc::clone(&scenario), &info.id, workers));
    let mut watcher = Watcher {
        display: Display::new(args.progress, scenario.load.duration(), scenario.users.count),
        fold: Fold::new(),
        journal: &mut journal,
        journal_trouble: None,
        has_started: false,
        collector: args.baseline.is_some().then(Collector::new),
    };
    let options = RunOptions { plan, info, targets: service.targets, interval: INTERVAL, stop };
    let outcome = engine::run(options, &mut watcher);
    watcher.display.finish();
    if let Err(error) = outcome {
        // Nothing was measured: an empty folder would only be in the way.
        if !watcher.has_started {
            let _ = std::fs::remove_dir_all(folder.path());
        }
        return Err(error.into());
    }
    if let Some(trouble) = watcher.journal_trouble.take() {
        watcher.fold.push(&Record::Warning(trouble));
    }
    let mut results = watcher.fold.finish();
    let collector = watcher.collector.take();
    gate::judge(&gates, &mut results);
    match baseline {
        Some((path, Some(runs))) => {
            let run = collector.and_then(|collector| collector.finish(&results)).unwrap_or_else(|| summarise(&results));
            let limits = compare::limits(&args.limits);
            results.gates.push(compare::at_the_end(path, &runs, folder.path(), run, &limits)?);
            results.verdict = gate::verdict(&results);
        }
        Some((path, None)) => results.warnings.push(format!("nothing was compared: no baseline `{}`", path.display())),
        None => {}
    }
    write_reports(&folder, &results)?;
    if args.history.as_os_str() != "off"
        && let Err(error) = append_history(&args.history, &HistoryLine::of(&results))
    {
        // The run is carried out and reported; its place in the history is all that is missing.
        eprintln!("warning: {:#}", anyhow::Error::from(error));
    }
    let mut summary = Vec::new();
    report::text::write(&results, terminal::layout(), &mut summary)?;
    terminal::print(&String::from_utf8_lossy(&summary));
    eprintln!("\nreport: {}", folder.path_of(RunFile::Report).display());
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
fn workers(wanted: Option<u32>, has_simulator: bool, users: u32) -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let free = if has_simulator { cores.saturating_sub(1) } else { cores };
    wanted.unwrap_or(free).clamp(1, users.max(1))
}

fn run_info(scenario: &Scenario, effective: &str, args: &RunArgs, started_at: Timestamp, is_tls: bool) -> RunInfo {
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
        scenario_hash: format!("{:016x}", hash(effective)),
        load_hash: load_hash(effective),
        hardware: Some(hardware()),
        users_planned: scenario.users.count,
        load_planned_s: scenario.load.duration().as_secs_f64(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        machine: format!("{cores} processors, {} {}", std::env::consts::OS, std::env::consts::ARCH),
        started_at: started_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        command: command(scenario, args),
        ..RunInfo::default()
    }
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(text.len() as u64, |hash, byte| mix(hash ^ u64::from(byte)))
}

/// The command line that repeats the run. Values of `--set` stay out of it where they may be secret.
fn command(scenario: &Scenario, args: &RunArgs) -> String {
    let flags = &args.flags;
    let mut words = vec!["pbxload run".to_owned(), quoted(&args.scenario.display().to_string())];
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
        let is_secret = ["password", "token", "secret"].iter().any(|word| path.contains(word));
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
struct Watcher<'a> {
    display: Display,
    fold: Fold,
    journal: &'a mut JournalWriter,
    journal_trouble: Option<String>,
    has_started: bool,
    /// What a comparison needs of the intervals, when there is one.
    collector: Option<Collector>,
}

impl Observer for Watcher<'_> {
    fn stage(&mut self, stage: &'static str, done: u32, wanted: u32) {
        self.display.stage(stage, done, wanted);
    }

    fn record(&mut self, record: Record) {
        self.has_started = true;
        self.fold.push(&record);
        if let Some(collector) = &mut self.collector {
            collector.push(&record);
        }
        if self.journal_trouble.is_some() {
            return;
        }
        let is_interval = matches!(record, Record::Interval(_) | Record::End(_));
        let written =
            self.journal.append(&record).and_then(|()| if is_interval { self.journal.sync() } else { Ok(()) });
        if let Err(error) = written {
            // The run goes on: what is folded in memory still makes the reports.
            let trouble = format!("the journal could not be written from then on: {error}");
            eprintln!("warning: {trouble}");
            self.journal_trouble = Some(trouble);
        }
    }

    fn progress(&mut self, record: &IntervalRecord, progress: &Progress) {
        self.display.interval(record, progress);
    }
}
