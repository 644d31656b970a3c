//! Topics: how a scenario names them, and how a user names them on the wire.

use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::template::{Template, TemplateError};
use crate::protocol::UserId;

/// A topic as a scenario names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicRef {
    /// `"me"`: the own notification topic.
    Me,
    /// `"peer"`: the user that the topology pairs this one with.
    Peer,
    /// `"group:NAME"`: this user's group of that name.
    Group(String),
    /// A wire name, written out or with `${…}`.
    Name(Template),
}

impl FromStr for TopicRef {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        Ok(match text {
            "me" => TopicRef::Me,
            "peer" => TopicRef::Peer,
            _ => match text.strip_prefix("group:") {
                Some(name) => TopicRef::Group(name.to_owned()),
                None => TopicRef::Name(text.parse()?),
            },
        })
    }
}

impl<'de> Deserialize<'de> for TopicRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for TopicRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TopicRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "`me`, `peer`, `group:NAME` of the topology, or a wire name (`grp…`, `usr…`), possibly with `${…}`." })
    }
}

/// A topic as one user knows it, in the least memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// `me`.
    Me,
    /// A conversation with this user.
    User(UserId),
    /// A group of the plan, by its number.
    Group(u32),
    /// Any other wire name.
    Other(Box<str>),
}

impl TopicRef {
    /// The template in it, if any.
    pub fn template(&self) -> Vec<&Template> {
        match self {
            TopicRef::Name(template) => vec![template],
            _ => Vec::new(),
        }
    }
}
