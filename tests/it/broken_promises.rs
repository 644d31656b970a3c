//! A service that breaks its promises at five thousand deliveries a second: each is reported, to the message.

use serde_json::Value;

use crate::faults::{SCENARIO, number, run_scenario};

fn violated(results: &Value, promise: &str) -> u64 {
    let all = results["invariants"].as_array().expect("a list");
    let figures = all.iter().find(|figures| figures["name"] == promise).expect("is listed");
    number(&figures["violated"])
}

#[track_caller]
fn assert_exact(pairs: &[(&str, u64, u64)]) {
    for (what, injected, reported) in pairs {
        assert_eq!(injected, reported, "{what}");
        assert!(*injected >= 5, "{what} struck only {injected} times");
    }
}

#[test]
fn all_that_can_be_told_from_the_messages() {
    let scenario = SCENARIO.replace("90/s", "460/s");
    // The ledger keeps the last 64 gaps of a topic.
    let faults = "
        seed = 5
        seq_jump = { every = 40, max = 20 }
        seq_repeat = { every = 31 }
        seq_backward = { every = 47 }
        double_ack = { every = 29 }
        early_echo = { every = 23 }
        misdelivered = { every = 19 }
        other_run = { every = 101 }
    ";
    let (injected, results) = run_scenario(&scenario, faults);
    let done = |key: &str| number(&injected[key]);
    let delivery = &results["delivery"];
    assert_exact(&[
        ("gaps", done("seq_jump"), violated(&results, "seq_dense")),
        ("numbers given twice", done("seq_repeat") + done("seq_backward"), violated(&results, "seq_unique")),
        ("backward", done("seq_backward_deliveries"), number(&delivery["reordered"])),
        ("second acknowledgements", done("double_ack"), number(&results["users"]["duplicate_replies"])),
        ("early copies", done("early_echo"), violated(&results, "ack_before_echo")),
        ("misdelivered", done("misdelivered"), number(&delivery["misdelivered"])),
        ("of another run", done("other_run"), number(&delivery["foreign"])),
        ("delivered", number(&injected["totals"]["deliveries_pushed"]), number(&delivery["delivered"])),
        ("accepted", number(&injected["totals"]["publishes_accepted"]), number(&delivery["accepted"])),
    ]);
    for class in ["lost", "duplicated", "phantom", "corrupted", "excused", "unknown"] {
        assert_eq!(number(&delivery[class]), 0, "{class}: {delivery}");
    }
    assert_eq!(number(&results["users"]["resubscribed"]["silently_detached"]), 0);
}

/// Who only reads is detached; who writes is nobody's receiver, and is never refused.
#[test]
fn who_is_detached_without_a_word_is_found() {
    let readers = SCENARIO.replace("name = \"talker\"", "name = \"talker\"\nshare = 1")
        + r#"
[[persona]]
name = "reader"
share = 11
start = "sign-in"
  [persona.state.sign-in]
  steps = [ { op = "connect" }, { op = "login" }, { op = "subscribe", to = "group:team" } ]
  next = "read"
  [persona.state.read]
  think = "1h"
  steps = []
  next = "read"
"#;
    let (injected, results) = run_scenario(&readers, "silent_detach = { every = 150, max = 6 }");
    let delivery = &results["delivery"];
    assert_exact(&[
        (
            "silently detached",
            number(&injected["silent_detach"]),
            number(&results["users"]["resubscribed"]["silently_detached"]),
        ),
        ("lost", number(&injected["silent_detach_deliveries"]), number(&delivery["lost"])),
        ("not pushed", number(&delivery["lost"]), number(&delivery["lost_by"]["not_pushed"])),
    ]);
}
