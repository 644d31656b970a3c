//! A server by hand, for what no proper server does: a thread for each connection, and a script for each thread.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Longer than any run here; only a connection that is forgotten waits for it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Listens on a free port of the loopback until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl Server {
    /// `serve` gets each connection with its number, counted from 0.
    pub fn start(serve: impl Fn(TcpStream, u64) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let is_over = Arc::new(AtomicBool::new(false));
        let (serve, over, number) = (Arc::new(serve), Arc::clone(&is_over), AtomicU64::new(0));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let _ = stream.set_read_timeout(Some(PATIENCE));
                let (serve, number) = (Arc::clone(&serve), number.fetch_add(1, Ordering::Relaxed));
                std::thread::spawn(move || serve(stream, number));
            }
        });
        Server { address, is_over }
    }

    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

/// A port where nobody listens any more.
pub fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// Takes what comes and says nothing, until the other side goes.
pub fn swallow(mut stream: TcpStream) {
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

/// Head and body of one HTTP request.
pub fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8_lossy(&body).into_owned()))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

/// Writes an HTTP reply with this body.
pub fn reply(stream: &mut TcpStream, status: &str, kind: &str, body: &[u8]) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

/// The server's side of one WebSocket, as far as a script needs it.
pub struct Session {
    stream: TcpStream,
    accepted: u64,
    counted: u64,
}

impl Session {
    /// The port of the client, which tells its connections apart.
    pub fn peer(&self) -> u16 {
        self.stream.peer_addr().map_or(0, |address| address.port())
    }

    /// Counts up from 0.
    pub fn next_number(&mut self) -> u64 {
        self.counted += 1;
        self.counted - 1
    }

    /// Answers the upgrade whose request has been read.
    pub fn accept(mut stream: TcpStream, head: &str) -> Option<Session> {
        let key = derive_accept_key(header(head, "sec-websocket-key")?.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {key}\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).ok()?;
        Some(Session { stream, accepted: 0, counted: 0 })
    }

    /// The next request; `None` when the client has closed or is gone.
    pub fn next(&mut self) -> Option<Value> {
        loop {
            let mut head = [0; 2];
            self.stream.read_exact(&mut head).ok()?;
            let length = match head[1] & 0x7f {
                126 => u64::from(u16::from_be_bytes(self.exactly()?)),
                127 => u64::from_be_bytes(self.exactly()?),
                length => u64::from(length),
            };
            let mask: [u8; 4] = self.exactly()?;
            let mut payload = vec![0; length as usize];
            self.stream.read_exact(&mut payload).ok()?;
            payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
            match head[0] & 0x0f {
                1 => return serde_json::from_slice(&payload).ok(),
                8 => return None,
                _ => {}
            }
        }
    }

    fn exactly<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// A text frame.
    pub fn send(&mut self, text: &str) {
        let mut frame = vec![0x81];
        match text.len() {
            length @ 0..=125 => frame.push(length as u8),
            length @ 126..=65535 => {
                frame.push(126);
                frame.extend((length as u16).to_be_bytes());
            }
            length => {
                frame.push(127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(text.as_bytes());
        self.send_raw(&frame);
    }

    /// What a proper server would answer.
    pub fn answer(&mut self, request: &Value) -> Value {
        let Some((verb, body)) = request.as_object().and_then(|object| object.iter().next()) else { return json!({}) };
        let mut ctrl = json!({"id": body["id"], "code": 200, "text": "ok", "ts": "2024-10-24T01:06:38.924626Z"});
        match verb.as_str() {
            "login" => {
                ctrl["params"] = json!({"authlvl": "auth", "token": "dG9rZW4=", "user": "usr804252613548777777"})
            }
            "pub" => {
                self.accepted += 1;
                (ctrl["code"], ctrl["params"]) = (json!(202), json!({"seq": self.accepted}));
            }
            _ => {}
        }
        json!({ "ctrl": ctrl })
    }
}
