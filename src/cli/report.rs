//! `report`: rebuilds reports from a run folder, a crashed run's too.

use std::str::FromStr as _;

use anyhow::Context as _;

use super::Exit;
use super::args::ReportArgs;
use crate::gate::{self, Gate, Severity};
use crate::report::{self, Format};
use crate::results::{Fold, Record, Results};
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
    let results = results(&folder)?;
    for format in formats {
        let mut bytes = Vec::new();
        report::render(format, &results, &mut bytes)?;
        let path = folder.path().join(format.file_name());
        write_whole(&path, &bytes)?;
        eprintln!("wrote {}", path.display());
    }
    Ok(Exit::Pass)
}

/// Results of a run, as they were written or from its journal.
pub(super) fn results(folder: &RunFolder) -> anyhow::Result<Results> {
    match folder.path_of(RunFile::Results).is_file() {
        true => Ok(folder.read_results()?),
        false => rebuild(folder),
    }
}

/// Results of a run that ended without a word: a fold over what its journal holds.
fn rebuild(folder: &RunFolder) -> anyhow::Result<Results> {
    let mut journal = JournalReader::open(&folder.journal())?;
    let mut fold = Fold::new();
    for record in &mut journal {
        fold.push(&record?);
    }
    for skipped in journal.skipped() {
        fold.push(&Record::Warning(format!("a part of the journal could not be used: {skipped}")));
    }
    let mut results = fold.finish();
    let scenario = folder.read_scenario().context("the gates of the run are in its scenario")?;
    gate::judge(&gates(&scenario), &mut results);
    Ok(results)
}

/// The gates of a scenario that ran: they were checked then, so what cannot be read now is left out.
fn gates(text: &str) -> Vec<Gate> {
    let table: toml::Table = text.parse().unwrap_or_default();
    let list = |key: &str, severity: Severity| -> Vec<Gate> {
        let written = table.get("gates").and_then(|gates| gates.get(key)).and_then(toml::Value::as_array);
        let texts = written.into_iter().flatten().filter_map(toml::Value::as_str);
        texts.filter_map(|text| Gate::parse(text).ok()).map(|gate| gate.with_severity(severity)).collect()
    };
    let mut gates = list("require", Severity::Require);
    gates.extend(list("warn", Severity::Warn));
    gates
}
