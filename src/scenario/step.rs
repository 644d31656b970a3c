//! A step: what every step can carry, and the operation's own parameters.
//!
//! Read in two moves: the common keys by hand, then the rest by the operation's own `serde` struct from the TOML
//! tree, so that a mistake inside keeps its place.

use std::ops::Range;
use std::sync::LazyLock;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::problem::{Problem, listed};
use super::quantity::TIMEOUT_MAX;
use super::read::{Fields, Reader, Value, shorten};
use super::topology::word;
use super::{Expect, MetaPart, Step};
use crate::ops::{Op, OpId};

/// Keys of every step.
pub(super) const COMMON_KEYS: &[&str] = &["op", "timeout", "expect", "save", "repeat", "chance"];
pub(super) const EXPECT_KEYS: &[&str] = &["code", "meta"];
/// Most repetitions of one step.
pub(super) const REPEAT_MAX: u64 = 1_000_000;
/// The words of `expect.meta`.
pub(super) const META_PARTS: &[(&str, MetaPart)] =
    &[("desc", MetaPart::Desc), ("sub", MetaPart::Sub), ("del", MetaPart::Del)];

/// A step, as far as it could be read, with the places that later checks point at.
#[derive(Debug)]
pub(super) struct DraftStep {
    pub(super) place: Range<usize>,
    pub(super) id: Option<OpId>,
    pub(super) op: Option<Op>,
    pub(super) save: Option<(String, Range<usize>)>,
    pub(super) chance: Option<f64>,
    pub(super) expect_place: Option<Range<usize>>,
    /// The operation's parameters that are texts: key, text, place.
    pub(super) texts: Vec<(String, String, Range<usize>)>,
    timeout: Option<Option<Duration>>,
    expect: Option<Option<Expect>>,
    repeat: Option<u32>,
}

impl DraftStep {
    pub(super) fn finish(self) -> Option<Step> {
        Some(Step {
            op: self.op?,
            timeout: self.timeout?,
            expect: self.expect?,
            save: self.save.map(|(name, _)| name),
            repeat: self.repeat?,
            chance: self.chance?,
        })
    }

    /// The place of a parameter, or of the step.
    pub(super) fn place_of(&self, key: &str) -> Range<usize> {
        let found = self.texts.iter().find(|(name, ..)| name == key);
        found.map_or(self.place.clone(), |(.., place)| place.clone())
    }
}

/// What an operation's parameters are called, and which it needs; read from its JSON Schema.
struct Parameters {
    known: Vec<String>,
    required: Vec<String>,
}

static PARAMETERS: LazyLock<Vec<Parameters>> = LazyLock::new(|| {
    let mut generator = schemars::SchemaGenerator::default();
    let mut parameters = |id: OpId| {
        let schema = id.schema(&mut generator).to_value();
        let known = schema["properties"].as_object().map(|all| all.keys().cloned().collect());
        let required = schema["required"]
            .as_array()
            .map(|all| all.iter().filter_map(|word| word.as_str()).map(str::to_owned).collect());
        Parameters { known: known.unwrap_or_default(), required: required.unwrap_or_default() }
    };
    OpId::ALL.iter().map(|id| parameters(*id)).collect()
});

/// A step.
pub(super) fn step(reader: &mut Reader, value: &Value<'_>) -> Option<DraftStep> {
    let DeValue::Table(table) = value.get_ref() else {
        return reader.wrong_kind("a step", value, "a table such as `{ op = \"login\" }`");
    };
    // Of a step over many lines only the first is of use to a reader.
    let mut fields = Fields::new(table, value.span(), "the step");
    let op = fields
        .need(reader, "op", "name the operation, such as `op = \"publish\"`")
        .and_then(|value| reader.text_as("`op`", value, "the name of an operation"));
    let id = op.as_ref().and_then(|text| {
        let found = OpId::by_name(text.text);
        if found.is_none() {
            let names: Vec<&str> = OpId::ALL.iter().map(|id| id.name()).collect();
            let problem = Problem::at(text.place.clone(), format!("unknown operation `{}`", text.shown));
            reader.problem(problem.nearest(operation_meant(text.text), names));
        }
        found
    });
    if let Some(id) = id {
        fields.rename(format!("`{}`", id.name()));
    }
    let timeout = match fields.get("timeout") {
        Some(value) => reader.duration("`timeout`", value, Duration::from_millis(1)..=TIMEOUT_MAX).map(Some),
        None => Some(None),
    };
    let repeat = match fields.get("repeat") {
        Some(value) => reader.whole("`repeat`", value, 1..=REPEAT_MAX).and_then(|repeat| u32::try_from(repeat).ok()),
        None => Some(1),
    };
    Some(DraftStep {
        place: value.span(),
        id,
        op: id.and_then(|id| parameters(reader, id, &fields)),
        save: fields.get("save").and_then(|value| Some((word(reader, "`save`", value)?, value.span()))),
        chance: chance(reader, &fields),
        expect_place: fields.key_place("expect"),
        texts: texts(table),
        timeout,
        expect: expect(reader, &fields),
        repeat,
    })
}

