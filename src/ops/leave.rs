//! `leave`: stop receiving a topic. Source: vendor's page, "Leave From a Group".

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, Effect, Judgement, Operation, Reply, Request, Template, TopicRef};
use crate::protocol::{ClientMessage, Code, client};

/// Detaches this connection from a topic, and with `unsub` ends the subscription.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// Which topic.
    pub to: TopicRef,
    /// Whether the subscription ends too, for all connections of the user.
    #[serde(default)]
    pub unsub: bool,
}

impl Operation for Leave {
    const NAME: &'static str = "leave";
    const SUMMARY: &'static str = "detach from a topic; with `unsub = true` end the subscription";
    const WIRE: &'static str = "{leave}";
    const SOURCE: &'static str = "Leave From a Group";

    fn templates(&self) -> Vec<&Template> {
        self.to.template()
    }

    fn topic(&self) -> Option<&TopicRef> {
        Some(&self.to)
    }

    fn begin(&self, draft: &mut Draft<'_>) -> Result<Request, Blocked> {
        let (topic, wire) = draft.resolve(&self.to)?;
        let id = draft.request_id();
        draft.write(&ClientMessage::Leave(client::Leave { id, topic: wire.into(), unsub: self.unsub }));
        Ok(Request::Frame(Effect::Detach(topic)))
    }

    fn judge(&self, reply: &Reply<'_>) -> Judgement {
        // 304: was not attached.
        Judgement::by_code(reply, &[Code::NOT_MODIFIED])
    }
}
