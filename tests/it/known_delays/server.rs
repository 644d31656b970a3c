//! An IM server by hand: sockets and threads of the standard library, RFC 6455 and the few messages of two people who
//! chat. Nothing of the program under test is used here, not even its ids.
#![expect(
    clippy::disallowed_methods,
    reason = "its delays are what is tested, and its clock must not be the program's"
)]

use std::collections::HashMap;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What every server appends to a client's key. Source: RFC 6455, section 1.3.
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// How long publishes take.
pub struct Delay {
    usual: Duration,
    /// Of every tenth publish.
    tenth: Duration,
    /// Before the reply to this publish, counted from 0, the server stands still for so long.
    stall: Option<(usize, Duration)>,
}

impl Delay {
    pub fn fixed(usual: Duration) -> Delay {
        Delay { usual, tenth: usual, stall: None }
    }

    pub fn bimodal(usual: Duration, tenth: Duration) -> Delay {
        Delay { usual, tenth, stall: None }
    }

    pub fn stalling(usual: Duration, at: usize, length: Duration) -> Delay {
        Delay { usual, tenth: usual, stall: Some((at, length)) }
    }
}

type Writer = Arc<Mutex<TcpStream>>;

struct Shared {
    delay: Delay,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Publishes received.
    publishes: usize,
    record: Vec<Duration>,
    stall: Option<Stall>,
    /// Who listens to whom: connections by (user, peer).
    attached: HashMap<(String, String), Writer>,
    /// Messages of each pair.
    seq: HashMap<(String, String), u64>,
}

#[derive(Clone, Copy)]
struct Stall {
    begun: Instant,
    until: Instant,
    /// When the last reply that was held was written.
    last: Instant,
}

/// The server; its threads end with the test's process.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    pub fn start(delay: Delay) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared { delay, state: Mutex::default() });
        let for_threads = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&for_threads);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Server { address, shared }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long each publish took, from the frame received to the reply written; sorted.
    pub fn record(&self) -> Vec<Duration> {
        let mut record = self.shared.state.lock().expect("no thread panicked").record.clone();
        record.sort_unstable();
        record
    }

    /// From the beginning of the stall until the last reply that it held was written.
    pub fn held(&self) -> Option<Duration> {
        let stall = self.shared.state.lock().expect("no thread panicked").stall?;
        Some(stall.last - stall.begun)
    }
}

/// One connection, to its end.
fn serve(stream: TcpStream, shared: &Shared) {
    stream.set_nodelay(true).expect("an option");
    let writer: Writer = Arc::new(Mutex::new(stream.try_clone().expect("a second handle")));
    let mut reader = BufReader::new(stream);
    if upgrade(&mut reader, &writer).is_none() {
        return;
    }
    let mut user = String::new();
    while let Some((opcode, payload)) = read_frame(&mut reader) {
        let received = Instant::now();
        match opcode {
            1 => take(&payload, received, &mut user, &writer, shared),
            8 => return write_frame(&writer, 8, &payload),
            9 => write_frame(&writer, 10, &payload),
            _ => {}
        }
    }
}

fn take(payload: &[u8], received: Instant, user: &mut String, writer: &Writer, shared: &Shared) {
    let message: Value = serde_json::from_slice(payload).expect("the program sends JSON");
    if let Some(login) = message.get("login") {
        let secret = STANDARD.decode(text(login, "secret")).expect("base64");
        let secret = String::from_utf8(secret).expect("text");
        *user = format!("usr{}", secret.split('@').next().expect("a name"));
        let params = json!({"authlvl": "auth", "token": "file-token", "user": *user});
        reply(writer, &json!({"id": login["id"], "params": params, "code": 200, "text": "ok", "ts": TIME}));
    } else if let Some(sub) = message.get("sub") {
        let peer = text(sub, "topic").to_owned();
        let mut state = shared.state.lock().expect("no thread panicked");
        state.attached.insert((user.clone(), peer.clone()), Arc::clone(writer));
        reply(writer, &json!({"id": sub["id"], "topic": peer, "code": 200, "text": "ok", "ts": TIME}));
    } else if let Some(publish) = message.get("pub") {
        take_publish(publish, received, user, writer, shared);
    } else {
        panic!("not a message of this scenario: {message}");
    }
}

/// In samples of the vendor's page a time is RFC 3339 with microseconds; nobody looks at it here.
const TIME: &str = "2024-10-24T01:06:38.924626Z";

