//! `download`: fetch a file over HTTP and check it. Source: vendor's page, "Download the Chat File".

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, FailureKind, Judgement, Operation, Reply, Request, Template};

/// Downloads a file; one that this tool uploaded is checked byte by byte.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Download {
    /// File id or path, such as `${file.url}`.
    pub file: Template,
}

impl Operation for Download {
    const NAME: &'static str = "download";
    const SUMMARY: &'static str = "download a file and check every byte of it";
    const WIRE: &'static str = "GET /im/file/ID";
    const SOURCE: &'static str = "Download the Chat File";

    fn templates(&self) -> Vec<&Template> {
        vec![&self.file]
    }

    fn begin(&self, draft: &mut Draft<'_>) -> Result<Request, Blocked> {
        Ok(Request::Download { file: draft.fill(&self.file)? })
    }

    fn judge(&self, reply: &Reply<'_>) -> Judgement {
        match reply {
            Reply::Http { code, intact: false, .. } if code.is_success() => Judgement::Failed(FailureKind::Check),
            other => Judgement::by_code(other, &[]),
        }
    }
}
