//! `create-group`: open a new group. Source: vendor's page, "Creating a Group Chat"; its example takes code 200
//! alone for success, and the reply's `topic` for the group's name.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, Effect, FailureKind, Judgement, Operation, Reply, Request, Template};
use crate::protocol::{ClientMessage, Code, Json, client};

/// Creates a group; the creator owns it and is attached to it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateGroup {
    /// Title that members see.
    #[serde(default)]
    pub title: Option<Template>,
}

impl Operation for CreateGroup {
    const NAME: &'static str = "create-group";
    const SUMMARY: &'static str = "create a group; `save` keeps its `topic`";
    const WIRE: &'static str = "{sub topic=\"new\"}";
    const SOURCE: &'static str = "Creating a Group Chat";
    const SAVES: &'static [&'static str] = &["topic"];

    fn templates(&self) -> Vec<&Template> {
        self.title.iter().collect()
    }

    fn begin(&self, draft: &mut Draft<'_>) -> Result<Request, Blocked> {
        let set = match &self.title {
            Some(title) => Some(client::SetParts { desc: Some(titled(draft.fill(title)?)), sub: None }),
            None => None,
        };
        let id = draft.request_id();
        draft.write(&ClientMessage::Sub(client::Sub { id, topic: "new".into(), set, get: None }));
        Ok(Request::Frame(Effect::Create))
    }

    fn judge(&self, reply: &Reply<'_>) -> Judgement {
        match reply {
            Reply::Ctrl { code: Code::OK, topic: Some(_), .. } => Judgement::Ok,
            other if other.code().is_success() => Judgement::Failed(FailureKind::Check),
            other => Judgement::Failed(FailureKind::Rejected(other.code().0)),
        }
    }

    fn capture(&self, reply: &Reply<'_>, keep: &mut dyn FnMut(&'static str, &str)) {
        if let Reply::Ctrl { topic: Some(topic), .. } = reply {
            keep("topic", topic);
        }
    }
}

/// A description with this title, in the service's convention.
pub(super) fn titled(title: String) -> client::SetDesc<'static> {
    client::SetDesc { public: Some(Json::Value(serde_json::json!({ "fn": title }))), ..Default::default() }
}
