//! A Tinode server by hand, in literal JSON, against the built program: what it is sent, and what it may answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{API_KEY, PROVISIONED, pair};
use crate::program::{Folder, assert_balanced, call, results};
use crate::server::{Server, Session, read_request};
use crate::vendor_page::client::base64;

/// The server's users: name, id on the wire, token.
const USERS: [(&str, &str, &str); 2] = [
    ("load01", "usrAAAAAAAAAAE", "dG9rZW4gb2YgbG9hZDAxIDU1NTU="),
    ("load02", "usrAAAAAAAAAAI", "dG9rZW4gb2YgbG9hZDAyIDU1NTU="),
];

#[derive(Default)]
struct Seen {
    heads: Vec<String>,
    /// Frames of each connection, in order.
    frames: HashMap<u64, Vec<Value>>,
    seq: u64,
}

fn user_of(secret: &Value) -> usize {
    let by_password = |(name, ..): &(&str, &str, &str)| base64(format!("{name}:hash-me-0451").as_bytes());
    let known = USERS.iter().position(|user| *secret == *by_password(user) || *secret == *user.2);
    known.expect("a user of this server")
}

fn serve(session: &mut Session, number: u64, seen: &Mutex<Seen>) {
    let mut who = None;
    while let Some(request) = session.next() {
        let (verb, body) = request.as_object().and_then(|frame| frame.iter().next()).expect("a verb");
        let (verb, body, id) = (verb.clone(), body.clone(), body["id"].as_str().unwrap_or_default().to_owned());
        let seq = {
            let mut seen = seen.lock().expect("nobody panics with it");
            seen.frames.entry(number).or_default().push(request.clone());
            seen.seq += u64::from(verb == "pub");
            seen.seq
        };
        match verb.as_str() {
            "hi" => session.send(&format!(
                r#"{{"ctrl":{{"id":"{id}","params":{{"build":"postgres:v0.25.3","maxFileUploadSize":8388608,"maxMessageSize":131072,"maxSubscriberCount":128,"maxTagCount":16,"ver":"0.25"}},"code":201,"text":"created","ts":"2026-01-05T10:00:00.123Z"}}}}"#
            )),
            // The first account is there already.
            "acc" if user_of(&body["secret"]) == 0 => session.send(&format!(
                r#"{{"ctrl":{{"id":"{id}","code":409,"text":"duplicate credential","ts":"2026-01-05T10:00:00.125Z"}}}}"#
            )),
            "login" | "acc" => {
                let (_, user, token) = USERS[*who.insert(user_of(&body["secret"]))];
                session.send(&format!(
                    r#"{{"ctrl":{{"id":"{id}","params":{{"authlvl":"auth","expires":"2026-01-19T10:00:00.125Z","token":"{token}","user":"{user}"}},"code":200,"text":"ok","ts":"2026-01-05T10:00:00.125Z"}}}}"#
                ));
            }
            "sub" => session.send(&format!(
                r#"{{"ctrl":{{"id":"{id}","topic":{},"code":200,"text":"ok","ts":"2026-01-05T10:00:00.2Z"}}}}"#,
                body["topic"]
            )),
            "pub" => {
                // The sender's own copy, without `reqid`, overtakes the acknowledgement.
                let data = json!({"data": {"topic": body["topic"], "from": USERS[who.unwrap_or(0)].1,
                    "ts": "2026-01-05T10:00:00.3Z", "seq": seq, "head": body["head"], "content": body["content"]}});
                session.send(&data.to_string());
                session.send(&format!(
                    r#"{{"ctrl":{{"id":"{id}","topic":{},"params":{{"seq":{seq}}},"code":202,"text":"accepted","ts":"2026-01-05T10:00:00.3Z"}}}}"#,
                    body["topic"]
                ));
            }
            // The history, which is asked about what never came: nothing is stored.
            _ => session.send(&format!(r#"{{"ctrl":{{"id":"{id}","code":204,"params":{{"what":"data"}}}}}}"#)),
        }
    }
}

#[test]
fn what_a_tinode_server_is_sent() {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let shared = Arc::clone(&seen);
    let server = Server::start(move |mut stream, number| {
        let Some((head, _)) = read_request(&mut stream) else { return };
        shared.lock().expect("nobody panics with it").heads.push(head.clone());
        if let Some(mut session) = Session::accept(stream, &head) {
            serve(&mut session, number, &shared);
        }
    });
    let folder = Folder::new();
    let target = format!("api_key = \"{API_KEY}\"");
    let scenario = folder.write("scenario.toml", &pair(&server.url(), &target, PROVISIONED));
    let ended = call(["-vv", "run", &scenario, "--out", &folder.argument("run")]).with_figures();
    let results = results(&folder.path("run"));
    assert_balanced(&results);
    // Nobody gets the peer's messages here, and the history has none: what was accepted was not stored.
    let delivery = &results["delivery"];
    assert!(delivery["accepted"].as_u64() > Some(10), "{delivery}");
    assert_eq!(delivery["echo_delivered"], delivery["accepted"], "{delivery}");
    assert_eq!((&delivery["corrupted"], &delivery["foreign"], &delivery["phantom"]), (&json!(0), &json!(0), &json!(0)));
    let kept = std::fs::read_to_string(folder.path("run").join("scenario.toml")).expect("is written");
    for secret in [API_KEY, "hash-me-0451", USERS[0].2, USERS[1].2] {
        assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret) && !kept.contains(secret), "{secret}");
    }
    let seen = seen.lock().expect("nobody panics with it");
    for head in &seen.heads {
        assert!(head.starts_with("GET /v0/channels HTTP/1.1\r\n"), "{head}");
        assert!(head.contains(&format!("X-Tinode-APIKey: {API_KEY}\r\n")), "{head}");
    }
    let mut logins: HashMap<(String, String), u32> = HashMap::new();
    for frames in seen.frames.values() {
        // The first frame of each connection.
        let hi = &frames[0]["hi"];
        assert_eq!(hi["ver"], "0.25", "{frames:?}");
        assert!(hi["ua"].as_str().is_some_and(|agent| agent.starts_with("pbxload/")), "{hi}");
        assert_eq!(frames.iter().filter(|frame| frame["hi"].is_object()).count(), 1, "{frames:?}");
        for frame in &frames[1..] {
            let login = &frame["login"];
            if login.is_object() {
                let name = USERS[user_of(&login["secret"])].0.to_owned();
                *logins.entry((name, login["scheme"].as_str().unwrap_or_default().to_owned())).or_default() += 1;
            }
            if frame["acc"].is_object() {
                let (user, scheme, logs_in) = (&frame["acc"]["user"], &frame["acc"]["scheme"], &frame["acc"]["login"]);
                assert_eq!((user, scheme, logs_in), (&json!("new"), &json!("basic"), &json!(true)));
            }
            if frame["pub"].is_object() {
                assert_eq!(frame["pub"]["head"], json!({"pbxload": frame["pub"]["id"]}), "{frame}");
                assert!(frame["pub"]["topic"].as_str().is_some_and(|topic| topic.len() == "usr".len() + 11), "{frame}");
            }
        }
    }
    // By password once, where the account could not be created; by token ever after.
    let count = |name: &str, scheme: &str| logins.get(&(name.to_owned(), scheme.to_owned())).copied().unwrap_or(0);
    assert_eq!((count("load01", "basic"), count("load02", "basic")), (1, 0), "{logins:?}");
    assert!(count("load01", "token") >= 1 && count("load02", "token") >= 1, "{logins:?}");
}
