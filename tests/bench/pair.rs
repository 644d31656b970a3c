//! A virtual user by hand, without a socket: attached to its peer, publishing for ever.

use std::sync::Arc;
use std::time::Duration;

use pbxload::ops::payload::synthetic_text;
use pbxload::plan::{Directory, Plan};
use pbxload::protocol::{Stamp, UserId};
use pbxload::scenario::{Overrides, Source, Surroundings, load};
use pbxload::tick::Tick;
use pbxload::user::{Action, ConnectPhases, Event, Mode, User, World};

use super::scenario::{Bench, PAIRS, PEER, PUBLISH};

/// A `data` of the peer, as the service writes it.
pub fn data_frame(topic: &str, seq: u64, stamp: Stamp) -> String {
    let (id, content) = (stamp.encode(), synthetic_text(stamp.key(), 100));
    format!(
        r#"{{"data":{{"topic":"{topic}","from":"{topic}","ts":"2024-10-24T08:24:41.913558Z","seq":{seq},"content":"{content}","reqid":"{}"}}}}"#,
        id.as_str()
    )
}

/// A user that is attached to its peer, and its books.
pub struct Pair {
    user: User,
    world: World,
    now: Tick,
    id: String,
    frame: String,
    seq: u64,
}

impl Pair {
    pub fn new() -> Pair {
        let bench = Bench {
            users: 2,
            ramp_s: 1,
            hold_s: 60,
            topology: PAIRS,
            sign_in: PEER,
            talk: PUBLISH,
            ..Bench::default()
        };
        let text = bench.text().replace("{ op = \"login\" }, ", "");
        let source = Source { name: "bench.toml".into(), text };
        let around = Surroundings { variable: &|_| None, read_file: &|_| Err("no file".to_owned()) };
        let loaded = load(&source, &Overrides::default(), &around).unwrap_or_else(|problems| panic!("{problems}"));
        let plan = Arc::new(Plan::new(Arc::new(loaded.scenario), "bench", 1));
        let directory = Arc::new(Directory::new(2, 0));
        let form = plan.scenario.target.dialect.user_ids;
        for (user, id) in [(0, "4611686018427387904"), (1, "4611686018427387905")] {
            let id = UserId::parse(&format!("usr{id}"), form).expect("a user id");
            directory.set_id(user, id);
        }
        let world = World::new(plan, directory);
        let user = User::new(0, 1, Mode::Forever);
        let (id, frame) = Default::default();
        let mut pair = Pair { user, world, now: Tick::from_micros(1_000), id, frame, seq: 0 };
        pair.tell(Event::GoOnline);
        pair.tell(Event::Connected(ConnectPhases::default()));
        pair.publish();
        pair
    }

    fn tell(&mut self, event: Event<'_>) {
        self.now += Duration::from_micros(10);
        self.user.on(self.now, event, &mut self.world);
        for action in self.world.books.actions.drain(..) {
            if let Action::Send(frame) = action {
                let at = frame.find(r#""id":""#).expect("a request has an id") + 6;
                self.id.clear();
                self.id.push_str(&frame[at..at + 36]);
            }
        }
        if self.world.books.batch.len() > 1_000 {
            self.world.books.batch.clear();
        }
    }

    /// Its open publish is answered, and the next one goes out.
    pub fn publish(&mut self) {
        let mut frame = std::mem::take(&mut self.frame);
        self.seq += 1;
        frame.clear();
        for part in [
            r#"{"ctrl":{"id":""#,
            &self.id,
            r#"","topic":"usr4611686018427387905","params":{"seq":7},"code":202,"text":"accepted","ts":"2024-10-24T08:24:41.913558Z"}}"#,
        ] {
            frame.push_str(part);
        }
        self.tell(Event::Frame(&frame));
        self.frame = frame;
    }

    /// A message of its peer comes in.
    pub fn receive(&mut self, index: u64) {
        // The same text each time: a repeat, whose content is checked like any other's.
        if index == 0 {
            let run = self.world.plan.run_tag;
            let stamp = Stamp { run, synthetic: true, user: 1, counter: 1, sent: self.now };
            self.frame = data_frame("usr4611686018427387905", 1, stamp);
        }
        let frame = std::mem::take(&mut self.frame);
        self.tell(Event::Frame(&frame));
        self.frame = frame;
    }
}
