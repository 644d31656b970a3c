//! Replies as operations judge them.

use super::failure::FailureKind;
use crate::protocol::Code;
use crate::protocol::server::{CtrlParams, Meta};

/// What came back under a request's id.
#[derive(Debug)]
pub enum Reply<'a> {
    /// A `ctrl`.
    Ctrl {
        /// The outcome.
        code: Code,
        /// Topic named in the reply.
        topic: Option<&'a str>,
        /// Its params.
        params: CtrlParams<'a>,
    },
    /// A `meta`.
    Meta(&'a Meta<'a>),
    /// An HTTP reply to an upload, a download or a token request.
    Http {
        /// HTTP status, or the code in the body.
        code: Code,
        /// `params` of the body's `ctrl`.
        params: CtrlParams<'a>,
        /// Bytes of the file.
        bytes: u64,
        /// Whether the file is what was uploaded; true when that cannot be told.
        intact: bool,
    },
}

impl Reply<'_> {
    /// The code; a `meta` counts as 200.
    pub fn code(&self) -> Code {
        match self {
            Reply::Ctrl { code, .. } | Reply::Http { code, .. } => *code,
            Reply::Meta(_) => Code::OK,
        }
    }
}

/// What a reply means for its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Settled: success.
    Ok,
    /// Settled: failure.
    Failed(FailureKind),
    /// Settled, and the next page has to be asked for.
    NextPage {
        /// Messages on this page.
        received: u32,
    },
}

impl Judgement {
    /// Success is 200 to 299 and the codes in `benign`.
    pub fn by_code(reply: &Reply<'_>, benign: &[Code]) -> Judgement {
        let code = reply.code();
        if code.is_success() || benign.contains(&code) {
            Judgement::Ok
        } else {
            Judgement::Failed(FailureKind::Rejected(code.0))
        }
    }
}
