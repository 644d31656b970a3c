//! A day that is run through faster than the clock.

use serde_json::Value;

use crate::program::{Folder, call, results};
use crate::scenarios::chat;

/// The chat on a day.
fn day(day: &str) -> String {
    let chat = chat("1s");
    let (head, rest) = chat.split_once("[load]\n").expect("a load");
    let (_, personas) = rest.split_once("[[persona]]").expect("a persona");
    format!("{head}[load]\n{day}\n[[persona]]{personas}")
}

const OFFICE: &str = r#"
[load.day]
speed_up = 1440
start = "06:00"
opening = "1s"
users = { "06:00" = 2, "09:00" = 8, "12:00" = 8, "18:00" = 2 }
arrivals = { "06:00" = "0/s", "09:00" = "40/s", "18:00" = "0/s" }
"#;

fn planned(text: &str, flags: &[&str]) -> Value {
    let folder = Folder::new();
    let scenario = folder.write("day.toml", text);
    let ended = call([&["check", &scenario, "--json"], flags].concat()).with_code(0);
    serde_json::from_str::<Value>(&ended.stdout).expect("JSON")[0].clone()
}

#[test]
fn a_day_becomes_stages_called_by_their_times() {
    let plan = planned(&day(OFFICE), &[]);
    let load = &plan["load"];
    // A day in a minute, after an opening of one second.
    assert_eq!(load["duration_s"].as_f64(), Some(61.0), "{load}");
    assert_eq!(
        load["users"],
        serde_json::json!([
            "opening: to 2 over 1 s",
            "06:00-09:00: to 8 over 7.5 s",
            "09:00-12:00: hold 7.5 s",
            "12:00-18:00: to 2 over 15 s",
            "18:00-06:00: hold 30 s"
        ])
    );
    assert_eq!(load["arrivals"].as_array().map(Vec::len), Some(5), "{load}");
    // 20/s on average from 06:00 to 18:00, which takes 30 s.
    assert!(load["arrivals_planned"].as_u64().is_some_and(|count| count.abs_diff(600) < 120), "{load}");
    assert!(load["day"].as_str().is_some_and(|text| text.contains("1 day from 06:00 on in 1 min")), "{load}");
    let half = planned(&day(OFFICE), &["--users", "4"]);
    assert_eq!(half["load"]["users"][1], "06:00-09:00: to 4 over 7.5 s");
    assert_eq!(half["users"], 4);
}

#[test]
fn a_stage_of_a_day_has_gates_and_days_follow_each_other() {
    let folder = Folder::new();
    let text = format!(
        "{}\n[gates]\nrequire = [ 'publish.response.p50 during \"09:00-12:00\" < 5s', \"delivery.lost == 0\" ]\n",
        day(OFFICE)
    );
    let scenario = folder.write("day.toml", &text);
    call(["check", &scenario]).with_code(0);
    let fast = OFFICE.replace("1440", "1000").replace("start = \"06:00\"", "days = 2");
    let plan = planned(&day(&fast), &[]);
    assert_eq!(plan["load"]["users"].as_array().map(Vec::len), Some(9), "{plan}");
    let ended = call(["check", &scenario, "--duration", "5s"]).with_code(2);
    ended.says(&["`--duration` does not cut a day short", "load.day.speed_up"]);
}

#[test]
fn a_short_day_runs_and_its_marks_are_its_times() {
    let folder = Folder::new();
    // One point is a day that never changes; the rest of it would only take longer.
    let text = day(
        "[load.day]\nspeed_up = 1440\nopening = \"500ms\"\nusers = { \"00:00\" = 8, \"12:00\" = 4 }\narrivals = { \"00:00\" = \"5/s\" }\n",
    );
    let scenario =
        folder.write("day.toml", &format!("{text}\n[gates]\nabort_when = [ \"publish.count > 0 after 3s\" ]\n"));
    let out = folder.argument("run");
    call(["run", &scenario, "--out", &out, "--progress", "none", "--set", "health.intervals=600"]).with_code(1);
    let results = results(&folder.path("run"));
    let marks: Vec<&str> = results["series"]["marks"]
        .as_array()
        .expect("marks")
        .iter()
        .filter_map(|mark| mark["label"].as_str())
        .collect();
    assert_eq!(&marks[..3], ["opening", "00:00-12:00", "12:00-00:00"], "{marks:?}");
    let stages: Vec<&str> = results["run"]["stages"]
        .as_array()
        .expect("stages")
        .iter()
        .filter_map(|stage| stage["name"].as_str())
        .collect();
    assert!(stages.contains(&"arrivals 00:00-00:00"), "{stages:?}");
}
