//! `publish`: send one message to a topic and wait until the server accepts it.
//! Source: vendor's page, "Sending Message to P2P Topic" and "Sending a Message to a Group"; its example takes
//! code 300 and up for failure. Deliveries are counted at the receivers.

use schemars::JsonSchema;
use serde::Deserialize;

use super::payload::synthetic_text;
use super::{Blocked, Draft, Effect, Operation, PayloadSize, Reply, Request, Template, TopicRef};
use crate::protocol::{ClientMessage, Json, client};

/// Publishes a message. Give `size` for synthetic text, which receivers check, or `text`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// Who gets it: this user's peer, a group of the topology, or a named topic.
    pub to: TopicRef,
    /// Bytes of synthetic text, before JSON escaping.
    #[serde(default)]
    pub size: Option<PayloadSize>,
    /// The text itself.
    #[serde(default)]
    pub text: Option<Template>,
    /// Whether this connection is spared its own message.
    #[serde(default)]
    pub noecho: bool,
}

/// Size when a step names neither `size` nor `text`.
const DEFAULT_SIZE: PayloadSize = PayloadSize { min: 100, max: 100 };

impl Operation for Publish {
    const NAME: &'static str = "publish";
    const SUMMARY: &'static str = "send a message and wait for its 202; deliveries are counted at the receivers";
    const WIRE: &'static str = "{pub}";
    const SOURCE: &'static str = "Sending Message to P2P Topic, Sending a Message to a Group";
    const SAVES: &'static [&'static str] = &["seq"];

    fn is_synthetic(&self) -> bool {
        self.text.is_none()
    }

    fn templates(&self) -> Vec<&Template> {
        self.to.template().into_iter().chain(&self.text).collect()
    }

    fn topic(&self) -> Option<&TopicRef> {
        Some(&self.to)
    }

    fn begin(&self, draft: &mut Draft<'_>) -> Result<Request, Blocked> {
        let (topic, wire) = draft.resolve(&self.to)?;
        draft.forbid_emc(&wire)?;
        let content = match &self.text {
            Some(template) => draft.fill(template)?.into(),
            None => {
                let bytes = self.size.unwrap_or(DEFAULT_SIZE).draw(draft.random);
                synthetic_text(draft.key, bytes as usize).into()
            }
        };
        let id = draft.request_id();
        let message = client::Pub {
            id,
            topic: wire.into(),
            noecho: self.noecho,
            head: draft.head(),
            content: Some(Json::Text(content)),
        };
        draft.write_publish(&ClientMessage::Pub(message), self.text.as_ref());
        Ok(Request::Frame(Effect::Publish { topic, echo: !self.noecho }))
    }

    fn capture(&self, reply: &Reply<'_>, keep: &mut dyn FnMut(&'static str, &str)) {
        if let Reply::Ctrl { params, .. } = reply
            && let Some(seq) = params.seq
        {
            keep("seq", &seq.to_string());
        }
    }
}
