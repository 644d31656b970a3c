//! Frames as text: replies, messages, presence.

use std::borrow::Cow;

use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::topic::Member;
use crate::protocol::server::{Access, CtrlParams, Data, Info, Meta, Pres};
use crate::protocol::{Code, Mode, ServerMessage};

/// A `ctrl` in the making.
#[derive(Serialize)]
pub(super) struct Reply<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<Params<'a>>,
    code: Code,
    text: &'a str,
    ts: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Params<'a> {
    Known(Box<CtrlParams<'a>>),
    Deleted { del: u64 },
    Other(serde_json::Value),
}

#[derive(Serialize)]
struct Envelope<'r, 'a> {
    ctrl: &'r Reply<'a>,
}

impl<'a> Reply<'a> {
    pub fn new(id: Option<&'a str>, code: Code, text: &'a str, ts: &'a str) -> Reply<'a> {
        Reply { id, topic: None, params: None, code, text, ts }
    }

    pub fn topic(mut self, topic: Option<&'a str>) -> Reply<'a> {
        self.topic = topic.filter(|name| !name.is_empty()).map(Cow::Borrowed);
        self
    }

    pub fn topic_owned(mut self, topic: &str) -> Reply<'a> {
        self.topic = (!topic.is_empty()).then(|| Cow::Owned(topic.to_owned()));
        self
    }

    pub fn text(mut self, text: &'a str) -> Reply<'a> {
        self.text = text;
        self
    }

    pub fn params(mut self, params: CtrlParams<'a>) -> Reply<'a> {
        self.params = Some(Params::Known(Box::new(params)));
        self
    }

    pub fn what(self, what: &'a str) -> Reply<'a> {
        self.params(CtrlParams { what: Some(what.into()), ..CtrlParams::default() })
    }

    pub fn deleted(mut self, del: u64) -> Reply<'a> {
        self.params = Some(Params::Deleted { del });
        self
    }

    pub fn other(mut self, params: serde_json::Value) -> Reply<'a> {
        self.params = Some(Params::Other(params));
        self
    }

    pub fn to_frame(&self) -> Utf8Bytes {
        write(&Envelope { ctrl: self })
    }
}

/// The service's text for a code, where no other is asked for.
pub(super) fn text_of(code: Code) -> &'static str {
    match code {
        Code::OK => "ok",
        Code::CREATED => "created",
        Code::ACCEPTED => "accepted",
        Code::NO_CONTENT => "no content",
        Code::EVICTED => "evicted",
        Code::DELIVERED => "delivered",
        Code::NOT_MODIFIED => "not modified",
        Code::MALFORMED => "malformed",
        Code::UNAUTHORIZED => "authentication required",
        Code::FORBIDDEN => "permission denied",
        Code::NOT_FOUND => "not found",
        Code::NOT_ALLOWED => "operation or method not allowed",
        Code(408) => "disconnected",
        Code::CONFLICT => "must attach first",
        Code(410) => "gone",
        Code::TOO_LARGE => "too large",
        Code::POLICY => "policy violation",
        Code::TOO_MANY_REQUESTS => "too many requests",
        Code::INTERNAL => "internal error",
        Code::NOT_IMPLEMENTED => "not implemented",
        Code(502) => "cluster unreachable",
        Code::UNAVAILABLE => "service unavailable",
        Code::VERSION => "version not supported",
        _ => "refused",
    }
}

/// A frame of any other kind.
pub(super) fn pres(pres: Pres<'_>) -> Utf8Bytes {
    write(&ServerMessage::Pres(pres))
}

pub(super) fn info(info: Info<'_>) -> Utf8Bytes {
    write(&ServerMessage::Info(info))
}

pub(super) fn meta(meta: Meta<'_>) -> Utf8Bytes {
    write(&ServerMessage::Meta(meta))
}

pub(super) fn data(data: Data<'_>) -> Utf8Bytes {
    write(&ServerMessage::Data(data))
}

/// The same message as seen by somebody who names the topic otherwise: all but the name is copied.
pub(super) fn retitled(frame: &str, from: &str, to: &str) -> Utf8Bytes {
    const HEAD: &str = r#"{"data":{"topic":""#;
    let rest = frame.get(HEAD.len() + from.len()..).unwrap_or_default();
    let mut text = String::with_capacity(HEAD.len() + to.len() + rest.len());
    text.push_str(HEAD);
    text.push_str(to);
    text.push_str(rest);
    text.into()
}

pub(super) fn access(member: &Member) -> Access<'static> {
    Access {
        want: Some(member.want.to_string().into()),
        given: Some(member.given.to_string().into()),
        mode: Some(member.mode().to_string().into()),
    }
}

/// The full modes of a new subscription, or `N` for one that is gone.
pub(super) fn dacs_full(want: Mode, given: Mode) -> Access<'static> {
    Access { want: Some(want.to_string().into()), given: Some(given.to_string().into()), mode: None }
}

/// The difference between two states of a subscription; `None` when there is none.
pub(super) fn dacs_delta(before: (Mode, Mode), after: (Mode, Mode)) -> Option<Access<'static>> {
    let part = |after: Mode, before: Mode| Some(after.delta_from(before)).filter(|text| !text.is_empty());
    let (want, given) = (part(after.0, before.0), part(after.1, before.1));
    (want.is_some() || given.is_some()).then(|| Access {
        want: want.map(Into::into),
        given: given.map(Into::into),
        mode: None,
    })
}

fn write<T: Serialize>(frame: &T) -> Utf8Bytes {
    serde_json::to_string(frame).expect("frames are made of strings, numbers and checked JSON").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Json;

    #[test]
    fn a_retitled_message_differs_in_the_topic_alone() {
        let make = |topic: &'static str| {
            data(Data {
                topic: topic.into(),
                from: Some("usr1".into()),
                ts: Some("t".into()),
                seq: 3,
                head: None,
                content: Some(Json::Text("\"x\"".into())),
                reqid: Some("r".into()),
            })
        };
        assert_eq!(retitled(&make("usr12"), "usr12", "usr7"), make("usr7"));
    }

    #[test]
    fn an_unchanged_access_has_no_delta() {
        assert!(dacs_delta((Mode::GROUP, Mode::GROUP), (Mode::GROUP, Mode::GROUP)).is_none());
    }
}
