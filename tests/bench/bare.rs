//! The bare client: the same work by hand, with nothing that a load tool needs besides.
//!
//! One thread, one task for each connection, small buffers, borrowed JSON, one histogram. It signs in, subscribes to its
//! peer, publishes without an echo, parses what comes, matches the id of each reply, and receives its peer's messages.
//! It keeps no ledger, checks no content, and would not notice a message that is lost. In groups, the first of each creates
//! it and writes, and all others receive.

use std::cell::{Cell, RefCell};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt as _, StreamExt as _};
use hdrhistogram::Histogram;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

type Socket = WebSocketStream<TcpStream>;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    ctrl: Option<Ctrl<'a>>,
    #[serde(borrow)]
    data: Option<Data<'a>>,
}

#[derive(Deserialize)]
struct Ctrl<'a> {
    id: Option<&'a str>,
    code: u16,
    topic: Option<&'a str>,
    #[serde(borrow)]
    params: Option<Params<'a>>,
}

#[derive(Deserialize)]
struct Params<'a> {
    user: Option<&'a str>,
}

#[derive(Deserialize)]
struct Data<'a> {
    topic: &'a str,
    reqid: &'a str,
}

/// What all connections share.
struct Shared {
    address: SocketAddr,
    users: usize,
    length: Duration,
    /// Between two publishes of a connection; `None` for as fast as the replies come.
    pause: Option<Duration>,
    /// Members of a group; 0 for pairs.
    members: usize,
    /// In pairs the id of each user, in groups the name of the one that it has created.
    ids: RefCell<Vec<String>>,
    barrier: Barrier,
    start: Cell<Option<Instant>>,
    times: RefCell<Histogram<u64>>,
    delivered: Cell<u64>,
}

/// `bare-client ADDRESS USERS SECONDS RATE MEMBERS`: prints published, delivered and p50 in microseconds.
pub fn main(arguments: &[String]) -> ExitCode {
    let [address, users, seconds, rate, members] = arguments else { return ExitCode::from(2) };
    let users: usize = users.parse().expect("a number of users");
    let rate: f64 = rate.parse().expect("a rate of each user");
    let shared = Rc::new(Shared {
        address: address.trim_start_matches("ws://").parse().expect("an address"),
        users,
        members: members.parse().expect("a number of members"),
        length: Duration::from_secs_f64(seconds.parse().expect("seconds")),
        pause: (rate > 0.0).then(|| Duration::from_secs_f64(1.0 / rate)),
        ids: RefCell::new(vec![String::new(); users]),
        barrier: Barrier::new(users),
        start: Cell::new(None),
        times: RefCell::new(Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("constant bounds")),
        delivered: Cell::new(0),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let users: Vec<_> =
            (0..users).map(|user| tokio::task::spawn_local(connection(Rc::clone(&shared), user))).collect();
        for user in users {
            user.await.expect("a connection that does its work");
        }
    });
    let times = shared.times.borrow();
    println!("{} {} {}", times.len(), shared.delivered.get(), times.value_at_quantile(0.5));
    ExitCode::SUCCESS
}

