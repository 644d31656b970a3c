//! Files over HTTP: upload and download, each on a connection of its own as in the vendor's sample, so that
//! connect, send, wait and receive can be told apart.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::dial::micros_since;
use super::websocket::host_header;
use super::{Dialer, TransportError};
use crate::ops::file::{FileCheck, SyntheticFile};

/// Bytes of a small reply that are kept.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// What a connection may hold of a body that its socket does not take yet. The library's own limit, 400 KiB, was half a
/// megabyte for each user that uploads.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Bytes handed to the socket at once.
const SLICE_BYTES: usize = 64 * 1024;
const BOUNDARY: &str = "pbxload-7d1f0c2a9b";

/// Uploads and downloads files of one service.
#[derive(Debug, Clone)]
pub struct FileClient {
    dialer: Dialer,
    upload_path: String,
    download_prefix: String,
}

/// A reply to an upload or a download.
#[derive(Debug)]
pub struct FileReply {
    /// HTTP status.
    pub status: u16,
    /// Beginning of the body of an upload's reply, or of a refusal.
    pub body: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// Whether a downloaded file is what was uploaded; true where that cannot be told.
    pub is_intact: bool,
    /// What it took.
    pub times: HttpTimes,
}

/// Parts of an HTTP request, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpTimes {
    /// Name, TCP and TLS.
    pub connect: u64,
    /// Until the last byte of the request was handed over.
    pub send: u64,
    /// Until the head of the reply.
    pub wait: u64,
    /// Until the end of the reply.
    pub receive: u64,
}

impl FileClient {
    /// A client for these paths.
    pub fn new(dialer: Dialer, upload_path: String, download_prefix: String) -> FileClient {
        FileClient { dialer, upload_path, download_prefix }
    }

    /// Uploads a synthetic file.
    ///
    /// # Errors
    /// Only of the connection; a refusal is a reply.
    pub async fn upload(&self, id: &str, token: &str, key: u64, bytes: u64) -> Result<FileReply, TransportError> {
        let prelude = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n{id}\r\n--{BOUNDARY}\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"{id}.txt\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let body = UploadBody::new(prelude, SyntheticFile::new(bytes, key), bytes);
        let request = self
            .request(Method::POST, &self.upload_path, token)
            .header(CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))
            .header(CONTENT_LENGTH, body.left)
            .body(body);
        let reply = read_reply(self.exchange(request).await?, Payload::Reply).await?;
        Ok(FileReply { bytes, ..reply })
    }

    /// Downloads a file and checks it.
    ///
    /// # Errors
    /// Only of the connection; a refusal is a reply.
    pub async fn download(&self, file: &str, token: &str) -> Result<FileReply, TransportError> {
        // The server names a bare id or an absolute path. Anything else would send the token elsewhere.
        let path = if file.starts_with('/') { file.to_owned() } else { format!("{}{file}", self.download_prefix) };
        let body = UploadBody::new(String::new(), SyntheticFile::new(0, 0), 0);
        let request = self.request(Method::GET, &path, token).body(body);
        read_reply(self.exchange(request).await?, Payload::File).await
    }

    fn request(&self, method: Method, path: &str, token: &str) -> hyper::http::request::Builder {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, host_header(&self.dialer.endpoint))
            .header(AUTHORIZATION, format!("token {token}"));
        match self.dialer.key() {
            Some(key) => request.header(key.header, key.value.reveal()),
            None => request,
        }
    }

    async fn exchange(&self, request: hyper::http::Result<Request<UploadBody>>) -> Result<Exchange, TransportError> {
        let request =
            request.map_err(|error| TransportError::Malformed(format!("the file's name is no path: {error}")))?;
        let mut times = HttpTimes::default();
        let begun = Instant::now();
        let dialled = self.dialer.dial().await?;
        times.connect = micros_since(begun);
        let begun = Instant::now();
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(BUFFER_BYTES_MAX)
            .handshake(TokioIo::new(dialled.stream))
            .await
            .map_err(failed)?;
        let connection = AbortOnDrop(tokio::spawn(async move {
            let _ = connection.await;
        }));
        let sent = Arc::clone(&request.body().sent);
        if request.body().is_end_stream() {
            // Nobody asks an empty body for its last byte: the request is out once it is handed over.
            let _ = sent.set(begun);
        }
        let response = sender.send_request(request).await.map_err(failed)?;
        let answered = micros_since(begun);
        // A server may answer before it has everything; the rest is then never sent.
        times.send = sent.get().map_or(answered, |at| crate::tick::micros(at.saturating_duration_since(begun)));
        times.wait = answered.saturating_sub(times.send);
        Ok(Exchange { response, times, _connection: connection })
    }
}

