//! The virtual user by hand: events and literal frames in, actions, figures and ledger records out.

mod due;
mod history;
mod life;
mod property;
mod settling;
mod topics;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::machine::Phase;
use super::*;
use crate::ledger::AttachRecord;
use crate::metrics::OpFigures;
use crate::ops::{FailureKind, LocalCause, OpId};
use crate::plan::{Directory, Plan, Token};
use crate::protocol::{Stamp, UserId};
use crate::scenario::{Overrides, Secret, Source, Surroundings, load};
use crate::tick::Tick;

/// The numbers of our user and of its peer on the wire.
const OWN: u64 = 1_001;
const PEER: u64 = 2_002;
/// The wire name of our user's group.
const TEAM: &str = "grpTeam0000001";
/// Of the run whose user is under test.
const RUN: &str = "a run";

/// User 0 of two, with its books.
struct Bench {
    user: User,
    world: World,
    now: Tick,
    /// Every text frame sent so far.
    sent: Vec<Value>,
    has_left: bool,
}

/// A scenario whose only persona has these states.
fn scenario(states: &str) -> String {
    // The loader insists on arrivals when a state awaits one, and only then.
    let arrivals = match states.contains("await") {
        true => "arrivals = [ { to = \"1/s\", over = \"0s\" }, { hold = \"1h\" } ]",
        false => "",
    };
    format!(
        r#"
name = "bench"
[target]
url = "ws://127.0.0.1:8887"
timeout = "10s"
[auth]
flow = "token"
[users]
count = 2
file = "users.csv"
[topology]
pairs = "neighbours"
groups = [ {{ name = "team", members = 2 }} ]
[load]
users = [ {{ to = 2, over = "0s" }}, {{ hold = "1h" }} ]
{arrivals}
[[persona]]
name = "tester"
share = 1
{states}
"#
    )
}

fn plan(text: &str) -> Arc<Plan> {
    let source = Source { name: "bench.toml".into(), text: text.into() };
    let users = |_: &str| Ok("name,domain,token\na,d,t0\nb,d,t1\n".to_owned());
    let around = Surroundings { variable: &|_| None, read_file: &users };
    let loaded = load(&source, &Overrides::default(), &around).unwrap_or_else(|problems| panic!("{problems}"));
    Arc::new(Plan::new(Arc::new(loaded.scenario), RUN, 1))
}

impl Bench {
    /// Offline, with a token; the peer and the group are known.
    fn new(states: &str) -> Bench {
        let plan = plan(&scenario(states));
        let directory = Arc::new(Directory::new(plan.users(), plan.topology.groups()));
        let access = Secret::new("t0".to_owned());
        directory.set_token(0, Token { access, refresh: None, expires: Tick::NEVER });
        directory.set_id(1, UserId(PEER));
        directory.set_group_name(0, TEAM);
        let user = User::new(0, plan.seed, Mode::Forever);
        let world = World::new(plan, directory);
        Bench { user, world, now: Tick::from_micros(1_000_000), sent: Vec::new(), has_left: false }
    }

    /// Logged in, in a state made of these lines.
    fn talking(lines: &str) -> Bench {
        let sign_in = "[persona.state.sign-in]\nsteps = [ { op = \"connect\" }, { op = \"login\" } ]\nnext = \"talk\"";
        let mut bench = Bench::new(&format!("start = \"sign-in\"\n{sign_in}\n[persona.state.talk]\n{lines}"));
        bench.sign_in();
        bench
    }

    /// Online, connected and logged in; what the user does then is in `sent`.
    fn sign_in(&mut self) -> Vec<Action> {
        assert_eq!(self.on(Event::GoOnline), [Action::Connect]);
        self.log_in()
    }

