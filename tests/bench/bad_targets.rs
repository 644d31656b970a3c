//! Targets that accept and say nothing, or a byte a second, to 10,000 users at once: memory stays flat.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::Size;
use super::process::{Process, Run, raise_descriptor_limit};
use super::scenario::{Bench, IDLE};
use super::table::{Bar, Table};

/// What a bad target does once the first connection, the run's own look at it, has had its upgrade.
const KINDS: [(&str, &str); 3] = [
    ("mute", "that accepts and says nothing"),
    ("slow-upgrade", "that upgrades a byte a second"),
    ("slow-frame", "that answers the login a byte a second"),
];

pub fn measure(size: Size, table: &mut Table) {
    let (users, settle, watch) = size.pick((10_000, 12, 20), (20, 1, 1));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("users.csv");
    let mut list = "name,domain,token\n".to_owned();
    for user in 0..users {
        let _ = writeln!(list, "u{user},example.com,t{user}");
    }
    std::fs::write(&file, list).expect("the users are written");
    for (kind, words) in KINDS {
        let mut target = Process::start(Process::own(&["bad-target", kind]));
        let url = target.wait_for("listening on ");
        let bench = Bench {
            users,
            ramp_s: users.div_ceil(2_000),
            hold_s: 600,
            sign_in: "{ op = \"connect\" }, { op = \"login\" }",
            talk: IDLE,
            ..Bench::default()
        };
        let text = bench
            .text()
            .replace("timeout = \"30s\"", "timeout = \"5s\"")
            .replace("rate = \"5000/s\"", "flow = \"token\"")
            .replace(
                "generate = { name = \"{100001}\", domain = \"example.com\", password = \"secret\" }",
                &format!("file = \"{}\"", file.display()),
            );
        let mut run = Run::start(&text, &url);
        run.process.wait_for_descriptors(users as usize / 2);
        // The first timeouts, and the first connects after them.
        std::thread::sleep(Duration::from_secs(settle));
        let before = run.process.rss();
        std::thread::sleep(Duration::from_secs(watch));
        let after = run.process.rss();
        table.add(
            format!("{users} users, a target {words}: memory of a user"),
            &[after / f64::from(users) / 1024.0],
            "KiB",
            Bar::None,
        );
        table.add(
            format!("{users} users, a target {words}: growth in {watch} s"),
            &[after / before],
            "times",
            Bar::AtMost(1.1),
        );
    }
}

/// `bad-target KIND`: serves until it is killed.
pub fn serve(arguments: &[String]) -> ExitCode {
    let Some(kind) = arguments.first() else { return ExitCode::from(2) };
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, listen(kind));
    ExitCode::SUCCESS
}

/// A connection that gets a byte a second.
type Slow = (TcpStream, Vec<u8>, usize);

async fn listen(kind: &str) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let listener: TcpListener = socket.listen(4_096).expect("it listens");
    eprintln!("listening on ws://{}", listener.local_addr().expect("an address"));
    let slow: Rc<RefCell<Vec<Slow>>> = Rc::default();
    tokio::task::spawn_local(trickle(Rc::clone(&slow)));
    let mut is_first = true;
    let mut held = Vec::new();
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        if kind == "mute" && !is_first {
            held.push(stream);
            // Those that the client has given up would otherwise take descriptors for ever.
            if held.len() > 12_000 {
                held.drain(..2_000);
            }
            continue;
        }
        let (slow, kind, answers_at_once) = (Rc::clone(&slow), kind.to_owned(), std::mem::take(&mut is_first));
        tokio::task::spawn_local(async move {
            let Some(reply) = upgrade_reply(&mut stream).await else { return };
            if !answers_at_once && kind == "slow-upgrade" {
                slow.borrow_mut().push((stream, reply, 0));
                return;
            }
            if stream.write_all(&reply).await.is_ok() && !answers_at_once {
                // A text frame of 60,000 bytes, which never ends within the client's patience.
                let mut frame = vec![0x81, 126, 0xea, 0x60];
                frame.resize(4 + 60_000, b' ');
                slow.borrow_mut().push((stream, frame, 0));
            }
        });
    }
}

async fn upgrade_reply(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let head = String::from_utf8(head).ok()?;
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))?;
    let accept = derive_accept_key(key.trim().as_bytes());
    let reply = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade";
    Some(format!("{reply}\r\nSec-WebSocket-Accept: {accept}\r\n\r\n").into_bytes())
}

/// A byte a second to everybody; who has gone is forgotten.
async fn trickle(slow: Rc<RefCell<Vec<Slow>>>) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        slow.borrow_mut().retain_mut(|(stream, bytes, sent)| {
            let mut rest = [0; 1024];
            if matches!(stream.try_read(&mut rest), Ok(0)) {
                return false;
            }
            match bytes.get(*sent..*sent + 1).map(|byte| stream.try_write(byte)) {
                Some(Ok(_)) => *sent += 1,
                Some(Err(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                _ => return false,
            }
            true
        });
    }
}
