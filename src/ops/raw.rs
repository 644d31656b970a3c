//! `raw`: a frame written out in the scenario, for what has no name here.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, Effect, LocalCause, Operation, Request, Template};

/// Sends a frame as it is written; with `${id}` in it a reply is waited for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// The frame. `${id}` is the request id.
    pub frame: Template,
}

impl Operation for Raw {
    const NAME: &'static str = "raw";
    const SUMMARY: &'static str = "send a frame written in the scenario; `${id}` in it is the request id";
    const WIRE: &'static str = "as written";
    const SOURCE: &'static str = "what has no name here";

    fn templates(&self) -> Vec<&Template> {
        vec![&self.frame]
    }

    fn begin(&self, draft: &mut Draft<'_>) -> Result<Request, Blocked> {
        let text = draft.fill(&self.frame)?;
        if !draft.around.is_emc_allowed() && publishes_to_emc(&text) {
            return Err(Blocked::Fail(LocalCause::Emc));
        }
        draft.frame.push_str(&text);
        Ok(if self.frame.has_request_id() { Request::Frame(Effect::None) } else { Request::FrameWithoutReply })
    }
}

/// Whether a frame publishes to an `emc` topic, however it is spaced or escaped.
fn publishes_to_emc(frame: &str) -> bool {
    let value: serde_json::Value = serde_json::from_str(frame).unwrap_or_default();
    value["pub"]["topic"].as_str().is_some_and(|topic| topic.starts_with("emc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emc_is_seen_through_spacing_and_escapes() {
        assert!(publishes_to_emc(r#"{ "pub" : { "topic" : "\u0065mc123" } }"#));
        assert!(!publishes_to_emc(r#"{"sub":{"topic":"emc123"}}"#));
        assert!(!publishes_to_emc("not json emc"));
    }
}
