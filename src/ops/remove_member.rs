//! `remove-member`: put a member out of a group. Source: vendor's page, "Remove a Member from the Group".

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, Effect, Judgement, Operation, Reply, Request, Template, TopicRef};
use crate::protocol::{ClientMessage, Code, client};

/// Removes a member; an administrator or the owner may.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveMember {
    /// Which group.
    pub to: TopicRef,
    /// The member's wire id, such as `${peer.id}`.
    pub member: Template,
}

impl Operation for RemoveMember {
    const NAME: &'static str = "remove-member";
    const SUMMARY: &'static str = "remove a member from a group";
    const WIRE: &'static str = "{del what=\"sub\"}";
    const SOURCE: &'static str = "Remove a Member from the Group";

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
        draft.write(&ClientMessage::Del(client::Del {
            id,
            topic: wire.into(),
            what: Some("sub".into()),
            user: Some(member.into()),
            ..Default::default()
        }));
        Ok(Request::Frame(Effect::None))
    }

    fn judge(&self, reply: &Reply<'_>) -> Judgement {
        // 304: was no member any more.
        Judgement::by_code(reply, &[Code::NOT_MODIFIED])
    }
}
