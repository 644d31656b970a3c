//! The disk that the journal grows on.

use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use super::Finding;
use crate::gate::ScenarioFacts;
use crate::report::figures::{bytes as size, seconds};
use crate::scenario::Scenario;

const CHECK: &str = "disk";
/// Journal of one operation in one second. Measured: 0.7 KiB at 150 operations a second; wider histograms take more.
const OPERATION_BYTES_PER_S: u64 = 2 * 1024;
/// What reports and the journal's first record take.
const REPORTS_BYTES: u64 = 4 << 20;

pub(super) fn look(scenario: Option<&Scenario>, runs: &Path) -> Option<Finding> {
    let existing = nearest_existing(runs);
    let found = statvfs(&existing).ok()?;
    let free = found.blocks_available().saturating_mul(found.fragment_size());
    Some(judge(free, &existing, scenario.map(need)))
}

/// The folder itself or the first one above it that is there.
fn nearest_existing(runs: &Path) -> PathBuf {
    let here = || PathBuf::from(".");
    runs.ancestors().find(|path| path.is_dir()).filter(|path| *path != Path::new("")).map_or_else(here, Path::to_owned)
}

/// Bytes of a run and how long it is.
fn need(scenario: &Scenario) -> (u64, f64) {
    let operations = ScenarioFacts::of(scenario).ops.len() as u64;
    let length = scenario.load.duration() + scenario.load.drain;
    // Old intervals are made wider, and a wider one holds more different times: two and a half times the bytes at 10 s,
    // five times at 60 s (measured).
    let fine_s = length.min(scenario.journal.fine).as_secs();
    let medium_s = length.min(scenario.journal.medium).as_secs() - fine_s;
    let seconds = fine_s + medium_s / 4 + (length.as_secs() - fine_s - medium_s) / 12;
    let journal = seconds.saturating_mul(operations * OPERATION_BYTES_PER_S);
    (journal.saturating_add(REPORTS_BYTES), length.as_secs_f64())
}

fn judge(free: u64, folder: &Path, need: Option<(u64, f64)>) -> Finding {
    let place = folder.display();
    let Some((needed, length_s)) = need else {
        return Finding::ok(CHECK, format!("{} free at `{place}`", size(free)));
    };
    let found = format!("{} free at `{place}`, {} of journal may take {}", size(free), seconds(length_s), size(needed));
    let fix = "free some of it, or give `run` a folder on another disk with `--out DIR`";
    if needed > free {
        Finding::bad(CHECK, found, fix)
    } else if needed > free / 2 {
        Finding::warn(CHECK, found, fix)
    } else {
        Finding::ok(CHECK, found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_before_the_soak() {
        let text = |free| judge(free, Path::new("reports"), Some((3 << 30, 72.0 * 3_600.0))).prose();
        insta::assert_snapshot!(text(100 << 30), @"ok    disk          100 GiB free at `reports`, 3 d of journal may take 3.00 GiB");
        insta::assert_snapshot!(text(4 << 30), @r"
        warn  disk          4.00 GiB free at `reports`, 3 d of journal may take 3.00 GiB
                            fix: free some of it, or give `run` a folder on another disk with `--out DIR`
        ");
        insta::assert_snapshot!(text(1 << 30), @r"
        bad   disk          1.00 GiB free at `reports`, 3 d of journal may take 3.00 GiB
                            fix: free some of it, or give `run` a folder on another disk with `--out DIR`
        ");
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_looked_for_above() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(nearest_existing(&folder.path().join("a/b")), folder.path());
        assert_eq!(nearest_existing(Path::new("no-such-folder-here/runs")), Path::new("."));
    }
}
