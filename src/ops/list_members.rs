//! `list-members`: who is in a topic, or which topics one has. Source: vendor's page, "Get the Topics I Have
//! Subscribed To". Asked of `me` it lists one's own topics.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, Effect, FailureKind, Judgement, Operation, Reply, Request, Template, TopicRef};
use crate::protocol::{ClientMessage, Code, client};

/// Lists the members of a topic.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListMembers {
    /// Which topic.
    pub to: TopicRef,
}

impl Operation for ListMembers {
    const NAME: &'static str = "list-members";
    const SUMMARY: &'static str = "list the members of a topic, or of `me` the own topics";
    const WIRE: &'static str = "{get what=\"sub\"}";
    const SOURCE: &'static str = "Get the Topics I Have Subscribed To";
    const SAVES: &'static [&'static str] = &["count"];

    fn templates(&self) -> Vec<&Template> {
        self.to.template()
    }

    fn topic(&self) -> Option<&TopicRef> {
        Some(&self.to)
    }

    fn begin(&self, draft: &mut Draft<'_>) -> Result<Request, Blocked> {
        let (_, wire) = draft.resolve(&self.to)?;
        let id = draft.request_id();
        draft.write(&ClientMessage::Get(client::Get {
            id,
            topic: wire.into(),
            what: Some("sub".into()),
            ..Default::default()
        }));
        Ok(Request::Frame(Effect::None))
    }

    fn judge(&self, reply: &Reply<'_>) -> Judgement {
        match reply {
            Reply::Meta(meta) if meta.sub.is_some() => Judgement::Ok,
            Reply::Ctrl { code: Code::NO_CONTENT, .. } => Judgement::Ok,
            Reply::Meta(_) => Judgement::Failed(FailureKind::Check),
            other if other.code().is_success() => Judgement::Failed(FailureKind::Check),
            other => Judgement::Failed(FailureKind::Rejected(other.code().0)),
        }
    }

    fn capture(&self, reply: &Reply<'_>, keep: &mut dyn FnMut(&'static str, &str)) {
        let count = match reply {
            Reply::Meta(meta) => meta.sub.as_ref().map_or(0, Vec::len),
            _ => 0,
        };
        keep("count", &count.to_string());
    }
}
