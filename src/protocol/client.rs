//! What a client says: one verb per frame. Source: protocol reference, section 7.
//!
//! The same types are written by the virtual user and read by the simulator. Unknown fields are ignored, as
//! the service ignores them.

use serde::{Deserialize, Serialize};

use super::{Json, Text};

/// One frame from a client.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::large_enum_variant, reason = "read and acted upon at once, never kept in numbers")]
pub enum ClientMessage<'a> {
    /// Opens a Tinode session; the PBX does not know it.
    Hi(Hi<'a>),
    /// Creates an account on Tinode; the PBX does not know it.
    Acc(Acc<'a>),
    /// Authenticates the session.
    Login(Login<'a>),
    /// Creates, subscribes to and attaches to a topic.
    Sub(Sub<'a>),
    /// Detaches from a topic, or ends the subscription.
    Leave(Leave<'a>),
    /// Publishes to a topic.
    Pub(Pub<'a>),
    /// Asks for description, subscriptions or history.
    Get(Get<'a>),
    /// Changes description or access.
    Set(Set<'a>),
    /// Deletes messages, a member or a topic.
    Del(Del<'a>),
    /// Read and receive marks, typing. Has no reply.
    Note(Note<'a>),
}

/// What `{hi}` says about this program.
pub const USER_AGENT: &str = concat!("pbxload/", env!("CARGO_PKG_VERSION"));

/// A message with what goes beside it.
#[derive(Debug, Serialize)]
pub struct ClientFrame<'m, 'a> {
    /// The message.
    #[serde(flatten)]
    pub message: &'m ClientMessage<'a>,
    /// What goes beside it.
    pub extra: Extra<'m>,
}

/// What goes beside a message. Tinode only.
#[derive(Debug, Serialize)]
pub struct Extra<'m> {
    /// Uploaded files that the message speaks of, and that are kept for it.
    pub attachments: &'m [&'m str],
}

/// `{hi}`. Tinode only.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Hi<'a> {
    /// Request id.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<'a>>,
    /// Protocol version, such as `0.22`.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub ver: Option<Text<'a>>,
    /// User agent.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub ua: Option<Text<'a>>,
}

/// `{acc}`. Tinode only.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Acc<'a> {
    /// Request id.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<'a>>,
    /// `new` and any suffix.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// `basic`.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Text<'a>>,
    /// Base64 of `login:password`.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Text<'a>>,
    /// Whether the session is logged in as the new user.
    #[serde(default, skip_serializing_if = "is_false")]
    pub login: bool,
}

/// `{login}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Login<'a> {
    /// Request id.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<'a>>,
    /// `access_token` at the PBX.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Text<'a>>,
    /// Standard base64 with padding of `USER@DOMAIN:ACCESS_TOKEN`. A secret: never log a login frame.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Text<'a>>,
}

/// `{sub}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Sub<'a> {
    /// Request id.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<'a>>,
    /// `me`, `usr…`, `grp…`, `emc…`, or `new…` to create a group.
    #[serde(borrow, default)]
    pub topic: Text<'a>,
    /// What to set on the way.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetParts<'a>>,
    /// What to fetch on the way.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub get: Option<GetParts<'a>>,
}

/// `{leave}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Leave<'a> {
    /// Request id.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<'a>>,
    /// The topic, as this user names it.
    #[serde(borrow, default)]
    pub topic: Text<'a>,
    /// Whether the subscription ends too, for all of the user's sessions.
    #[serde(default)]
    pub unsub: bool,
}

/// `{pub}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pub<'a> {
    /// Request id; becomes `reqid` of the resulting `{data}`. Without it there is no reply.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<'a>>,
    /// The topic, as this user names it; must be attached.
    #[serde(borrow, default)]
    pub topic: Text<'a>,
    /// Whether this session is spared its own message.
    #[serde(default)]
    pub noecho: bool,
    /// Stored and forwarded unchanged.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub head: Option<Json<'a>>,
    /// Any JSON; plain text in the vendor's samples.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub content: Option<Json<'a>>,
}

/// `{get}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Get<'a> {
    /// Request id.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<'a>>,
    /// The topic, as this user names it.
    #[serde(borrow, default)]
    pub topic: Text<'a>,
    /// Words out of `desc sub data del tags cred aux`, separated by blanks.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub what: Option<Text<'a>>,
    /// Limits for `desc`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub desc: Option<GetQuery<'a>>,
    /// Limits for `sub`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<GetQuery<'a>>,
    /// Limits for `data`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub data: Option<GetQuery<'a>>,
    /// Limits for `del`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub del: Option<GetQuery<'a>>,
}

