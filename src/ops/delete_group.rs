//! `delete-group`: end a group. Source: vendor's page, "Delete a Group".

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, Effect, Judgement, Operation, Reply, Request, Template, TopicRef};
use crate::protocol::{ClientMessage, Code, client};

/// Deletes a group; only its owner may.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteGroup {
    /// Which group.
    pub to: TopicRef,
}

impl Operation for DeleteGroup {
    const NAME: &'static str = "delete-group";
    const SUMMARY: &'static str = "delete a group";
    const WIRE: &'static str = "{del what=\"topic\"}";
    const SOURCE: &'static str = "Delete a Group";

    fn templates(&self) -> Vec<&Template> {
        self.to.template()
    }

    fn topic(&self) -> Option<&TopicRef> {
        Some(&self.to)
    }

    fn begin(&self, draft: &mut Draft<'_>) -> Result<Request, Blocked> {
        let (topic, wire) = draft.resolve(&self.to)?;
        let id = draft.request_id();
        draft.write(&ClientMessage::Del(client::Del {
            id,
            topic: wire.into(),
            what: Some("topic".into()),
            ..Default::default()
        }));
        Ok(Request::Frame(Effect::Detach(topic)))
    }

    fn judge(&self, reply: &Reply<'_>) -> Judgement {
        // 304: there is no such subscription any more.
        Judgement::by_code(reply, &[Code::NOT_MODIFIED])
    }
}
