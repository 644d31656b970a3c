//! The scenarios of `tests/contract`, as they are: what they ask for has to go on working.

use crate::program::{Folder, alone, assert_balanced, call, results};
use crate::simulated::Simulated;

fn passes(name: &str) -> u64 {
    let _alone = alone();
    let folder = Folder::new();
    let scenario = format!("tests/contract/{name}.toml");
    let ended = call(["run", &scenario, "--progress", "plain", "--out", &folder.argument("run")]).with_code(0);
    assert!(ended.stdout.contains("PASS"), "{}", ended.stdout);
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    assert_eq!(results["run"]["ended_by"], "plan");
    assert_eq!(results["verdict"]["outcome"], "pass");
    for file in ["scenario.toml", "report.html", "junit.xml", "summary.md", "journal"] {
        assert!(folder.path("run").join(file).exists(), "{file}");
    }
    for (name, op) in results["operations"].as_object().expect("operations") {
        assert!(op["started"].as_u64() > Some(0) && op["open"] == 0, "{name}: {op}");
    }
    let delivery = &results["delivery"];
    for none in ["lost", "duplicated", "reordered", "phantom", "corrupted", "foreign", "unknown"] {
        assert_eq!(delivery[none], 0, "{none}: {delivery}");
    }
    assert!(delivery["echo_delivered"].as_u64() > Some(0), "{delivery}");
    assert_eq!(delivery["echo_expected"], delivery["echo_delivered"]);
    delivery["delivered"].as_u64().expect("a count")
}

/// Its users are attached for some milliseconds of each round, and on a fast machine never two of a pair at once: how
/// many deliveries there are is left to chance, and only the publisher's own copies are certain.
#[test]
fn every_operation() {
    passes("every-operation");
}

#[test]
fn office() {
    assert!(passes("office") > 0);
}

#[test]
fn pairs() {
    // Every message has one receiver, which is there before the first arrival.
    assert_eq!(passes("pairs"), 1_650);
}

/// The example of the design names a staging system and takes eleven minutes: its shape is run, smaller, over TLS.
#[test]
fn friday_morning_made_small() {
    let _alone = alone();
    let folder = Folder::new();
    let server = Simulated::start(&["--tls"]);
    let scenario = std::fs::read_to_string("tests/contract/friday-morning.toml").expect("is there");
    let small = [
        (
            r#"{ to = 1000, over = "60s" }, { hold = "10m" }, { to = 0, over = "30s" }"#,
            r#"{ to = 50, over = "1s" }, { hold = "4s" }, { to = 0, over = "500ms" }"#,
        ),
        (r#"{ to = "200/s", over = "1m" }, { hold = "9m" }"#, r#"{ to = "5/s", over = "2s" }, { hold = "2s" }"#),
        ("count = 1000", "count = 50"),
    ];
    let text = small.into_iter().fold(scenario, |text, (large, small)| {
        assert!(text.contains(large), "{large}");
        text.replace(large, small)
    });
    let path = folder.write("friday.toml", &text);
    let out = folder.argument("run");
    let arguments = ["run", &path, "--target", &server.url, "--out", &out];
    let ended = crate::program::call_with(arguments, &[("PBX_PASSWORD", "hunter2")]);
    // Its gates are for a thousand users and minutes of samples: whatever they say, it is a verdict.
    assert!([Some(0), Some(1), Some(4)].contains(&ended.code), "{ended:?}");
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    assert_eq!(results["run"]["tls_verification"], "off");
    assert_eq!((&results["delivery"]["lost"], &results["operations"]["login"]["failed"]), (&0.into(), &0.into()));
    assert_eq!(server.stop()["totals"]["sessions_open"], 0);
}
