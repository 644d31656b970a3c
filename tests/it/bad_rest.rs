//! REST interfaces that answer with anything but a token: the run is not carried out, and says why and what to do.

use std::io::Write as _;
use std::net::TcpStream;

use crate::program::{Ended, Folder, call, call_with};
use crate::scenarios::chat;
use crate::server::{Server, read_request, reply, swallow};
use crate::simulated::Simulated;

const PASSWORD: &str = "hunter2-and-nobody-else";

/// Runs against a proper service whose REST interface answers every request in this way.
fn run(answer: impl Fn(&mut TcpStream, &str) + Send + Sync + 'static, flow: &str) -> Ended {
    let (folder, service) = (Folder::new(), Simulated::start(&[]));
    let rest = Server::start(move |mut stream, _| {
        while let Some((_, body)) = read_request(&mut stream) {
            answer(&mut stream, &body);
        }
    });
    let rest_url = format!("target.rest_url=http://{}", rest.address);
    let flow = format!("auth.flow={flow}");
    let scenario = folder.write("scenario.toml", &chat("1s"));
    let settings = ["--set", &rest_url, "--set", &flow, "--set", "target.timeout=400ms"];
    let out = folder.argument("run");
    let arguments = [&["run", &scenario, "--target", &service.url, "--out", &out], &settings[..]].concat();
    let ended = call_with(arguments, &[("PBX_PASSWORD", PASSWORD)]).with_code(3);
    assert!(!ended.stderr.contains(PASSWORD), "{}", ended.stderr);
    assert!(!folder.path("run").join("results.json").exists());
    ended
}

const JSON: &str = "application/json";

#[test]
fn html() {
    for flow in ["oauth", "sign-in", "login"] {
        let ended = run(|stream, _| reply(stream, "200 OK", "text/html", b"<html>Welcome</html>"), flow);
        ended.says(&["malformed", "no JSON of a token", "target.rest_url"]);
    }
    let ended = run(|stream, _| reply(stream, "502 Bad Gateway", "text/html", b"<html>Bad Gateway</html>"), "oauth");
    ended.says(&["rejected(502)", "target.rest_url"]);
}

#[test]
fn nothing() {
    run(|stream, _| reply(stream, "200 OK", JSON, b""), "oauth").says(&["malformed", "target.rest_url"]);
    run(|stream, _| reply(stream, "204 No Content", JSON, b""), "sign-in").says(&["malformed", "target.rest_url"]);
}

#[test]
fn a_body_without_end() {
    let endless = |stream: &mut TcpStream, _: &str| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"access_token\":\"");
        // Ends when the other side has had enough.
        while stream.write_all(&[b'x'; 65_536]).is_ok() {}
    };
    run(endless, "oauth").says(&["longer than 64 KiB", "target.rest_url"]);
}

#[test]
fn no_answer_at_all() {
    let silent = |stream: &mut TcpStream, _: &str| swallow(stream.try_clone().expect("a socket can be cloned"));
    run(silent, "oauth").says(&["timed_out", "target.rest_url"]);
    let half = |stream: &mut TcpStream, _: &str| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"access_token\"");
        swallow(stream.try_clone().expect("a socket can be cloned"));
    };
    run(half, "sign-in").says(&["timed_out", "target.rest_url"]);
}

#[test]
fn a_second_factor() {
    let body = br#"{"two_factor_enabled":true,"token":"t"}"#;
    run(|stream, _| reply(stream, "200 OK", JSON, body), "sign-in").says(&["two-factor", "switch it off"]);
}

/// The refusal repeats the request, password and all.
#[test]
fn a_refusal_that_repeats_the_password() {
    for flow in ["oauth", "sign-in", "login"] {
        let echo = |stream: &mut TcpStream, body: &str| {
            let error = serde_json::json!({"errors": [{"code": "ODD", "message": format!("cannot read {body}")}]});
            reply(stream, "400 Bad Request", JSON, error.to_string().as_bytes());
        };
        run(echo, flow).says(&["ODD cannot read", "auth.flow"]);
    }
}

#[test]
fn nobody_listens_for_rest() {
    let (folder, service) = (Folder::new(), Simulated::start(&[]));
    let rest_url = format!("target.rest_url=http://{}", crate::server::closed_port());
    let scenario = folder.write("scenario.toml", &chat("1s"));
    let out = folder.argument("run");
    let ended = call(["run", &scenario, "--target", &service.url, "--set", &rest_url, "--out", &out]).with_code(3);
    ended.says(&["none of 8 users got an access token", "refused", "target.rest_url"]);
}
