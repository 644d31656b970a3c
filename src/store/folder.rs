//! `RunFolder`: the folder of one run and the places of its files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::segment::Segments;
use super::{RunLock, StoreError, write_whole};
use crate::results::{RESULTS_FORMAT, Results};

/// Where runs go unless `--out` says otherwise.
pub const RUNS: &str = "reports/runs";
/// Longest part of a scenario's name in a folder's name, bytes.
const NAME_BYTES_MAX: usize = 80;
/// Runs of the same scenario that may start within one second.
const SAME_SECOND_MAX: u32 = 1_000;

/// A file of the run folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunFile {
    /// The scenario as it ran.
    Scenario,
    /// The final figures.
    Results,
    /// The report for people.
    Report,
    /// The report for build servers.
    Junit,
    /// The report for chat and tickets.
    Summary,
}

impl RunFile {
    /// Its name in the run folder.
    pub const fn name(self) -> &'static str {
        match self {
            RunFile::Scenario => "scenario.toml",
            RunFile::Results => "results.json",
            RunFile::Report => "report.html",
            RunFile::Junit => "junit.xml",
            RunFile::Summary => "summary.md",
        }
    }
}

/// Where a run came from: what going on with it needs besides its scenario.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The scenario file; the files that it names are relative to it.
    pub scenario: PathBuf,
    /// Faults of the embedded simulator.
    #[serde(default)]
    pub faults: Option<PathBuf>,
    /// Worker threads, when they were asked for.
    #[serde(default)]
    pub workers: Option<u32>,
}

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a new run: `out`, or `reports/runs/<name>-<UTC time>`.
    ///
    /// Errors: it holds something already, or it cannot be written.
    pub fn create(out: Option<&Path>, name: &str, started_at: Timestamp) -> Result<RunFolder, StoreError> {
        match out {
            Some(path) => RunFolder::create_at(path.to_owned()),
            None => RunFolder::create_in(Path::new(RUNS), name, started_at),
        }
    }

    /// Makes `<name>-<UTC time>` in a folder of runs; a second run within the same second gets a number.
    pub fn create_in(runs: &Path, name: &str, started_at: Timestamp) -> Result<RunFolder, StoreError> {
        let stem = format!("{}-{}", sanitised(name), utc(started_at));
        let mut path = runs.join(&stem);
        for number in 2..SAME_SECOND_MAX {
            if !path.exists() {
                break;
            }
            path = runs.join(format!("{stem}-{number}"));
        }
        RunFolder::create_at(path)
    }

    fn create_at(path: PathBuf) -> Result<RunFolder, StoreError> {
        let created = fs::create_dir_all(&path).and_then(|()| Ok(fs::read_dir(&path)?.next().is_some()));
        match created {
            Ok(true) if is_leftover(&path) => return Err(StoreError::Leftover { path }),
            Ok(true) => return Err(StoreError::NotEmpty { path }),
            Ok(false) => {}
            Err(source) => return Err(StoreError::CreateFolder { path, source }),
        }
        let folder = RunFolder { path };
        // Making the journal's folder also proves that the place can be written, before any load is made.
        fs::create_dir(folder.journal())
            .map_err(|source| StoreError::CreateFolder { path: folder.path.clone(), source })?;
        Ok(folder)
    }

    /// Opens the folder of an earlier run, finished or not.
    ///
    /// Errors: there is none, or it holds neither results nor a journal.
    pub fn open(path: &Path) -> Result<RunFolder, StoreError> {
        let folder = RunFolder { path: path.to_owned() };
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(StoreError::NotARun { path: folder.path }),
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::NoFolder { path: folder.path });
            }
            Err(source) => return Err(StoreError::Read { path: folder.path, source }),
        }
        if !folder.path_of(RunFile::Results).is_file() && !folder.journal().is_dir() {
            return Err(StoreError::NotARun { path: folder.path });
        }
        Ok(folder)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the journal's segments.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// Where a file is, or will be.
    pub fn path_of(&self, file: RunFile) -> PathBuf {
        self.path.join(file.name())
    }

    /// Writes a file as a whole.
    pub fn write_whole(&self, file: RunFile, bytes: &[u8]) -> Result<(), StoreError> {
        write_whole(&self.path_of(file), bytes)
    }

    /// Reads the scenario as it ran.
    pub fn read_scenario(&self) -> Result<String, StoreError> {
        let path = self.path_of(RunFile::Scenario);
        let bytes = read(&path, "every run writes it at its start, so this is not the folder of a run")?;
        String::from_utf8(bytes).map_err(|error| StoreError::Read {
            path,
            source: io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()),
        })
    }

    fn origin(&self) -> PathBuf {
        self.journal().join("origin.json")
    }

    /// Writes down where the run came from.
    pub fn write_origin(&self, origin: &Origin) -> Result<(), StoreError> {
        // Paths that are no Unicode cannot be written as JSON; such a run cannot be resumed from another folder.
        let bytes = serde_json::to_vec(origin).unwrap_or_else(|_| b"{}".to_vec());
        write_whole(&self.origin(), &bytes)
    }

    /// Where the run came from; nowhere when that is not known.
    pub fn read_origin(&self) -> Origin {
        let bytes = fs::read(self.origin()).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Takes the reports away: the run goes on, and they are those of its first part.
    ///
    /// Errors: one of them cannot be removed.
    pub fn remove_reports(&self) -> Result<(), StoreError> {
        for name in ["results.json", "report.html", "junit.xml", "summary.md", "series.csv"] {
            let path = self.path.join(name);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::Write { path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads the results of this format and older ones.
    pub fn read_results(&self) -> Result<Results, StoreError> {
        /// Read first: a newer format may differ in everything else.
        #[derive(serde::Deserialize)]
        struct Format {
            format: u32,
        }
        let path = self.path_of(RunFile::Results);
        let bytes = read(&path, "the run did not end by itself: rebuild it with `pbxload report` from the journal")?;
        let unreadable = |source| StoreError::Unreadable { path: path.clone(), source };
        let Format { format } = serde_json::from_slice(&bytes).map_err(unreadable)?;
        if format > RESULTS_FORMAT {
            return Err(StoreError::ResultsTooNew { path, found: format });
        }
        serde_json::from_slice(&bytes).map_err(unreadable)
    }
}

/// Whether a run was ended here before its load began, so that there is nothing to lose.
fn is_leftover(path: &Path) -> bool {
    let folder = RunFolder { path: path.to_owned() };
    let has_records = || Segments::of(&folder.journal()).map_or(true, |segments| !segments.valid.is_empty());
    !folder.path_of(RunFile::Results).exists() && !has_records() && !RunLock::is_held(&folder.journal())
}

fn read(path: &Path, way_out: &'static str) -> Result<Vec<u8>, StoreError> {
    fs::read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => StoreError::Missing { path: path.to_owned(), way_out },
        _ => StoreError::Read { path: path.to_owned(), source },
    })
}

/// A name that every file system takes and that cannot leave its folder.
fn sanitised(name: &str) -> String {
    let mut clean = String::new();
    for c in name.chars() {
        let c = if c.is_ascii_alphanumeric() || matches!(c, '_' | '.') { c } else { '-' };
        if clean.len() == NAME_BYTES_MAX {
            break;
        }
        if !(c == '-' && clean.ends_with('-')) {
            clean.push(c);
        }
    }
    let clean = clean.trim_matches(['-', '.']);
    if clean.is_empty() { "run".to_owned() } else { clean.to_owned() }
}

fn utc(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-03-06T17:00:05.25Z".parse().expect("a time")
    }

    #[test]
    fn names_are_made_safe() {
        for (name, clean) in [
            ("friday-morning", "friday-morning"),
            ("../../etc/passwd", "etc-passwd"),
            ("Büro  Tag 1", "B-ro-Tag-1"),
            ("..", "run"),
            ("", "run"),
        ] {
            assert_eq!(sanitised(name), clean);
        }
        assert_eq!(sanitised(&"x".repeat(500)).len(), NAME_BYTES_MAX);
    }

    #[test]
    fn two_runs_within_a_second_get_folders_of_their_own() {
        let runs = tempfile::tempdir().expect("temporary folder");
        let first = RunFolder::create_in(runs.path(), "a b", at()).expect("created");
        let second = RunFolder::create_in(runs.path(), "a b", at()).expect("created");
        assert!(first.path().ends_with("a-b-20260306T170005Z"), "{first:?}");
        assert!(second.path().ends_with("a-b-20260306T170005Z-2"), "{second:?}");
        assert_eq!(RunFolder::open(first.path()).expect("opened"), first);
    }

    #[test]
    fn a_used_folder_is_never_overwritten() {
        let place = tempfile::tempdir().expect("temporary folder");
        let folder = RunFolder::create(Some(place.path()), "x", at()).expect("an empty folder will do");
        let error = RunFolder::create(Some(place.path()), "x", at()).expect_err("used").to_string();
        assert!(error.contains("ended before its load began") && error.contains("remove it"), "{error}");
        fs::write(folder.journal().join("00000.hlog"), "").expect("written");
        let error = RunFolder::create(Some(place.path()), "x", at()).expect_err("used");
        assert!(error.to_string().contains("is not empty"), "{error}");
    }

    #[test]
    fn errors_name_what_is_missing_and_the_way_out() {
        let place = tempfile::tempdir().expect("temporary folder");
        let none = RunFolder::open(&place.path().join("none")).expect_err("no folder").to_string();
        assert!(none.contains("there is no run folder"), "{none}");
        let empty = RunFolder::open(place.path()).expect_err("no run").to_string();
        assert!(empty.contains("neither `results.json` nor `journal/`"), "{empty}");
        let file = place.path().join("file");
        fs::write(&file, "x").expect("written");
        let under = RunFolder::create(Some(&file.join("run")), "x", at()).expect_err("not a folder").to_string();
        assert!(under.contains("cannot create the run folder") && under.contains("--out"), "{under}");
        let folder = RunFolder::create(Some(&place.path().join("run")), "x", at()).expect("created");
        let results = folder.read_results().expect_err("not yet").to_string();
        assert!(results.contains("results.json") && results.contains("pbxload report"), "{results}");
    }

    #[test]
    fn results_of_a_newer_build_are_refused() {
        let place = tempfile::tempdir().expect("temporary folder");
        let folder = RunFolder::create(Some(&place.path().join("run")), "x", at()).expect("created");
        folder.write_whole(RunFile::Results, br#"{"format": 99, "all": "new"}"#).expect("written");
        let error = folder.read_results().expect_err("too new").to_string();
        assert!(error.contains("results format 99"), "{error}");
    }
}