impl<'a> Get<'a> {
    /// What is asked for, in the shape that a `{sub}` carries it.
    pub fn into_parts(self) -> GetParts<'a> {
        GetParts { what: self.what, desc: self.desc, sub: self.sub, data: self.data, del: self.del }
    }
}

/// What a `{sub}` asks for on the way: the parts of a `{get}` (flattened structs lose raw values, hence the copy).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct GetParts<'a> {
    /// Words out of `desc sub data del tags cred aux`, separated by blanks.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub what: Option<Text<'a>>,
    /// Limits for `desc`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub desc: Option<GetQuery<'a>>,
    /// Limits for `sub`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<GetQuery<'a>>,
    /// Limits for `data`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub data: Option<GetQuery<'a>>,
    /// Limits for `del`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub del: Option<GetQuery<'a>>,
}

/// Limits of one part of a `{get}`; which fields are allowed depends on the part.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct GetQuery<'a> {
    /// Only what changed after this RFC 3339 instant.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub ims: Option<Text<'a>>,
    /// One user's subscription.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// One topic of `me`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Text<'a>>,
    /// First seq wanted, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// End of the range, exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Most entries wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `{set}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Set<'a> {
    /// Request id.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<'a>>,
    /// The topic, as this user names it.
    #[serde(borrow, default)]
    pub topic: Text<'a>,
    /// Description of the topic.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub desc: Option<SetDesc<'a>>,
    /// Access of a member.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<SetSub<'a>>,
}

impl<'a> Set<'a> {
    /// What is to change, in the shape that a `{sub}` carries it.
    pub fn into_parts(self) -> SetParts<'a> {
        SetParts { desc: self.desc, sub: self.sub }
    }
}

/// What a `{sub}` changes on the way: the parts of a `{set}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SetParts<'a> {
    /// Description of the topic.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub desc: Option<SetDesc<'a>>,
    /// Access of a member.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<SetSub<'a>>,
}

/// New description.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SetDesc<'a> {
    /// Seen by all members; by convention `{"fn": "name", …}`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub public: Option<Json<'a>>,
    /// Seen by this user alone.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub private: Option<Json<'a>>,
    /// Access of new members.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub defacs: Option<DefaultAccess<'a>>,
}

/// Default access of a topic or a user.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DefaultAccess<'a> {
    /// For signed-in users.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Text<'a>>,
    /// For anonymous users.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub anon: Option<Text<'a>>,
}

/// New access of a member.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SetSub<'a> {
    /// The member; absent means oneself.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// Letters out of `JRWPASDO`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Text<'a>>,
}

/// `{del}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Del<'a> {
    /// Request id.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<'a>>,
    /// The topic, as this user names it.
    #[serde(borrow, default)]
    pub topic: Text<'a>,
    /// `msg` (when absent), `sub`, `topic`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub what: Option<Text<'a>>,
    /// For `sub`: the member to remove.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// For `msg`: half-open ranges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delseq: Vec<SeqRange>,
    /// For everyone, or physically.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hard: bool,
}

/// Messages `low..hi`; without `hi` the one message `low`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct SeqRange {
    /// First seq.
    #[serde(default)]
    pub low: u64,
    /// End, exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hi: Option<u64>,
}

/// `{note}`. Never answered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Note<'a> {
    /// The topic, as this user names it.
    #[serde(borrow, default)]
    pub topic: Text<'a>,
    /// `recv`, `read`, `kp`.
    #[serde(borrow, default)]
    pub what: Text<'a>,
    /// For `recv` and `read`: up to which message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

/// A client's frame as the server reads it: any verbs may be present, one is acted upon.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ClientEnvelope<'a> {
    #[serde(borrow, default, rename = "pub")]
    publish: Option<Pub<'a>>,
    #[serde(borrow, default)]
    sub: Option<Sub<'a>>,
    #[serde(borrow, default)]
    leave: Option<Leave<'a>>,
    #[serde(borrow, default)]
    hi: Option<Hi<'a>>,
    #[serde(borrow, default)]
    login: Option<Login<'a>>,
    #[serde(borrow, default)]
    get: Option<Get<'a>>,
    #[serde(borrow, default)]
    set: Option<Set<'a>>,
    #[serde(borrow, default)]
    del: Option<Del<'a>>,
    #[serde(borrow, default)]
    acc: Option<Acc<'a>>,
    #[serde(borrow, default)]
    note: Option<Note<'a>>,
}