/// A token by REST: blocking, because nothing is measured yet.
fn secret(address: SocketAddr, user: usize) -> String {
    let name = 100_001 + user;
    let body = format!(r#"{{"username":"{name}","password":"secret","domain":"example.com"}}"#);
    let mut stream = std::net::TcpStream::connect(address).expect("the simulator listens");
    let head = "POST /api/auth/sign_in HTTP/1.1\r\nHost: pbx\r\nConnection: close\r\nContent-Type: application/json";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    let reply: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
    let token = reply["access_token"].as_str().expect("a token");
    STANDARD.encode(format!("{name}@example.com:{token}"))
}

async fn connection(shared: Rc<Shared>, user: usize) {
    let stream = TcpStream::connect(shared.address).await.expect("the simulator listens");
    stream.set_nodelay(true).expect("an option");
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0).max_write_buffer_size(1 << 20);
    let url = format!("ws://{}/im", shared.address);
    let (mut socket, _) =
        tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await.expect("an upgrade");
    let login =
        format!(r#"{{"login":{{"id":"l","scheme":"access_token","secret":"{}"}}}}"#, secret(shared.address, user));
    let mut own = ask(&mut socket, login, "l").await;
    let in_group = user.checked_rem(shared.members);
    if in_group == Some(0) {
        own = ask(&mut socket, r#"{"sub":{"id":"g","topic":"new"}}"#.to_owned(), "g").await;
    }
    shared.ids.borrow_mut()[user] = own;
    shared.barrier.wait().await;
    let peer = shared.ids.borrow()[in_group.map_or(user ^ 1, |place| user - place)].clone();
    if in_group != Some(0) {
        ask(&mut socket, format!(r#"{{"sub":{{"id":"s","topic":"{peer}"}}}}"#), "s").await;
    }
    shared.barrier.wait().await;
    if shared.start.get().is_none() {
        shared.start.set(Some(Instant::now()));
        eprintln!("ready");
    }
    let start = shared.start.get().unwrap_or_else(Instant::now);
    match shared.pause {
        _ if in_group.is_some_and(|place| place > 0) => listen(&shared, &mut socket, &peer, start).await,
        None => saturate(&shared, &mut socket, user, &peer, start).await,
        Some(pause) => pace(&shared, &mut socket, user, &peer, start, pause).await,
    }
    // Whoever is done first still receives what the others send last.
    let _ = tokio::time::timeout(Duration::from_millis(500), async {
        while let Some(Ok(message)) = socket.next().await {
            take(&shared, &message, "", &peer);
        }
    })
    .await;
    shared.barrier.wait().await;
}

/// Sends and waits for the reply; the user's id in it, or else the topic's name.
async fn ask(socket: &mut Socket, text: String, id: &str) -> String {
    socket.send(Message::text(text)).await.expect("sent");
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = &message else { continue };
        if let Ok(Envelope { ctrl: Some(ctrl), .. }) = serde_json::from_str(text)
            && ctrl.id == Some(id)
        {
            assert!(ctrl.code < 300, "{text}");
            return ctrl.params.and_then(|params| params.user).or(ctrl.topic).unwrap_or_default().to_owned();
        }
    }
    panic!("the connection ended")
}

fn publish(id: &str, peer: &str) -> Message {
    const CONTENT: &str =
        "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et";
    Message::text(format!(r#"{{"pub":{{"id":"{id}","topic":"{peer}","noecho":true,"content":"{CONTENT}"}}}}"#))
}

fn request_id(user: usize, counter: u64) -> String {
    format!("{user:08x}-cf52-893c-8572-{counter:012x}")
}

/// Whether the message is the reply that is waited for. Deliveries are counted.
fn take(shared: &Shared, message: &Message, id: &str, peer: &str) -> bool {
    let Message::Text(text) = message else { return false };
    match serde_json::from_str(text) {
        Ok(Envelope { ctrl: Some(ctrl), .. }) => ctrl.id == Some(id) && ctrl.code < 300,
        Ok(Envelope { data: Some(data), .. }) if data.topic == peer && data.reqid.len() == 36 => {
            shared.delivered.set(shared.delivered.get() + 1);
            false
        }
        _ => false,
    }
}

async fn listen(shared: &Shared, socket: &mut Socket, peer: &str, start: Instant) {
    let _ = tokio::time::timeout_at((start + shared.length).into(), async {
        while let Some(Ok(message)) = socket.next().await {
            take(shared, &message, "", peer);
        }
    })
    .await;
}

async fn saturate(shared: &Shared, socket: &mut Socket, user: usize, peer: &str, start: Instant) {
    for counter in 0.. {
        let id = request_id(user, counter);
        let sent = Instant::now();
        if sent.duration_since(start) >= shared.length {
            return;
        }
        socket.send(publish(&id, peer)).await.expect("sent");
        while !take(shared, &socket.next().await.expect("open").expect("a message"), &id, peer) {}
        record(shared, sent);
    }
}

async fn pace(shared: &Shared, socket: &mut Socket, user: usize, peer: &str, start: Instant, pause: Duration) {
    let offset = pause.mul_f64(user as f64 / shared.users as f64);
    let count = (shared.length.as_secs_f64() / pause.as_secs_f64()) as u32;
    let mut timer = std::pin::pin!(tokio::time::sleep_until((start + offset).into()));
    for counter in 0..count {
        let due = start + offset + pause * counter;
        timer.as_mut().reset(due.into());
        loop {
            tokio::select! {
                () = &mut timer => break,
                message = socket.next() => { take(shared, &message.expect("open").expect("a message"), "", peer); }
            }
        }
        let id = request_id(user, u64::from(counter));
        socket.send(publish(&id, peer)).await.expect("sent");
        while !take(shared, &socket.next().await.expect("open").expect("a message"), &id, peer) {}
        record(shared, due);
    }
}

fn record(shared: &Shared, since: Instant) {
    shared.times.borrow_mut().saturating_record(since.elapsed().as_micros().max(1) as u64);
}
