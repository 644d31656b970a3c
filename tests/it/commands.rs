//! The commands beside `run`: check, try, ops, schema, init, completions, report.

use serde_json::Value;

use crate::program::{Folder, alone, assert_balanced, call, results};
use crate::scenarios::chat;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn check_prints_the_plan() {
    let ended = call(["check", "tests/contract/office.toml"]).with_code(0);
    for word in ["office", "200", "talker: 180 users", "sharer: 20 users", "embedded simulator", "team", "descriptors"]
    {
        assert!(ended.stdout.contains(word), "`{word}` is missing in:\n{}", ended.stdout);
    }
    let ended = call(["check", "--json", "tests/contract/office.toml", "tests/contract/pairs.toml"]).with_code(0);
    let plans = json(&ended.stdout);
    assert_eq!((&plans[0]["users"], &plans[0]["group_count"]), (&200.into(), &10.into()));
    assert_eq!((&plans[1]["name"], &plans[1]["ok"]), (&"pairs".into(), &true.into()));
    assert!(plans[1]["load"]["arrivals_planned"].as_u64() > Some(1_500), "{plans:#}");
}

#[test]
fn check_tells_what_happens_beside_the_load_and_what_is_hardly_meant() {
    let folder = Folder::new();
    let watched = "timeout = \"5s\"\nmetrics = [ { url = \"/metrics?key=hidden\", figures = { own_rss_bytes = \"rss\", sessions = \"sessions\" } } ]";
    let more = r#"
[journal]
fine = "20s"
medium = "1m"
[[event]]
do = "burst"
at = "1s"
every = "1s"
arrivals = 30
[[event]]
do = "half-open"
at = "90s"
share = 0.2
for = "8s"
[[event]]
do = "pause-reading"
at = "1s"
every = "2s"
for = "4s"
[gates]
require = [ "publish.rate.drift > -5%/h", 'publish.rate during "1s..50m" > 1/s', "publish.rate > 1/s" ]
"#;
    let text = format!("{}{more}", chat("3s").replacen("timeout = \"5s\"", watched, 1));
    let calm = folder.write("calm.toml", &chat("3s"));
    let calm = json(&call(["check", "--json", &calm]).with_code(0).stdout)[0]["load"]["arrivals_planned"].as_u64();
    let scenario = folder.write("scenario.toml", &text);
    let plan = json(&call(["check", "--json", &scenario]).with_code(0).stdout)[0].clone();
    assert_eq!(plan["load"]["arrivals_of_bursts"], 90, "{plan:#}");
    assert_eq!(plan["load"]["arrivals_planned"].as_u64(), calm.map(|calm| calm + 90), "{plan:#}");
    let ended = call(["check", &scenario]).with_code(0);
    for line in [
        "  events       burst at 1 s and every 1 s after: 30 arrivals\n",
        "               half-open at 1 min 30 s: 20% of all users, for 8 s\n",
        "  metrics      own_rss_bytes, sessions from /metrics of the target\n",
        "  journal      a record a second for 20 s, every 10 s up to 1 min, every 60 s then\n",
        "the event `pause-reading` lasts for 4 s and happens again every 2 s: users that it hits again before they are back do not read \
         for longer, and count as `overtaken`\n",
        "the event `half-open` at 1 min 30 s is after the end of the load at 3.4 s: it does not happen\n",
        "`publish.rate.drift > -5%/h` cannot be told: the load holds still for 2.8 s, and a drift takes at least 10 min",
        "`publish.rate during \"1s..50m\" > 1/s` looks beyond the load, which ends at 3s400ms: what is later is not there\n",
    ] {
        assert!(ended.stdout.contains(line), "`{line}` is missing in:\n{}", ended.stdout);
    }
    assert!(!ended.stdout.contains("hidden"), "{}", ended.stdout);
    let doctor = call(["doctor", &scenario]).stdout;
    assert!(doctor.contains("warn  gates         `publish.rate.drift > -5%/h` cannot be told"), "{doctor}");
    assert!(!doctor.contains("samples enough"), "{doctor}");
}

