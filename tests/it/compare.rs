//! Baselines, comparisons and the history, from the outside: exit codes, and the sentence that goes with each.

use std::path::PathBuf;
use std::time::Duration;

use pbxload::compare::HistoryLine;
use pbxload::ledger::LedgerTotals;
use pbxload::metrics::Interval;
use pbxload::ops::OpId;
use pbxload::random::mix;
use pbxload::results::{
    EndedBy, Fold, Hardware, HealthSample, IntervalRecord, Outcome, Record, RunEnd, RunInfo, Verdict,
};
use pbxload::store::{JournalWriter, RunFile, RunFolder, append_history};
use pbxload::tick::Tick;

use crate::program::{Ended, Folder, alone, call, results};
use crate::scenarios::chat;

/// What is different about a made-up run.
#[derive(Clone)]
struct Made {
    seed: u64,
    factor: f64,
    load_hash: &'static str,
    cpu: &'static str,
    ended_by: EndedBy,
    saturated: bool,
}

const USUAL: Made =
    Made { seed: 1, factor: 1.0, load_hash: "aaaa", cpu: "Example CPU", ended_by: EndedBy::Plan, saturated: false };

/// A run folder with journal and results: 40 seconds of 80 publishes, 10 to 30 ms each, times a factor.
fn made(folder: &Folder, name: &str, run: Made) -> String {
    let path = folder.path(name);
    let out =
        RunFolder::create(Some(&path), "chat", "2026-05-08T09:00:00Z".parse().expect("a time")).expect("a folder");
    let mut journal = JournalWriter::open(&out.journal()).expect("a journal");
    let mut fold = Fold::new();
    for record in records(&run) {
        journal.append(&record).expect("appended");
        fold.push(&record);
    }
    journal.sync().expect("synced");
    let mut results = fold.finish();
    results.verdict = Verdict { outcome: Outcome::Pass, reasons: Vec::new() };
    out.write_whole(RunFile::Results, &serde_json::to_vec(&results).expect("JSON")).expect("written");
    path.display().to_string()
}

fn records(run: &Made) -> Vec<Record> {
    let hardware = Hardware { cpu: run.cpu.to_owned(), processors: 2, system: "linux x86_64".into(), memory_gib: 8 };
    let info = RunInfo {
        id: format!("00000000-0000-7000-8000-{:012}", run.seed),
        name: "chat".to_owned(),
        target: "embedded".to_owned(),
        load_hash: run.load_hash.to_owned(),
        hardware: Some(hardware),
        version: "0.1.0".to_owned(),
        started_at: format!("2026-05-08T09:00:{:02}Z", run.seed % 60),
        load_planned_s: 40.0,
        ..RunInfo::default()
    };
    let mut records = vec![Record::Start(Box::new(info))];
    let mut ledger = LedgerTotals::default();
    for second in 0..40_u64 {
        let from = Tick::from_micros(second * 1_000_000);
        let mut figures = Interval::default();
        let publish = &mut figures.ops[OpId::Publish.index()];
        for number in 0..80 {
            let us = 10_000 + mix(mix(run.seed) ^ mix(second * 1_000 + number)) % 20_000;
            publish.response.record((us as f64 * run.factor) as u64);
        }
        (publish.started, publish.ok) = (80, 80);
        ledger.published += 80;
        ledger.accepted += 80;
        ledger.expected += 80;
        ledger.delivered += 80;
        let health = HealthSample { workers: 1, is_saturated: run.saturated, ..HealthSample::default() };
        let to = from + Duration::from_secs(1);
        let (load_start, load_from, part) = (Tick::ZERO, Tick::ZERO, 0);
        let ledger = ledger.clone();
        let interval = IntervalRecord { from, to, load_start, load_from, part, figures, ledger, health };
        records.push(Record::Interval(Box::new(interval)));
    }
    let ended_at = "2026-05-08T10:00:00Z".to_owned();
    records.push(Record::End(RunEnd { ended_by: run.ended_by, ended_at, load_end: Tick::from_micros(40_000_000) }));
    records
}

/// A baseline of three usual runs.
fn baseline(folder: &Folder) -> String {
    let runs: Vec<String> =
        (11..14).map(|seed| made(folder, &format!("base-{seed}"), Made { seed, ..USUAL })).collect();
    let out = folder.argument("chat.toml");
    let mut arguments = vec!["baseline", "save", "--out", &out];
    arguments.extend(runs.iter().map(String::as_str));
    call(&arguments).with_code(0);
    out
}

fn compare(baseline: &str, run: &str, more: &[&str]) -> Ended {
    call([&["compare", baseline, run], more].concat())
}