impl<'a> ClientEnvelope<'a> {
    /// The verb that counts: the first present in the service's own order; `None` when there is none.
    pub fn into_message(self) -> Option<ClientMessage<'a>> {
        use ClientMessage as M;
        None.or(self.publish.map(M::Pub))
            .or(self.sub.map(M::Sub))
            .or(self.leave.map(M::Leave))
            .or(self.hi.map(M::Hi))
            .or(self.login.map(M::Login))
            .or(self.get.map(M::Get))
            .or(self.set.map(M::Set))
            .or(self.del.map(M::Del))
            .or(self.acc.map(M::Acc))
            .or(self.note.map(M::Note))
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(frame: &str) -> ClientMessage<'_> {
        let envelope: ClientEnvelope<'_> = serde_json::from_str(frame).expect("valid frame");
        envelope.into_message().expect("a verb")
    }

    #[test]
    fn writes_the_vendors_publish() {
        let message = ClientMessage::Pub(Pub {
            id: Some("1".into()),
            topic: "usr804252613548703744".into(),
            noecho: false,
            head: None,
            content: Some(Json::Text("test test test".into())),
        });
        let text = serde_json::to_string(&message).expect("serializes");
        assert_eq!(
            text,
            r#"{"pub":{"id":"1","topic":"usr804252613548703744","noecho":false,"content":"test test test"}}"#
        );
    }

    #[test]
    fn attachments_stand_beside_the_verb() {
        let head = serde_json::json!({ "pbxload": "1" });
        let message = ClientMessage::Pub(Pub {
            id: Some("1".into()),
            topic: "grp1".into(),
            noecho: false,
            head: Some(Json::Value(head)),
            content: Some(Json::Text("see".into())),
        });
        let extra = Extra { attachments: &["/v0/file/s/a.bin"] };
        let text = serde_json::to_string(&ClientFrame { message: &message, extra }).expect("serializes");
        assert_eq!(
            text,
            r#"{"pub":{"id":"1","topic":"grp1","noecho":false,"head":{"pbxload":"1"},"content":"see"},"extra":{"attachments":["/v0/file/s/a.bin"]}}"#
        );
        assert!(matches!(read(&text), ClientMessage::Pub(_)));
    }

    #[test]
    fn reads_the_vendors_get() {
        let frame = r#"{"get":{"data":{"before":10000,"limit":1000,"since":0},"id":"7","topic":"usr1","what":"data"}}"#;
        let ClientMessage::Get(get) = read(frame) else { panic!("a get") };
        let data = get.data.expect("data limits");
        assert_eq!((data.since, data.before, data.limit), (Some(0), Some(10_000), Some(1_000)));
        assert_eq!(get.what.as_deref(), Some("data"));
    }

    #[test]
    fn the_first_verb_of_the_services_order_counts() {
        let frame = r#"{"note":{"topic":"a","what":"kp"},"leave":{"id":"1","topic":"b"}}"#;
        assert!(matches!(read(frame), ClientMessage::Leave(_)));
    }

    #[test]
    fn escaped_text_and_raw_content_survive() {
        let frame = r#"{"pub":{"id":"a\"b","topic":"grp1","content":{"k":[1,2]}}}"#;
        let ClientMessage::Pub(message) = read(frame) else { panic!("a pub") };
        assert_eq!(message.id.as_deref(), Some("a\"b"));
        assert_eq!(message.content.expect("content").to_json(), r#"{"k":[1,2]}"#);
    }

    #[test]
    fn a_set_carries_both_parts() {
        let frame =
            r#"{"set":{"id":"1","topic":"grp1","sub":{"mode":"JRWPASDO","user":"usr2"},"desc":{"public":{"fn":"x"}}}}"#;
        let ClientMessage::Set(set) = read(frame) else { panic!("a set") };
        assert_eq!(set.sub.expect("sub").mode.as_deref(), Some("JRWPASDO"));
        assert_eq!(set.desc.expect("desc").public.expect("public").to_json(), r#"{"fn":"x"}"#);
    }
}
