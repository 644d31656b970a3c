//! `update-group`: change a group's title. Source: vendor's page, "Update Group Information".

use schemars::JsonSchema;
use serde::Deserialize;

use super::create_group::titled;
use super::{Blocked, Draft, Effect, Judgement, Operation, Reply, Request, Template, TopicRef};
use crate::protocol::{ClientMessage, Code, client};

/// Gives a group a new title; only its owner may.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateGroup {
    /// Which group.
    pub to: TopicRef,
    /// The new title.
    pub title: Template,
}

impl Operation for UpdateGroup {
    const NAME: &'static str = "update-group";
    const SUMMARY: &'static str = "give a group a new title";
    const WIRE: &'static str = "{set desc.public}";
    const SOURCE: &'static str = "Update Group Information";

    fn templates(&self) -> Vec<&Template> {
        self.to.template().into_iter().chain([&self.title]).collect()
    }

    fn topic(&self) -> Option<&TopicRef> {
        Some(&self.to)
    }

    fn begin(&self, draft: &mut Draft<'_>) -> Result<Request, Blocked> {
        let (_, wire) = draft.resolve(&self.to)?;
        let title = draft.fill(&self.title)?;
        let id = draft.request_id();
        draft.write(&ClientMessage::Set(client::Set { id, topic: wire.into(), desc: Some(titled(title)), sub: None }));
        Ok(Request::Frame(Effect::None))
    }

    fn judge(&self, reply: &Reply<'_>) -> Judgement {
        // 304: the title is that already.
        Judgement::by_code(reply, &[Code::NOT_MODIFIED])
    }
}