    fn log_in(&mut self) -> Vec<Action> {
        self.on(Event::Connected(ConnectPhases::default()));
        self.reply(200, &format!(r#"{{"user":"usr{OWN}","token":"file token"}}"#))
    }

    fn on(&mut self, event: Event<'_>) -> Vec<Action> {
        self.has_left |= matches!(event, Event::Leave);
        self.user.on(self.now, event, &mut self.world);
        let actions = std::mem::take(&mut self.world.books.actions);
        for action in &actions {
            if let Action::Send(frame) = action {
                self.sent.push(serde_json::from_str(frame).unwrap_or(Value::Null));
            }
        }
        self.check();
        actions
    }

    /// What holds after each event.
    fn check(&self) {
        for &op in OpId::ALL {
            let figures = self.figures(op);
            let open = self.world.books.open[op.index()];
            assert_eq!(figures.started, figures.ok + figures.failed + open, "{}", op.name());
        }
        if !self.has_left {
            let open = u64::from(matches!(self.user.phase, Phase::Open(_)));
            assert_eq!(self.world.books.open_requests(), open, "{:?}", self.user.phase);
        }
        assert_eq!(self.world.books.online, u64::from(self.user.session.is_some()));
    }

    fn wait(&mut self, milliseconds: u64) -> &mut Bench {
        self.now += Duration::from_millis(milliseconds);
        self
    }

    /// Lets time pass until the user wants to be woken, and wakes it.
    fn sleep(&mut self) -> Vec<Action> {
        assert_ne!(self.user.next_wake(), Tick::NEVER, "{:?}", self.user.phase);
        self.now = self.now.max(self.user.next_wake());
        self.on(Event::Wake)
    }

    fn frame(&mut self, text: &str) -> Vec<Action> {
        self.on(Event::Frame(text))
    }

    /// The id of the last request that has one.
    fn id(&self) -> String {
        let id = |frame: &Value| Some(frame.as_object()?.values().next()?.get("id")?.as_str()?.to_owned());
        self.sent.iter().rev().find_map(id).expect("a request")
    }

    /// Answers the last request.
    fn reply(&mut self, code: u16, params: &str) -> Vec<Action> {
        let id = self.id();
        self.reply_to(&id, code, params)
    }

    fn reply_to(&mut self, id: &str, code: u16, params: &str) -> Vec<Action> {
        self.frame(&format!(
            r#"{{"ctrl":{{"id":"{id}","topic":"{TEAM}","params":{params},"code":{code},"text":"t"}}}}"#
        ))
    }

    /// A message of the peer in the topic, sent `ago` milliseconds ago.
    fn message(&mut self, topic: &str, seq: u64, counter: u32, ago: u64) -> Vec<Action> {
        let sent = self.now.minus(Duration::from_millis(ago));
        let stamp = Stamp { run: Stamp::run_tag(RUN), synthetic: false, user: 1, counter, sent };
        let id = stamp.encode();
        let id = id.as_str();
        self.frame(&format!(
            r#"{{"data":{{"topic":"{topic}","from":"usr{PEER}","seq":{seq},"content":"hello","reqid":"{id}"}}}}"#
        ))
    }

    fn figures(&self, op: OpId) -> &OpFigures {
        &self.world.books.figures.ops[op.index()]
    }

    /// Started, ok, failed.
    fn counts(&self, op: OpId) -> (u64, u64, u64) {
        let figures = self.figures(op);
        (figures.started, figures.ok, figures.failed)
    }

    fn last(&self) -> &Value {
        self.sent.last().expect("a frame")
    }

    /// How many failures of this kind there were.
    fn failures(&self, op: OpId, kind: FailureKind) -> u64 {
        let failures = self.world.books.figures.failures.iter();
        failures.filter(|(of, is, _)| (*of, *is) == (op, kind)).map(|(_, _, class)| class.count).sum()
    }

    fn attachments(&self) -> &[AttachRecord] {
        &self.world.books.batch.attachments
    }

    fn is_pausing(&self) -> bool {
        matches!(self.user.phase, Phase::Pausing { .. })
    }
}

fn lost(code: Option<u16>) -> Event<'static> {
    Event::Disconnected(Lost { code, detail: String::new(), by: crate::user::LostBy::Peer })
}