fn take_publish(publish: &Value, received: Instant, user: &str, writer: &Writer, shared: &Shared) {
    let peer = text(publish, "topic").to_owned();
    let delay = {
        let mut state = shared.state.lock().expect("no thread panicked");
        let number = state.publishes;
        state.publishes += 1;
        if let Some((_, length)) = shared.delay.stall.filter(|(at, _)| *at == number) {
            state.stall = Some(Stall { begun: received, until: received + length, last: received });
        }
        if number % 10 == 9 { shared.delay.tenth } else { shared.delay.usual }
    };
    thread::sleep((received + delay).saturating_duration_since(Instant::now()));
    let stall = shared.state.lock().expect("no thread panicked").stall;
    let held_until = stall.map(|stall| stall.until).filter(|until| *until > Instant::now());
    if let Some(until) = held_until {
        thread::sleep(until.saturating_duration_since(Instant::now()));
    }
    // One lock for number, reply and deliveries: messages of a pair go out in the order of their numbers.
    let mut state = shared.state.lock().expect("no thread panicked");
    let pair = if *user < *peer { (user.to_owned(), peer.clone()) } else { (peer.clone(), user.to_owned()) };
    let seq = state.seq.entry(pair).or_default();
    *seq += 1;
    let seq = *seq;
    reply(
        writer,
        &json!({"id": publish["id"], "topic": peer, "params": {"seq": seq}, "code": 202, "text": "accepted", "ts": TIME}),
    );
    let written = Instant::now();
    state.record.push(written - received);
    if let Some(stall) = state.stall.as_mut().filter(|_| held_until.is_some()) {
        stall.last = stall.last.max(written);
    }
    // The topic of a pair is to each of them the other.
    for (to, topic) in [(peer.as_str(), user), (user, peer.as_str())] {
        if let Some(receiver) = state.attached.get(&(to.to_owned(), topic.to_owned())) {
            let data = json!({
                "topic": topic, "from": user, "ts": TIME, "seq": seq, "content": publish["content"], "reqid": publish["id"],
            });
            write_frame(receiver, 1, json!({"data": data}).to_string().as_bytes());
        }
    }
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key].as_str().expect("a text")
}

fn reply(writer: &Writer, ctrl: &Value) {
    write_frame(writer, 1, json!({ "ctrl": ctrl }).to_string().as_bytes());
}

/// Answers the upgrade; `None` for a connection that ends before it, such as a port that is only looked at.
fn upgrade(reader: &mut impl Read, writer: &Writer) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        reader.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("a text");
    assert!(head.starts_with("GET /im HTTP/1.1\r\n"), "{head}");
    let header = |name: &str| {
        let of = |line: &str| {
            line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        head.lines().find_map(of)
    };
    assert_eq!(header("Sec-WebSocket-Version").as_deref(), Some("13"));
    let key = header("Sec-WebSocket-Key").expect("a key");
    let accept = STANDARD.encode(sha1(format!("{key}{MAGIC}").as_bytes()));
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    writer.lock().expect("no thread panicked").write_all(answer.as_bytes()).ok()
}

/// A whole, masked frame; `None` at the end of the connection.
fn read_frame(reader: &mut impl Read) -> Option<(u8, Vec<u8>)> {
    let mut exactly = |length: usize| {
        let mut bytes = vec![0; length];
        reader.read_exact(&mut bytes).ok().map(|()| bytes)
    };
    let head = exactly(2)?;
    assert_eq!(head[0] & 0xf0, 0x80, "whole frames without extension");
    assert_eq!(head[1] & 0x80, 0x80, "a client masks");
    let length = match head[1] & 0x7f {
        126 => exactly(2)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
        127 => panic!("no message of this scenario is so long"),
        length => usize::from(length),
    };
    let mask = exactly(4)?;
    let payload = exactly(length)?;
    Some((head[0] & 0x0f, payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()))
}

fn write_frame(writer: &Writer, opcode: u8, payload: &[u8]) {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        length @ 0..=125 => frame.push(length as u8),
        length => {
            frame.push(126);
            frame.extend((length as u16).to_be_bytes());
        }
    }
    frame.extend(payload);
    // A reader that is gone is no concern of a server.
    let _ = writer.lock().expect("no thread panicked").write_all(&frame);
}

/// SHA-1, for the upgrade alone. Source: RFC 3174.
fn sha1(message: &[u8]) -> [u8; 20] {
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend((message.len() as u64 * 8).to_be_bytes());
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in padded.chunks_exact(64) {
        let mut words: Vec<u32> =
            block.chunks_exact(4).map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]])).collect();
        for at in 16..80 {
            words.push((words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1));
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (at, word) in words.iter().enumerate() {
            let (mixed, constant) = match at {
                0..20 => ((b & c) | (!b & d), 0x5a82_7999),
                20..40 => (b ^ c ^ d, 0x6ed9_eba1),
                40..60 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32),
            };
            let next = a.rotate_left(5).wrapping_add(mixed).wrapping_add(e).wrapping_add(constant).wrapping_add(*word);
            (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
        }
        for (sum, word) in state.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(word);
        }
    }
    let mut digest = [0; 20];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

#[test]
fn the_upgrades_example_comes_out() {
    let digest = sha1(format!("dGhlIHNhbXBsZSBub25jZQ=={MAGIC}").as_bytes());
    assert_eq!(STANDARD.encode(digest), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
