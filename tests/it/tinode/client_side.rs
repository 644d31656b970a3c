//! A Tinode client by hand, in literal JSON, against the built simulator. It shares no code with the crate.

use serde_json::{Value, json};

use super::API_KEY;
use crate::simulated::Simulated;
use crate::vendor_page::client::{Connection, base64};

struct Server(Simulated);

struct User {
    connection: Connection,
    id: String,
    token: String,
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|object| object.keys().map(String::as_str).collect()).unwrap_or_default()
}

fn code(reply: &Value) -> u64 {
    reply["ctrl"]["code"].as_u64().unwrap_or_default()
}

/// RFC 3339 in UTC with at most milliseconds.
#[track_caller]
fn assert_milliseconds(value: &Value) {
    let text = value.as_str().expect("a time is a string");
    let (date, fraction) = text.strip_suffix('Z').expect("UTC").split_once('.').unwrap_or((&text[..19], ""));
    assert!(date.len() == 19 && fraction.len() <= 3, "{text}");
}

impl Server {
    fn start() -> Server {
        Server(Simulated::start(&["--dialect", "tinode"]))
    }

    fn connect(&self) -> Connection {
        let key = format!("X-Tinode-APIKey: {API_KEY}\r\n");
        Connection::open_at(self.0.address, false, "/v0/channels", &key)
    }

