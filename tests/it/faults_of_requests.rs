//! Faults of requests, frames and files, as declared and as reported: late and missing replies, frames that are no
//! messages, files that come back changed.

use crate::faults::{SCENARIO, number, run_scenario};

/// What was given up and is acknowledged after all, or seen at a receiver, was accepted: nothing is lost or unknown.
#[test]
fn late_and_missing_replies() {
    let scenario = SCENARIO
        .replace("timeout = \"20s\"", "timeout = \"3s\"")
        .replace("hold = \"4s\"", "hold = \"8s\"")
        .replace("to = \"90/s\"", "to = \"30/s\"");
    let faults = "
        [[slow_reply]]
        op = \"pub\"
        delay = { constant = \"4500ms\" }
        every = 7
        max = 3
        [[swallow]]
        op = \"pub\"
        every = 9
        max = 3
    ";
    let (injected, results) = run_scenario(&scenario, faults);
    let (slow, swallowed) = (number(&injected["slow_replies"]["pub"]), number(&injected["swallowed"]["pub"]));
    assert_eq!((slow, swallowed), (3, 3), "{injected:#}");
    let publish = &results["operations"]["publish"];
    assert_eq!(number(&publish["failures"]["timed_out"]), slow + swallowed, "{publish}");
    assert_eq!(number(&results["users"]["late_replies"]), slow);
    assert_eq!(number(&results["users"]["duplicate_replies"]) + number(&results["users"]["unmatched_replies"]), 0);
    let delivery = &results["delivery"];
    assert_eq!(number(&delivery["accepted"]), number(&injected["totals"]["publishes_accepted"]), "{delivery}");
    for none in ["lost", "unknown", "phantom", "duplicated", "excused"] {
        assert_eq!(number(&delivery[none]), 0, "{none}: {delivery}");
    }
}

#[test]
fn frames_that_are_no_messages() {
    let (injected, results) = run_scenario(SCENARIO, "bad_frames = { every = 60 }\n");
    let kinds = injected["bad_frames"].as_object().expect("counted by kind");
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    let sum: u64 = kinds.values().map(number).sum();
    assert_eq!(number(&results["traffic"]["received_by_kind"]["malformed"]), sum, "{kinds:?}");
    assert_eq!(number(&results["operations"]["publish"]["failed"]), 0);
    assert_eq!(number(&results["delivery"]["lost"]), 0, "{}", results["delivery"]);
    assert_eq!(results["users"]["closed_by_code"], serde_json::json!({}));
}

const FILES: &str = r#"
name = "files"
[target]
url = "embedded"
timeout = "20s"
[auth]
rate = "1000/s"
[users]
count = 6
generate = { name = "{1001}", domain = "example.com", password = "secret" }
[load]
users = [ { to = 6, over = "200ms" }, { hold = "2500ms" } ]
drain = "20s"
[[persona]]
name = "sharer"
start = "sign-in"
  [persona.state.sign-in]
  steps = [ { op = "connect" }, { op = "login" } ]
  next = "share"
  [persona.state.share]
  on_failure = "share"
  think = "50ms"
  steps = [ { op = "upload", size = "8 KiB", save = "file" }, { op = "download", file = "${file.url}" } ]
  next = "share"
"#;

#[test]
fn files_that_come_back_changed() {
    for faults in ["corrupted_downloads = { every = 5 }\n", "corrupted_uploads = { every = 5 }\n"] {
        let (injected, results) = run_scenario(FILES, faults);
        let changed = number(&injected["corrupted_downloads"]) + number(&injected["corrupted_uploads"]);
        let download = &results["operations"]["download"];
        // A changed upload shows when it is downloaded; the last ones may not have been by the end of the load.
        let never_asked_for = number(&injected["totals"]["uploads"]) - number(&injected["totals"]["downloads"]);
        let noticed = number(&download["failures"]["check"]);
        let missing = changed.checked_sub(noticed).unwrap_or_else(|| panic!("{noticed} noticed of {changed}"));
        assert!(changed >= 5 && missing <= never_asked_for, "{noticed} of {changed} noticed; {download}");
        let is_download = faults.starts_with("corrupted_downloads");
        assert!(!is_download || missing == 0, "{noticed} of {changed} noticed; {download}");
        assert_eq!(number(&download["failed"]), noticed, "{download}");
        assert_eq!(number(&results["operations"]["upload"]["failed"]), 0);
    }
}
