//! What the exit code says, and the sentence that goes with it: what is wrong, and the way out.

use crate::program::{Folder, alone, call, call_with, results};
use crate::scenarios::{USERS_WITH_TOKENS, chat, with_tokens};
use crate::server::{Server, closed_port, read_request, reply, swallow};
use crate::simulated::Simulated;

/// Runs a scenario text for a second and a half; `more` are further flags.
fn run(folder: &Folder, text: &str, more: &[&str]) -> crate::program::Ended {
    folder.write("users.csv", USERS_WITH_TOKENS);
    let scenario = folder.write("scenario.toml", text);
    let out = folder.argument("run");
    call([&["run", &scenario, "--out", &out, "--duration", "1500ms"], more].concat())
}

#[test]
fn pass_and_fail() {
    let _alone = alone();
    let folder = Folder::new();
    let ended = run(&folder, &chat("1s"), &["--gate", "delivery.lost == 0"]).with_code(0);
    assert!(ended.stdout.contains("PASS"), "{}", ended.stdout);
    let folder = Folder::new();
    let ended = run(&folder, &chat("1s"), &["--gate", "publish.count > 100000"]).with_code(1);
    assert!(ended.stdout.contains("FAIL") && ended.stdout.contains("publish.count > 100000"), "{}", ended.stdout);
    assert_eq!(results(&folder.path("run"))["verdict"]["outcome"], "fail");
}

#[test]
fn bad_scenarios_and_flags() {
    let folder = Folder::new();
    let mistakes = chat("1s").replace("timeout = \"5s\"", "timout = \"5s\"").replace("to = \"peer\"", "to = \"pear\"");
    let ended = run(&folder, &mistakes, &[]).with_code(2);
    // Both at once, each with its place and the way out.
    ended.says(&["scenario.toml:5", "timout", "timeout", "pear"]);
    // Gates too, although what they mean is checked elsewhere.
    let ended = run(&folder, &mistakes, &["--gate", "publish.reponse.p99 < 1s"]).with_code(2);
    ended.says(&["timout", "pear", "publish.reponse.p99", "publish.response.p99"]);
    assert!(!folder.path("run").exists(), "nothing is left behind by a scenario that was never run");
    let bad: [(&[&str], &[&str]); 8] = [
        (&["run", "/nowhere/scenario.toml"], &["/nowhere/scenario.toml"]),
        (&["run", "tests/contract/pairs.toml", "--user", "3"], &["--user", "--users"]),
        (&["run", "tests/contract/pairs.toml", "--gate", "publish.response.p99 > fast"], &["fast"]),
        (&["run", "tests/contract/pairs.toml", "--target", "wss://pbx.example.com"], &["--allow-host pbx.example.com"]),
        (&["run", "tests/contract/pairs.toml", "--faults", "/nowhere/faults.toml"], &["/nowhere/faults.toml"]),
        (&["simulate", "--faults", "tests/contract/pairs.toml"], &["pairs.toml"]),
        (&["try", "tests/contract/pairs.toml", "--persona", "tlaker"], &["tlaker", "talker"]),
        (&["report", "tests", "--format", "pdf"], &["pdf", "html"]),
    ];
    for (arguments, words) in bad {
        call(arguments).with_code(2).says(words);
    }
}

#[test]
fn nothing_listens() {
    let folder = Folder::new();
    let url = format!("ws://{}", closed_port());
    run(&folder, &with_tokens(&url), &[]).with_code(3).says(&["127.0.0.1", "refused", "check `target.url`"]);
}

#[test]
fn tls_where_there_is_none() {
    let (folder, server) = (Folder::new(), Simulated::start(&[]));
    let url = server.url.replace("ws://", "wss://");
    run(&folder, &with_tokens(&url), &[])
        .with_code(3)
        .says(&["TLS", "check `target.url` (`ws` or `wss` too) and `target.tls`"]);
}