    /// `{hi}`, as every session begins.
    fn greet(&self) -> Connection {
        let mut connection = self.connect();
        connection.send(r#"{"hi":{"id":"1","ver":"0.22.8","ua":"transcript/1.0"}}"#);
        let reply = connection.reply("1");
        assert_eq!(keys(&reply["ctrl"]), ["id", "params", "code", "text", "ts"]);
        assert_eq!((code(&reply), &reply["ctrl"]["text"]), (201, &json!("created")));
        let params = &reply["ctrl"]["params"];
        assert!(params["ver"].is_string() && params["build"].is_string(), "{reply}");
        assert_eq!((&params["maxMessageSize"], &params["maxSubscriberCount"]), (&json!(131_072), &json!(128)));
        assert_eq!(params["maxFileUploadSize"], 8_388_608);
        connection
    }

    /// `{acc}` with `login`: the account is made, and the session is its.
    fn sign_up(&self, name: &str) -> User {
        let mut connection = self.greet();
        let secret = base64(format!("{name}:secret").as_bytes());
        connection
            .send(&format!(r#"{{"acc":{{"id":"2","user":"new","scheme":"basic","secret":"{secret}","login":true}}}}"#));
        let reply = connection.reply("2");
        User::of(connection, &reply)
    }
}

impl User {
    fn of(connection: Connection, reply: &Value) -> User {
        assert_eq!(code(reply), 200, "{reply}");
        let params = &reply["ctrl"]["params"];
        assert_eq!(keys(params), ["authlvl", "expires", "token", "user"], "{reply}");
        assert_milliseconds(&params["expires"]);
        assert_milliseconds(&reply["ctrl"]["ts"]);
        let text = |key: &str| params[key].as_str().expect("a text").to_owned();
        let id = text("user");
        let letters = id.strip_prefix("usr").expect("a user id begins with `usr`");
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(letters.len() == 11 && letters.chars().all(is_letter), "{id}");
        User { connection, id, token: text("token") }
    }

    fn ask(&mut self, frame: &str) -> Value {
        self.connection.send(frame);
        self.connection.reply("7")
    }

    fn subscribe(&mut self, topic: &str) -> Value {
        self.ask(&format!(r#"{{"sub":{{"id":"7","topic":"{topic}"}}}}"#))
    }
}

#[test]
fn hi_comes_first_and_once() {
    let server = Server::start();
    let mut early = server.connect();
    early.send(r#"{"login":{"id":"7","scheme":"basic","secret":"YTpi"}}"#);
    let reply = early.reply("7");
    assert_eq!((code(&reply), &reply["ctrl"]["text"]), (409, &json!("command out of sequence")));
    early.send(r#"{"hi":{"id":"8","ver":"0.15"}}"#);
    let reply = early.reply("8");
    assert_eq!((code(&reply), &reply["ctrl"]["text"]), (505, &json!("version not supported")));
    let mut connection = server.greet();
    connection.send(r#"{"sub":{"id":"7","topic":"me"}}"#);
    let reply = connection.reply("7");
    assert_eq!((code(&reply), &reply["ctrl"]["text"]), (401, &json!("authentication required")));
    connection.send("1");
    assert_eq!(connection.raw_text(), "0");
    connection.send(&"x".repeat(131_073));
    assert_eq!(connection.closed_with(), Some(1009));
}

#[test]
fn accounts_passwords_and_tokens() {
    let server = Server::start();
    let alice = server.sign_up("alice");
    let mut again = server.greet();
    let basic = base64(b"alice:secret");
    again
        .send(&format!(r#"{{"acc":{{"id":"7","user":"newAlice","scheme":"basic","secret":"{basic}","login":true}}}}"#));
    let reply = again.reply("7");
    assert_eq!((code(&reply), &reply["ctrl"]["text"]), (409, &json!("duplicate credential")));
    for (scheme, secret, wanted) in [
        ("basic", base64(b"alice:other"), 401),
        ("basic", base64(b"nobody:secret"), 401),
        ("access_token", basic.clone(), 401),
        ("token", base64(&[7; 50]), 401),
        ("token", alice.token.clone(), 200),
        ("basic", basic.clone(), 409),
    ] {
        again.send(&format!(r#"{{"login":{{"id":"8","scheme":"{scheme}","secret":"{secret}"}}}}"#));
        assert_eq!(code(&again.reply("8")), wanted, "{scheme}");
    }
    let mut third = server.greet();
    third.send(&format!(r#"{{"login":{{"id":"8","scheme":"basic","secret":"{basic}"}}}}"#));
    let reply = third.reply("8");
    assert_eq!(User::of(third, &reply).id, alice.id);
}

#[test]
fn a_message_keeps_its_head_and_has_no_request_id() {
    let server = Server::start();
    let (mut alice, mut bob) = (server.sign_up("alice"), server.sign_up("bob1"));
    let (to_bob, to_alice) = (bob.id.clone(), alice.id.clone());
    assert_eq!(code(&alice.subscribe(&to_bob)), 200);
    assert_eq!(code(&bob.subscribe(&to_alice)), 200);
    assert_eq!(code(&bob.subscribe(&to_alice)), 304);
    assert_eq!(code(&alice.subscribe(&to_alice)), 403);
    assert_eq!(code(&alice.subscribe("usrAAAAAAAAAAE")), 404);
    assert_eq!(code(&alice.subscribe("usr804252613548703744")), 400);
    assert_eq!(code(&alice.subscribe("grpDoesNotExist")), 404);
    assert_eq!(code(&alice.subscribe("emc1234567")), 404);
    let reply = alice.ask(&format!(
        r#"{{"pub":{{"id":"7","topic":"{to_bob}","noecho":true,"head":{{"mime":"text/plain","x":[1]}},"content":"hello"}},"extra":{{"attachments":["/v0/file/s/none.bin"]}}}}"#
    ));
    assert_eq!((code(&reply), &reply["ctrl"]["params"]["seq"]), (202, &json!(1)));
    assert_milliseconds(&reply["ctrl"]["ts"]);
    let data = bob.connection.frame("data")["data"].clone();
    assert_eq!(keys(&data), ["topic", "from", "ts", "seq", "head", "content"]);
    assert_eq!((&data["topic"], &data["from"]), (&json!(to_alice), &json!(to_alice)));
    assert_eq!((&data["head"], &data["content"]), (&json!({"mime": "text/plain", "x": [1]}), &json!("hello")));
    assert_eq!(data["ts"], reply["ctrl"]["ts"]);
    let history = format!(r#"{{"get":{{"id":"7","topic":"{to_alice}","what":"data"}}}}"#);
    let reply = bob.ask(&history);
    assert_eq!((code(&reply), &reply["ctrl"]["params"]), (208, &json!({"count": 1, "what": "data"})));
    let stored = bob.connection.frame("data")["data"].clone();
    assert_eq!(keys(&stored), keys(&data));
    let none = format!(r#"{{"get":{{"id":"7","topic":"{to_alice}","what":"data","data":{{"since":9}}}}}}"#);
    assert_eq!(code(&bob.ask(&none)), 204);
    // A publish without an id has no reply; what follows it has.
    alice.connection.send(&format!(r#"{{"pub":{{"topic":"{to_bob}","content":"no id"}}}}"#));
    let described = alice.ask(&format!(r#"{{"get":{{"id":"7","topic":"{to_bob}","what":"desc"}}}}"#));
    assert_eq!(described["meta"]["desc"]["seq"], 2);
}

#[test]
fn a_group_changes_hands_in_two_steps() {
    let server = Server::start();
    let (mut alice, mut bob) = (server.sign_up("alice"), server.sign_up("bob1"));
    let reply = alice.subscribe("new1");
    assert_eq!(reply["ctrl"]["params"]["tmpname"], "new1");
    let group = reply["ctrl"]["topic"].as_str().expect("a name").to_owned();
    let member = bob.id.clone();
    assert_eq!(code(&bob.subscribe(&group)), 200);
    // Nobody takes what is not offered.
    let accept = format!(r#"{{"set":{{"id":"7","topic":"{group}","sub":{{"mode":"JRWPASDO"}}}}}}"#);
    assert_eq!(code(&bob.ask(&accept)), 403);
    let offer = format!(r#"{{"set":{{"id":"7","topic":"{group}","sub":{{"user":"{member}","mode":"JRWPASDO"}}}}}}"#);
    let reply = alice.ask(&offer);
    assert_eq!(code(&reply), 200);
    assert_eq!(reply["ctrl"]["params"]["acs"], json!({"want": "JRWPS", "given": "JRWPASDO", "mode": "JRWPS"}));
    // Until it is accepted, the owner cannot leave.
    let leave = format!(r#"{{"leave":{{"id":"7","topic":"{group}","unsub":true}}}}"#);
    assert_eq!(code(&alice.ask(&leave)), 403);
    let reply = bob.ask(&accept);
    assert_eq!(reply["ctrl"]["params"]["acs"]["mode"], "JRWPASDO", "{reply}");
    let lost = loop {
        let pres = alice.connection.frame("pres")["pres"].clone();
        if pres["what"] == "acs" && pres["dacs"]["want"] == "-O" {
            break pres;
        }
    };
    assert_eq!(lost["dacs"], json!({"want": "-O", "given": "-O"}));
    assert_eq!(code(&alice.ask(&leave)), 200);
}

#[test]
fn files_want_the_key_and_the_token() {
    let server = Server::start();
    let alice = server.sign_up("alice");
    let http = server.0.http();
    let body = "--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n42\r\n--b\r\nContent-Disposition: form-data; \
                name=\"file\"; filename=\"a.txt\"\r\n\r\nsome bytes\r\n--b--\r\n";
    let kind = "multipart/form-data; boundary=b";
    let key = format!("X-Tinode-APIKey: {API_KEY}\r\n");
    let both = format!("{key}Authorization: token {}\r\n", alice.token);
    let upload = |headers: &str| http.post("/v0/file/u/", kind, headers, body.as_bytes());
    let refused = upload(&format!("Authorization: token {}\r\n", alice.token));
    assert_eq!((refused.status, &refused.json()["ctrl"]["text"]), (403, &json!("valid API key required")));
    assert_eq!(upload(&key).status, 401);
    let reply = upload(&both);
    assert_eq!(reply.status, 200);
    let ctrl = reply.json()["ctrl"].clone();
    assert_eq!((&ctrl["id"], &ctrl["code"], &ctrl["text"]), (&json!("42"), &json!(200), &json!("ok")));
    let url = ctrl["params"]["url"].as_str().expect("a path").to_owned();
    assert!(url.starts_with("/v0/file/s/"), "{url}");
    assert_eq!(http.get(&url, &key).status, 401);
    assert_eq!(http.get(&url, &both).body, b"some bytes");
    assert_eq!(http.get("/v0/file/s/none.bin", &both).status, 404);
    assert_eq!(http.get("/im", "").status, 404);
    assert_eq!(http.get("/api/user", "").status, 404);
}

#[test]
fn a_topics_queue_holds_192_publishes_and_a_group_128_members() {
    let server = Server::start();
    let mut alice = server.sign_up("alice");
    let group = alice.subscribe("new")["ctrl"]["topic"].as_str().expect("a name").to_owned();
    let publish = format!(r#"{{"pub":{{"id":"7","topic":"{group}","noecho":true,"content":"x"}}}}"#);
    // All at once: whatever the machine does meanwhile, no more than a second's worth can be taken in besides.
    let mut codes = std::collections::BTreeMap::new();
    for _ in 0..8 {
        (0..100).for_each(|_| alice.connection.send(&publish));
        (0..100).for_each(|_| *codes.entry(code(&alice.connection.reply("7"))).or_insert(0) += 1);
    }
    assert_eq!(codes.keys().filter(|code| ![202, 503].contains(code)).count(), 0, "{codes:?}");
    assert!(codes.get(&202) >= Some(&193), "{codes:?}");
    let mut last = 0;
    for number in 1..=128 {
        last = code(&server.sign_up(&format!("member{number}")).subscribe(&group));
        assert_eq!(last, if number < 128 { 200 } else { 422 }, "member {number}");
    }
    assert_eq!(last, 422);
}
