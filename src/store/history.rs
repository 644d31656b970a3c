//! The history on disk: appended to by any number of runs at once.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::StoreError;
use crate::compare::{HistoryLine, HistoryProblem, read_history as parse};

/// Where the history is unless `--history` says otherwise.
pub const HISTORY: &str = "reports/history.jsonl";
/// Most bytes that are read: the newest. Room for ten thousand runs.
const BYTES_MAX: u64 = 64 << 20;

/// Appends a run. The file is locked for that moment, and a line that was torn before it is ended first, so that no line
/// is lost to another.
///
/// Errors: the place cannot be written.
pub fn append_history(path: &Path, line: &HistoryLine) -> Result<(), StoreError> {
    let written = append(path, &line.text());
    written.map_err(|source| StoreError::Write { path: path.to_owned(), source })
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    // Some file systems have no locks; the line is one write even there.
    let is_locked = file.lock().is_ok();
    let mut text = String::new();
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push('\n');
        }
    }
    text.push_str(line);
    text.push('\n');
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    if is_locked {
        file.unlock()?;
    }
    Ok(())
}

/// Reads a history: its runs, and what could not be used.
///
/// Errors: the file cannot be read.
pub fn read_history(path: &Path) -> Result<(Vec<HistoryLine>, Vec<HistoryProblem>), StoreError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(BYTES_MAX)))?;
        file.take(BYTES_MAX).read_to_end(&mut bytes)
    });
    read.map_err(|source| StoreError::Read { path: path.to_owned(), source })?;
    Ok(parse(&String::from_utf8_lossy(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize) -> HistoryLine {
        HistoryLine { format: 1, id: format!("run-{number:03}"), at: format!("{number:03}"), ..HistoryLine::default() }
    }

    #[test]
    fn runs_that_end_at_once_lose_no_line_and_a_torn_one_spoils_no_other() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("reports/history.jsonl");
        append_history(&path, &line(0)).expect("appended");
        let torn = &line(1).text()[..40];
        OpenOptions::new().append(true).open(&path).and_then(|mut file| file.write_all(torn.as_bytes())).expect("torn");
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    (0..10).for_each(|at| append_history(path, &line(100 + thread * 10 + at)).expect("appended"))
                });
            }
        });
        let (lines, problems) = read_history(&path).expect("read");
        assert_eq!((lines.len(), problems.len()), (81, 1), "{problems:?}");
        assert!(read_history(&folder.path().join("none")).is_err());
    }
}
