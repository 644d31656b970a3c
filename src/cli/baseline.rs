//! `baseline save`: writes a baseline from runs. And what a baseline or a run folder holds, for the comparison.

use std::path::Path;

use super::Exit;
use super::args::{BaselineArgs, BaselineCommand, BaselineSaveArgs};
use super::report;
use crate::compare::{Baseline, Collector, RunSummary, summarise};
use crate::store::{JournalReader, RunFolder, read_baseline, write_baseline};

/// From so many runs on the spread between them is known well enough to be of use.
const RUNS_WANTED: usize = 3;

pub(super) fn execute(args: &BaselineArgs) -> anyhow::Result<Exit> {
    let BaselineCommand::Save(args) = &args.command;
    let baseline = match gather(args) {
        Ok(baseline) => baseline,
        Err(error) => {
            tell!("error: {error:#}");
            return Ok(Exit::BadInput);
        }
    };
    let path = write_baseline(&baseline, args.out.as_deref())?;
    tell!("wrote {}", path.display());
    if baseline.runs.len() < RUNS_WANTED {
        tell!(
            "note: with fewer than {RUNS_WANTED} runs it is not known how much runs differ from each other; \
             what differs between two runs anyway may be called better or worse"
        );
    }
    Ok(Exit::Pass)
}

fn gather(args: &BaselineSaveArgs) -> anyhow::Result<Baseline> {
    let runs = args.runs.iter().map(|path| run(path)).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Baseline::new(runs, args.note.clone())?)
}

/// The runs of a baseline file, or the run of a folder.
pub(super) fn runs(path: &Path) -> anyhow::Result<Vec<RunSummary>> {
    match path.is_dir() {
        true => Ok(vec![run(path)?]),
        false => Ok(read_baseline(path)?.runs),
    }
}

/// The summary of the run in a folder: from its journal where there is one, else from its results alone.
pub(super) fn run(path: &Path) -> anyhow::Result<RunSummary> {
    let folder = RunFolder::open(path)?;
    let results = report::results(&folder)?;
    let Ok(mut journal) = JournalReader::open(&folder.journal()) else { return Ok(summarise(&results)) };
    let mut collector = Collector::new();
    for record in &mut journal {
        collector.push(&record?);
    }
    Ok(collector.finish(&results).unwrap_or_else(|| summarise(&results)))
}