#[test]
fn check_doubts_events_that_do_nothing() {
    let folder = Folder::new();
    let event = |what: &str, rest: &str| format!("[[event]]\ndo = \"{what}\"\n{rest}\n");
    let events = [
        event("drop", "at = \"1s\"\nshare = 0.0001"),
        event("half-open", "at = \"2s\"\nfor = \"3s400ms\""),
        event("pause-reading", "at = \"2s\"\nfor = \"1m\""),
        event("drop", "at = \"3s400ms\""),
    ];
    let scenario = folder.write("scenario.toml", &format!("{}{}", chat("3s"), events.concat()));
    let ended = call(["check", &scenario]).with_code(0);
    assert!(ended.stdout.contains("drop at 1 s: 0.01% of all users"), "{}", ended.stdout);
    let plan = json(&call(["check", "--json", &scenario]).with_code(0).stdout)[0].clone();
    let doubts: Vec<_> = plan["doubts"].as_array().expect("doubts").iter().filter_map(Value::as_str).collect();
    assert_eq!(
        doubts,
        [
            "the event `drop` at 1 s hits nobody: `share = 0.0001` of 8 users is less than half a user",
            "the event `pause-reading` at 2 s lasts 1 min, longer than the whole load of 3.4 s: nobody is back before its end",
            "the event `drop` at 3.4 s is at the end of the load: it does not happen",
        ]
    );
}

#[test]
fn faults_for_a_target_that_is_not_embedded_are_refused() {
    let folder = Folder::new();
    let faults = folder.write("faults.toml", "token_lifetime = \"60s\"\n");
    let scenario = folder.write("scenario.toml", &chat("1s"));
    let out = folder.argument("run");
    let ended = call(["run", &scenario, "--target", "ws://127.0.0.1:1", "--faults", &faults, "--out", &out]);
    ended.with_code(2).says(&["--faults", "`127.0.0.1:1`", "pbxload simulate --faults", "embedded"]);
    assert!(!folder.path("run").exists());
}

#[test]
fn check_prints_every_mistake() {
    let folder = Folder::new();
    let scenario =
        folder.write("bad.toml", &chat("1s").replace("drain", "x").replace("name = \"team\"", "nmae = \"team\""));
    let ended = call(["check", &scenario, "tests/contract/pairs.toml", "--json"]).with_code(2);
    let documents = json(&ended.stdout);
    assert_eq!((&documents[0]["ok"], &documents[1]["ok"]), (&false.into(), &true.into()));
    assert!(ended.stdout.contains("nmae"), "{}", ended.stdout);
}

#[test]
fn shipped_scenarios_are_fine() {
    let scenarios = std::fs::read_dir("scenarios").expect("there").flatten().map(|entry| entry.path());
    let scenarios: Vec<String> = scenarios.map(|path| path.display().to_string()).collect();
    assert!(scenarios.len() >= 7, "{scenarios:?}");
    call([vec!["check".to_owned()], scenarios].concat()).with_code(0);
}

