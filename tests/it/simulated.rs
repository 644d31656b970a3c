//! `pbxload simulate` as a process of its own: its address, its counters, its end.

use std::net::SocketAddr;

use serde_json::Value;

use crate::program::Background;
use crate::vendor_page::client::{Connection, Http, base64};

/// A simulator that a run of the built binary is pointed at.
pub struct Simulated {
    program: Background,
    pub url: String,
    pub address: SocketAddr,
    tls: bool,
}

impl Simulated {
    /// Starts it; `more` are further flags, such as `--tls` or `--faults FILE`.
    pub fn start(more: &[&str]) -> Simulated {
        let mut program = Background::start([&["simulate", "--listen", "127.0.0.1:0"][..], more].concat());
        let line = program.wait_for("listening on ");
        let url = line.trim_start_matches("listening on ").split(';').next().unwrap_or_default().to_owned();
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let address = rest.split('/').next().unwrap_or_default().parse().expect("an address");
        Simulated { program, tls: scheme == "wss", address, url: url.clone() }
    }

    pub fn http(&self) -> Http {
        Http { address: self.address, tls: self.tls }
    }

    /// What it did so far.
    pub fn counters(&self) -> Value {
        self.http().get("/simulator/counters", "").json()
    }

    /// Ends it as an operator would, and tells what it printed.
    pub fn stop(self) -> Value {
        self.program.signal("TERM");
        let ended = self.program.finish().with_code(0);
        serde_json::from_str(&ended.stdout).expect("the counters are JSON")
    }

    /// Names of the topics that a user is a member of, asked for on a session of its own.
    pub fn topics_of(&self, name: &str) -> Vec<String> {
        let body = format!(r#"{{"username":"{name}","password":"x","domain":"example.com"}}"#);
        let reply = self.http().post("/api/auth/sign_in", "application/json", "", body.as_bytes()).json();
        let token = reply["access_token"].as_str().expect("a token");
        let secret = base64(format!("{name}@example.com:{token}").as_bytes());
        let mut connection = Connection::open(self.address, self.tls);
        connection.send(&format!(r#"{{"login":{{"id":"l","scheme":"access_token","secret":"{secret}"}}}}"#));
        assert_eq!(connection.reply("l")["ctrl"]["code"], 200);
        connection.send(r#"{"sub":{"id":"s","topic":"me"}}"#);
        connection.reply("s");
        connection.send(r#"{"get":{"id":"g","topic":"me","what":"sub"}}"#);
        let reply = connection.reply("g");
        let topics = reply["meta"]["sub"].as_array().into_iter().flatten();
        topics.filter_map(|topic| Some(topic["topic"].as_str()?.to_owned())).collect()
    }
}
