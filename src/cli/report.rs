//! `report`: rebuilds reports from a run folder, a crashed run's too.

use std::str::FromStr as _;

use anyhow::Context as _;

use super::Exit;
use super::args::ReportArgs;
use super::load::Compiled;
use crate::gate::NoBaseline;
use crate::report::{self, Format};
use crate::results::{Fold, Record, Results};
use crate::scenario::gates_of;
use crate::store::{JournalReader, RunFile, RunFolder, write_whole};

pub(super) fn execute(args: &ReportArgs) -> anyhow::Result<Exit> {
    let mut formats = Vec::new();
    for word in &args.format {
        match Format::from_str(word) {
            Ok(format) => formats.push(format),
            Err(error) => {
                eprintln!("error: {error}");
                return Ok(Exit::BadInput);
            }
        }
    }
    let folder = RunFolder::open(&args.run)?;
    let results = match folder.path_of(RunFile::Results).is_file() {
        true => folder.read_results()?,
        false => rebuild(&folder)?,
    };
    for format in formats {
        let mut bytes = Vec::new();
        report::render(format, &results, &mut bytes)?;
        let path = folder.path().join(format.file_name());
        write_whole(&path, &bytes)?;
        eprintln!("wrote {}", path.display());
    }
    Ok(Exit::Pass)
}

/// Results of a run that ended without a word: a fold over what its journal holds.
fn rebuild(folder: &RunFolder) -> anyhow::Result<Results> {
    let scenario = folder.read_scenario().context("the gates of the run are in its scenario")?;
    let gates = gates_of(&scenario);
    let mut jury = Compiled::of(&gates.list, gates.rules).jury();
    let mut journal = JournalReader::open(&folder.journal())?;
    let mut fold = Fold::new();
    for record in &mut journal {
        let record = record?;
        jury.hear(&record);
        fold.push(&record);
    }
    for skipped in journal.skipped() {
        fold.push(&Record::Warning(format!("a part of the journal could not be used: {skipped}")));
    }
    let mut results = fold.finish();
    jury.judge(&mut results, &NoBaseline);
    Ok(results)
}