/// Words of other tools and of the wire for the same thing.
fn operation_meant(word: &str) -> &str {
    match word.to_lowercase().as_str() {
        "pub" | "send" | "message" | "chat" => "publish",
        "sub" | "join" | "attach" => "subscribe",
        "sign-in" | "signin" | "auth" | "authenticate" => "login",
        "acc" | "access-token" | "refresh" => "token",
        "close" | "logout" | "quit" => "disconnect",
        "open" | "dial" => "connect",
        "members" => "list-members",
        "get" | "read" => "history",
        "unsubscribe" | "part" => "leave",
        "kick" | "evict" => "remove-member",
        "typing" => "note",
        "file" => "upload",
        _ => word,
    }
}

fn texts(table: &DeTable<'_>) -> Vec<(String, String, Range<usize>)> {
    let own = table.iter().filter(|(key, _)| !COMMON_KEYS.contains(&key.get_ref().as_ref()));
    own.filter_map(|(key, value)| Some((key.get_ref().to_string(), value.get_ref().as_str()?.to_owned(), value.span())))
        .collect()
}

fn chance(reader: &mut Reader, fields: &Fields<'_, '_>) -> Option<f64> {
    let Some(value) = fields.get("chance") else { return Some(1.0) };
    let kind = "a probability from 0 to 1, such as `0.1`";
    let chance = reader.number("`chance`", value, kind)?;
    if (0.0..=1.0).contains(&chance) {
        return Some(chance);
    }
    let problem =
        Problem::at(value.span(), format!("`chance` cannot be `{chance}`")).expected(format!("expected {kind}"));
    reader.problem(match (1.0..=100.0).contains(&chance) {
        true => problem.help(format!("{chance} percent is `chance = {}`", chance / 100.0)),
        false => problem,
    });
    None
}

/// `expect`: `Some(None)` when it is not there.
fn expect(reader: &mut Reader, fields: &Fields<'_, '_>) -> Option<Option<Expect>> {
    let Some(value) = fields.get("expect") else { return Some(None) };
    if !value.get_ref().is_table() {
        return reader.wrong_kind("`expect`", value, "a table such as `{ code = 403 }` or `{ meta = \"desc\" }`");
    }
    let inside = reader.table("`expect`", value, EXPECT_KEYS)?;
    match (inside.get("code"), inside.get("meta")) {
        (Some(code), None) => {
            let items: Vec<&Value<'_>> = match code.get_ref() {
                DeValue::Array(list) => list.iter().collect(),
                _ => vec![code],
            };
            if items.is_empty() {
                reader.problem(Problem::at(code.span(), "`code` is an empty list").help("name at least one code"));
                return None;
            }
            let codes: Vec<Option<u64>> =
                items.into_iter().map(|item| reader.whole("`code`", item, 100..=599)).collect();
            let codes =
                codes.into_iter().map(|code| code.and_then(|code| u16::try_from(code).ok())).collect::<Option<_>>()?;
            Some(Some(Expect::Codes(codes)))
        }
        (None, Some(meta)) => reader.choice("`meta`", meta, META_PARTS).map(|part| Some(Expect::Meta(part))),
        (Some(_), Some(_)) => {
            reader
                .problem(Problem::at(value.span(), "`expect` has both `code` and `meta`").help("keep one of the two"));
            None
        }
        (None, None) if !inside.table.is_empty() => None, // only unknown keys, and those are reported
        (None, None) => {
            let problem = Problem::at(value.span(), "`expect` says nothing");
            reader.problem(problem.expected("expected `{ code = 403 }` or `{ meta = \"desc\" }`"));
            None
        }
    }
}

