//! Files over HTTP. Source: protocol reference, section 16.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use rand::{RngExt as _, SeedableRng};
use rand_pcg::Pcg64;
use serde_json::json;
use tokio::sync::Semaphore;

use super::http::{Answer, BODY_PATIENCE, answer, ctrl, drain, gate, hold_back};
use super::shell::Shell;
use crate::protocol::Code;
use crate::simulator::faults::Operation;
use crate::simulator::profile::FileNames;

/// Uploads that are taken in at the same time; each may hold the largest file in memory.
const UPLOADS_AT_ONCE: usize = 64;
/// What a multipart body may hold beside the file.
const ENVELOPE_BYTES_MAX: usize = 64 << 10;

/// Stored files, in bounded memory: the oldest go first.
#[derive(Debug)]
pub(in crate::simulator) struct Files {
    bytes_max: usize,
    bytes: usize,
    stored: HashMap<Box<str>, Bytes>,
    order: VecDeque<Box<str>>,
    random: Pcg64,
    serial: u64,
    intake: Rc<Semaphore>,
}

impl Files {
    pub fn new(bytes_max: usize, seed: u64) -> Files {
        Files {
            bytes_max,
            bytes: 0,
            stored: HashMap::new(),
            order: VecDeque::new(),
            random: Pcg64::seed_from_u64(seed ^ 0xf11e),
            serial: 0,
            intake: Rc::new(Semaphore::new(UPLOADS_AT_ONCE)),
        }
    }

    /// Stores a file; its id has the vendor's form: 32 characters of base64url, chance first, a number behind.
    fn store(&mut self, file: Bytes) -> Box<str> {
        self.serial += 1;
        let mut id = [0; 24];
        self.random.fill(&mut id[..16]);
        id[16..].copy_from_slice(&self.serial.to_le_bytes());
        let id: Box<str> = URL_SAFE_NO_PAD.encode(id).into();
        self.bytes += file.len();
        self.stored.insert(id.clone(), file);
        self.order.push_back(id.clone());
        while self.bytes > self.bytes_max
            && let Some(oldest) = self.order.pop_front()
        {
            self.bytes -= self.stored.remove(&oldest).map_or(0, |file| file.len());
        }
        id
    }

    fn get(&self, id: &str) -> Option<Bytes> {
        self.stored.get(id).cloned()
    }
}

/// The two parts of an upload.
struct Form {
    id: Option<String>,
    file: Option<Bytes>,
}

pub(super) async fn upload(shell: &Rc<Shell>, request: Request<Incoming>) -> Answer {
    let is_put = request.method() == Method::PUT && shell.config.file_names == FileNames::Path;
    if request.method() != Method::POST && !is_put {
        return ctrl(shell, None, Code::NOT_ALLOWED, "operation or method not allowed");
    }
    let most = shell.config.upload_bytes_max;
    if let Err((code, text)) = authorize(shell, request.headers()) {
        drain(request.into_body(), most * 2).await;
        return ctrl(shell, None, code, text);
    }
    let fault = gate(shell, Operation::Upload).await;
    if let Some(code) = fault.reject {
        drain(request.into_body(), most * 2).await;
        return ctrl(shell, None, code, "service unavailable");
    }
    let form = match take_in(shell, request, most).await {
        Ok(form) => form,
        Err((code, text)) => return ctrl(shell, None, code, text),
    };
    let id = form.id.as_deref();
    let Some(file) = form.file else { return ctrl(shell, id, Code::MALFORMED, "malformed") };
    if file.is_empty() {
        return ctrl(shell, id, Code::INTERNAL, "internal error");
    }
    if file.len() > most {
        return ctrl(shell, id, Code::TOO_LARGE, "too large");
    }
    let file = shell.injector.borrow_mut().upload(file);
    let id_of_file = shell.files.borrow_mut().store(file);
    let url = match shell.config.file_names {
        FileNames::Bare => id_of_file.into_string(),
        FileNames::Path => format!("{}{id_of_file}.bin", shell.config.paths.download),
    };
    shell.injector.borrow_mut().counters.totals.uploads += 1;
    hold_back(shell, Operation::Upload, fault).await;
    let mut body = serde_json::Map::new();
    if let Some(id) = id {
        body.insert("id".into(), id.into());
    }
    body.insert("params".into(), json!({ "url": url }));
    body.insert("code".into(), 200.into());
    body.insert("text".into(), "ok".into());
    body.insert("ts".into(), shell.now().to_string().into());
    answer(StatusCode::OK, &json!({ "ctrl": body }))
}

