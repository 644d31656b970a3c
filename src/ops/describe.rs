//! `describe`: the description of a topic. Source: vendor's page, "Query Topic Details".

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, Effect, FailureKind, Judgement, Operation, Reply, Request, Template, TopicRef};
use crate::protocol::{ClientMessage, client};

/// Asks for a topic's description: its last seq, own marks, access.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Describe {
    /// Which topic.
    pub to: TopicRef,
}

impl Operation for Describe {
    const NAME: &'static str = "describe";
    const SUMMARY: &'static str = "ask for a topic's description: last seq, own marks, access";
    const WIRE: &'static str = "{get what=\"desc\"}";
    const SOURCE: &'static str = "Query Topic Details";
    const SAVES: &'static [&'static str] = &["seq", "read", "recv"];

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
            what: Some("desc".into()),
            ..Default::default()
        }));
        Ok(Request::Frame(Effect::None))
    }

    fn judge(&self, reply: &Reply<'_>) -> Judgement {
        match reply {
            Reply::Meta(meta) if meta.desc.is_some() => Judgement::Ok,
            other if other.code().is_success() => Judgement::Failed(FailureKind::Check),
            other => Judgement::Failed(FailureKind::Rejected(other.code().0)),
        }
    }

    fn capture(&self, reply: &Reply<'_>, keep: &mut dyn FnMut(&'static str, &str)) {
        if let Reply::Meta(meta) = reply
            && let Some(desc) = &meta.desc
        {
            keep("seq", &desc.seq.to_string());
            keep("read", &desc.read.to_string());
            keep("recv", &desc.recv.to_string());
        }
    }
}
