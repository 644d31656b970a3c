//! What the server says: `ctrl`, `data`, `meta`, `pres`, `info`. Source: protocol reference, section 8.
//!
//! Every field may be absent: the service leaves out what is zero or empty. Key order in writing is the
//! service's own. Frames with an `id` are replies; frames without are not.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::dialect::StampPlace;
use super::{Code, Json, Stamp, Text};

/// One frame from the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::large_enum_variant, reason = "read and acted upon at once, never kept in numbers")]
pub enum ServerMessage<'a> {
    /// A reply, or an unsolicited 205, 400 or 409.
    #[serde(borrow)]
    Ctrl(Ctrl<'a>),
    /// A message of a topic, live or out of its history.
    #[serde(borrow)]
    Data(Data<'a>),
    /// A reply to a `get`.
    #[serde(borrow)]
    Meta(Meta<'a>),
    /// Presence and other changes.
    #[serde(borrow)]
    Pres(Pres<'a>),
    /// A note of another user, relayed.
    #[serde(borrow)]
    Info(Info<'a>),
}

/// `{ctrl}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ctrl<'a> {
    /// Id of the request that this answers.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<'a>>,
    /// Topic as the receiver names it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Text<'a>>,
    /// Depends on the request; read it with [`CtrlParams::read`].
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Json<'a>>,
    /// The outcome.
    pub code: Code,
    /// For people; never decide by it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text<'a>>,
    /// Server time, RFC 3339.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<Text<'a>>,
}

/// The known members of `ctrl.params`, whatever the request was.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CtrlParams<'a> {
    /// Access of the requester, or of the member that was changed.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub acs: Option<Access<'a>>,
    /// Login: always `auth`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub authlvl: Option<Text<'a>>,
    /// History: how many messages came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Login on Tinode: when the token expires.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Text<'a>>,
    /// Publish: the message's number in its topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Group creation: the name that the client had sent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub tmpname: Option<Text<'a>>,
    /// Login: the file token. A secret.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Text<'a>>,
    /// Eviction: whether the subscription is gone too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsub: Option<bool>,
    /// Upload: id or path of the file.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Text<'a>>,
    /// Login: own id; `set sub`: the member's id.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// Which part of a `get` this closes.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub what: Option<Text<'a>>,
}

impl<'a> CtrlParams<'a> {
    /// Reads the params; what is missing, or is no object of known types, is left empty.
    pub fn read(params: Option<&Json<'a>>) -> CtrlParams<'a> {
        match params {
            Some(Json::Raw(raw)) => Self::parse(raw),
            _ => CtrlParams::default(),
        }
    }

    fn parse(raw: &'a RawValue) -> CtrlParams<'a> {
        serde_json::from_str(raw.get()).unwrap_or_default()
    }
}

/// Wanted, given and effective access mode, as letters.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Access<'a> {
    /// Asked for by the user.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub want: Option<Text<'a>>,
    /// Granted by the topic.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Text<'a>>,
    /// What both allow.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Text<'a>>,
}

/// `{data}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Data<'a> {
    /// Topic as the receiver names it.
    #[serde(borrow, default)]
    pub topic: Text<'a>,
    /// Author; absent for system messages.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Text<'a>>,
    /// When the server accepted it, RFC 3339.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<Text<'a>>,
    /// Number in the topic, from 1.
    #[serde(default)]
    pub seq: u64,
    /// Verbatim from the publish.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Json<'a>>,
    /// Verbatim from the publish.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Json<'a>>,
    /// The publish's request id; not on Tinode.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub reqid: Option<Text<'a>>,
}

/// The part of a message's head that is ours.
#[derive(Deserialize)]
struct StampedHead<'a> {
    #[serde(borrow, default)]
    pbxload: Option<Text<'a>>,
}

impl Data<'_> {
    /// The publisher's stamp; `None` on a message of others.
    pub fn stamp(&self, place: StampPlace) -> Option<Stamp> {
        match place {
            StampPlace::RequestId => Stamp::decode(self.reqid.as_deref()?),
            StampPlace::Head => {
                let head = self.head.as_ref()?.to_json();
                let head: StampedHead<'_> = serde_json::from_str(&head).ok()?;
                Stamp::decode(head.pbxload.as_deref()?)
            }
        }
    }
}

/// `{meta}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Meta<'a> {
    /// Id of the request that this answers.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<'a>>,
    /// Topic as the receiver names it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Text<'a>>,
    /// Server time, RFC 3339.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<Text<'a>>,
    /// Description.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub desc: Option<Desc<'a>>,
    /// Members of a topic, or one's own topics.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<Vec<Subscription<'a>>>,
    /// Deleted messages.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub del: Option<Json<'a>>,
}

/// `meta.desc`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Desc<'a> {
    /// When the topic was made.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Text<'a>>,
    /// When the description changed.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<Text<'a>>,
    /// When the last message came.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub touched: Option<Text<'a>>,
    /// Access of new members, as `auth` and `anon`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub defacs: Option<super::client::DefaultAccess<'a>>,
    /// Own access.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub acs: Option<Access<'a>>,
    /// Number of the last message; 0 when there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seq: u64,
    /// Own read mark.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub read: u64,
    /// Own receive mark.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub recv: u64,
    /// Greatest delete transaction.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub clear: u64,
    /// Seen by all members.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub public: Option<Json<'a>>,
    /// Seen by this user alone.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub private: Option<Json<'a>>,
}

