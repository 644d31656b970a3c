//! A run that is killed without a word: its journal still makes every report.

use crate::program::{Background, Folder, assert_balanced, call, results};
use crate::scenarios::chat;

/// Kills a run once several intervals are in its journal.
fn killed(folder: &Folder) {
    let text = chat("2m") + "[gates]\nrequire = [ \"delivery.lost == 0\" ]\n";
    let scenario = folder.write("chat.toml", &text);
    let mut run = Background::start(["run", &scenario, "--progress", "plain", "--out", &folder.argument("run")]);
    run.wait_for(" ops/s ");
    // The second line comes seconds after the first: the intervals between them are written.
    run.wait_for(" ops/s ");
    run.signal("KILL");
    assert_eq!(run.finish().code, None);
    assert!(!folder.path("run").join("results.json").exists());
}

fn rebuilt(folder: &Folder) -> serde_json::Value {
    let ended = call(["report", &folder.argument("run"), "--format", "html,json,junit,markdown,csv"]).with_code(0);
    for file in ["report.html", "results.json", "junit.xml", "summary.md", "series.csv"] {
        assert!(ended.stderr.contains(file) && folder.path("run").join(file).is_file(), "{file}: {}", ended.stderr);
    }
    results(&folder.path("run"))
}

#[test]
fn a_killed_run_is_rebuilt_from_its_journal() {
    let folder = Folder::new();
    killed(&folder);
    let results = rebuilt(&folder);
    assert_balanced(&results);
    assert_eq!(results["run"]["ended_by"], "crash");
    assert_eq!(results["verdict"]["outcome"], "no_verdict");
    assert_eq!(results["operations"]["login"]["ok"], 8);
    assert!(results["delivery"]["delivered"].as_u64() > Some(0), "{}", results["delivery"]);
    assert_eq!(results["gates"].as_array().map(Vec::len), Some(1));
}

/// The last block of the journal was only half written when the machine went down.
#[test]
fn a_torn_journal_loses_only_its_end() {
    let folder = Folder::new();
    killed(&folder);
    let segments = std::fs::read_dir(folder.path("run").join("journal")).expect("a journal");
    let segment = segments.flatten().map(|entry| entry.path()).max().expect("a segment");
    let bytes = std::fs::read(&segment).expect("can be read");
    std::fs::write(&segment, &bytes[..bytes.len() - 25]).expect("can be written");
    let results = rebuilt(&folder);
    assert_balanced(&results);
    assert_eq!(results["run"]["ended_by"], "crash");
    assert_eq!(results["operations"]["login"]["ok"], 8);
}
