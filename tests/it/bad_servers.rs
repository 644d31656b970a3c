//! Servers that break every rule of the WebSocket and of the protocol: a run against them ends by itself, with a
//! verdict or exit code 3, and counts what it met.

use serde_json::{Value, json};

use crate::program::{Folder, assert_balanced, call, results};
use crate::scenarios::{USERS_WITH_TOKENS, with_tokens};
use crate::server::{Server, Session, read_request, reply, swallow};

/// A server that answers the probe and every later upgrade properly, and then follows the script.
fn scripted(script: impl Fn(&mut Session, &Value) + Send + Sync + 'static) -> Server {
    Server::start(move |mut stream, _| {
        let Some((head, _)) = read_request(&mut stream) else { return };
        let Some(mut session) = Session::accept(stream, &head) else { return };
        while let Some(request) = session.next() {
            script(&mut session, &request);
        }
    })
}

/// Runs two users against a server; the run has to end by itself with a verdict, and its sums have to hold.
#[track_caller]
fn verdict(server: &Server) -> Value {
    outcome(server, &[])
}

/// A run in which nothing at all succeeded cannot pass.
#[track_caller]
fn no_verdict(server: &Server) -> Value {
    let results = outcome(server, &["--duration", "400ms"]);
    assert_eq!(results["verdict"]["outcome"], "no_verdict");
    results
}

#[track_caller]
fn outcome(server: &Server, more: &[&str]) -> Value {
    let folder = Folder::new();
    folder.write("users.csv", USERS_WITH_TOKENS);
    let scenario = folder.write("scenario.toml", &with_tokens(&server.url()));
    call([&["run", &scenario, "--out", &folder.argument("run")], more].concat()).with_figures();
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    assert_eq!(results["run"]["ended_by"], "plan");
    // Whatever a server says stays text in the reports.
    let report = std::fs::read_to_string(folder.path("run").join("report.html")).expect("is written");
    assert!(!report.contains("<script>alert"), "a server's text is in the report as it came");
    results
}

#[track_caller]
fn at_least_one(results: &Value, pointer: &str) {
    assert!(results.pointer(pointer).and_then(Value::as_u64) > Some(0), "nothing at {pointer} in {results:#}");
}

/// Bytes instead of a reply to whatever comes.
fn raw(bytes: &'static [u8]) -> Server {
    scripted(move |session, _| session.send_raw(bytes))
}

/// Texts before each proper reply.
fn texts_before_each_reply(texts: Vec<String>) -> Server {
    scripted(move |session, request| {
        texts.iter().for_each(|text| session.send(text));
        let answer = session.answer(request);
        session.send(&answer.to_string());
    })
}

#[track_caller]
fn are_harmless(texts: Vec<String>, pointer: &str) {
    let count = texts.len() as u64;
    let results = verdict(&texts_before_each_reply(texts));
    assert_eq!(results["operations"]["login"]["failed"], 0, "{results:#}");
    at_least_one(&results, "/operations/publish/ok");
    // Each before each reply: not one of them went uncounted.
    let met = results.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    assert!(met > 0 && met.is_multiple_of(count), "{met} at {pointer} for {count} texts: {results:#}");
}

