//! A disk that takes nothing more: the run goes on, says so, and its verdict is told.

use crate::program::{Background, Ended, Folder, assert_balanced, call, call_limited, results};
use crate::scenarios::chat;

/// A run whose files may have so many blocks of 512 bytes each.
fn run_within(folder: &Folder, blocks: u32) -> Ended {
    let scenario = folder.write("chat.toml", &chat("3s"));
    call_limited(blocks, ["run", &scenario, "--progress", "none", "--out", &folder.argument("run")])
}

#[test]
fn a_journal_that_cannot_be_written_does_not_end_the_run() {
    let folder = Folder::new();
    // The scenario fits, no record does.
    let ended = run_within(&folder, 3).with_code(3);
    let warning = "the journal cannot be written";
    assert!(ended.stderr.contains(warning) && ended.stderr.contains("the run goes on"), "{}", ended.stderr);
    assert!(ended.stdout.contains("deliveries") && ended.stdout.contains("arrivals"), "{}", ended.stdout);
    assert!(ended.stdout.contains(warning), "the verdict carries the doubt: {}", ended.stdout);
    ended.says(&["make room on the disk"]);
}

#[test]
fn files_that_may_not_grow_are_followed_by_others() {
    let folder = Folder::new();
    let ended = run_within(&folder, 24).with_code(3);
    assert!(!ended.stderr.contains("the journal cannot be written"), "{}", ended.stderr);
    // With the limit gone, nothing is missing.
    call(["report", &folder.argument("run")]).with_code(0);
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    assert_eq!(results["run"]["ended_by"], "plan");
    assert!(!results["warnings"].to_string().contains("could not be used"), "{}", results["warnings"]);
    assert!(results["arrivals"]["planned"].as_u64() >= Some(110), "{}", results["arrivals"]);
}

/// What waited is written, and with it that it waited: a report of the journal alone knows.
#[test]
fn a_disk_with_room_again_gets_what_waited_and_the_warnings() {
    let folder = Folder::new();
    let scenario = folder.write("chat.toml", &chat("2m"));
    let out = folder.argument("run");
    let mut run = Background::start_limited(3, ["run", &scenario, "--progress", "plain", "--out", &out]);
    run.wait_for("the journal cannot be written");
    run.wait_for(" ops/s ");
    run.unlimit();
    run.wait_for("the journal can be written again");
    run.wait_for(" ops/s ");
    run.wait_for(" ops/s ");
    run.signal("KILL");
    run.finish();
    call(["report", &out]).with_code(0);
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    assert_eq!(results["run"]["ended_by"], "crash");
    assert!(results["holes"].is_null(), "{}", results["holes"]);
    let warnings = results["warnings"].to_string();
    assert!(warnings.contains("cannot be written") && warnings.contains("can be written again"), "{warnings}");
}
