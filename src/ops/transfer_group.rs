//! `transfer-group`: give a group away. Source: vendor's page, "Transfer Group Ownership".

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, Effect, Operation, Request, Template, TopicRef};
use crate::protocol::{ClientMessage, client};

/// Makes a member the owner of a group.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferGroup {
    /// Which group.
    pub to: TopicRef,
    /// The new owner's wire id, such as `${peer.id}`.
    pub member: Template,
}

impl Operation for TransferGroup {
    const NAME: &'static str = "transfer-group";
    const SUMMARY: &'static str = "make a member the owner of a group";
    const WIRE: &'static str = "{set sub.mode}";
    const SOURCE: &'static str = "Transfer Group Ownership";

    fn templates(&self) -> Vec<&Template> {
        self.to.template().into_iter().chain([&self.member]).collect()
    }

    fn topic(&self) -> Option<&TopicRef> {
        Some(&self.to)
    }

    fn begin(&self, draft: &mut Draft<'_>) -> Result<Request, Blocked> {
        let (_, wire) = draft.resolve(&self.to)?;
        let member = draft.fill(&self.member)?;
        let id = draft.request_id();
        let sub = client::SetSub { user: Some(member.into()), mode: Some("JRWPASDO".into()) };
        draft.write(&ClientMessage::Set(client::Set { id, topic: wire.into(), desc: None, sub: Some(sub) }));
        Ok(Request::Frame(Effect::None))
    }
}
