//! A WebSocket and HTTP client by hand: blocking, one connection for each request, no more than the page needs.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use serde_json::Value;

/// Longer than any answer takes on the slowest machine; only a hanging test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

fn connect(address: SocketAddr, tls: bool) -> Box<dyn Stream> {
    let tcp = TcpStream::connect(address).expect("the server listens");
    tcp.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    if !tls {
        return Box::new(tcp);
    }
    let name = ServerName::try_from("pbx.portsip.com").expect("a host name");
    let connection = ClientConnection::new(unverified(), name).expect("a TLS client");
    Box::new(StreamOwned::new(connection, tcp))
}

/// As in the vendor's sample: `check_hostname = False`, `verify_mode = CERT_NONE`.
fn unverified() -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the usual versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    Arc::new(config)
}

#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Standard base64 with padding, as Python's `b64encode` makes it.
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0usize, |word, at| (word << 8) | usize::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let letter = char::from(LETTERS[(word >> (18 - 6 * at)) & 63]);
            text.push(if at <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

/// One WebSocket.
pub struct Connection {
    stream: Box<dyn Stream>,
    /// Frames that came before the one that was waited for.
    passed: VecDeque<Value>,
}

impl Connection {
    pub fn open(address: SocketAddr, tls: bool) -> Connection {
        Connection::open_at(address, tls, "/im", "")
    }

    /// At another path, with further headers.
    pub fn open_at(address: SocketAddr, tls: bool, path: &str, headers: &str) -> Connection {
        let mut stream = connect(address, tls);
        // Key and answer are the example of RFC 6455, section 1.3.
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: pbx.portsip.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).expect("the request is sent");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("an answer to the upgrade");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("a text");
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        assert!(!head.to_lowercase().contains("sec-websocket-extensions"), "{head}");
        Connection { stream, passed: VecDeque::new() }
    }

    pub fn send(&mut self, text: &str) {
        const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
        let mut frame = vec![0x81];
        match text.len() {
            length @ 0..=125 => frame.push(0x80 | length as u8),
            length @ 126..=65535 => {
                frame.push(0x80 | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(text.bytes().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.stream.write_all(&frame).expect("the frame is sent");
        self.stream.flush().expect("the frame is sent");
    }

    /// Bytes that need not be a proper frame.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the bytes are sent");
    }

    /// The next data frame's text, or the code of the close frame.
    fn read(&mut self) -> Result<String, Option<u16>> {
        loop {
            let mut head = [0; 2];
            if self.stream.read_exact(&mut head).is_err() {
                return Err(None);
            }
            assert_eq!(head[0] & 0xf0, 0x80, "whole frames without extension");
            assert_eq!(head[1] & 0x80, 0, "a server does not mask");
            let length = match head[1] {
                126 => u64::from(u16::from_be_bytes(self.exactly())),
                127 => u64::from_be_bytes(self.exactly()),
                length => u64::from(length),
            };
            let mut payload = vec![0; length as usize];
            self.stream.read_exact(&mut payload).expect("the payload");
            match head[0] & 0x0f {
                1 => return Ok(String::from_utf8(payload).expect("text is UTF-8")),
                8 => return Err(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
                9 | 10 => {}
                other => panic!("a frame with opcode {other}"),
            }
        }
    }

    fn exactly<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).expect("the length");
        bytes
    }

    /// The next frame, whatever it is.
    pub fn next(&mut self) -> Value {
        if let Some(frame) = self.passed.pop_front() {
            return frame;
        }
        let text = self.raw_text();
        serde_json::from_str(&text).expect("a frame is JSON")
    }

    pub fn raw_text(&mut self) -> String {
        self.read().expect("a data frame")
    }

    /// The reply to the request with this id; what comes before it is kept.
    pub fn reply(&mut self, id: &str) -> Value {
        let mut passed = std::mem::take(&mut self.passed);
        let reply = loop {
            let frame = self.next();
            if frame["ctrl"]["id"] == id || frame["meta"]["id"] == id {
                break frame;
            }
            passed.push_back(frame);
        };
        self.passed = passed;
        reply
    }

    /// The next frame of this verb; what comes before it is dropped.
    pub fn frame(&mut self, verb: &str) -> Value {
        loop {
            let frame = self.next();
            if !frame[verb].is_null() {
                return frame;
            }
        }
    }

    /// Drops what has been kept.
    pub fn forget(&mut self) {
        self.passed.clear();
    }

    /// The code with which the server closed; what comes before it is dropped.
    pub fn closed_with(&mut self) -> Option<u16> {
        loop {
            if let Err(code) = self.read() {
                return code;
            }
        }
    }
}

/// Plain HTTP/1.1.
pub struct Http {
    pub address: SocketAddr,
    pub tls: bool,
}

pub struct HttpReply {
    pub status: u16,
    pub body: Vec<u8>,
}

impl HttpReply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

impl Http {
    pub fn get(&self, path: &str, headers: &str) -> HttpReply {
        self.call(&format!("GET {path} HTTP/1.1\r\nHost: pbx\r\nConnection: close\r\n{headers}\r\n"), b"")
    }

    pub fn post(&self, path: &str, kind: &str, headers: &str, body: &[u8]) -> HttpReply {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: pbx\r\nConnection: close\r\nContent-Type: {kind}\r\n\
             Content-Length: {length}\r\n{headers}\r\n"
        );
        self.call(&head, body)
    }

    fn call(&self, head: &str, body: &[u8]) -> HttpReply {
        let mut stream = connect(self.address, self.tls);
        stream.write_all(&[head.as_bytes(), body].concat()).expect("the request is sent");
        stream.flush().expect("the request is sent");
        let mut answer = Vec::new();
        // A TLS peer that closes without notice is an error for the library, and none for this test.
        let _ = stream.read_to_end(&mut answer);
        let split = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8_lossy(&answer[..split]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        HttpReply { status, body: answer[split + 4..].to_vec() }
    }
}
