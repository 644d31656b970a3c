//! What can go wrong with a connection, classed.

use std::io;

use crate::ops::{FailureKind, LocalCause};

/// Why a connection or a request over one failed.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The name did not resolve.
    #[error("cannot resolve `{host}`: {source}")]
    Dns {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The connection was refused, reset or unreachable.
    #[error("{0}")]
    Connect(io::Error),
    /// The TLS handshake failed.
    #[error("TLS: {0}")]
    Tls(io::Error),
    /// The server answered the upgrade with another status than 101.
    #[error("the server answered the upgrade with HTTP {status}: {detail}")]
    Upgrade {
        /// HTTP status.
        status: u16,
        /// Beginning of the body.
        detail: String,
    },
    /// The answer was no HTTP, or not what it has to be.
    #[error("{0}")]
    Malformed(String),
    /// The connection ended.
    #[error("the connection ended: {0}")]
    Closed(String),
    /// Neither descriptor nor port was left.
    #[error("{0}; raise the descriptor limit or give `target.source_addresses`")]
    Local(io::Error),
}

impl TransportError {
    /// A failed connect, classed by what the system said.
    pub(super) fn connect(error: io::Error) -> TransportError {
        // EMFILE, ENFILE, EADDRNOTAVAIL and EADDRINUSE are ours, not the target's.
        match error.raw_os_error().map(nix::errno::Errno::from_raw) {
            Some(
                nix::errno::Errno::EMFILE
                | nix::errno::Errno::ENFILE
                | nix::errno::Errno::EADDRNOTAVAIL
                | nix::errno::Errno::EADDRINUSE,
            ) => TransportError::Local(error),
            _ => TransportError::Connect(error),
        }
    }

    /// The class that figures are counted under.
    pub fn kind(&self) -> FailureKind {
        match self {
            TransportError::Dns { .. } => FailureKind::Dns,
            TransportError::Connect(_) => FailureKind::Refused,
            TransportError::Tls(_) => FailureKind::Tls,
            TransportError::Upgrade { status, .. } => FailureKind::Upgrade(*status),
            TransportError::Malformed(_) => FailureKind::Malformed,
            TransportError::Closed(_) => FailureKind::Closed(None),
            TransportError::Local(_) => FailureKind::Local(LocalCause::Descriptors),
        }
    }
}
