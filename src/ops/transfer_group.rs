//! `transfer-group`: give a group away. Source: vendor's page, "Transfer Group Ownership".
//!
//! Where the new owner has to accept, that is done in its name on a connection of its own, within the same operation:
//! the member may be attached to nothing, or offline.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, Effect, LocalCause, Operation, Request, Template, TopicRef};
use crate::protocol::dialect::TransferForm;
use crate::protocol::{ClientMessage, Mode, UserId, client};

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
        let dialect = draft.around.dialect();
        let effect = match dialect.transfer {
            TransferForm::OneStep => Effect::None,
            TransferForm::TwoSteps => {
                let no_user = Blocked::Fail(LocalCause::NoValue);
                let member = UserId::parse(&member, dialect.user_ids).ok_or(no_user)?;
                Effect::Offer { topic: wire.clone(), member }
            }
        };
        let id = draft.request_id();
        let sub = client::SetSub { user: Some(member.into()), mode: Some(Mode::FULL.to_string().into()) };
        draft.write(&ClientMessage::Set(client::Set { id, topic: wire.into(), desc: None, sub: Some(sub) }));
        Ok(Request::Frame(effect))
    }
}