#[test]
fn same_worse_and_better_in_every_format() {
    let folder = Folder::new();
    let base = baseline(&folder);
    let same = made(&folder, "same", Made { seed: 2, ..USUAL });
    let ended = compare(&base, &same, &[]).with_code(0);
    assert!(ended.stdout.contains("SAME"), "{}", ended.stdout);
    let slower = made(&folder, "slower", Made { seed: 3, factor: 1.2, ..USUAL });
    let ended = compare(&base, &slower, &["--format", "text,json,markdown,html"]).with_code(1);
    assert!(ended.stdout.contains("WORSE") && ended.stdout.contains("publish.response.p99"), "{}", ended.stdout);
    let read = |name: &str| std::fs::read_to_string(folder.path("slower").join(name)).expect("was written");
    assert!(read("comparison.md").contains("| `publish.response.p99` |"));
    assert!(read("comparison.html").contains("<span class=\"outcome\">Worse</span>"));
    let json: serde_json::Value = serde_json::from_str(&read("comparison.json")).expect("JSON");
    let p99 =
        json["figures"].as_array().expect("a list").iter().find(|figure| figure["figure"] == "publish.response.p99");
    let p99 = p99.expect("it was compared");
    assert_eq!((&json["call"], &p99["call"]), (&"worse".into(), &"worse".into()));
    let [low, change, high] = ["low", "change", "high"].map(|key| p99[key].as_f64().expect("a number"));
    assert!(low > 0.1 && low < change && (change - 0.2).abs() < 0.05 && change < high && high < 0.3, "{p99}");
    // The other way round, against the folder of a run, several runs at once.
    let ended = call(["compare", &slower, &same, &folder.argument("base-11"), "--format", "json"]).with_code(0);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON alone on stdout");
    assert_eq!(json["call"], "better");
    // A least effect above the change, and a figure that nobody has.
    let ended = compare(&base, &slower, &["--min-effect", "40%"]).with_code(0);
    assert!(ended.stdout.contains("SAME"), "{}", ended.stdout);
    compare(&base, &slower, &["--figure", "publish.response.p42"]).with_code(2).says(&["publish.response.p42"]);
    compare(&base, &slower, &["--min-effect", "much"]).with_code(2).says(&["--min-effect", "5%"]);
}

#[test]
fn a_run_without_a_journal_is_compared_by_its_results() {
    let folder = Folder::new();
    let base = baseline(&folder);
    let slower = made(&folder, "slower", Made { seed: 3, factor: 1.5, ..USUAL });
    std::fs::remove_dir_all(folder.path("slower/journal")).expect("it is there");
    compare(&base, &slower, &[]).with_code(1);
}

#[test]
fn what_is_not_comparable_cannot_be_told() {
    let folder = Folder::new();
    let base = baseline(&folder);
    let cases: [(&str, Made, &str, Option<&str>); 4] = [
        ("machine", Made { cpu: "Another CPU", ..USUAL }, "different machines", Some("machine")),
        ("scenario", Made { load_hash: "bbbb", ..USUAL }, "has changed since", Some("scenario")),
        ("sick", Made { saturated: true, ..USUAL }, "bottleneck", None),
        ("stopped", Made { ended_by: EndedBy::Interrupt, ..USUAL }, "broken off", None),
    ];
    for (name, run, why, across) in cases {
        let run = made(&folder, name, Made { seed: 5, factor: 1.5, ..run });
        let ended = compare(&base, &run, &[]).with_code(4);
        assert!(ended.stdout.contains("CANNOT TELL") && ended.stdout.contains(why), "{name}: {}", ended.stdout);
        if let Some(across) = across {
            compare(&base, &run, &["--across", across]).with_code(1);
        } else {
            call(["baseline", "save", &run, "--out", &folder.argument("bad.toml")]).with_code(2).says(&[why]);
        }
    }
    let mixed = ["baseline", "save", &folder.argument("base-11"), &folder.argument("machine")];
    call(mixed).with_code(2).says(&["do not belong together", "machines"]);
}

