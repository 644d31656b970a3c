//! The whole simulator in memory and under paused time: every fault does what its counter says.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::io::DuplexStream;
use tokio::task::LocalSet;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::protocol::Stamp;
use crate::simulator::faults::{FaultPlan, Operation};
use crate::simulator::hub::Rules;
use crate::simulator::{InjectedFaults, LocalSimulator, SimulatorConfig};
use crate::tick::Tick;

/// Longer than anything the simulator does by itself but pings, and shorter than those.
const QUIET: Duration = Duration::from_secs(10);
/// Publishes of a test of deliveries.
const MESSAGES: u32 = 100;

struct Client {
    socket: WebSocketStream<DuplexStream>,
    user: String,
}

impl Client {
    async fn open(simulator: &LocalSimulator) -> Option<Client> {
        let (near, far) = tokio::io::duplex(64 << 10);
        simulator.serve(far);
        let (socket, _) = tokio_tungstenite::client_async("ws://localhost/im", near).await.ok()?;
        Some(Client { socket, user: String::new() })
    }

    async fn log_in(simulator: &LocalSimulator, name: &str) -> Client {
        use base64::Engine as _;
        let mut client = Client::open(simulator).await.expect("connects");
        let secret = base64::engine::general_purpose::STANDARD.encode(format!("{name}@d:foreign token"));
        let reply =
            client.ask("l", &format!(r#"{{"login":{{"id":"l","scheme":"access_token","secret":"{secret}"}}}}"#)).await;
        client.user = reply["ctrl"]["params"]["user"].as_str().expect("logged in").to_owned();
        client
    }

    async fn send(&mut self, frame: &str) {
        self.socket.send(Message::Text(frame.into())).await.expect("is sent");
    }

    /// The next text; `None` when nothing comes any more.
    async fn text(&mut self) -> Option<String> {
        loop {
            match timeout(QUIET, self.socket.next()).await.ok()??.ok()? {
                Message::Text(text) => return Some(text.to_string()),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    async fn ask(&mut self, id: &str, frame: &str) -> Value {
        self.send(frame).await;
        while let Some(text) = self.text().await {
            let frame: Value = serde_json::from_str(&text).expect("valid");
            if frame["ctrl"]["id"] == id {
                return frame;
            }
        }
        Value::Null
    }

    async fn rest(&mut self) -> Vec<String> {
        let mut frames = Vec::new();
        while let Some(text) = self.text().await {
            frames.push(text);
        }
        frames
    }
}

fn with<F, T>(plan: &str, test: impl FnOnce(LocalSimulator) -> F) -> T
where
    F: Future<Output = T>,
{
    with_config(SimulatorConfig { faults: FaultPlan::parse(plan).expect("valid"), ..SimulatorConfig::default() }, test)
}

fn with_config<F, T>(config: SimulatorConfig, test: impl FnOnce(LocalSimulator) -> F) -> T
where
    F: Future<Output = T>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    LocalSet::new().block_on(&runtime, async { test(LocalSimulator::start(config)).await })
}

/// A group of one publisher and two receivers.
async fn group(simulator: &LocalSimulator) -> (Client, [Client; 2], String) {
    let mut publisher = Client::log_in(simulator, "1001").await;
    let reply = publisher.ask("s", r#"{"sub":{"id":"s","topic":"new"}}"#).await;
    let topic = reply["ctrl"]["topic"].as_str().expect("a group").to_owned();
    let mut receivers = [Client::log_in(simulator, "1002").await, Client::log_in(simulator, "1003").await];
    for receiver in &mut receivers {
        let reply = receiver.ask("s", &format!(r#"{{"sub":{{"id":"s","topic":"{topic}"}}}}"#)).await;
        assert_eq!(reply["ctrl"]["code"], 200);
    }
    (publisher, receivers, topic)
}

fn publish(topic: &str, counter: u32) -> String {
    let stamp = Stamp { run: 1, synthetic: false, user: 0, counter, sent: Tick::ZERO }.encode();
    format!(r#"{{"pub":{{"id":"{stamp}","topic":"{topic}","content":"message {counter}"}}}}"#)
}

/// What a receiver makes of the frames of one group.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    missing: u64,
    twice: u64,
    late: u64,
    changed: u64,
    phantom: u64,
    invalid: u64,
}

impl Seen {
    fn look(&mut self, frames: &[String]) {
        let mut by_counter = BTreeMap::<u32, u64>::new();
        let mut highest = 0;
        for frame in frames {
            let Ok(frame) = serde_json::from_str::<Value>(frame) else {
                self.invalid += 1;
                continue;
            };
            let data = &frame["data"];
            let Some(stamp) = data["reqid"].as_str().and_then(Stamp::decode) else {
                self.invalid += u64::from(!frame.as_object().is_some_and(|frame| frame.contains_key("pres")));
                continue;
            };
            if stamp.counter > MESSAGES {
                self.phantom += 1;
                continue;
            }
            *by_counter.entry(stamp.counter).or_default() += 1;
            self.changed += u64::from(data["content"] != format!("message {}", stamp.counter));
            let seq = data["seq"].as_u64().expect("a seq");
            self.late += u64::from(seq < highest);
            highest = highest.max(seq);
        }
        self.missing += (1..=MESSAGES).filter(|counter| !by_counter.contains_key(counter)).count() as u64;
        self.twice += by_counter.values().map(|count| count - 1).sum::<u64>();
    }
}

/// Publishes to a group under a plan; what the receivers saw and what the simulator counted.
fn deliveries_under(plan: &str) -> (Seen, InjectedFaults) {
    with(plan, |simulator| async move {
        let (mut publisher, mut receivers, topic) = group(&simulator).await;
        for counter in 1..=MESSAGES {
            publisher.send(&publish(&topic, counter)).await;
        }
        let mut seen = Seen::default();
        // Side by side: one that waited would be taken for a reader that has stopped.
        let [one, other] = &mut receivers;
        let (one, other) = tokio::join!(one.rest(), other.rest());
        seen.look(&one);
        seen.look(&other);
        (seen, simulator.counters())
    })
}

#[test]
fn without_faults_nothing_is_wrong() {
    let (seen, counted) = deliveries_under("");
    assert_eq!(seen, Seen::default());
    let totals = counted.totals;
    assert_eq!((totals.publishes_accepted, totals.deliveries_pushed, totals.echoes_pushed), (100, 200, 100));
    assert_eq!(InjectedFaults { totals: Default::default(), ..counted }, InjectedFaults::default());
}

#[test]
fn lost_deliveries_are_missing() {
    let (seen, counted) = deliveries_under("lost = { rate = 0.1, every = 40 }");
    assert!(counted.lost > 5);
    assert_eq!(seen, Seen { missing: counted.lost, ..Seen::default() });
}

#[test]
fn duplicates_come_twice() {
    let (seen, counted) = deliveries_under("duplicated = { every = 10 }");
    assert_eq!(counted.duplicated, 20);
    assert_eq!(seen, Seen { twice: 20, ..Seen::default() });
}

#[test]
fn reordered_pairs_are_late_once() {
    let (seen, counted) = deliveries_under("reordered = { rate = 0.1 }");
    assert!(counted.reordered > 5);
    assert_eq!(seen, Seen { late: counted.reordered, ..Seen::default() });
}

#[test]
fn a_held_back_delivery_without_successor_is_released_uncounted() {
    with("reordered = { every = 1, max = 1 }", |simulator| async move {
        let (mut publisher, mut receivers, topic) = group(&simulator).await;
        let start = Instant::now();
        publisher.send(&publish(&topic, 1)).await;
        while !receivers[0].text().await.expect("released").contains(r#""seq":1"#) {}
        assert!(start.elapsed() >= Duration::from_millis(200));
        assert_eq!(simulator.counters().reordered, 0);
    });
}

#[test]
fn corrupted_contents_differ() {
    let (seen, counted) = deliveries_under("corrupted = { rate = 0.1 }");
    assert!(counted.corrupted > 5);
    assert_eq!(seen, Seen { changed: counted.corrupted, ..Seen::default() });
}

#[test]
fn phantoms_are_what_nobody_sent() {
    let (seen, counted) = deliveries_under("phantom = { every = 7, max = 9 }");
    assert_eq!(counted.phantom, 9);
    assert_eq!(seen, Seen { phantom: 9, ..Seen::default() });
}

#[test]
fn bad_frames_are_no_messages() {
    let (seen, counted) = deliveries_under("bad_frames = { kinds = [\"not_json\", \"unknown_verb\"], every = 20 }");
    assert_eq!(counted.bad_frames.values().sum::<u64>(), 10);
    assert_eq!(seen, Seen { invalid: 10, ..Seen::default() });
}

#[test]
fn giant_and_deep_frames_are_written() {
    let plan = "bad_frames = { kinds = [\"giant\", \"deep_json\", \"wrong_types\"], every = 50 }";
    let (seen, counted) = deliveries_under(plan);
    assert_eq!(counted.bad_frames.len(), 3);
    assert_eq!(seen, Seen { invalid: 4, ..Seen::default() });
}

#[test]
fn all_faults_of_deliveries_together_still_add_up() {
    let plan = "seed = 5\nlost = { rate = 0.05 }\nduplicated = { rate = 0.05 }\ncorrupted = { rate = 0.05 }\n\
                phantom = { rate = 0.05 }\nnot_stored = { every = 9 }";
    let (seen, counted) = deliveries_under(plan);
    assert_eq!(counted.not_stored, 11);
    assert_eq!(counted.not_stored_deliveries, 22);
    let expected = Seen {
        missing: counted.lost + counted.not_stored_deliveries,
        twice: counted.duplicated,
        changed: counted.corrupted,
        phantom: counted.phantom,
        ..Seen::default()
    };
    assert_eq!(seen, expected);
    assert!(counted.lost > 0 && counted.duplicated > 0 && counted.corrupted > 0 && counted.phantom > 0);
}

#[test]
fn what_is_lost_is_in_the_history_and_what_is_not_stored_is_not() {
    with("lost = { every = 1, max = 2 }\nnot_stored = { every = 2, max = 1 }", |simulator| async move {
        let (mut publisher, _receivers, topic) = group(&simulator).await;
        publisher.send(&publish(&topic, 1)).await;
        publisher.send(&publish(&topic, 2)).await;
        let get = format!(r#"{{"get":{{"id":"g","topic":"{topic}","what":"data"}}}}"#);
        let closing = publisher.ask("g", &get).await;
        assert_eq!(closing["ctrl"]["params"]["count"], 1);
        let counted = simulator.counters();
        assert_eq!((counted.lost, counted.not_stored), (2, 1));
    });
}

#[test]
fn refusals_and_missing_answers_are_counted_by_operation() {
    let plan = "[[reject]]\nop = \"pub\"\ncode = 503\nevery = 4\n[[swallow]]\nop = \"pub\"\nevery = 5";
    with(plan, |simulator| async move {
        let (mut publisher, _receivers, topic) = group(&simulator).await;
        for counter in 1..=20 {
            publisher.send(&publish(&topic, counter)).await;
        }
        let frames = publisher.rest().await;
        let codes = |code: u16| frames.iter().filter(|frame| frame.contains(&format!("\"code\":{code}"))).count();
        let counted = simulator.counters();
        assert_eq!(counted.rejected[&Operation::Pub][&503], 5);
        assert_eq!(codes(503), 5);
        // Of the fifteen that were carried out, every fifth was not answered.
        assert_eq!(counted.swallowed[&Operation::Pub], 3);
        assert_eq!(codes(202), 12);
        assert_eq!(counted.totals.publishes_accepted, 15);
    });
}

#[test]
fn delays_are_exact_under_paused_time_and_keep_the_order() {
    let plan = "[delay]\npub = { constant = \"250ms\" }\n[[slow_reply]]\nop = \"get\"\ndelay = { constant = \"1s\" }\nevery = 1";
    with(plan, |simulator| async move {
        let (mut publisher, _receivers, topic) = group(&simulator).await;
        let start = Instant::now();
        for counter in 1..=3 {
            publisher.send(&publish(&topic, counter)).await;
        }
        // A leave without a delay of its own waits its turn behind the delayed publishes.
        let reply = publisher.ask("l", &format!(r#"{{"leave":{{"id":"l","topic":"{topic}"}}}}"#)).await;
        assert_eq!(reply["ctrl"]["code"], 200);
        assert_eq!(start.elapsed(), Duration::from_millis(250));
        assert_eq!(simulator.counters().totals.publishes_accepted, 3);
        let start = Instant::now();
        publisher.ask("g", r#"{"get":{"id":"g","topic":"me","what":"desc"}}"#).await;
        assert!(start.elapsed() >= Duration::from_secs(1));
        let counted = simulator.counters();
        assert_eq!((counted.delayed[&Operation::Pub], counted.slow_replies[&Operation::Get]), (3, 1));
    });
}

#[test]
fn a_stall_answers_nothing_and_then_everything() {
    with("[[stall]]\nat = \"5s\"\nfor = \"2s\"", |simulator| async move {
        let start = Instant::now();
        let (mut publisher, mut receivers, topic) = group(&simulator).await;
        tokio::time::sleep_until(start + Duration::from_millis(5_500)).await;
        publisher.send(&publish(&topic, 1)).await;
        let frames = receivers[0].rest().await;
        assert!(frames.iter().any(|frame| frame.contains("message 1")));
        publisher.send(&publish(&topic, 2)).await;
        assert_eq!(publisher.rest().await.iter().filter(|frame| frame.contains("\"code\":202")).count(), 2);
        assert_eq!(simulator.counters().stalls, 1);
    });
}

#[test]
fn connections_are_refused_in_each_way() {
    for how in ["accept", "close", "status"] {
        with(&format!("refused_connections = {{ how = \"{how}\", every = 2 }}"), |simulator| async move {
            let mut open = 0;
            for _ in 0..10 {
                open += usize::from(Client::open(&simulator).await.is_some());
            }
            assert_eq!((open, simulator.counters().refused_connections), (5, 5), "{how}");
        });
    }
}

#[test]
fn connections_are_cut_as_declared() {
    with("[[drop]]\nafter_frames = 3", |simulator| async move {
        let mut client = Client::log_in(&simulator, "1001").await;
        client.send("1").await;
        client.send("1").await;
        client.rest().await;
        assert_eq!(simulator.counters().dropped_connections, 1);
        assert_eq!(simulator.counters().totals.sessions_open, 0);
    });
    with("[[drop]]\nevery = 2", |simulator| async move {
        let (mut publisher, _receivers, topic) = group(&simulator).await;
        publisher.send(&publish(&topic, 1)).await;
        publisher.send(&publish(&topic, 2)).await;
        publisher.rest().await;
        assert_eq!(simulator.counters().dropped_connections, 1);
        assert_eq!(simulator.counters().totals.sessions_open, 2);
    });
    with("[[drop]]\nat = \"5s\"\nshare = 0.5", |simulator| async move {
        let mut clients = Vec::new();
        for name in 0..10 {
            clients.push(Client::log_in(&simulator, &name.to_string()).await);
        }
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(simulator.counters().dropped_connections, 5);
        assert_eq!(simulator.counters().totals.sessions_open, 5);
    });
}

#[test]
fn pings_keep_a_session_and_silence_ends_it() {
    with("", |simulator| async move {
        let mut answering = Client::log_in(&simulator, "1001").await;
        let mut silent = Client::log_in(&simulator, "1002").await;
        let start = Instant::now();
        // Reading is what answers pings; the silent client does not read.
        let _ = timeout(Duration::from_secs(120), answering.socket.next()).await;
        let _ = timeout(Duration::from_secs(120), answering.socket.next()).await;
        assert!(start.elapsed() >= Duration::from_secs(99));
        assert_eq!(simulator.counters().totals.sessions_open, 1);
        // What was sent before the cut is still there: the ping, and then the end.
        while let Ok(Some(Ok(_))) = timeout(QUIET, silent.socket.next()).await {}
        assert_eq!(simulator.counters().totals.sessions, 2);
    });
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    with("", |simulator| async move {
        use tokio::io::AsyncReadExt as _;
        let (mut near, far) = tokio::io::duplex(1024);
        let start = Instant::now();
        simulator.serve(far);
        let mut rest = Vec::new();
        near.read_to_end(&mut rest).await.expect("ends");
        assert_eq!(start.elapsed().as_secs(), 10);
    });
}

#[test]
fn a_reader_that_stops_is_cut_and_the_others_do_not_wait() {
    let config = SimulatorConfig { queue_limit: 8, ..SimulatorConfig::default() };
    with_config(config, |simulator| async move {
        let (mut publisher, mut receivers, topic) = group(&simulator).await;
        let content = "x".repeat(10_000);
        for at in 1..=50 {
            let id = at.to_string();
            let frame = format!(r#"{{"pub":{{"id":"{id}","topic":"{topic}","content":"{content}"}}}}"#);
            assert_eq!(publisher.ask(&id, &frame).await["ctrl"]["code"], 202);
            // The second receiver reads along, the first one does not.
            while !receivers[1].text().await.expect("delivered").contains(&format!("\"reqid\":\"{id}\"")) {}
        }
        let totals = simulator.counters().totals;
        assert_eq!((totals.slow_sessions_cut, totals.sessions_open), (1, 2));
    });
}

#[test]
fn an_expired_access_token_is_refused_and_counted() {
    use base64::Engine as _;
    with("token_lifetime = \"60s\"", |simulator| async move {
        let now = simulator.shell_now();
        let token = simulator.sign_in("d", "1001", now);
        let secret = base64::engine::general_purpose::STANDARD.encode(format!("1001@d:{token}"));
        let login = format!(r#"{{"login":{{"id":"l","scheme":"access_token","secret":"{secret}"}}}}"#);
        let mut client = Client::open(&simulator).await.expect("connects");
        tokio::time::sleep(Duration::from_secs(61)).await;
        let mut late = Client::open(&simulator).await.expect("connects");
        assert_eq!(late.ask("l", &login).await["ctrl"]["code"], 401);
        assert_eq!(simulator.counters().expired_tokens, 1);
        drop(client.socket.close(None).await);
    });
}

#[test]
fn a_stop_says_goodbye() {
    with_config(SimulatorConfig { rules: Rules::default(), ..SimulatorConfig::default() }, |simulator| async move {
        let mut client = Client::log_in(&simulator, "1001").await;
        let stopping = simulator.clone();
        let stop = tokio::task::spawn_local(async move { stopping.stop().await });
        assert!(client.text().await.expect("a goodbye").contains("server shutdown"));
        assert!(matches!(client.socket.next().await, Some(Ok(Message::Close(_))) | None));
        drop(client);
        assert_eq!(stop.await.expect("stops").totals.sessions_open, 0);
    });
}

/// One HTTP call by hand; the status and the body.
async fn http(simulator: &LocalSimulator, request: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (mut near, far) = tokio::io::duplex(64 << 10);
    simulator.serve(far);
    near.write_all(request.as_bytes()).await.expect("is sent");
    let mut answer = String::new();
    near.read_to_string(&mut answer).await.expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

fn sign_in(password: &str) -> String {
    let body = format!(r#"{{"username":"1001","password":"{password}","domain":"d"}}"#);
    let length = body.len();
    format!("POST /api/auth/sign_in HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[test]
fn too_many_calls_and_failed_logins_are_refused() {
    let config = SimulatorConfig { rest_calls_per_minute: Some(2), ..SimulatorConfig::default() };
    with_config(config, |simulator| async move {
        for status in [200, 200, 429] {
            assert_eq!(http(&simulator, &sign_in("right")).await.0, status);
        }
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(http(&simulator, &sign_in("right")).await.0, 200);
        assert_eq!(simulator.counters().totals.tokens, 3);
    });
    let config = SimulatorConfig { failed_logins_max: Some(2), ..SimulatorConfig::default() };
    with_config(config, |simulator| async move {
        for (password, status, code) in
            [("wrong", 401, "UNAUTHORIZED"), ("wrong", 401, "UNAUTHORIZED"), ("right", 400, "DENIED")]
        {
            let (answered, body) = http(&simulator, &sign_in(password)).await;
            assert_eq!(answered, status, "{body}");
            assert!(body.contains(code), "{body}");
        }
        tokio::time::sleep(Duration::from_secs(3601)).await;
        assert_eq!(http(&simulator, &sign_in("right")).await.0, 200);
    });
}

#[test]
fn token_calls_and_upgrades_take_their_declared_faults() {
    let plan = "[delay]\ntoken = { constant = \"300ms\" }\n[[reject]]\nop = \"token\"\ncode = 503\nevery = 2\n\
                [[reject]]\nop = \"connect\"\ncode = 502\nevery = 1\nmax = 1";
    with(plan, |simulator| async move {
        let start = Instant::now();
        assert_eq!(http(&simulator, &sign_in("right")).await.0, 200);
        assert_eq!(start.elapsed(), Duration::from_millis(300));
        assert_eq!(http(&simulator, &sign_in("right")).await.0, 503);
        assert!(Client::open(&simulator).await.is_none());
        assert!(Client::open(&simulator).await.is_some());
        let counted = simulator.counters();
        assert_eq!((counted.rejected[&Operation::Token][&503], counted.rejected[&Operation::Connect][&502]), (1, 1));
    });
}

#[test]
fn the_counters_are_there_for_the_asking() {
    with("", |simulator| async move {
        Client::log_in(&simulator, "1001").await;
        let request = "GET /simulator/counters HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let (status, body) = http(&simulator, request).await;
        let counters: InjectedFaults = serde_json::from_str(&body).expect("the counters");
        assert_eq!((status, counters.totals.logins), (200, 1));
    });
}
