//! The WebSocket upgrade, done by hand: its status is a figure, and no buffer of a handshake library stays behind.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::dial::{ApiKey, micros_since};
use super::{Dialer, Socket, Stream, TransportError};
use crate::scenario::Endpoint;

/// Longest head of a reply that is read.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a refusal's body that are kept as an example.
const DETAIL_BYTES: usize = 200;
/// Longest message taken from a server; the service's own limit is a quarter of it.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Settings that keep a connection at a few KiB.
///
/// The library reads 128 KiB at a time by default, allocated at once and zeroed for each read: a buffer of some KiB
/// takes a twentieth of the memory and a third of the processor time. It stays with a user that is idle, so its size
/// is the greatest part of what a user costs; a longer frame grows it. An unlimited write buffer would hide a server that
/// does not read.
fn settings() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(2048)
        .write_buffer_size(0)
        .max_write_buffer_size(1 << 20)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
}

/// Upgrades a connection to the dialer's endpoint; tells the socket and how many microseconds it took.
///
/// # Errors
/// Another status than 101, a reply that is no HTTP, or the end of the connection.
pub async fn upgrade(mut stream: Stream, dialer: &Dialer, path: &str) -> Result<(Socket, u64), TransportError> {
    let begun = Instant::now();
    let key = STANDARD.encode(uuid::Uuid::now_v7().as_bytes());
    let host = host_header(&dialer.endpoint);
    let api_key = dialer.key().map_or_else(String::new, |key| format!("{}: {}\r\n", key.header, key.value.reveal()));
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{api_key}\r\n"
    );
    stream.write_all(request.as_bytes()).await.map_err(closed)?;
    stream.flush().await.map_err(closed)?;
    let (head, rest) = read_head(&mut stream).await?;
    check_head(&head, &rest, &key).map_err(|error| without_key(error, dialer.key()))?;
    Ok((Socket::new(stream, rest, settings()), micros_since(begun)))
}

/// A refusal without the key that the server may have repeated.
fn without_key(error: TransportError, key: Option<&ApiKey>) -> TransportError {
    match (error, key) {
        (TransportError::Upgrade { status, detail }, Some(key)) => {
            TransportError::Upgrade { status, detail: detail.replace(key.value.reveal(), "…") }
        }
        (error, _) => error,
    }
}

/// `Host` of a request: IPv6 in brackets, the port always.
pub(super) fn host_header(endpoint: &Endpoint) -> String {
    if endpoint.host.contains(':') {
        format!("[{}]:{}", endpoint.host, endpoint.port)
    } else {
        format!("{}:{}", endpoint.host, endpoint.port)
    }
}

fn closed(error: std::io::Error) -> TransportError {
    TransportError::Closed(error.to_string())
}

/// Reads up to the blank line; what came behind it is returned apart.
async fn read_head(stream: &mut Stream) -> Result<(Vec<u8>, Vec<u8>), TransportError> {
    let mut head = Vec::with_capacity(512);
    loop {
        let searched = head.len().saturating_sub(3);
        if stream.read_buf(&mut head).await.map_err(closed)? == 0 {
            return Err(TransportError::Closed("no answer to the upgrade".to_owned()));
        }
        if let Some(end) = head[searched..].windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = head.split_off(searched + end + 4);
            return Ok((head, rest));
        }
        if head.len() > HEAD_BYTES_MAX {
            return Err(TransportError::Malformed("the head of the reply to the upgrade never ends".to_owned()));
        }
    }
}

fn check_head(head: &[u8], rest: &[u8], key: &str) -> Result<(), TransportError> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let no_http = |detail: String| TransportError::Malformed(format!("the reply to the upgrade is no HTTP: {detail}"));
    response.parse(head).map_err(|error| no_http(error.to_string()))?;
    let status = response.code.ok_or_else(|| no_http("no status".to_owned()))?;
    if status != 101 {
        let detail = String::from_utf8_lossy(&rest[..rest.len().min(DETAIL_BYTES)]).into_owned();
        return Err(TransportError::Upgrade { status, detail });
    }
    let accept = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("sec-websocket-accept"));
    if accept.is_none_or(|header| header.value.trim_ascii() != derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err(TransportError::Malformed(
            "the reply to the upgrade has a wrong `Sec-WebSocket-Accept`".to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    #[test]
    fn the_standards_own_example_is_accepted() {
        let head = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        assert!(check_head(head, b"", KEY).is_ok());
        let wrong = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n\r\n";
        assert!(matches!(check_head(wrong, b"", KEY), Err(TransportError::Malformed(_))));
    }

    #[test]
    fn a_refusal_keeps_status_and_the_beginning_of_the_body() {
        let head = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n";
        let Err(TransportError::Upgrade { status, detail }) = check_head(head, &[b'x'; 5_000], KEY) else {
            panic!("a refusal")
        };
        assert_eq!((status, detail.len()), (502, DETAIL_BYTES));
    }

    #[test]
    fn garbage_is_malformed() {
        assert!(matches!(check_head(b"\x16\x03\x01\r\n\r\n", b"", KEY), Err(TransportError::Malformed(_))));
    }
}