/// One entry of `meta.sub`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Subscription<'a> {
    /// On `me`: the topic.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Text<'a>>,
    /// When the subscription changed.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<Text<'a>>,
    /// On `me`: when the last message came.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub touched: Option<Text<'a>>,
    /// The member's access.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub acs: Option<Access<'a>>,
    /// On `me`: number of the topic's last message.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seq: u64,
    /// Read mark.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub read: u64,
    /// Receive mark.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub recv: u64,
    /// Whether somebody is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online: Option<bool>,
    /// On a topic: the member.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// Public description of the member or the topic.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub public: Option<Json<'a>>,
    /// Own private data.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub private: Option<Json<'a>>,
}

/// `{pres}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Pres<'a> {
    /// Where it is delivered: `me` or the topic.
    #[serde(borrow, default)]
    pub topic: Text<'a>,
    /// Topic or user concerned.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub src: Option<Text<'a>>,
    /// `on`, `off`, `upd`, `acs`, `gone`, `term`, `msg`, `read`, `recv`, `del`, …
    #[serde(borrow, default)]
    pub what: Text<'a>,
    /// Number of the message concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Delete transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear: Option<u64>,
    /// Deleted ranges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delseq: Option<Vec<super::client::SeqRange>>,
    /// Affected user.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub tgt: Option<Text<'a>>,
    /// Who did it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Text<'a>>,
    /// Change of access, such as `-ADO`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub dacs: Option<Access<'a>>,
}

/// `{info}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Info<'a> {
    /// Topic as the receiver names it, or `me`.
    #[serde(borrow, default)]
    pub topic: Text<'a>,
    /// On `me`: the topic concerned.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub src: Option<Text<'a>>,
    /// Whose note it is.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Text<'a>>,
    /// `recv`, `read`, `kp`.
    #[serde(borrow, default)]
    pub what: Text<'a>,
    /// Up to which message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_vendors_publish_reply() {
        let frame = r#"{"ctrl":{"id":"99c5075a","topic":"usr8","params":{"seq":377},"code":202,"text":"accepted","ts":"2024-10-24T08:24:41.913558Z"}}"#;
        let ServerMessage::Ctrl(ctrl) = serde_json::from_str(frame).expect("valid") else { panic!("a ctrl") };
        assert_eq!(ctrl.code, Code::ACCEPTED);
        assert_eq!(CtrlParams::read(ctrl.params.as_ref()).seq, Some(377));
    }

    #[test]
    fn writes_data_in_the_services_key_order() {
        let data = ServerMessage::Data(Data {
            topic: "usr1".into(),
            from: Some("usr2".into()),
            ts: Some("t".into()),
            seq: 3,
            head: None,
            content: Some(Json::Text("x".into())),
            reqid: Some("r".into()),
        });
        let text = serde_json::to_string(&data).expect("serializes");
        assert_eq!(text, r#"{"data":{"topic":"usr1","from":"usr2","ts":"t","seq":3,"content":"x","reqid":"r"}}"#);
    }

    #[test]
    fn a_stamp_is_read_from_the_request_id_or_from_the_head() {
        let stamp = Stamp { run: 1, synthetic: true, user: 2, counter: 3, sent: crate::tick::Tick::from_micros(4) };
        let id = stamp.encode();
        let read = |frame: &str, place| {
            let ServerMessage::Data(data) = serde_json::from_str(frame).expect("valid") else { panic!("a data") };
            data.stamp(place)
        };
        let by_id = format!(r#"{{"data":{{"topic":"a","seq":1,"reqid":"{id}"}}}}"#);
        let by_head = format!(r#"{{"data":{{"topic":"a","seq":1,"head":{{"mime":[1],"pbxload":"{id}"}}}}}}"#);
        assert_eq!(read(&by_id, StampPlace::RequestId), Some(stamp));
        assert_eq!(read(&by_id, StampPlace::Head), None);
        assert_eq!(read(&by_head, StampPlace::Head), Some(stamp));
        assert_eq!(read(&by_head, StampPlace::RequestId), None);
        for head in ["null", "7", r#"{"pbxload":7}"#, r#"{"pbxload":"x"}"#, "[]"] {
            let frame = format!(r#"{{"data":{{"topic":"a","seq":1,"head":{head}}}}}"#);
            assert_eq!(read(&frame, StampPlace::Head), None, "{head}");
        }
    }

    #[test]
    fn params_of_an_unexpected_shape_are_empty() {
        for params in ["[1,2]", "7", r#"{"seq":"many"}"#, "null"] {
            let frame = format!(r#"{{"ctrl":{{"id":"1","params":{params},"code":200}}}}"#);
            let ServerMessage::Ctrl(ctrl) = serde_json::from_str(&frame).expect("valid") else { panic!("a ctrl") };
            assert_eq!(CtrlParams::read(ctrl.params.as_ref()).seq, None);
        }
    }

    #[test]
    fn deep_nesting_is_skipped_without_recursion() {
        let deep = format!(r#"{{"data":{{"topic":"a","content":{}{}}}}}"#, "[".repeat(50_000), "]".repeat(50_000));
        assert!(serde_json::from_str::<ServerMessage<'_>>(&deep).is_ok());
    }
}
