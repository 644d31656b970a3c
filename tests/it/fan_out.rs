//! What a delivery costs the simulator: a measurement, not a test, hence ignored by name.

#![expect(clippy::disallowed_methods, reason = "it measures wall-clock time")]

use std::time::Duration;

use base64::Engine as _;
use futures::{SinkExt as _, StreamExt as _};
use pbxload::simulator::{Simulator, SimulatorConfig};
use tokio_tungstenite::tungstenite::Message;

const RECEIVERS: usize = 100;
const MESSAGES: usize = 1_000;
/// With so many receivers: 40,000 deliveries per second, and each one a write of its own, the dearest case.
const BETWEEN: Duration = Duration::from_micros(2_500);

/// CPU time of the simulator's thread, in hundredths of a second as the kernel counts.
fn simulator_ticks() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of = |path: std::path::PathBuf| {
        let comm = std::fs::read_to_string(path.join("comm")).ok()?;
        let stat = std::fs::read_to_string(path.join("stat")).ok().filter(|_| comm.trim() == "simulator")?;
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    };
    tasks.filter_map(|task| of(task.path())).sum()
}

async fn log_in(url: &str, name: usize) -> tokio_tungstenite::WebSocketStream<tokio::net::TcpStream> {
    let stream = tokio::net::TcpStream::connect(url).await.expect("connects");
    let (mut socket, _) = tokio_tungstenite::client_async("ws://localhost/im", stream).await.expect("upgrades");
    let secret = base64::engine::general_purpose::STANDARD.encode(format!("{name}@d:token"));
    let login = format!(r#"{{"login":{{"id":"l","scheme":"access_token","secret":"{secret}"}}}}"#);
    socket.send(Message::Text(login.into())).await.expect("is sent");
    socket.next().await.expect("a reply").expect("a reply");
    socket
}

#[test]
#[ignore = "a measurement; run it optimized and alone"]
fn measure_fan_out() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = Simulator::start(SimulatorConfig::default()).expect("starts");
    let url = server.address().to_string();
    runtime.block_on(async {
        let mut publisher = log_in(&url, 0).await;
        publisher.send(Message::Text(r#"{"sub":{"id":"s","topic":"new"}}"#.into())).await.expect("is sent");
        let reply = publisher.next().await.expect("a reply").expect("a reply").into_text().expect("text");
        let reply: serde_json::Value = serde_json::from_str(&reply).expect("valid");
        let topic = reply["ctrl"]["topic"].as_str().expect("a group").to_owned();
        let mut readers = Vec::new();
        for name in 1..=RECEIVERS {
            let mut socket = log_in(&url, name).await;
            let sub = format!(r#"{{"sub":{{"id":"s","topic":"{topic}"}}}}"#);
            socket.send(Message::Text(sub.into())).await.expect("is sent");
            readers.push(tokio::spawn(async move {
                let mut seen = 0;
                while seen < MESSAGES {
                    let frame = socket.next().await.expect("open").expect("open").into_text().expect("text");
                    seen += usize::from(frame.starts_with("{\"data\""));
                }
            }));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        let (before, start) = (simulator_ticks(), std::time::Instant::now());
        let mut pace = tokio::time::interval(BETWEEN);
        for message in 0..MESSAGES {
            pace.tick().await;
            let id = format!("99c5075a-cf52-493c-8572-{message:012}");
            let frame =
                format!(r#"{{"pub":{{"id":"{id}","topic":"{topic}","noecho":true,"content":"test test test"}}}}"#);
            publisher.send(Message::Text(frame.into())).await.expect("is sent");
            while !publisher.next().await.expect("open").expect("open").into_text().expect("text").contains("202") {}
        }
        for reader in readers {
            reader.await.expect("reads all");
        }
        let deliveries = (RECEIVERS * MESSAGES) as f64;
        let cpu_us = (simulator_ticks() - before) as f64 * 1e4;
        let per_s = deliveries / start.elapsed().as_secs_f64();
        eprintln!("{:.1} us of simulator cpu for each delivery, {per_s:.0} deliveries per second", cpu_us / deliveries);
    });
}
