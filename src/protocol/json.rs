//! `Json`: a JSON value that the protocol passes through without looking inside.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A value whose shape is a private agreement between clients: `content`, `head`, `public`, `private`.
#[derive(Debug, Clone)]
pub enum Json<'a> {
    /// As it stood in the frame.
    Raw(&'a RawValue),
    /// A string that is still to be escaped.
    Text(Cow<'a, str>),
    /// A value made here.
    Value(serde_json::Value),
}

impl Json<'_> {
    /// The JSON text.
    pub fn to_json(&self) -> Cow<'_, str> {
        match self {
            Json::Raw(raw) => Cow::Borrowed(raw.get()),
            other => Cow::Owned(serde_json::to_string(other).expect("strings and values always serialize")),
        }
    }

    /// The string, when the value is one.
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Json::Raw(raw) => serde_json::from_str::<super::Text<'_>>(raw.get()).ok().map(|text| text.0),
            Json::Text(text) => Some(Cow::Borrowed(text)),
            Json::Value(value) => value.as_str().map(Cow::Borrowed),
        }
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Raw(raw) => raw.serialize(serializer),
            Json::Text(text) => serializer.serialize_str(text),
            Json::Value(value) => value.serialize(serializer),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'a RawValue>::deserialize(deserializer).map(Json::Raw)
    }
}
