//! The vendor's page "API Examples", line by line, against the simulator.
//!
//! An independent witness: it knows the wire only from the page and from RFC 6455. It shares no type and no code
//! with the crate but the call that starts the server, and where the built binary is the server not even that.

pub mod client;

use std::net::SocketAddr;

use client::{Connection, Http};
use pbxload::simulator::{Encryption, Simulator, SimulatorConfig, SimulatorHandle};
use serde_json::{Value, json};

use crate::simulated::Simulated;

/// Ids as the page has them: UUIDs that the client makes.
const ID: &str = "99c5075a-cf52-493c-8572-9e30437a02ce";

struct Pbx {
    server: Server,
    tls: bool,
}

enum Server {
    Here(Box<SimulatorHandle>),
    /// `pbxload simulate`, the built binary.
    Program(Simulated),
}

impl Pbx {
    fn start(tls: bool) -> Pbx {
        let encryption = if tls { Encryption::SelfSigned } else { Encryption::Plain };
        let server = Simulator::start(SimulatorConfig { encryption, ..SimulatorConfig::default() });
        Pbx { server: Server::Here(Box::new(server.expect("the simulator starts"))), tls }
    }

    fn program_over_tls() -> Pbx {
        Pbx { server: Server::Program(Simulated::start(&["--tls"])), tls: true }
    }

    fn address(&self) -> SocketAddr {
        match &self.server {
            Server::Here(server) => server.address(),
            Server::Program(program) => program.address,
        }
    }

    fn http(&self) -> Http {
        Http { address: self.address(), tls: self.tls }
    }

    /// "Obtain Access Token" and "Connecting IM Server".
    fn connect(&self, name: &str) -> (Connection, String) {
        let form = format!(
            "grant_type=password&username={name}&domain=pbx.example.com&password=secret%21&scope=all\
             &client_id=9d806019-75b2-4b3d-bb8b-f5a3a412cc0a"
        );
        let kind = "application/x-www-form-urlencoded";
        let reply = self.http().post("/api/login/oauth/token", kind, "", form.as_bytes());
        assert_eq!(reply.status, 200);
        let token = reply.json()["access_token"].as_str().expect("an access token").to_owned();
        (Connection::open(self.address(), self.tls), token)
    }

