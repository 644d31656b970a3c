//! A page of text over HTTP, such as a Prometheus endpoint's: bounded, on a connection of its own, no redirects.

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;

use super::http::{AbortOnDrop, failed};
use super::websocket::host_header;
use super::{Dialer, TransportError};

/// Longest page that is read.
pub const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Reads one page again and again.
#[derive(Debug, Clone)]
pub struct PageClient {
    dialer: Dialer,
    path: String,
}

impl PageClient {
    /// The page at this path.
    pub fn new(dialer: Dialer, path: String) -> PageClient {
        PageClient { dialer, path }
    }

    /// Where it is, for people; without what follows `?`, which may be a key.
    pub fn address(&self) -> String {
        let scheme = if self.dialer.endpoint.is_tls { "https" } else { "http" };
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{scheme}://{}{path}", host_header(&self.dialer.endpoint))
    }

    /// Reads it. Takes as long as the server lets it; the caller bounds it.
    ///
    /// # Errors
    /// No connection, another status than 200, no HTTP, no text, or more than [`PAGE_BYTES_MAX`].
    pub async fn get(&self) -> Result<String, TransportError> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(&self.path)
            .header(HOST, host_header(&self.dialer.endpoint))
            .header(ACCEPT, "text/plain")
            .header(CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|error| TransportError::Malformed(format!("`{}` is no path: {error}", self.path)))?;
        let stream = self.dialer.dial().await?.stream;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        let _connection = AbortOnDrop(tokio::spawn(async move {
            let _ = connection.await;
        }));
        let response = sender.send_request(request).await.map_err(failed)?;
        let status = response.status();
        if status != hyper::StatusCode::OK {
            return Err(TransportError::Malformed(format!("HTTP {}", status.as_u16())));
        }
        let mut body = response.into_body();
        let mut page = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(failed)?;
            let Some(data) = frame.data_ref() else { continue };
            if page.len() + data.len() > PAGE_BYTES_MAX {
                return Err(TransportError::Malformed("the reply has more than 4 MiB".to_owned()));
            }
            page.extend_from_slice(data);
        }
        String::from_utf8(page.into()).map_err(|_| TransportError::Malformed("the reply is no text".to_owned()))
    }
}