#[test]
fn a_proper_server_by_hand_is_fine() {
    are_harmless(
        vec![r#"{"pres":{"topic":"me","src":"usr1","what":"on"}}"#.to_owned()],
        "/traffic/received_by_kind/pres",
    );
}

#[test]
fn the_upgrade_is_refused_with_html() {
    let folder = Folder::new();
    folder.write("users.csv", USERS_WITH_TOKENS);
    let html = b"<html><script>alert(1)</script>502 Bad Gateway</html>";
    let server = Server::start(|mut stream, _| {
        read_request(&mut stream);
        reply(&mut stream, "502 Bad Gateway", "text/html", html);
    });
    let scenario = folder.write("scenario.toml", &with_tokens(&server.url()));
    let ended = call(["run", &scenario, "--out", &folder.argument("run")]).with_code(3);
    ended.says(&["HTTP 502", "target.url"]);
}

#[test]
fn the_upgrade_is_refused_after_the_start() {
    let server = Server::start(|mut stream, number| {
        let Some((head, _)) = read_request(&mut stream) else { return };
        if number > 0 {
            return reply(&mut stream, "502 Bad Gateway", "text/html", b"<html><script>alert(1)</script></html>");
        }
        if let Some(mut session) = Session::accept(stream, &head) {
            session.next();
        }
    });
    at_least_one(&no_verdict(&server), "/operations/connect/failures/upgrade(502)");
}

#[test]
fn the_upgrade_is_answered_with_anything() {
    for answer in [&b"\x16\x03\x01\x02\x00 no HTTP at all\r\n\r\n"[..], b"HTTP/1.1 101 Switching Protocols\r\n\r\n"] {
        let server = Server::start(move |mut stream, number| {
            let Some((head, _)) = read_request(&mut stream) else { return };
            if number == 0 {
                Session::accept(stream, &head).and_then(|mut session| session.next());
            } else {
                let _ = std::io::Write::write_all(&mut stream, answer);
                swallow(stream);
            }
        });
        at_least_one(&no_verdict(&server), "/operations/connect/failures/malformed");
    }
}

#[test]
fn no_request_is_ever_answered() {
    let results = verdict(&scripted(|_, _| {}));
    at_least_one(&results, "/operations/login/failures/timed_out");
    assert_eq!(results["operations"]["login"]["ok"], 0);
}

#[test]
fn frames_that_are_no_frames() {
    const LONG_PING: [u8; 260] = {
        let mut frame = [0; 260];
        [frame[0], frame[1], frame[2], frame[3]] = [0x89, 0x7e, 1, 0];
        frame
    };
    let broken: [&[u8]; 6] = [
        b"\x00\x01\x02\x03 garbage \xff\xfe\xfd",
        b"\x81\x85\x01\x02\x03\x04abcde", // masked, as only a client may
        b"\xf1\x05hello",                 // reserved bits
        b"\x83\x02{}",                    // an opcode that does not exist
        b"\x81\x04\xff\xfe\xfd\xfc",      // text that is not UTF-8
        &LONG_PING,                       // a ping of 256 bytes, longer than pings may be
    ];
    for bytes in broken {
        let results = verdict(&raw(bytes));
        let failures = results["operations"]["login"]["failures"].as_object().expect("failures");
        assert!(failures.keys().any(|class| class.starts_with("closed(")), "{bytes:?}: {failures:?}");
    }
}

#[test]
fn a_frame_of_two_mebibytes() {
    let results = verdict(&texts_before_each_reply(vec![format!(r#"{{"data":"{}"}}"#, "x".repeat(2 << 20))]));
    at_least_one(&results, "/operations/login/failed");
}

/// A length that no memory holds, and then nothing.
#[test]
fn a_frame_that_announces_exabytes() {
    let results = verdict(&raw(b"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"));
    at_least_one(&results, "/operations/login/failed");
}

#[test]
fn json_without_bottom() {
    let lists = "[".repeat(50_000) + &"]".repeat(50_000);
    let content = r#"{"data":{"topic":"grpAAAAAAAAAAA","seq":1,"content":"#.to_owned() + &r#"{"a":"#.repeat(50_000);
    are_harmless(vec![lists, content], "/traffic/received_by_kind/malformed");
}

#[test]
fn wrong_types_and_unknown_verbs() {
    let texts = [
        r#"{"ctrl":{"id":7,"code":"two hundred","params":[]}}"#,
        r#"{"gossip":{"what":"<script>alert(1)</script>"}}"#,
        r#"{"ctrl":null,"data":null}"#,
        r#"{"data":{"topic":"grpAAAAAAAAAAA","seq":-1}}"#,
        r#"{"data":{"topic":"grpAAAAAAAAAAA","seq":1e400}}"#,
        "[1,2,3]",
        "\"\\ud800\"",
        "",
    ];
    are_harmless(texts.map(str::to_owned).to_vec(), "/traffic/received_by_kind/malformed");
}

#[test]
fn replies_to_what_nobody_asked() {
    let ids = ["99c5075a-cf52-493c-8572-9e30437a02ce", "<script>alert(1)</script>", "\u{0}"];
    let texts = ids.map(|id| json!({"ctrl": {"id": id, "code": 200, "text": "ok"}}).to_string());
    are_harmless(texts.to_vec(), "/users/unmatched_replies");
}

#[test]
fn every_reply_twice() {
    let server = scripted(|session, request| {
        let answer = session.answer(request).to_string();
        session.send(&answer);
        session.send(&answer);
    });
    let results = verdict(&server);
    at_least_one(&results, "/users/duplicate_replies");
    assert_eq!(results["users"]["unmatched_replies"], 0);
    assert_eq!(results["operations"]["publish"]["failed"], 0, "{results:#}");
}

/// Each reply comes with the next request: after the first has been given up.
#[test]
fn every_reply_late() {
    let held = std::sync::Mutex::new(std::collections::HashMap::new());
    let server = scripted(move |session, request| {
        let answer = session.answer(request);
        if !request["pub"].is_object() {
            return session.send(&answer.to_string());
        }
        // By connection: the ids of a connection's publishes are never another's.
        let port = session.peer();
        let late = held.lock().expect("no test panics with it").insert(port, answer);
        if let Some(late) = late {
            session.send(&late.to_string());
        }
    });
    let folder = Folder::new();
    folder.write("users.csv", USERS_WITH_TOKENS);
    let text = with_tokens(&server.url()).replace("think = \"20ms\"", "think = \"20ms\"\n  on_failure = \"continue\"");
    let scenario = folder.write("scenario.toml", &text);
    call(["run", &scenario, "--out", &folder.argument("run")]).with_figures();
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    at_least_one(&results, "/users/late_replies");
    at_least_one(&results, "/operations/publish/failures/timed_out");
    assert_eq!(results["users"]["duplicate_replies"], 0);
    // What was acknowledged late was accepted all the same.
    at_least_one(&results, "/delivery/accepted");
}

#[test]
fn the_connection_ends_at_any_moment() {
    let server = Server::start(|mut stream, number| {
        let Some((head, _)) = read_request(&mut stream) else { return };
        let Some(mut session) = Session::accept(stream, &head) else { return };
        for answered in 0.. {
            let Some(request) = session.next() else { return };
            let answer = session.answer(&request).to_string();
            if number > 0 && answered == number % 7 {
                return match number % 3 {
                    0 => session.send_raw(b"\x88\x02\x03\xf3"), // closed with 1011
                    1 => session.send_raw(&[0x81, 0x7e, 0x40]), // in the middle of a frame
                    _ => {}
                };
            }
            session.send(&answer);
        }
    });
    let results = verdict(&server);
    let codes = results["users"]["closed_by_code"].as_object().expect("codes");
    assert!(!codes.is_empty(), "{results:#}");
}

#[test]
fn rejections_with_any_code() {
    let codes = [0u64, 99, 205, 300, 399, 418, 503, 599, 1000, 65_535];
    let server = scripted(move |session, request| {
        let mut answer = session.answer(request);
        let at = session.next_number() as usize;
        if request["pub"].is_object() {
            answer["ctrl"]["code"] = codes[at % codes.len()].into();
            answer["ctrl"]["text"] = "<script>alert(1)</script>".into();
            answer["ctrl"]["topic"] = "<script>alert(2)</script>".into();
        }
        session.send(&answer.to_string());
    });
    let results = verdict(&server);
    at_least_one(&results, "/operations/publish/failed");
}
