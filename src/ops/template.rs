//! `${…}` in scenario texts, compiled once into segments.

use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A text with places to fill in at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    segments: Vec<Segment>,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Goes out as it is.
    Literal(String),
    /// Known without a reply.
    Builtin(Builtin),
    /// `${name.key}`: a value that a step with `save = "name"` kept.
    Saved {
        /// The word after `save =`.
        name: String,
        /// Which value of the reply.
        key: String,
    },
}

/// Places that need no `save`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builtin {
    /// `${id}`: the request id of this very request.
    RequestId,
    /// `${user.name}`: the sign-in name.
    UserName,
    /// `${user.id}`: the own wire id, once logged in.
    UserId,
    /// `${user.index}`: the index in the plan, from 0.
    UserIndex,
    /// `${peer.id}`: the peer's wire id, once it has logged in.
    PeerId,
}

impl Builtin {
    /// Every builtin with its word.
    pub const ALL: &'static [(&'static str, Builtin)] = &[
        ("id", Builtin::RequestId),
        ("user.name", Builtin::UserName),
        ("user.id", Builtin::UserId),
        ("user.index", Builtin::UserIndex),
        ("peer.id", Builtin::PeerId),
    ];
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `${` without `}`.
    #[error("`${{` without a closing `}}`")]
    Open,
    /// Neither a builtin nor `name.key`.
    #[error("`${{{0}}}` is not known: use {known}, or `${{NAME.KEY}}` of a step with `save = \"NAME\"`", known = known())]
    Unknown(String),
}

fn known() -> String {
    let words: Vec<String> = Builtin::ALL.iter().map(|(word, _)| format!("`${{{word}}}`")).collect();
    words.join(", ")
}

impl Template {
    /// The parts in order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The text, when there is nothing to fill in.
    pub fn literal(&self) -> Option<&str> {
        match self.segments.as_slice() {
            [] => Some(""),
            [Segment::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether the request id is part of it.
    pub fn has_request_id(&self) -> bool {
        self.segments.contains(&Segment::Builtin(Builtin::RequestId))
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let mut segments = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if start > 0 {
                segments.push(Segment::Literal(rest[..start].to_owned()));
            }
            let inside = &rest[start + 2..];
            let end = inside.find('}').ok_or(TemplateError::Open)?;
            segments.push(place(&inside[..end])?);
            rest = &inside[end + 1..];
        }
        if !rest.is_empty() {
            segments.push(Segment::Literal(rest.to_owned()));
        }
        Ok(Template { segments })
    }
}

fn place(word: &str) -> Result<Segment, TemplateError> {
    if let Some((_, builtin)) = Builtin::ALL.iter().find(|(known, _)| *known == word) {
        return Ok(Segment::Builtin(*builtin));
    }
    let is_word =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    match word.split_once('.') {
        Some((name, key)) if is_word(name) && is_word(key) && name != "user" && name != "peer" => {
            Ok(Segment::Saved { name: name.to_owned(), key: key.to_owned() })
        }
        _ => Err(TemplateError::Unknown(word.to_owned())),
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Template {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "Text; `${id}`, `${user.name}`, `${user.id}`, `${peer.id}` and `${name.key}` of a saved reply are filled in." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_literals_alternate() {
        let template: Template = "see ${file.url} by ${user.name}".parse().expect("valid");
        assert_eq!(
            template.segments(),
            [
                Segment::Literal("see ".into()),
                Segment::Saved { name: "file".into(), key: "url".into() },
                Segment::Literal(" by ".into()),
                Segment::Builtin(Builtin::UserName),
            ]
        );
        assert_eq!(template.literal(), None);
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!("${a.b".parse::<Template>(), Err(TemplateError::Open));
        for wrong in ["${}", "${x}", "${user.password}", "${a.b.c d}", "${.x}"] {
            assert!(matches!(wrong.parse::<Template>(), Err(TemplateError::Unknown(_))), "{wrong}");
        }
    }
}
