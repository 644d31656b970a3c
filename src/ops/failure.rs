//! Classes of failure: what a target did wrong, as data.

use std::fmt;

/// Why an operation failed. Classes are few, stable words; a server's own text goes to the examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// The connection was refused, reset or unreachable before it was open.
    Refused,
    /// The host name did not resolve.
    Dns,
    /// The TLS handshake failed.
    Tls,
    /// The server answered the WebSocket upgrade with this HTTP status.
    Upgrade(u16),
    /// No answer within the operation's timeout.
    TimedOut,
    /// The server answered with this code.
    Rejected(u16),
    /// The connection ended while the operation was open, with this close code.
    Closed(Option<u16>),
    /// The answer could not be read.
    Malformed,
    /// The answer is well-formed and wrong.
    Check,
    /// The REST sign-in wants a second factor, which a load user cannot give.
    SecondFactor,
    /// It failed here, before anything was sent.
    Local(LocalCause),
}

/// What stopped an operation on our own side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LocalCause {
    /// No connection: `connect` has to come first.
    NotConnected,
    /// The user has no peer, or the peer never came online.
    NoPeer,
    /// The user is in no group of that name.
    NoGroup,
    /// A `${…}` has no value yet.
    NoValue,
    /// No access token for the login, or no file token for the upload.
    NoToken,
    /// Publishing to an `emc` topic is not allowed by the scenario.
    Emc,
    /// The send buffer is full: the server does not read.
    SendBuffer,
    /// No descriptor or port was left.
    Descriptors,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FailureKind::Refused => f.write_str("refused"),
            FailureKind::Dns => f.write_str("dns"),
            FailureKind::Tls => f.write_str("tls"),
            FailureKind::Upgrade(status) => write!(f, "upgrade({status})"),
            FailureKind::TimedOut => f.write_str("timed_out"),
            FailureKind::Rejected(code) => write!(f, "rejected({code})"),
            FailureKind::Closed(Some(code)) => write!(f, "closed({code})"),
            FailureKind::Closed(None) => f.write_str("closed(none)"),
            FailureKind::Malformed => f.write_str("malformed"),
            FailureKind::Check => f.write_str("check"),
            FailureKind::SecondFactor => f.write_str("second_factor"),
            FailureKind::Local(cause) => write!(f, "local({cause})"),
        }
    }
}

impl fmt::Display for LocalCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LocalCause::NotConnected => "not_connected",
            LocalCause::NoPeer => "no_peer",
            LocalCause::NoGroup => "no_group",
            LocalCause::NoValue => "no_value",
            LocalCause::NoToken => "no_token",
            LocalCause::Emc => "emc_forbidden",
            LocalCause::SendBuffer => "send_buffer",
            LocalCause::Descriptors => "descriptors",
        })
    }
}

/// Words of [`FailureKind`] without a number, for checking gates.
pub const FAILURE_WORDS: &[&str] = &[
    "refused",
    "dns",
    "tls",
    "upgrade",
    "timed_out",
    "rejected",
    "closed",
    "malformed",
    "check",
    "second_factor",
    "local",
];