    /// "Authenticate with IM Service using the Access Token".
    fn log_in(&self, name: &str) -> User {
        let (mut connection, token) = self.connect(name);
        let secret = client::base64(format!("{name}@pbx.example.com:{token}").as_bytes());
        let message = format!(r#"{{"login":{{"id":"{ID}","scheme":"access_token","secret":"{secret}"}}}}"#);
        connection.send(&message);
        let reply = connection.reply(ID);
        let ctrl = &reply["ctrl"];
        assert_eq!(keys(ctrl), ["id", "params", "code", "text", "ts"]);
        assert_eq!((&ctrl["code"], &ctrl["text"]), (&json!(200), &json!("ok")));
        assert_eq!(keys(&ctrl["params"]), ["authlvl", "token", "user"]);
        assert_eq!(ctrl["params"]["authlvl"], "auth");
        assert_timestamp(&ctrl["ts"]);
        let id = ctrl["params"]["user"].as_str().expect("a user id").to_owned();
        let digits = id.strip_prefix("usr").expect("a user id begins with `usr`");
        assert!(digits.len() == 18 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{id}");
        let token = ctrl["params"]["token"].as_str().expect("a file token").to_owned();
        assert!(token.len() == 80 && token.ends_with("=="), "as long as the page's token: {token}");
        User { connection, id, token }
    }
}

struct User {
    connection: Connection,
    id: String,
    token: String,
}

impl User {
    /// Sends a literal frame and reads the reply with its id.
    fn ask(&mut self, message: &str) -> Value {
        self.connection.send(message);
        self.connection.reply(ID)
    }

    fn subscribe(&mut self, topic: &str) -> Value {
        self.ask(&format!(r#"{{"sub":{{"id":"{ID}","topic":"{topic}"}}}}"#))
    }

    fn publish(&mut self, topic: &str, content: &str) -> Value {
        self.ask(&format!(
            r#"{{"pub": {{"id": "{ID}", "topic": "{topic}", "noecho": false, "content": "{content}"}}}}"#
        ))
    }
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|object| object.keys().map(String::as_str).collect()).unwrap_or_default()
}

/// RFC 3339 in UTC, with at most microseconds, as in all samples of the page.
fn assert_timestamp(value: &Value) {
    let text = value.as_str().expect("a timestamp is a string");
    let (date, fraction) = text.strip_suffix('Z').expect("UTC").split_once('.').unwrap_or((&text[..19], ""));
    assert!(date.len() == 19 && date.as_bytes()[10] == b'T', "{text}");
    assert!(fraction.len() <= 6 && fraction.bytes().all(|byte| byte.is_ascii_digit()), "{text}");
}

fn assert_ok(reply: &Value, topic: &str) {
    let ctrl = &reply["ctrl"];
    assert_eq!(keys(ctrl), ["id", "topic", "code", "text", "ts"], "{reply}");
    assert_eq!((&ctrl["topic"], &ctrl["code"], &ctrl["text"]), (&json!(topic), &json!(200), &json!("ok")));
    assert_timestamp(&ctrl["ts"]);
}

fn create_group(user: &mut User) -> String {
    let reply = user.subscribe("new");
    let ctrl = &reply["ctrl"];
    assert_eq!(keys(ctrl), ["id", "topic", "params", "code", "text", "ts"]);
    assert_eq!(
        ctrl["params"],
        json!({"acs": {"want": "JRWPASDO", "given": "JRWPASDO", "mode": "JRWPASDO"}, "tmpname": "new"})
    );
    let group = ctrl["topic"].as_str().expect("a topic").to_owned();
    assert!(group.starts_with("grp") && group.len() == "grpf0NlkdDEQHs".len(), "{group}");
    group
}

#[test]
fn authentication() {
    let pbx = Pbx::start(false);
    let first = pbx.log_in("1001");
    let second = pbx.log_in("1002");
    assert_ne!(first.id, second.id);
    assert_eq!(pbx.log_in("1001").id, first.id);
    let (mut connection, _) = pbx.connect("1003");
    let secret = client::base64(b"1003@pbx.example.com:wrong");
    connection.send(&format!(r#"{{"login":{{"id":"{ID}","scheme":"access_token","secret":"{secret}"}}}}"#));
    assert_eq!(connection.reply(ID)["ctrl"]["code"], 401);
}

fn peer_to_peer(pbx: Pbx) {
    let (mut alice, mut bob) = (pbx.log_in("1001"), pbx.log_in("1002"));
    let (alice_id, bob_id) = (alice.id.clone(), bob.id.clone());
    // Subscribe to P2P Topic: each names it by the other.
    assert_eq!(alice.subscribe(&bob_id)["ctrl"]["code"], 200);
    assert_eq!(bob.subscribe(&alice_id)["ctrl"]["code"], 200);
    // Sending Message to P2P Topic.
    let reply = alice.publish(&bob_id, "test test test");
    let ctrl = &reply["ctrl"];
    assert_eq!(keys(ctrl), ["id", "topic", "params", "code", "text", "ts"]);
    assert_eq!(ctrl["params"], json!({"seq": 1}));
    assert_eq!((&ctrl["topic"], &ctrl["code"], &ctrl["text"]), (&json!(bob_id), &json!(202), &json!("accepted")));
    for (user, topic) in [(&mut bob, &alice_id), (&mut alice, &bob_id)] {
        let data = &user.connection.frame("data")["data"];
        assert_eq!(keys(data), ["topic", "from", "ts", "seq", "content", "reqid"]);
        let expected = json!({
            "topic": topic, "from": alice_id, "ts": ctrl["ts"], "seq": 1, "content": "test test test", "reqid": ID,
        });
        assert_eq!(data, &expected);
    }
    queries(&mut alice, &mut bob);
}

/// "Get the Topics I Have Subscribed To", "Query Topic Details", "Obtain Historical Messages".
fn queries(alice: &mut User, bob: &mut User) {
    let topic = bob.id.clone();
    let reply = alice.ask(&format!(
        r#"{{"get": {{"sub": {{"ims": "2024-01-03T07:38:56.304Z"}}, "id": "{ID}", "topic": "{topic}", "what": "sub"}}}}"#
    ));
    let meta = &reply["meta"];
    assert_eq!(keys(meta), ["id", "topic", "ts", "sub"]);
    let members = meta["sub"].as_array().expect("a list");
    assert_eq!(members.len(), 2);
    let of = |id: &str| members.iter().find(|member| member["user"] == id).expect("a member");
    // The initiator was given more than was wanted, exactly as the page shows it.
    assert_eq!(of(&alice.id)["acs"], json!({"want": "JRWPA", "given": "JRWPAS", "mode": "JRWPA"}));
    assert_eq!(of(&bob.id)["acs"], json!({"want": "JRWPA", "given": "JRWPA", "mode": "JRWPA"}));
    assert_eq!(keys(of(&bob.id)), ["updated", "acs", "user"]);
    assert_eq!(keys(of(&alice.id)), ["updated", "acs", "read", "recv", "user"]);

    let reply = alice.ask(&format!(
        r#"{{"get": {{"desc": {{"ims": "2024-01-03T07:38:56.304Z"}}, "id": "{ID}", "topic": "{topic}", "what": "desc"}}}}"#
    ));
    let desc = &reply["meta"]["desc"];
    assert_eq!(keys(desc), ["created", "updated", "touched", "acs", "seq", "read", "recv"]);
    assert_eq!((&desc["seq"], &desc["read"], &desc["recv"]), (&json!(1), &json!(1), &json!(1)));
    for time in ["created", "updated", "touched"] {
        assert_timestamp(&desc[time]);
    }

    bob.publish(&alice.id.clone(), "second");
    let live = alice.connection.frame("data");
    alice.connection.send(&format!(
        r#"{{"get": {{"data": {{"before": 10000, "limit": 1000, "since": 0}}, "id": "{ID}", "topic": "{topic}", "what": "data"}}}}"#
    ));
    let closing = alice.connection.reply(ID);
    assert!([200, 204, 208].contains(&closing["ctrl"]["code"].as_u64().expect("a code")), "{closing}");
    let newest = alice.connection.frame("data");
    assert_eq!(newest, live, "the history repeats what came live");
    assert_eq!(alice.connection.frame("data")["data"]["seq"], 1);
}

#[test]
fn peer_to_peer_messages_and_queries() {
    peer_to_peer(Pbx::start(false));
}

#[test]
fn peer_to_peer_messages_and_queries_over_tls() {
    peer_to_peer(Pbx::start(true));
}

#[test]
fn groups() {
    let pbx = Pbx::start(false);
    let (mut owner, mut member) = (pbx.log_in("1001"), pbx.log_in("1002"));
    // Creating a Group Chat, Join a Group.
    let group = create_group(&mut owner);
    let joined = member.subscribe(&group);
    assert!(joined["ctrl"]["code"].as_u64().is_some_and(|code| code < 300), "{joined}");
    // Sending a Message to a Group.
    let reply = owner.publish(&group, "test test test");
    assert_eq!((&reply["ctrl"]["code"], &reply["ctrl"]["params"]), (&json!(202), &json!({"seq": 1})));
    for user in [&mut owner, &mut member] {
        let data = user.connection.frame("data");
        assert_eq!(data["data"]["topic"], group.as_str());
        assert_eq!(data["data"]["reqid"], ID);
    }
    // Update Group Information.
    let reply = owner
        .ask(&format!(r#"{{"set": {{"id":"{ID}", "topic":"{group}", "desc": {{"public": {{"fn": "My group"}}}}}}}}"#));
    assert_ok(&reply, &group);
    // Leave From a Group, for this session; and again for good.
    let reply = member.ask(&format!(r#"{{"leave": {{"id": "{ID}", "topic": "{group}"}}}}"#));
    assert_ok(&reply, &group);
    member.subscribe(&group);
    let reply = member.ask(&format!(r#"{{"leave": {{"id": "{ID}", "topic": "{group}", "unsub": true}}}}"#));
    assert_ok(&reply, &group);
    // Remove a Member from the Group.
    member.subscribe(&group);
    let removed = &member.id;
    let reply =
        owner.ask(&format!(r#"{{"del": {{"id": "{ID}", "topic": "{group}", "user": "{removed}", "what": "sub"}}}}"#));
    assert_ok(&reply, &group);
    let evicted = member.connection.frame("ctrl");
    assert_eq!((&evicted["ctrl"]["code"], &evicted["ctrl"]["params"]), (&json!(205), &json!({"unsub": true})));
    // Delete a Group.
    let reply = owner.ask(&format!(r#"{{"del": {{"id": "{ID}", "topic": "{group}", "what": "topic"}}}}"#));
    assert_ok(&reply, &group);
}

#[test]
fn transfer_of_group_ownership() {
    let pbx = Pbx::start(false);
    let (mut owner, mut heir) = (pbx.log_in("1001"), pbx.log_in("1002"));
    let group = create_group(&mut owner);
    heir.subscribe(&group);
    owner.connection.forget();
    let heir_id = &heir.id;
    owner.connection.send(&format!(
        r#"{{"set":{{"id":"{ID}","topic":"{group}","sub":{{"mode":"JRWPASDO","user":"{heir_id}"}}}}}}"#
    ));
    // The notice comes first, then the reply, as the page prints them.
    let notice = loop {
        let frame = owner.connection.next();
        if frame["pres"]["what"] != "on" && frame["pres"]["src"].is_null() {
            break frame;
        }
    };
    assert_eq!(notice, json!({"pres": {"topic": group, "what": "acs", "dacs": {"want": "-ADO", "given": "-ADO"}}}));
    let reply = owner.connection.next();
    let params = json!({"acs": {"want": "JRWPASDO", "given": "JRWPASDO", "mode": "JRWPASDO"}, "user": heir_id});
    assert_eq!((&reply["ctrl"]["code"], &reply["ctrl"]["params"]), (&json!(200), &params));
}

fn files(pbx: Pbx) {
    let user = pbx.log_in("1001");
    // Uploading a File to the IM Server.
    let content = ID.repeat(100);
    let body = format!(
        "--XyZ\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n{ID}\r\n\
         --XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{ID}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n{content}\r\n--XyZ--\r\n"
    );
    let kind = "multipart/form-data; boundary=XyZ";
    let header = format!("Authorization: token {}\r\n", user.token);
    let reply = pbx.http().post("/im/file", kind, &header, body.as_bytes());
    assert_eq!(reply.status, 200);
    let reply = reply.json();
    assert_eq!(keys(&reply["ctrl"]), ["id", "params", "code", "text", "ts"]);
    assert_eq!(reply["ctrl"]["id"], ID);
    let url = reply["ctrl"]["params"]["url"].as_str().expect("an id");
    assert_eq!(url.len(), "NDW4_NYseeH20iuC3rih_wAAwItyRIMM".len());
    // Download the Chat File: the page shows no header.
    let reply = pbx.http().get(&format!("/im/file/{url}"), "");
    assert_eq!((reply.status, reply.body), (200, content.into_bytes()));
    assert_eq!(pbx.http().get("/im/file/NDW4_NYseeH20iuC3rih_wAAwItyRIMM", "").status, 404);
    assert_eq!(pbx.http().get(&format!("/im/file/{url}"), &header).status, 200);
    assert_eq!(pbx.http().post("/im/file", kind, "", body.as_bytes()).status, 401);
    assert_eq!(pbx.http().post("/im/file", kind, "Authorization: basic AAAA\r\n", body.as_bytes()).status, 400);
    assert_eq!(pbx.http().post("/im/file", "text/plain", &header, b"no form").status, 400);
    let with_file = |file: &str| {
        let head = "--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n";
        let body = format!("{head}{file}\r\n--XyZ--\r\n");
        pbx.http().post("/im/file", kind, &header, body.as_bytes()).status
    };
    assert_eq!((with_file("x"), with_file("")), (200, 500));
    assert_eq!(with_file(&"x".repeat((8 << 20) + 1)), 413);
    assert_eq!(pbx.http().post("/im/file", kind, "Authorization: token AAAA\r\n", body.as_bytes()).status, 401);
}

#[test]
fn files_up_and_down() {
    files(Pbx::start(false));
}

#[test]
fn files_up_and_down_over_tls() {
    files(Pbx::start(true));
}

#[test]
fn the_built_program_serves_the_page_over_tls() {
    peer_to_peer(Pbx::program_over_tls());
    files(Pbx::program_over_tls());
}

#[test]
fn the_other_flows_to_an_access_token() {
    let pbx = Pbx::start(false);
    let http = pbx.http();
    let json_kind = "application/json";
    let sign_in = br#"{"username":"1001","password":"x","domain":"pbx.example.com"}"#;
    let reply = http.post("/api/auth/sign_in", json_kind, "", sign_in).json();
    let refresh = format!(r#"{{"refresh_token":"{}"}}"#, reply["refresh_token"].as_str().expect("a token"));
    assert_eq!(http.post("/api/auth/refresh_token", json_kind, "", refresh.as_bytes()).status, 200);
    assert_eq!(http.post("/api/auth/refresh_token", json_kind, "", refresh.as_bytes()).status, 400);
    let bearer = format!("Authorization: Bearer {}\r\n", reply["access_token"].as_str().expect("a token"));
    assert_eq!(http.get("/api/auth/user", &bearer).status, 200);
    assert!(http.get("/api/user", &bearer).json()["id"].is_string());
    assert!(http.get("/api/login", &bearer).json()["expires_at"].is_string());
    assert_eq!(http.post("/api/auth/sign_out", json_kind, &bearer, b"").status, 200);
    assert_eq!(http.get("/api/login", &bearer).status, 401);
    assert_eq!(http.post("/api/login", json_kind, "", sign_in).status, 200);
    let second = br#"{"username":"twofactor7","password":"x"}"#;
    assert_eq!(http.post("/api/auth/sign_in", json_kind, "", second).json()["two_factor_enabled"], true);
    let wrong = "grant_type=password&username=a&password=wrong&client_id=9d806019-75b2-4b3d-bb8b-f5a3a412cc0a";
    let reply = http.post("/api/login/oauth/token", "application/x-www-form-urlencoded", "", wrong.as_bytes());
    assert_eq!((reply.status, &reply.json()["errors"][0]["code"]), (400, &json!("UNAUTHORIZED")));
}

#[test]
fn limits_of_the_websocket() {
    let pbx = Pbx::start(false);
    let mut user = pbx.log_in("1001");
    user.connection.send("1");
    assert_eq!(user.connection.raw_text(), "0");
    user.connection.send("{not json");
    let refused = user.connection.frame("ctrl");
    assert_eq!(keys(&refused["ctrl"]), ["code", "text", "ts"]);
    assert_eq!(refused["ctrl"]["code"], 400);
    user.connection.send(&"x".repeat((256 << 10) + 1));
    assert_eq!(user.connection.closed_with(), Some(1009));
    assert_eq!(pbx.http().post("/im", "application/json", "", b"{}").status, 405);
    // An unmasked frame, and one with a reserved bit.
    for wrong in [&b"\x81\x01x"[..], b"\xc1\x81\x01\x02\x03\x04x"] {
        let (mut connection, _) = pbx.connect("1003");
        connection.send_raw(wrong);
        assert_eq!(connection.closed_with(), Some(1002));
    }
    // A deep one is refused, not a reason to fall over.
    let mut other = pbx.log_in("1002");
    other.connection.send(&format!(r#"{{"set":{{"id":"{ID}","topic":"me","desc":{}"#, "[".repeat(100_000)));
    assert_eq!(other.connection.frame("ctrl")["ctrl"]["code"], 400);
    let Pbx { server: Server::Here(server), .. } = pbx else { panic!("started here") };
    let counters = server.stop();
    assert_eq!(counters.totals.logins, 2);
    assert_eq!(other.connection.frame("ctrl")["ctrl"]["text"], "server shutdown");
}
