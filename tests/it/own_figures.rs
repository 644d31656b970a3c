//! The target's own figures: read from a page and from `/proc`, in results, gates, reports and the journal.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use crate::program::{Folder, call, results};
use crate::scenarios::chat;

/// A server of one page; what it answers depends on how often it was asked. It ends with the test's process.
fn serve(page: fn(u64) -> (&'static str, String)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for (count, stream) in (0..).zip(listener.incoming()) {
            let Ok(mut stream) = stream else { break };
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or(0);
            assert!(request[..read].starts_with(b"GET /metrics HTTP/1.1\r\n"));
            let (status, page) = page(count);
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", page.len());
            let _ = stream.write_all((head + &page).as_bytes());
        }
    });
    address
}

/// The scenario with this beside its URL, and with these gates.
fn scenario(watched: &str, gates: &str) -> String {
    let text = chat("4s").replacen("timeout = \"5s\"", &format!("timeout = \"5s\"\n{watched}"), 1);
    format!("{text}\n[gates]\nrequire = [ {gates} ]\n")
}

fn run(folder: &Folder, text: &str) -> crate::program::Ended {
    let scenario = folder.write("scenario.toml", text);
    let out = folder.argument("run");
    call(["run", &scenario, "--out", &out, "--progress", "none", "--set", "health.intervals=60"])
}

#[test]
fn a_page_of_metrics_is_shown_and_judged() {
    let address = serve(|count| {
        let page = format!(
            "# HELP leak A counter that leaks.\nleak_bytes{{pool=\"a\"}} {}\nleak_bytes{{pool=\"b\"}} 5\nrequests_total {}\n",
            1_000_000 + count * 1_000,
            count * 10
        );
        ("200 OK", page)
    });
    let folder = Folder::new();
    let watched = format!(
        "metrics = [ {{ url = \"http://{address}\", figures = {{ held_bytes = \"leak_bytes{{pool=\\\"a\\\"}}\", all_bytes = \"leak_bytes\", asked_per_s = \"rate(requests_total)\" }} }} ]"
    );
    let gates = "\"target.held_bytes.last < 2 MiB\", \"target.held_bytes.max < 999000 B\", \"target.asked_per_s.mean < 1000\", \"target.scrapes.failed == 0\"";
    let ended = run(&folder, &scenario(&watched, gates)).with_code(1);
    let results = results(&folder.path("run"));
    let own = &results["target"];
    assert_eq!(own["failed"], 0, "{own}");
    let held = &own["figures"]["held_bytes"];
    let value = |key: &str| held[key].as_f64().expect("a number");
    assert!(value("first") >= 1e6 && value("last") > value("first") && value("max") == value("last"), "{own}");
    assert_eq!(own["figures"]["all_bytes"]["first"].as_f64(), Some(value("first") + 5.0), "{own}");
    assert!(own["figures"]["asked_per_s"]["mean"].as_f64().is_some_and(|rate| rate > 1.0), "{own}");
    let passed: Vec<_> =
        results["gates"].as_array().expect("gates").iter().map(|gate| gate["passed"].clone()).collect();
    assert_eq!(passed, [true, false, true, true], "{}", ended.stdout);
    let points = results["series"]["points"].as_array().expect("points");
    // A gap would say that it could not be read.
    assert!(points.iter().all(|point| point["target"]["held_bytes"]["max"].is_number()), "{points:?}");
    let page = std::fs::read_to_string(folder.path("run/report.html")).expect("a page");
    assert!(page.contains("own figures") && page.contains("held_bytes"), "no chart");
    assert!(ended.stdout.contains("held_bytes"), "{}", ended.stdout);
    // The journal alone tells the same.
    std::fs::remove_file(folder.path("run/results.json")).expect("was there");
    call(["report", &folder.argument("run"), "--format", "json"]).with_code(0);
    assert_eq!(crate::program::results(&folder.path("run"))["target"], *own);
}

#[test]
fn what_cannot_be_read_is_counted_and_said_and_is_no_zero() {
    let address = serve(|count| match count % 3 {
        0 => ("503 Service Unavailable", "<script>alert(1)</script>".to_owned()),
        1 => ("200 OK", "<html>sign in first</html>".to_owned()),
        _ => ("200 OK", "other 7\n".to_owned()),
    });
    let folder = Folder::new();
    let watched =
        format!("metrics = [ {{ url = \"http://{address}/metrics\", figures = {{ held_bytes = \"leak_bytes\" }} }} ]");
    let ended = run(&folder, &scenario(&watched, "\"target.held_bytes.max < 1 GiB\"")).with_code(4);
    let results = results(&folder.path("run"));
    let own = &results["target"];
    assert!(own["failed"].as_u64().is_some_and(|failed| failed >= 2), "{own}");
    assert!(own["figures"].as_object().is_some_and(serde_json::Map::is_empty), "{own}");
    assert_eq!(results["gates"][0]["status"], "not_measured");
    assert!(ended.stdout.contains("HTTP 503") && ended.stdout.contains("no zero"), "{}", ended.stdout);
    let page = std::fs::read_to_string(folder.path("run/report.html")).expect("a page");
    assert!(!page.contains("<script"));
}

#[test]
fn a_process_of_this_machine_is_read_by_the_file_with_its_number() {
    let folder = Folder::new();
    let file = folder.write("own.pid", &format!("{}\n", std::process::id()));
    let server = crate::simulated::Simulated::start(&[]);
    let url = server.url.clone();
    let text = scenario(
        &format!("process = {{ pid_file = \"{file}\" }}"),
        "\"target.rss_bytes.max < 100 GiB\", \"target.threads.last >= 1\"",
    );
    let text = text.replacen("url = \"embedded\"", &format!("url = \"{url}\""), 1);
    run(&folder, &text).with_code(0);
    let own = &results(&folder.path("run"))["target"]["figures"];
    for figure in ["rss_bytes", "cpu_s", "descriptors", "threads"] {
        assert!(own[figure]["samples"].as_u64().is_some_and(|samples| samples >= 3), "{figure}: {own}");
    }
    assert!(own["rss_bytes"]["min"].as_f64().is_some_and(|bytes| bytes > 1e6), "{own}");
    server.stop();
}

#[test]
fn gates_on_what_is_not_read_are_told_before_the_run() {
    let folder = Folder::new();
    let watched = "metrics = [ { url = \"/metrics\", figures = { held_bytes = \"x\" } } ]";
    let wrong = scenario(
        watched,
        "\"target.heap_bytes.max < 1 MiB\", \"target.held_bytes.max < 5ms\", \"publish.rate.drift < 5%\"",
    );
    let scenario = folder.write("scenario.toml", &wrong);
    let ended = call(["check", &scenario]).with_code(2);
    ended.says(&["reads no `heap_bytes`", "`held_bytes`", "is a size, not measured in `ms`", "5%/h"]);
}
