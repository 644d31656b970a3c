//! A server and a scenario that do not fit: said at once, with the setting to change, and nothing is run.

use serde_json::json;

use super::{API_KEY, PROVISIONED, pair};
use crate::program::{Ended, Folder, call, call_with};
use crate::scenarios::chat;
use crate::server::{Server, Session, read_request};
use crate::simulated::Simulated;

fn run(scenario: &str) -> Ended {
    let folder = Folder::new();
    let scenario = folder.write("scenario.toml", scenario);
    let ended = call(["run", &scenario, "--out", &folder.argument("run"), "--progress", "none"]);
    assert!(!ended.stderr.contains("hash-me-0451") && !ended.stdout.contains("hash-me-0451"), "{ended:?}");
    ended
}

fn bare(url: &str) -> &str {
    url.rsplit_once("/v0").or(url.rsplit_once("/im")).map_or(url, |(bare, _)| bare)
}

#[test]
fn a_wrong_api_key_and_none() {
    let server = Simulated::start(&["--dialect", "tinode"]);
    for target in ["api_key = \"not-the-key\"", ""] {
        let ended = run(&pair(&server.url, target, PROVISIONED)).with_code(3);
        ended.says(&["403", "valid API key required", "`target.api_key`"]);
        assert!(!ended.stderr.contains("not-the-key"), "{}", ended.stderr);
    }
}

#[test]
fn a_version_that_is_not_served() {
    let server = Simulated::start(&["--dialect", "tinode"]);
    let target = format!("api_key = \"{API_KEY}\"\nprotocol_version = \"0.15\"");
    let ended = run(&pair(&server.url, &target, PROVISIONED)).with_code(3);
    ended.says(&["`hi`", "505", "`target.protocol_version`"]);
}

#[test]
fn a_wrong_password_and_an_account_that_is_not_there() {
    let server = Simulated::start(&["--dialect", "tinode"]);
    let target = format!("api_key = \"{API_KEY}\"");
    let unknown = PROVISIONED.replace("provision = true\n", "");
    let ended = run(&pair(&server.url, &target, &unknown)).with_code(3);
    ended.says(&["`login`", "401", "`[users]`", "`users.provision = true`"]);
    run(&pair(&server.url, &target, PROVISIONED)).with_figures();
    // Now the accounts are there, and creating them again is no mistake; another password is.
    run(&pair(&server.url, &target, PROVISIONED)).with_figures();
    run(&pair(&server.url, &target, &unknown)).with_figures();
    let ended = run(&pair(&server.url, &target, &PROVISIONED.replace("hash-me", "hash-you"))).with_code(3);
    ended.says(&["`login`", "401", "passwords"]);
    server.stop();
}

#[test]
fn a_pbx_that_is_taken_for_a_tinode_server() {
    let pbx = Simulated::start(&[]);
    let target = format!("api_key = \"{API_KEY}\"");
    // By the dialect's own path, and by the path of the PBX.
    for url in [bare(&pbx.url), &pbx.url] {
        let ended = run(&pair(url, &target, PROVISIONED)).with_code(3);
        ended.says(&["looks like a PortSIP PBX", "`target.dialect = \"portsip\"`"]);
    }
}

#[test]
fn a_tinode_server_that_is_taken_for_a_pbx() {
    let keyed = Simulated::start(&["--dialect", "tinode"]);
    for url in [bare(&keyed.url), &keyed.url] {
        let ended = run(&chat("1s").replace("url = \"embedded\"", &format!("url = \"{url}\""))).with_code(3);
        ended.says(&["looks like a Tinode server", "`target.dialect = \"tinode\"`"]);
    }
    // One that wants no key, by its own path: it takes `hi`.
    let keyless = Server::start(|mut stream, _| {
        let Some((head, _)) = read_request(&mut stream) else { return };
        let Some(mut session) = Session::accept(stream, &head) else { return };
        while let Some(request) = session.next() {
            let (id, code) = match request.get("hi") {
                Some(hi) => (hi["id"].clone(), 201),
                None => (request["login"]["id"].clone(), 409),
            };
            session.send(&json!({"ctrl": {"id": id, "code": code, "text": ""}}).to_string());
        }
    });
    let url = format!("url = \"{}/v0/channels\"", keyless.url());
    let ended = run(&chat("1s").replace("url = \"embedded\"", &url)).with_code(3);
    ended.says(&["looks like a Tinode server", "`target.dialect = \"tinode\"`"]);
}

/// From the file, from a flag, and from the environment: a key is in no output and in no file.
#[test]
fn a_key_stays_secret() {
    const KEY: &str = "key-7f3a-0451";
    let folder = Folder::new();
    let in_file = folder.write("file.toml", &pair("embedded", &format!("api_key = \"{KEY}\""), PROVISIONED));
    let plain = folder.write("plain.toml", &pair("embedded", "api_key = \"${env:TINODE_API_KEY:-x}\"", PROVISIONED));
    let set = format!("target.api_key={KEY}");
    for (number, arguments) in
        [vec![in_file.as_str()], vec![&plain, "--set", &set], vec![&plain]].into_iter().enumerate()
    {
        let run = folder.argument(&number.to_string());
        let all = [&["-vv", "run"][..], &arguments, &["--out", &run]].concat();
        let ended = call_with(all, &[("TINODE_API_KEY", KEY)]).with_figures();
        assert!(!ended.stdout.contains(KEY) && !ended.stderr.contains(KEY), "{ended:?}");
        for file in ["scenario.toml", "results.json", "report.html", "summary.md", "junit.xml"] {
            let text = std::fs::read_to_string(folder.path(&number.to_string()).join(file)).expect("is written");
            assert!(!text.contains(KEY), "{file} of {arguments:?}");
        }
    }
    let kept = std::fs::read_to_string(folder.path("0").join("scenario.toml")).expect("is written");
    assert!(kept.contains("api_key = \"${env:TINODE_API_KEY}\""), "{kept}");
    let ended = call(["try", &in_file]).with_code(0);
    assert!(!ended.stdout.contains(KEY) && !ended.stdout.contains("hash-me-0451"), "{ended:?}");
    assert!(ended.stdout.contains("{\"hi\"") && ended.stdout.contains("\"scheme\":\"token\""), "{}", ended.stdout);
}

#[test]
fn the_simulator_has_no_key_to_want_as_a_pbx() {
    call(["simulate", "--api-key", "k"]).with_code(2).says(&["--api-key", "--dialect tinode"]);
}