#[test]
fn baselines_that_cannot_be_used_are_refused() {
    let folder = Folder::new();
    let base = baseline(&folder);
    let run = folder.argument("base-11");
    let text = std::fs::read_to_string(&base).expect("it was written");
    let cases = [
        ("cut.toml", text[..text.len() / 2].to_owned(), "cut.toml"),
        ("short.toml", text.lines().take(30).map(|line| format!("{line}\n")).collect(), "checksum"),
        ("edited.toml", text.replacen("us = 2", "us = 3", 1), "edited by hand"),
        ("newer.toml", text.replace("format = 1", "format = 7"), "baseline format 7"),
        ("empty.toml", String::new(), "not a baseline"),
    ];
    for (name, content, word) in cases {
        let path = folder.write(name, &content);
        compare(&path, &run, &[]).with_code(2).says(&[name, word]);
        compare(&path, &run, &["--baseline-missing", "warn"]).with_code(2);
        let scenario = folder.write("scenario.toml", &chat("1s"));
        let out = folder.argument("never");
        call(["run", &scenario, "--out", &out, "--baseline", &path]).with_code(2).says(&[word]);
        assert!(!PathBuf::from(&out).exists(), "nothing is run that could not be judged");
    }
    let none = folder.argument("none.toml");
    compare(&none, &run, &[]).with_code(2).says(&["there is no baseline", "baseline save"]);
    let ended = compare(&none, &run, &["--baseline-missing", "warn"]).with_code(0);
    assert!(ended.stderr.contains("no baseline"), "{}", ended.stderr);
    compare(&base, &folder.argument("nowhere"), &[]).with_code(2).says(&["nowhere"]);
}

#[test]
fn a_run_is_compared_at_its_end_and_has_a_line_in_the_history() {
    let _alone = alone();
    let folder = Folder::new();
    let (base, history) = (baseline(&folder), folder.argument("history.jsonl"));
    let scenario = folder.write("scenario.toml", &chat("1s"));
    let run = |out: &str, more: &[&str]| {
        let out = folder.argument(out);
        call([&["run", &scenario, "--out", &out, "--duration", "1500ms", "--history", &history], more].concat())
    };
    // The baseline is of another scenario and another machine: no silent pass.
    let ended = run("one", &["--baseline", &base]).with_code(4);
    assert!(ended.stdout.contains("CANNOT TELL"), "{}", ended.stdout);
    let compared = results(&folder.path("one"));
    assert_eq!(compared["verdict"]["outcome"], "no_verdict");
    assert!(compared["verdict"]["reasons"].to_string().contains("baseline"), "{}", compared["verdict"]);
    assert!(folder.path("one/comparison.html").is_file());
    // None at all is said in the results; or nothing is run.
    let none = folder.argument("none.toml");
    run("two", &["--baseline", &none]).with_figures();
    assert!(results(&folder.path("two"))["warnings"].to_string().contains("no baseline"));
    run("three", &["--baseline", &none, "--baseline-missing", "fail"]).with_code(2).says(&["there is no baseline"]);
    assert!(!folder.path("three").exists());
    let text = std::fs::read_to_string(&history).expect("two runs ended");
    assert_eq!(text.lines().count(), 2, "{text}");
    let ended = call(["trend", "--history", &history]).with_code(4);
    assert!(ended.stderr.contains("a trend needs 10"), "{}", ended.stderr);
}

#[test]
fn a_trend_names_the_first_run_after_a_change() {
    let folder = Folder::new();
    let history = folder.argument("history.jsonl");
    let line = |index: u64| {
        let noise = 1.0 + (mix(index) % 1_000) as f64 / 1_000.0 * 0.06;
        let p99 = if index < 12 { 40_000.0 } else { 50_000.0 } * noise;
        HistoryLine {
            format: 1,
            id: format!("run-{index:02}"),
            at: format!("2026-05-{:02}T09:00:00Z", index + 1),
            scenario: "chat".to_owned(),
            target: "embedded".to_owned(),
            figures: [("publish.response.p99".to_owned(), p99)].into(),
            ..HistoryLine::default()
        }
    };
    (0..20).for_each(|index| append_history(history.as_ref(), &line(index)).expect("appended"));
    let mut text = std::fs::read_to_string(&history).expect("there are 20 lines");
    text.push_str(&line(20).text()[..50]);
    folder.write("history.jsonl", &text);
    let ended = call(["trend", "--history", &history]).with_code(0);
    assert!(ended.stdout.contains("worse since 2026-05-13") && ended.stdout.contains("run-12"), "{}", ended.stdout);
    assert!(ended.stderr.contains("line 21: skipped: it is cut"), "{}", ended.stderr);
    call(["trend", "--history", &history, "--gate"]).with_code(1);
    call(["trend", "--history", &history, "--format", "html"]).with_code(0);
    let page = std::fs::read_to_string(folder.path("trend.html")).expect("beside the history");
    assert!(page.contains("run-12") && page.contains("<svg"), "{page}");
    call(["trend", "--history", &folder.argument("none.jsonl")]).with_code(2).says(&["none.jsonl"]);
    call(["trend", "--history", &history, "--scenario", "other"]).with_code(2).says(&["chat"]);
}
