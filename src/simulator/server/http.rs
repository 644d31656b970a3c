//! HTTP of the one port: routes, the upgrade to a WebSocket, and what all answers have in common.

use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::shell::Shell;
use super::{files, metrics, rest, websocket};
use crate::protocol::Code;
use crate::simulator::faults::{Operation, RefusedHow, RequestFault};

/// A whole answer; nothing here is streamed.
pub(super) type Answer = Response<Full<Bytes>>;

/// Longest wait for a request's head, and for a connection that sends nothing.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait for a request's body.
pub(super) const BODY_PATIENCE: Duration = Duration::from_secs(60);
/// How long a request that is not to be answered is kept.
const SWALLOWED_FOR: Duration = Duration::from_secs(600);
/// Most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// The connection is to be closed without an answer.
#[derive(Debug)]
struct Hangup;

impl fmt::Display for Hangup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a declared fault closes this connection")
    }
}

impl std::error::Error for Hangup {}

/// Serves one connection, until it ends or has become a WebSocket that ends.
pub(in crate::simulator) async fn serve<S>(shell: Rc<Shell>, stream: S, address: Option<IpAddr>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let slow = shell.injector.borrow_mut().slow_accept();
    if let Some(delay) = slow {
        tokio::time::sleep(delay).await;
    }
    if shell.is_down() {
        shell.injector.borrow_mut().counters.refused_while_down += 1;
        return;
    }
    if shell.injector.borrow_mut().refuses(RefusedHow::Accept) {
        return;
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let shell = shell.clone();
        async move {
            if request.uri().path() == shell.config.paths.websocket {
                return upgrade::<S>(&shell, request).await;
            }
            Ok(route(&shell, request, address).await)
        }
    });
    // What goes wrong on a connection is the client's business and shows at its end.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

async fn route(shell: &Rc<Shell>, request: Request<Incoming>, address: Option<IpAddr>) -> Answer {
    let path = request.uri().path().to_owned();
    let paths = shell.config.paths;
    if path == "/simulator/counters" && request.method() == Method::GET {
        return answer(StatusCode::OK, &shell.counters());
    }
    if path == "/metrics" && request.method() == Method::GET {
        return metrics::answer(shell);
    }
    if let Some(base) = paths.rest
        && path.starts_with(base)
    {
        return rest::call(shell, request, address).await;
    }
    let is_upload = path.trim_end_matches('/') == paths.upload.trim_end_matches('/');
    let file = path.strip_prefix(paths.download).filter(|_| !is_upload);
    if (is_upload || file.is_some()) && !is_let_in(shell, &request) {
        drain(request.into_body(), shell.config.upload_bytes_max * 2).await;
        return keyless(shell);
    }
    match file {
        _ if is_upload => files::upload(shell, request).await,
        Some(name) => files::download(shell, request.method(), request.headers(), name).await,
        None if paths.rest.is_none() => ctrl(shell, None, Code::NOT_FOUND, "not found"),
        None => answer(StatusCode::NOT_FOUND, &json!({ "errors": [{ "code": "UNKNOWN", "message": "not found" }] })),
    }
}

/// Whether a request carries the key, where one is wanted.
fn is_let_in<B>(shell: &Shell, request: &Request<B>) -> bool {
    let Some(wanted) = &shell.config.api_key else { return true };
    let header = request.headers().get(wanted.header).is_some_and(|value| value.as_bytes() == wanted.key.as_bytes());
    let query = request.uri().query().unwrap_or_default();
    header || query.split('&').any(|pair| pair.strip_prefix("apikey=") == Some(wanted.key.as_str()))
}

fn keyless(shell: &Shell) -> Answer {
    ctrl(shell, None, Code::FORBIDDEN, "valid API key required")
}