#[test]
fn a_certificate_that_nobody_vouches_for() {
    let _alone = alone();
    let (folder, server) = (Folder::new(), Simulated::start(&["--tls"]));
    run(&folder, &chat("1s"), &["--target", &server.url]).with_code(3).says(&["TLS", "certificate", "target.tls"]);
    let folder = Folder::new();
    let verified_off = ["--target", &server.url, "--set", "target.tls.verify=false"];
    run(&folder, &chat("1s"), &verified_off).with_code(0);
    let results = results(&folder.path("run"));
    assert_eq!(results["run"]["tls_verification"], "off");
    assert!(results["operations"]["connect"]["phases_us"]["tls"]["count"].as_u64() >= Some(8));
}

#[test]
fn a_folder_that_cannot_be_used() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("run")).expect("can be made");
    folder.write("run/precious.txt", "somebody's work");
    run(&folder, &chat("1s"), &[]).with_code(3).says(&["is not empty", "--out DIR"]);
    assert_eq!(std::fs::read_dir(folder.path("run")).expect("is there").count(), 1, "nothing was added");
    // A file where a folder has to be: this keeps root out too.
    let folder = Folder::new();
    folder.write("run", "a file");
    run(&folder, &chat("1s"), &[]).with_code(3).says(&["run", "--out DIR"]);
}

#[test]
fn reports_of_what_is_no_run() {
    let folder = Folder::new();
    call(["report", &folder.argument("absent")]).with_code(3).says(&["there is no run folder", "reports/runs"]);
    call(["report", &folder.argument("")]).with_code(3).says(&["is not a run folder", "pbxload run"]);
}

#[test]
fn refused_tokens_stop_before_the_address_is_blocked() {
    let folder = Folder::new();
    let (server, asked) = (Simulated::start(&[]), std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0)));
    let count = std::sync::Arc::clone(&asked);
    let rest = Server::start(move |mut stream, _| {
        while read_request(&mut stream).is_some() {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let body = br#"{"errors":[{"code":"UNAUTHORIZED","message":"Login failed"}]}"#;
            reply(&mut stream, "400 Bad Request", "application/json", body);
        }
    });
    let rest_url = format!("target.rest_url=http://{}", rest.address);
    let more = ["--set", &rest_url, "--set", "auth.refusals_max=4", "--set", "auth.rate=50/s"];
    let flags = [&["--target", &server.url, "--users", "400"], &more[..]].concat();
    let ended = run(&folder, &chat("1s"), &flags).with_code(3);
    ended.says(&["refusals", "UNAUTHORIZED Login failed", "auth.refusals_max"]);
    let asked = asked.load(std::sync::atomic::Ordering::Relaxed);
    assert!((4..400).contains(&asked), "{asked} requests for 400 users");
}

#[test]
fn a_silent_target() {
    let (folder, server) = (Folder::new(), Server::start(|stream, _| swallow(stream)));
    let ended = run(&folder, &with_tokens(&server.url()), &[]).with_code(3);
    ended.says(&["did not answer the WebSocket upgrade within 300ms", "target.timeout"]);
}

#[test]
fn too_few_samples_are_no_verdict() {
    let _alone = alone();
    let folder = Folder::new();
    let ended = run(&folder, &chat("1s"), &["--gate", "publish.response.p9999 < 1s"]).with_code(4);
    assert!(ended.stdout.contains("NO VERDICT") && ended.stdout.contains("needs 10\u{202f}000"), "{}", ended.stdout);
    assert_eq!(results(&folder.path("run"))["gates"][0]["passed"], serde_json::Value::Null);
}

#[test]
fn variables_that_are_not_set() {
    let folder = Folder::new();
    let scenario =
        folder.write("scenario.toml", &chat("1s").replace("${env:PBX_PASSWORD:-secret}", "${env:PBX_PASSWORD}"));
    call(["check", &scenario]).with_code(2).says(&["PBX_PASSWORD"]);
    call_with(["check", &scenario], &[("PBX_PASSWORD", "hunter2")]).with_code(0);
}
