//! `history`: read messages back, page by page. Source: vendor's page, "Obtain Historical Messages".
//!
//! The messages of a page carry no request id; the closing `ctrl` does (208, 204, or 200 on older servers).
//! Servers cap a page whatever `limit` says, so pages are asked for until enough came or none are left.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, Effect, Judgement, Operation, PageState, Reply, Request, Template, TopicRef};
use crate::protocol::{ClientMessage, client};

/// Reads the newest messages of a topic.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// Which topic; the session must be attached.
    pub to: TopicRef,
    /// Most messages wanted.
    #[serde(default = "default_limit")]
    pub limit: u32,
    /// First seq wanted.
    #[serde(default)]
    pub since: u64,
}

fn default_limit() -> u32 {
    100
}

impl Operation for History {
    const NAME: &'static str = "history";
    const SUMMARY: &'static str = "read the newest messages back, page by page";
    const WIRE: &'static str = "{get what=\"data\"}";
    const SOURCE: &'static str = "Obtain Historical Messages";

    fn templates(&self) -> Vec<&Template> {
        self.to.template()
    }

    fn topic(&self) -> Option<&TopicRef> {
        Some(&self.to)
    }

    fn begin(&self, draft: &mut Draft<'_>) -> Result<Request, Blocked> {
        let (topic, wire) = draft.resolve(&self.to)?;
        let page = draft.around.dialect().history_page;
        let wanted = self.limit.saturating_sub(draft.page.received).clamp(1, page);
        let data = client::GetQuery {
            since: (self.since > 0).then_some(self.since),
            before: (draft.page.lowest > 0).then_some(draft.page.lowest),
            limit: Some(wanted),
            ..Default::default()
        };
        let id = draft.request_id();
        draft.write(&ClientMessage::Get(client::Get {
            id,
            topic: wire.into(),
            what: Some("data".into()),
            data: Some(data),
            ..Default::default()
        }));
        Ok(Request::Frame(Effect::Page(topic)))
    }

    fn judge(&self, reply: &Reply<'_>) -> Judgement {
        let Reply::Ctrl { code, params, .. } = reply else {
            return Judgement::by_code(reply, &[]);
        };
        match params.count {
            Some(count) if code.is_success() && count > 0 => {
                Judgement::NextPage { received: u32::try_from(count).unwrap_or(u32::MAX) }
            }
            _ => Judgement::by_code(reply, &[]),
        }
    }
}

impl History {
    /// Whether another page is worth asking for after `page`.
    pub fn wants_more(&self, page: PageState) -> bool {
        page.received < self.limit && page.lowest > self.since.max(1)
    }
}