/// The operation's own parameters: first all unknown and missing keys, then one value after the other.
fn parameters(reader: &mut Reader, id: OpId, fields: &Fields<'_, '_>) -> Option<Op> {
    let Parameters { known, required } = &PARAMETERS[id.index()];
    let all: Vec<&str> = known.iter().map(String::as_str).chain(COMMON_KEYS.iter().copied()).collect();
    reader.only(fields, &all);
    let mut is_whole = true;
    for key in required {
        is_whole &= fields.need(reader, key, &format!("`{}` takes {}", id.name(), listed(known))).is_some();
    }
    let mut rest: DeTable<'_> = DeTable::new();
    for (key, value) in fields.table.iter() {
        if known.iter().any(|word| *word == key.get_ref().as_ref()) {
            rest.insert(key.clone(), value.clone());
        }
    }
    loop {
        let value = Spanned::new(fields.place.clone(), DeValue::Table(rest.clone()));
        let error = match id.deserialize(ValueDeserializer::from(value)) {
            Ok(op) => return is_whole.then_some(op),
            Err(error) => error,
        };
        // The value that is wrong is taken out, so that the next wrong one shows too.
        let place = error.span().unwrap_or(fields.place.clone());
        let wrong = rest.iter().find(|(_, value)| value.span().start <= place.start && place.end <= value.span().end);
        let Some((key, value)) = wrong.map(|(key, value)| (key.get_ref().to_string(), value.clone())) else {
            if is_whole {
                reader.problem(Problem::at(place, sentence(error.message())));
            }
            return None;
        };
        is_whole = false;
        reader.wrong_parameter(&key, &value, error.message());
        rest.remove(key.as_str());
    }
}

impl Reader {
    /// A parameter that the operation's struct did not take, in the words of this program.
    fn wrong_parameter(&mut self, key: &str, value: &Value<'_>, message: &str) {
        let place = value.span();
        if self.is_failed(&place) {
            return;
        }
        if let Some(written) = self.written(&place) {
            let message = format!("`{key}` cannot be what `{}` stands for", shorten(written));
            return self.problem(Problem::at(place, message));
        }
        if let Some((_, kind)) = message.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "))
        {
            let kind = match kind {
                "a string" => "a text in quotes",
                "a boolean" => "`true` or `false`",
                "u32" | "u64" => "a whole number",
                other => other,
            };
            self.wrong_kind::<()>(&format!("`{key}`"), value, kind);
        } else if let Some(rest) = message.strip_prefix("invalid value: ") {
            let found = rest.split('`').nth(1).unwrap_or_default();
            let problem = Problem::at(place, format!("`{key}` is out of range: `{}`", shorten(found)));
            self.problem(problem.expected("expected a whole number from 0"));
        } else if let Some(rest) = message.strip_prefix("unknown variant ") {
            let words: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
            let (wrong, known) = words.split_first().map_or(("", &[][..]), |(wrong, known)| (*wrong, known));
            let problem = Problem::at(place, format!("`{key}` cannot be `{}`", shorten(wrong)));
            self.problem(
                problem
                    .expected(format!("expected {}", super::read::one_of(known)))
                    .nearest(wrong, known.iter().copied()),
            );
        } else if let Some((kind, found)) = message.rsplit_once(", found ") {
            self.problem(Problem::at(place, format!("`{key}` cannot be read: {found}")).expected(kind));
        } else {
            let (message, way) = match message.split_once(": ") {
                Some((message, way)) => (message, Some(way)),
                None => (message, None),
            };
            let mut problem = Problem::at(place, format!("`{key}` cannot be read: {}", sentence(message)));
            problem.help.extend(way.map(str::to_owned));
            self.problem(problem);
        }
    }
}

/// A message of another library as a fragment of ours.
pub(super) fn sentence(message: &str) -> String {
    let message = message.trim().replace('\n', ", ");
    let mut chars = message.chars();
    chars.next().map_or(String::new(), |first| first.to_lowercase().collect::<String>() + chars.as_str())
}
