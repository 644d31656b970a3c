//! `report`: rebuilds reports from a run folder, a crashed run's too.

use std::str::FromStr as _;

use anyhow::Context as _;

use super::Exit;
use super::args::ReportArgs;
use super::load::{Compiled, as_written};
use super::run::scenario_hash;
use crate::gate::{Jury, NoBaseline};
use crate::report::{self, Format};
use crate::results::{EndedBy, Fold, Record, Results, RulesInfo};
use crate::scenario::{GateRules, gates_of, tolerated_of};
use crate::store::{JournalReader, RunFile, RunFolder, RunLock, StoreError, write_whole};

pub(super) fn execute(args: &ReportArgs) -> anyhow::Result<Exit> {
    let mut formats = Vec::new();
    for word in &args.format {
        match Format::from_str(word) {
            Ok(format) => formats.push(format),
            Err(error) => {
                tell!("error: {error}");
                return Ok(Exit::BadInput);
            }
        }
    }
    let folder = RunFolder::open(&args.run)?;
    let results = results(&folder)?;
    for format in formats {
        let mut bytes = Vec::new();
        report::render(format, &results, &mut bytes)?;
        let path = folder.path().join(format.file_name());
        write_whole(&path, &bytes)?;
        tell!("wrote {}", path.display());
    }
    Ok(Exit::Pass)
}

/// Results of a run, as they were written or from its journal.
pub(super) fn results(folder: &RunFolder) -> anyhow::Result<Results> {
    match finished(folder)? {
        Some(results) => Ok(results),
        None => rebuild(folder),
    }
}

/// The results that the run itself wrote at its end. Those that an earlier call rebuilt may be older than the journal.
fn finished(folder: &RunFolder) -> anyhow::Result<Option<Results>> {
    let has_journal = folder.journal().is_dir();
    if !folder.path_of(RunFile::Results).is_file() {
        return Ok(None);
    }
    match folder.read_results() {
        Ok(results) if results.run.ended_by == EndedBy::Crash && has_journal => Ok(None),
        Ok(results) => Ok(Some(results)),
        Err(StoreError::Unreadable { .. }) if has_journal => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Results of a run that ended without a word: a fold over what its journal holds.
fn rebuild(folder: &RunFolder) -> anyhow::Result<Results> {
    let goes_on = RunLock::is_held(&folder.journal());
    let mut jury = match jury(folder) {
        Err(error) if goes_on && matches!(error.downcast_ref(), Some(StoreError::NotBegun { .. })) => {
            anyhow::bail!(
                "`{}` is still in its set-up: nothing is recorded before its load begins",
                folder.path().display()
            );
        }
        jury => jury?,
    };
    let mut fold = Fold::new();
    if goes_on {
        let text = "the run was still going on when this was made: its end is missing because it has not come yet";
        tell!("warning: {text}");
        fold.push(&Record::Warning(text.to_owned()));
    }
    let mut ran = None;
    read(folder, |record| {
        if let Record::Start(run) = &record {
            ran.get_or_insert_with(|| (run.scenario_hash.clone(), run.rules.is_some()));
        }
        jury.hear(&record);
        fold.push(&record);
    })?;
    if let Some((hash, has_rules)) = ran
        && folder.read_scenario().is_ok_and(|text| scenario_hash(&text) != hash)
    {
        let judged = if has_rules { "the run is judged by what it began with" } else { "its gates are those of now" };
        fold.push(&Record::Warning(format!("`{}` is not the scenario that ran: {judged}", RunFile::Scenario.name())));
    }
    let mut results = fold.finish();
    jury.judge(&mut results, &NoBaseline);
    if goes_on {
        say_so_far(&mut results);
    }
    Ok(results)
}

/// The verdict takes a journal without an end for that of a run that was killed.
fn say_so_far(results: &mut Results) {
    let (load_s, planned_s) = (results.run.load_s, results.run.load_planned_s);
    for reason in &mut results.verdict.reasons {
        if reason.starts_with("the run ended without a word") {
            *reason = format!("the run is still going on: {load_s:.1} s of {planned_s:.1} s so far");
        }
    }
}

/// Who judges a run by what it began with. A journal of an older version does not say that: then by the gates of its
/// scenario, in which variables stand as they were written.
pub(super) fn jury(folder: &RunFolder) -> anyhow::Result<Jury> {
    let started = JournalReader::open(&folder.journal())?.flatten().find_map(|record| match record {
        Record::Start(run) => Some(run),
        _ => None,
    });
    let info = match started.and_then(|run| run.rules) {
        Some(info) => info,
        None => {
            let scenario = folder.read_scenario().context("the gates of the run are in its scenario")?;
            let gates = gates_of(&scenario);
            let GateRules { min_samples, missing_baseline_fails } = gates.rules;
            let (gates, tolerate) = (gates.list.iter().map(as_written).collect(), tolerated_of(&scenario));
            RulesInfo { gates, min_samples, missing_baseline_fails, tolerate }
        }
    };
    Ok(Compiled::of(&info).jury())
}

/// Gives every record of a run to `take`, and a warning for each part of its journal that cannot be used.
pub(super) fn read(folder: &RunFolder, mut take: impl FnMut(Record)) -> anyhow::Result<()> {
    let mut journal = JournalReader::open(&folder.journal())?;
    for record in journal.by_ref() {
        match record {
            Ok(record) => take(record),
            // A bad sector costs its segment, and not the others.
            Err(error @ StoreError::Read { .. }) => {
                take(Record::Warning(format!("a part of the journal could not be used: {error}")));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let listed = journal.skipped().len() as u64;
    for skipped in journal.skipped() {
        take(Record::Warning(skipped.warning()));
    }
    if journal.skipped_count() > listed {
        let more = journal.skipped_count() - listed;
        take(Record::Warning(format!("{more} further parts of the journal could not be used")));
    }
    Ok(())
}
