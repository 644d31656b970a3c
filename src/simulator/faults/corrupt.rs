//! Messages and bytes made wrong on purpose.

use rand::RngExt as _;
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::protocol::{Json, ServerMessage, Stamp};

/// How far a phantom's counter is from the real one: half of the stamp's range.
const PHANTOM_OFFSET: u32 = 1 << 29;
/// Bytes of a giant frame: over what a client of this protocol expects, and still worth sending.
const GIANT_BYTES: usize = 768 << 10;
/// Levels of a deep frame.
const DEEP_LEVELS: usize = 20_000;

/// A frame that is no valid message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BadFrame {
    /// Cut in the middle.
    NotJson,
    /// Valid JSON with a verb that does not exist.
    UnknownVerb,
    /// Known verbs with members of the wrong type.
    WrongTypes,
    /// Nested without measure.
    DeepJson,
    /// Far larger than any message.
    Giant,
}

impl BadFrame {
    /// Every kind.
    pub const ALL: [BadFrame; 5] =
        [BadFrame::NotJson, BadFrame::UnknownVerb, BadFrame::WrongTypes, BadFrame::DeepJson, BadFrame::Giant];

    /// The word in the fault file and in the counters.
    pub fn name(self) -> &'static str {
        match self {
            BadFrame::NotJson => "not_json",
            BadFrame::UnknownVerb => "unknown_verb",
            BadFrame::WrongTypes => "wrong_types",
            BadFrame::DeepJson => "deep_json",
            BadFrame::Giant => "giant",
        }
    }

    /// The frame.
    pub fn text(self) -> Utf8Bytes {
        match self {
            BadFrame::NotJson => r#"{"data":{"topic":"grp"#.into(),
            BadFrame::UnknownVerb => r#"{"gossip":{"topic":"me","what":"on"}}"#.into(),
            BadFrame::WrongTypes => r#"{"ctrl":{"id":7,"code":"two hundred","params":[]}}"#.into(),
            BadFrame::DeepJson => format!("{}{}", "[".repeat(DEEP_LEVELS), "]".repeat(DEEP_LEVELS)).into(),
            BadFrame::Giant => format!(r#"{{"gossip":"{}"}}"#, "x".repeat(GIANT_BYTES)).into(),
        }
    }
}

/// The message with one character of its content changed; `None` when it has no content to change.
pub fn corrupted_message(frame: &str) -> Option<Utf8Bytes> {
    let ServerMessage::Data(mut data) = serde_json::from_str(frame).ok()? else { return None };
    let content = data.content.as_ref()?;
    let changed = match content.as_text() {
        Some(text) => Json::Text(with_one_changed(&text).into()),
        None => Json::Text("corrupted".into()),
    };
    data.content = Some(changed);
    write(data)
}

/// A message as the run's publisher would have sent it, with a counter that it has not reached. It has the topic
/// and the number of the message that it follows. `None` when that message carries no stamp.
pub fn phantom_of(frame: &str) -> Option<Utf8Bytes> {
    restamped(frame, |stamp| Stamp { counter: (stamp.counter ^ PHANTOM_OFFSET) & ((1 << 30) - 1), ..stamp })
}

/// The message as one of another run. `None` when it carries no stamp.
pub fn of_other_run(frame: &str) -> Option<Utf8Bytes> {
    restamped(frame, |stamp| Stamp { run: stamp.run ^ 1, ..stamp })
}

/// A message of the history with changed content; `None` when nobody could tell that it is changed.
pub fn corrupted_past(frame: &str) -> Option<Utf8Bytes> {
    let mut is_synthetic = false;
    restamped(frame, |stamp| {
        is_synthetic = stamp.synthetic;
        stamp
    })?;
    if is_synthetic { corrupted_message(frame) } else { None }
}

/// The message under another topic's name.
pub fn retitled(frame: &str, topic: &str) -> Option<Utf8Bytes> {
    let ServerMessage::Data(mut data) = serde_json::from_str(frame).ok()? else { return None };
    data.topic = topic.into();
    write(data)
}

/// The description of a topic, with one message received less than read. `None` when the marks leave no room for that.
pub fn with_less_received(frame: &str) -> Option<Utf8Bytes> {
    let ServerMessage::Meta(mut meta) = serde_json::from_str(frame).ok()? else { return None };
    let desc = meta.desc.as_mut().filter(|desc| desc.seq > 0 && desc.read >= 2)?;
    desc.recv = desc.read - 1;
    serde_json::to_string(&ServerMessage::Meta(meta)).ok().map(Into::into)
}

