//! `note`: read and receive marks, typing. Never answered. Source: protocol reference, section 7.8.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Blocked, Draft, Operation, Request, Template, TopicRef};
use crate::protocol::{ClientMessage, client};

/// Tells the others that this user has read, received or is typing.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Which topic.
    pub to: TopicRef,
    /// What to tell.
    pub kind: NoteKind,
}

/// What a note tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NoteKind {
    /// Read up to the last message received on this connection.
    Read,
    /// Received up to the last message received on this connection.
    Recv,
    /// Is typing.
    Typing,
}

impl Operation for Note {
    const NAME: &'static str = "note";
    const SUMMARY: &'static str = "tell `read`, `recv` or `typing`; the service never answers it";
    const WIRE: &'static str = "{note}";
    const SOURCE: &'static str = "protocol reference, section 7.8";

    fn templates(&self) -> Vec<&Template> {
        self.to.template()
    }

    fn topic(&self) -> Option<&TopicRef> {
        Some(&self.to)
    }

    fn begin(&self, draft: &mut Draft<'_>) -> Result<Request, Blocked> {
        let (topic, wire) = draft.resolve(&self.to)?;
        let what = match self.kind {
            NoteKind::Read => "read",
            NoteKind::Recv => "recv",
            NoteKind::Typing => "kp",
        };
        // A mark needs a seq above 0; where nothing was received yet, the first message is the nearest honest one.
        let seq = (self.kind != NoteKind::Typing).then(|| draft.around.last_seq(&topic).max(1));
        draft.write(&ClientMessage::Note(client::Note { topic: wire.into(), what: what.into(), seq }));
        Ok(Request::FrameWithoutReply)
    }
}
