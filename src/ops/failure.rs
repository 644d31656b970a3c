//! Classes of failure: what a target did wrong, as data.

use std::fmt;
use std::str::FromStr;

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

impl LocalCause {
    /// Every cause.
    pub const ALL: [LocalCause; 8] = [
        LocalCause::NotConnected,
        LocalCause::NoPeer,
        LocalCause::NoGroup,
        LocalCause::NoValue,
        LocalCause::NoToken,
        LocalCause::Emc,
        LocalCause::SendBuffer,
        LocalCause::Descriptors,
    ];
}

/// The text is not what [`FailureKind`] prints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown class of failure `{0}`")]
pub struct UnknownFailure(pub String);

impl FromStr for FailureKind {
    type Err = UnknownFailure;

    /// Reads what [`FailureKind`] prints, for journals and gates.
    fn from_str(text: &str) -> Result<FailureKind, UnknownFailure> {
        let unknown = || UnknownFailure(text.to_owned());
        let (word, detail) = match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
            Some((word, detail)) => (word, Some(detail)),
            None => (text, None),
        };
        let number = |detail: &str| detail.parse::<u16>().map_err(|_| unknown());
        Ok(match (word, detail) {
            ("refused", None) => FailureKind::Refused,
            ("dns", None) => FailureKind::Dns,
            ("tls", None) => FailureKind::Tls,
            ("upgrade", Some(status)) => FailureKind::Upgrade(number(status)?),
            ("timed_out", None) => FailureKind::TimedOut,
            ("rejected", Some(code)) => FailureKind::Rejected(number(code)?),
            ("closed", Some("none")) => FailureKind::Closed(None),
            ("closed", Some(code)) => FailureKind::Closed(Some(number(code)?)),
            ("malformed", None) => FailureKind::Malformed,
            ("check", None) => FailureKind::Check,
            ("second_factor", None) => FailureKind::SecondFactor,
            ("local", Some(cause)) => {
                let cause = LocalCause::ALL.into_iter().find(|known| known.to_string() == cause);
                FailureKind::Local(cause.ok_or_else(unknown)?)
            }
            _ => return Err(unknown()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_read_back_from_its_text() {
        let mut kinds = vec![
            FailureKind::Refused,
            FailureKind::Dns,
            FailureKind::Tls,
            FailureKind::Upgrade(503),
            FailureKind::TimedOut,
            FailureKind::Rejected(401),
            FailureKind::Closed(Some(1006)),
            FailureKind::Closed(None),
            FailureKind::Malformed,
            FailureKind::Check,
            FailureKind::SecondFactor,
        ];
        kinds.extend(LocalCause::ALL.map(FailureKind::Local));
        for kind in kinds {
            let text = kind.to_string();
            assert_eq!(text.parse(), Ok(kind));
            assert!(FAILURE_WORDS.iter().any(|word| text.split('(').next() == Some(word)), "{text}");
        }
        for wrong in
            ["", "refused()", "rejected", "rejected(70000)", "closed(x)", "local(moon)", "rejected(4", "dns(1)"]
        {
            assert!(wrong.parse::<FailureKind>().is_err(), "{wrong}");
        }
    }
}