/// The message with another stamp.
fn restamped(frame: &str, mut change: impl FnMut(Stamp) -> Stamp) -> Option<Utf8Bytes> {
    let ServerMessage::Data(mut data) = serde_json::from_str(frame).ok()? else { return None };
    let mut other = |id: &str| Some(change(Stamp::decode(id)?).encode().as_str().to_owned());
    if let Some(id) = &data.reqid {
        data.reqid = Some(other(id)?.into());
        return write(data);
    }
    // Where the service drops the id, publishers put it into the head.
    let mut head: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&data.head.as_ref()?.to_json()).ok()?;
    let id = head.values_mut().find(|value| value.as_str().is_some_and(|id| Stamp::decode(id).is_some()))?;
    *id = other(id.as_str()?)?.into();
    data.head = Some(Json::Value(head.into()));
    write(data)
}

/// The bytes with one changed; empty ones stay as they are.
pub fn corrupted_bytes(bytes: &[u8], random: &mut Pcg64) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if !bytes.is_empty() {
        let at = random.random_range(0..bytes.len());
        bytes[at] ^= 0x55;
    }
    bytes
}

fn with_one_changed(text: &str) -> String {
    let middle = text.chars().count() / 2;
    let other = |character| if character == 'x' { 'y' } else { 'x' };
    if text.is_empty() {
        return "x".into();
    }
    text.chars().enumerate().map(|(at, character)| if at == middle { other(character) } else { character }).collect()
}

fn write(data: crate::protocol::server::Data<'_>) -> Option<Utf8Bytes> {
    serde_json::to_string(&ServerMessage::Data(data)).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::Tick;

    fn message(reqid: &str) -> String {
        format!(r#"{{"data":{{"topic":"grp1","from":"usr2","ts":"t","seq":3,"content":"abc","reqid":"{reqid}"}}}}"#)
    }

    #[test]
    fn corruption_changes_the_content_alone() {
        let corrupted = corrupted_message(&message("r")).expect("has content");
        assert_eq!(corrupted.as_str(), message("r").replace("abc", "axc"));
        for content in [r#""""#, r#""xx""#, "7", r#"{"a":1}"#] {
            let frame = message("r").replace(r#""abc""#, content);
            assert_ne!(corrupted_message(&frame).expect("has content").as_str(), frame);
        }
        assert!(corrupted_message(r#"{"data":{"topic":"grp1","seq":3}}"#).is_none());
    }

    #[test]
    fn a_phantom_has_the_runs_stamp_and_another_counter() {
        let stamp = Stamp { run: 3, synthetic: true, user: 4, counter: 5, sent: Tick::from_micros(6) };
        let phantom = phantom_of(&message(stamp.encode().as_str())).expect("a stamp");
        let ServerMessage::Data(data) = serde_json::from_str(&phantom).expect("valid") else { panic!("data") };
        let read = Stamp::decode(data.reqid.as_deref().expect("reqid")).expect("a stamp");
        assert_eq!(read, Stamp { counter: 5 + PHANTOM_OFFSET, ..stamp });
        assert!(phantom_of(&message("99c5075a-cf52-493c-8572-9e30437a02ce")).is_none());
    }

    #[test]
    fn a_message_of_another_run_has_its_stamp_alone() {
        let stamp = Stamp { run: 3, synthetic: true, user: 4, counter: 5, sent: Tick::from_micros(6) };
        let frame = message(stamp.encode().as_str());
        let other = Stamp { run: 2, ..stamp }.encode();
        assert_eq!(of_other_run(&frame).expect("a stamp").as_str(), message(other.as_str()));
        assert!(corrupted_past(&frame).is_some());
        let not_made_up = Stamp { synthetic: false, ..stamp }.encode();
        assert!(corrupted_past(&message(not_made_up.as_str())).is_none());
        assert_eq!(retitled(&frame, "grp2").expect("a message").as_str(), frame.replace("grp1", "grp2"));
    }

    #[test]
    fn marks_are_only_put_out_of_order_where_there_is_room() {
        let meta = |recv: u64, read: u64| format!(r#"{{"meta":{{"desc":{{"seq":9,"read":{read},"recv":{recv}}}}}}}"#);
        assert_eq!(with_less_received(&meta(7, 7)).expect("room").as_str(), meta(6, 7));
        assert!(with_less_received(&meta(7, 1)).is_none());
    }

    #[test]
    fn bad_frames_are_no_messages() {
        for kind in BadFrame::ALL {
            assert!(serde_json::from_str::<ServerMessage<'_>>(&kind.text()).is_err(), "{kind:?}");
        }
    }
}