/// Answers the upgrade; the WebSocket then runs in a task of its own.
async fn upgrade<S>(shell: &Rc<Shell>, mut request: Request<Incoming>) -> Result<Answer, Hangup>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    if request.method() != Method::GET {
        return Ok(ctrl(shell, None, Code::NOT_ALLOWED, "operation or method not allowed"));
    }
    if !is_let_in(shell, &request) {
        return Ok(keyless(shell));
    }
    let Some(accept) = accept_key(request.headers()) else {
        return Ok(ctrl(shell, None, Code::MALFORMED, "malformed"));
    };
    let fault = gate(shell, Operation::Connect).await;
    if let Some(code) = fault.reject {
        return Ok(ctrl(shell, None, code, "service unavailable"));
    }
    if shell.injector.borrow_mut().refuses(RefusedHow::Close) {
        return Err(Hangup);
    }
    if shell.injector.borrow_mut().refuses(RefusedHow::Status) {
        return Ok(ctrl(shell, None, Code::UNAVAILABLE, "service unavailable"));
    }
    hold_back(shell, Operation::Connect, fault).await;
    let shell = shell.clone();
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::task::spawn_local(async move {
        let Ok(upgraded) = upgraded.await else { return };
        // The stream as it came in, without hyper's box around it.
        if let Ok(parts) = upgraded.downcast::<TokioIo<S>>() {
            websocket::serve(shell, parts.io.into_inner(), parts.read_buf.to_vec()).await;
        }
    });
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response.body(Full::default()).unwrap_or_default())
}

/// The answer to the client's key; `None` when this is no proper upgrade.
fn accept_key(headers: &HeaderMap) -> Option<String> {
    let has = |name, wanted: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case(wanted))
    };
    let proper = has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "websocket")
        && has(header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| proper)?;
    Some(derive_accept_key(key.as_bytes()))
}

/// Declared faults of an HTTP request: waits as declared, and says what else is to happen to it.
pub(super) async fn gate(shell: &Rc<Shell>, op: Operation) -> RequestFault {
    let delay = shell.injector.borrow_mut().delay(op, shell.clock.uptime());
    if let Some(delay) = delay {
        tokio::time::sleep(delay).await;
    }
    if let Some(end) = shell.stalled_until() {
        tokio::time::sleep_until(end).await;
    }
    shell.injector.borrow_mut().request(op)
}

/// A JSON answer.
pub(super) fn answer<T: Serialize>(status: StatusCode, body: &T) -> Answer {
    let body = serde_json::to_vec(body).unwrap_or_default();
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    response.body(Full::new(body.into())).unwrap_or_default()
}

/// A `ctrl` as the body, its code as the status.
pub(super) fn ctrl(shell: &Shell, id: Option<&str>, code: Code, text: &str) -> Answer {
    let mut body = serde_json::Map::new();
    if let Some(id) = id {
        body.insert("id".into(), id.into());
    }
    body.insert("code".into(), code.0.into());
    body.insert("text".into(), text.into());
    body.insert("ts".into(), shell.now().to_string().into());
    answer(StatusCode::from_u16(code.0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &json!({ "ctrl": body }))
}

/// A request's body, if it is no larger and no slower than allowed.
pub(super) async fn body_of(body: Incoming, most: usize) -> Option<Bytes> {
    let whole = Limited::new(body, most).collect();
    Some(tokio::time::timeout(BODY_PATIENCE, whole).await.ok()?.ok()?.to_bytes())
}

/// Reads a body to its end and forgets it, so that the client gets to the answer; gives up on endless ones.
pub(super) async fn drain<B>(mut body: B, most: usize)
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
{
    let draining = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > most {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(HEAD_PATIENCE, draining).await;
}

/// The declared delay of an answer whose work is done; for a swallowed one, longer than any client's patience.
pub(super) async fn hold_back(shell: &Rc<Shell>, op: Operation, fault: RequestFault) {
    if fault.swallow {
        shell.injector.borrow_mut().count_swallowed(op);
        tokio::time::sleep(SWALLOWED_FOR).await;
    }
    if let Some(delay) = fault.slow_reply {
        shell.injector.borrow_mut().count_slow_reply(op);
        tokio::time::sleep(delay).await;
    }
}
