//! `subscribe`: attach to a topic. Source: vendor's page, "Subscribe to P2P Topic" and "Join a Group".
//!
//! The page's sample of a join shows 202 with a seq, most likely the reply to a publish pasted there; 200, 202
//! and 304 (already attached) are all success.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, Effect, Judgement, Operation, Reply, Request, Template, TopicRef};
use crate::protocol::{ClientMessage, Code, client};

/// Joins and attaches to `me`, the peer or a group. Needed on every new connection.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// Which topic.
    pub to: TopicRef,
}

impl Operation for Subscribe {
    const NAME: &'static str = "subscribe";
    const SUMMARY: &'static str = "attach to `me`, the peer or a group; needed on each new connection";
    const WIRE: &'static str = "{sub}";
    const SOURCE: &'static str = "Subscribe to P2P Topic, Join a Group";
    const SAVES: &'static [&'static str] = &["topic"];

    fn templates(&self) -> Vec<&Template> {
        self.to.template()
    }

    fn topic(&self) -> Option<&TopicRef> {
        Some(&self.to)
    }

    fn begin(&self, draft: &mut Draft<'_>) -> Result<Request, Blocked> {
        let (topic, wire) = draft.resolve(&self.to)?;
        let id = draft.request_id();
        draft.write(&ClientMessage::Sub(client::Sub { id, topic: wire.into(), ..Default::default() }));
        Ok(Request::Frame(Effect::Attach(topic)))
    }

    fn judge(&self, reply: &Reply<'_>) -> Judgement {
        Judgement::by_code(reply, &[Code::NOT_MODIFIED])
    }

    fn capture(&self, reply: &Reply<'_>, keep: &mut dyn FnMut(&'static str, &str)) {
        if let Reply::Ctrl { topic: Some(topic), .. } = reply {
            keep("topic", topic);
        }
    }
}