/// A reply whose body is still to come.
struct Exchange {
    response: Response<Incoming>,
    times: HttpTimes,
    _connection: AbortOnDrop,
}

/// Ends the task that drives a connection: a user that gives up frees its socket at once.
pub(super) struct AbortOnDrop(pub(super) JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether the body of a successful reply is the file itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payload {
    File,
    Reply,
}

async fn read_reply(exchange: Exchange, payload: Payload) -> Result<FileReply, TransportError> {
    let Exchange { response, mut times, _connection } = exchange;
    let begun = Instant::now();
    let status = response.status().as_u16();
    let is_file = payload == Payload::File && response.status().is_success();
    let mut incoming = response.into_body();
    let mut check = FileCheck::default();
    let mut kept = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(failed)?;
        let Some(data) = frame.data_ref() else { continue };
        if is_file {
            check.feed(data);
        } else if kept.len() < BODY_BYTES_MAX {
            kept.extend_from_slice(&data[..data.len().min(BODY_BYTES_MAX - kept.len())]);
        } else {
            // Nobody needs more of a reply than this.
            break;
        }
    }
    times.receive = micros_since(begun);
    let body = String::from_utf8_lossy(&kept).into_owned();
    Ok(FileReply { status, body, bytes: check.received(), is_intact: !is_file || check.is_intact(), times })
}

pub(super) fn failed(error: hyper::Error) -> TransportError {
    if error.is_parse() {
        TransportError::Malformed(format!("the reply is no HTTP: {error}"))
    } else {
        TransportError::Closed(error.to_string())
    }
}

/// A multipart body around a synthetic file, made while it is sent.
struct UploadBody {
    prelude: Bytes,
    file: SyntheticFile,
    epilogue: Bytes,
    left: u64,
    sent: Arc<OnceLock<Instant>>,
}

impl UploadBody {
    fn new(prelude: String, file: SyntheticFile, bytes: u64) -> UploadBody {
        let epilogue = if prelude.is_empty() { String::new() } else { format!("\r\n--{BOUNDARY}--\r\n") };
        let left = prelude.len() as u64 + bytes + epilogue.len() as u64;
        UploadBody { prelude: prelude.into(), file, epilogue: epilogue.into(), left, sent: Arc::default() }
    }
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = if self.prelude.is_empty() { self.file.next_slice(SLICE_BYTES) } else { None };
        let data = match next {
            Some(slice) => slice,
            None if !self.prelude.is_empty() => std::mem::take(&mut self.prelude),
            None => std::mem::take(&mut self.epilogue),
        };
        self.left -= data.len() as u64;
        if self.left == 0 {
            let _ = self.sent.set(Instant::now());
        }
        Poll::Ready((!data.is_empty()).then_some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_body_is_as_long_as_it_says() {
        for bytes in [0, 10, 64, 200_000] {
            let body = UploadBody::new("prelude".to_owned(), SyntheticFile::new(bytes, 7), bytes);
            let announced = body.size_hint().exact().expect("exact");
            let sent = Arc::clone(&body.sent);
            let collected = body.collect().await.expect("never fails").to_bytes();
            assert_eq!(collected.len() as u64, announced);
            assert!(collected.starts_with(b"prelude") && collected.ends_with(b"--\r\n"));
            assert!(sent.get().is_some());
        }
    }
}
