//! `upload`: send a file over HTTP. Source: vendor's page, "Uploading a File to the IM Server"; success is
//! HTTP 200 with `ctrl.params.url`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::draft::FILE_KEY;
use super::{Blocked, Draft, FailureKind, Judgement, Operation, PayloadSize, Reply, Request};
use crate::protocol::Code;

/// Uploads a synthetic file with the token of the login.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// Size of the file.
    pub size: PayloadSize,
}

impl Operation for Upload {
    const NAME: &'static str = "upload";
    const SUMMARY: &'static str = "upload a synthetic file; `save` keeps its `url`";
    const WIRE: &'static str = "POST /im/file, multipart";
    const SOURCE: &'static str = "Uploading a File to the IM Server";
    const SAVES: &'static [&'static str] = &[FILE_KEY];

    fn begin(&self, draft: &mut Draft<'_>) -> Result<Request, Blocked> {
        Ok(Request::Upload { bytes: self.size.draw(draft.random) })
    }

    fn judge(&self, reply: &Reply<'_>) -> Judgement {
        match reply {
            Reply::Http { code: Code::OK, params, .. } if params.url.is_some() => Judgement::Ok,
            other if other.code().is_success() => Judgement::Failed(FailureKind::Check),
            other => Judgement::Failed(FailureKind::Rejected(other.code().0)),
        }
    }

    fn capture(&self, reply: &Reply<'_>, keep: &mut dyn FnMut(&'static str, &str)) {
        if let Reply::Http { params, .. } = reply
            && let Some(url) = &params.url
        {
            keep(FILE_KEY, url);
        }
    }
}
