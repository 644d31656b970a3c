//! Sockets: WebSocket, HTTP for files, REST for tokens, and a pair in memory for tests.
//!
//! The only user of sockets in the program. Knows bytes and the phases of a connection, and nothing of users,
//! plans or metrics. Start reading at [`Dialer`].

#![expect(clippy::disallowed_methods, reason = "phases of a connection are spans, never compared with the run's ticks")]

mod address;
mod dial;
mod error;
mod http;
mod page;
mod rest;
mod send_queue;
mod socket;
mod stream;
mod tls;
mod websocket;

pub use address::SourceAddresses;
pub use dial::{ApiKey, DialPhases, Dialer, Dialled};
pub use error::TransportError;
pub use http::{FileClient, FileReply, HttpTimes};
pub use page::{PAGE_BYTES_MAX, PageClient};
pub use rest::{RestClient, RestToken, TokenError};
pub use send_queue::SendQueues;
pub use socket::Socket;
pub use stream::Stream;
pub use tls::{certificate_error, client_config, expiry, install_provider};
pub use websocket::upgrade;