#[test]
fn try_prints_frames_without_secrets() {
    let ended = call(["try", "tests/contract/every-operation.toml"]).with_code(0);
    for frame in ["→ {\"login\"", "← {\"ctrl\"", "→ {\"pub\"", "uploading", "downloading", "→ {\"del\""] {
        assert!(ended.stdout.contains(frame), "`{frame}` is missing in:\n{}", ended.stdout);
    }
    for hidden in [r#""secret":"…""#, r#""token":"…""#] {
        assert!(ended.stdout.contains(hidden), "`{hidden}` is missing in:\n{}", ended.stdout);
    }
    assert_eq!(ended.stdout.matches(r#""secret":""#).count(), ended.stdout.matches(r#""secret":"…""#).count());
    assert_eq!(ended.stdout.matches(r#""token":""#).count(), ended.stdout.matches(r#""token":"…""#).count());
    let ended = call(["try", "tests/contract/office.toml", "--persona", "sharer"]).with_code(0);
    assert!(ended.stderr.contains("as `sharer`") && ended.stderr.contains("upload"), "{}", ended.stderr);
}

#[test]
fn ops_lists_what_scenarios_can_say() {
    let plain = call(["ops"]).with_code(0).stdout;
    let table = call(["ops", "--markdown"]).with_code(0).stdout;
    for op in ["connect", "login", "publish", "upload", "transfer-group", "raw"] {
        assert!(plain.lines().any(|line| line.starts_with(op)), "{plain}");
        assert!(table.contains(&format!("| `{op}` |")), "{table}");
    }
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = call(["completions", shell]).with_code(0).stdout;
        assert!(script.contains("pbxload") && script.contains("simulate"), "{shell}");
    }
}

#[test]
fn init_writes_what_can_be_run() {
    let folder = Folder::new();
    let file = folder.argument("first.toml");
    call(["init", &file]).with_code(0);
    let text = std::fs::read_to_string(&file).expect("is written");
    call(["init", &file]).with_code(3).says(&["first.toml", "does not exist yet"]);
    assert_eq!(std::fs::read_to_string(&file).expect("is there"), text, "what was there is left alone");
    call(["check", &file]).with_code(0);
    let _alone = alone();
    // Shorter, and denser: its `p99` needs a hundred samples.
    let short = ["--duration", "10s", "--set", "load.arrivals[1].to=80/s"];
    let ended = call([&["run", &file, "--out", &folder.argument("run")], &short[..]].concat()).with_figures();
    // Each gate holds; on a machine that was too busy the run as a whole has no verdict.
    assert!(ended.stdout.contains("PASS") && !ended.stdout.contains("FAIL"), "{}", ended.stdout);
    assert_balanced(&results(&folder.path("run")));
}

#[test]
fn reports_and_results_are_what_they_promise() {
    let folder = Folder::new();
    let scenario = folder.write("chat.toml", &chat("1s"));
    let run = folder.argument("run");
    call(["run", &scenario, "--out", &run, "--gate", "delivery.lost == 0"]).with_figures();
    let written = results(&folder.path("run"));
    let schema = json(&call(["schema", "results"]).with_code(0).stdout);
    conforms(&schema, &schema, &written, "results");
    let keys = ["format", "run", "verdict", "operations", "delivery", "arrivals", "users", "gates", "generator"];
    assert!(keys.iter().all(|key| !written[key].is_null()), "{written:#}");

    let ended = call(["report", &run, "--format", "html,json,junit,markdown,csv"]).with_code(0);
    assert_eq!(ended.stderr.lines().filter(|line| line.starts_with("wrote ")).count(), 5);
    assert_eq!(results(&folder.path("run")), written, "reading results and writing them changes nothing");
    let text = |name: &str| std::fs::read_to_string(folder.path("run").join(name)).expect("is written");
    assert!(text("report.html").contains("</html>") && !text("report.html").contains("http-equiv=\"refresh\""));
    assert!(!text("report.html").contains(" src=\"http"), "the page asks nobody for anything");
    assert!(text("junit.xml").contains("<testsuite") && text("junit.xml").contains("delivery.lost == 0"));
    assert!(text("summary.md").contains('|') && text("series.csv").lines().count() >= 2);

    // From the journal alone the same figures come out.
    std::fs::remove_file(folder.path("run").join("results.json")).expect("was there");
    call(["report", &run]).with_code(0);
    let rebuilt = results(&folder.path("run"));
    for key in ["run", "operations", "delivery", "arrivals", "users", "traffic", "failures", "generator", "series"] {
        assert_eq!(rebuilt[key], written[key], "{key}");
    }
    assert_eq!((&rebuilt["verdict"], &rebuilt["gates"]), (&written["verdict"], &written["gates"]));
}

#[test]
fn a_report_from_the_journal_judges_by_what_the_run_began_with() {
    let folder = Folder::new();
    let rules = "\n[health]\ntolerate = \"${env:PBX_TEST_SHARE:-2.5%}\"\n\
                 [gates]\nrequire = [ \"publish.response.p50 < ${env:PBX_TEST_LIMIT:-1us}\" ]\nwarn = [ \"delivery.lost == 0\" ]\n";
    let scenario = folder.write("chat.toml", &(chat("1s") + rules));
    let run = folder.argument("run");
    // The gate does not hold, or on a machine that does something else besides the run has no verdict.
    assert!([Some(1), Some(4)].contains(&call(["run", &scenario, "--out", &run]).code));
    let written = results(&folder.path("run"));
    assert_eq!(
        (&written["run"]["rules"]["tolerate"], written["gates"].as_array().map(Vec::len)),
        (&0.025.into(), Some(2))
    );
    let remade = || {
        std::fs::remove_file(folder.path("run").join("results.json")).expect("was there");
        call(["report", &run]).with_code(0);
        results(&folder.path("run"))
    };
    // What the variables had is in no file but the journal.
    let rebuilt = remade();
    assert_eq!((&rebuilt["verdict"], &rebuilt["gates"]), (&written["verdict"], &written["gates"]));
    assert_eq!(rebuilt["gates"][0]["gate"], "publish.response.p50 < 1us");
    // Nor does it matter what somebody writes into the copy; but it is said.
    let copy = folder.path("run").join("scenario.toml");
    let text = std::fs::read_to_string(&copy).expect("a scenario").replace("delivery.lost == 0", "delivery.lost == 9");
    std::fs::write(&copy, text).expect("written");
    let rebuilt = remade();
    assert_eq!((&rebuilt["verdict"], &rebuilt["gates"]), (&written["verdict"], &written["gates"]));
    assert!(rebuilt["warnings"].to_string().contains("is not the scenario that ran"), "{}", rebuilt["warnings"]);
}

#[test]
fn the_schema_of_scenarios_names_every_section() {
    let schema = json(&call(["schema", "scenario"]).with_code(0).stdout);
    for key in ["name", "target", "auth", "users", "topology", "load", "persona", "gates"] {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
}

/// As much of JSON Schema as the schema of results uses.
fn conforms(root: &Value, schema: &Value, value: &Value, path: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).expect("a definition");
        return conforms(root, target, value, path);
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is_kind = |kind: &&str| match *kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("{path}: the schema has the type {other}"),
    };
    assert!(kinds.is_empty() || kinds.iter().any(is_kind), "{path} is no {kinds:?}: {value}");
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(value.get(key).is_some(), "{path}.{key} is missing");
    }
    for (key, member) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(key) {
            Some(known) => conforms(root, known, member, &format!("{path}.{key}")),
            None if schema["additionalProperties"].is_object() => {
                conforms(root, &schema["additionalProperties"], member, &format!("{path}.{key}"));
            }
            None => assert!(schema["properties"].is_null(), "{path}.{key} is not in the schema"),
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        if schema["items"].is_object() {
            conforms(root, &schema["items"], item, &format!("{path}[{index}]"));
        }
    }
}

/// `schema faults` knows every key of the file that `simulate --help` shows, and the program takes that file.
#[test]
fn fault_files_are_documented() {
    let schema = json(&call(["schema", "faults"]).with_code(0).stdout);
    let help = call(["simulate", "--help"]).with_code(0).stdout;
    assert!(help.contains("pbxload schema faults"), "{help}");
    for class in schema["properties"].as_object().expect("keys").keys() {
        assert!(help.contains(class.as_str()), "`{class}` is missing in:\n{help}");
    }
    for class in ["lost", "duplicated", "reordered", "corrupted", "phantom", "not_stored", "reject", "delay", "drop"] {
        assert!(schema["properties"][class].is_object(), "{class}: {schema:#}");
    }
    let example: String =
        help.lines().skip_while(|line| !line.starts_with("seed = ")).map(|l| format!("{l}\n")).collect();
    let folder = Folder::new();
    let faults = folder.write("faults.toml", &example);
    crate::simulated::Simulated::start(&["--faults", &faults]).stop();
}