pub(super) async fn download(shell: &Rc<Shell>, method: &Method, headers: &HeaderMap, name: &str) -> Answer {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return ctrl(shell, None, Code::NOT_ALLOWED, "operation or method not allowed");
    }
    if (shell.config.downloads_need_token || headers.contains_key(header::AUTHORIZATION))
        && let Err((code, text)) = authorize(shell, headers)
    {
        return ctrl(shell, None, code, text);
    }
    let fault = gate(shell, Operation::Download).await;
    if let Some(code) = fault.reject {
        return ctrl(shell, None, code, "service unavailable");
    }
    let id = name.split('.').next().unwrap_or_default();
    let Some(file) = shell.files.borrow().get(id) else {
        return ctrl(shell, None, Code::NOT_FOUND, "not found");
    };
    let kind = HeaderValue::from_static(sniff(&file));
    let file = shell.injector.borrow_mut().download(file);
    shell.injector.borrow_mut().counters.totals.downloads += 1;
    hold_back(shell, Operation::Download, fault).await;
    let mut reply = Response::new(Full::new(file));
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    reply
}

/// `Authorization: token TOKEN`, the token out of the login's reply.
fn authorize(shell: &Rc<Shell>, headers: &HeaderMap) -> Result<(), (Code, &'static str)> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err((Code::UNAUTHORIZED, "authentication required"));
    };
    let malformed = (Code::MALFORMED, "malformed");
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or(malformed)?;
    if !scheme.eq_ignore_ascii_case("token") {
        return Err(malformed);
    }
    let now = shell.now();
    match shell.hub.borrow_mut().accounts().file_user(token.trim(), now) {
        Err(_) => Err(malformed),
        Ok(None) => Err((Code::UNAUTHORIZED, "authentication failed")),
        Ok(Some(_)) => Ok(()),
    }
}

/// Reads the form, with bounds on size, time and number.
async fn take_in(shell: &Rc<Shell>, request: Request<Incoming>, most: usize) -> Result<Form, (Code, &'static str)> {
    let intake = shell.files.borrow().intake.clone();
    let _place = intake.acquire().await.map_err(|_| (Code::UNAVAILABLE, "service unavailable"))?;
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|bytes: u64| bytes > (most + ENVELOPE_BYTES_MAX) as u64) {
        drain(request.into_body(), most * 4).await;
        return Err((Code::TOO_LARGE, "too large"));
    }
    let mut request = request.map(axum::body::Body::new);
    DefaultBodyLimit::max(most + ENVELOPE_BYTES_MAX).apply(&mut request);
    match tokio::time::timeout(BODY_PATIENCE, read_form(request)).await {
        Ok(form) => form,
        Err(_) => Err((Code(408), "disconnected")),
    }
}

async fn read_form(request: Request<axum::body::Body>) -> Result<Form, (Code, &'static str)> {
    let malformed = (Code::MALFORMED, "malformed");
    let refusal = |error: axum::extract::multipart::MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => (Code::TOO_LARGE, "too large"),
        _ => malformed,
    };
    let mut multipart = Multipart::from_request(request, &()).await.map_err(|_| malformed)?;
    let mut form = Form { id: None, file: None };
    while let Some(field) = multipart.next_field().await.map_err(refusal)? {
        match field.name() {
            Some("id") => form.id = Some(field.text().await.map_err(refusal)?),
            Some("file") => form.file = Some(field.bytes().await.map_err(refusal)?),
            _ => {}
        }
    }
    Ok(form)
}

/// The type of a file by its first bytes, as far as anybody cares.
fn sniff(file: &[u8]) -> &'static str {
    let signatures: [(&[u8], &str); 5] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"%PDF-", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
    ];
    let known = signatures.into_iter().find(|(signature, _)| file.starts_with(signature));
    let start = &file[..file.len().min(512)];
    let is_text = start.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e));
    match known {
        Some((_, kind)) => kind,
        None if is_text => "text/plain; charset=utf-8",
        None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_within_their_budget() {
        let mut files = Files::new(10, 0);
        let first = files.store("123456".into());
        let second = files.store("abcdef".into());
        assert_eq!(first.len(), 32);
        assert_ne!(first, second);
        assert_eq!(files.get(&first), None);
        assert_eq!(files.get(&second).as_deref(), Some(&b"abcdef"[..]));
    }

    #[test]
    fn types_are_guessed() {
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\nrest"), "image/png");
        assert_eq!(sniff(b"plain text\n"), "text/plain; charset=utf-8");
        assert_eq!(sniff(b"\0\x01"), "application/octet-stream");
    }
}
