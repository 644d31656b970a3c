//! Synthetic payloads: how long they are, and a text that a receiver can check without having seen it sent.
//!
//! Every synthetic text is a slice of one shared text. Where the slice begins follows from the message's stamp
//! and its length, so a receiver knows the whole text from the id alone: a changed or a cut text is noticed,
//! and no user holds a payload of its own.

use std::str::FromStr;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::random::{Random, below, mix};

/// Longest synthetic payload of a message: the largest frame that servers of this family are known to take.
pub const PAYLOAD_BYTES_MAX: u64 = 256 * 1024;
/// Largest synthetic file.
pub const FILE_BYTES_MAX: u64 = 1 << 40;

const CORPUS_BYTES: usize = 2 * PAYLOAD_BYTES_MAX as usize;

/// How many bytes: one number, or a uniform choice between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadSize {
    /// Fewest bytes.
    pub min: u64,
    /// Most bytes.
    pub max: u64,
}

impl PayloadSize {
    /// Draws a size.
    pub fn draw(self, random: &mut Random) -> u64 {
        self.min + below(random, self.max - self.min + 1)
    }
}

/// What is wrong with a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Not of the form.
    #[error("expected a size such as `400 B`, `256 KiB` or `20..400 B`, found `{0}`")]
    Form(String),
    /// The first number is above the second.
    #[error("the range `{0}` is empty: write the smaller size first")]
    Empty(String),
}

fn unit_bytes(word: &str) -> Option<u64> {
    Some(match word {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    })
}

impl FromStr for PayloadSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let form = || SizeError::Form(text.to_owned());
        let trimmed = text.trim();
        let digits_end = trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(trimmed.len());
        let (numbers, unit) = trimmed.split_at(digits_end);
        let factor = unit_bytes(unit.trim()).ok_or_else(form)?;
        let number = |text: &str| -> Result<u64, SizeError> {
            text.parse::<u64>().ok().and_then(|count| count.checked_mul(factor)).ok_or_else(form)
        };
        let (min, max) = match numbers.split_once("..") {
            Some((low, high)) => (number(low)?, number(high)?),
            None => (number(numbers)?, number(numbers)?),
        };
        if min > max {
            return Err(SizeError::Empty(text.to_owned()));
        }
        Ok(PayloadSize { min, max })
    }
}

impl<'de> Deserialize<'de> for PayloadSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for PayloadSize {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PayloadSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A size such as `400 B`, `256 KiB`, or a range `20..400 B`.",
            "pattern": r"^\s*[0-9]+(\.\.[0-9]+)?\s*(B|KiB|MiB|GiB|kB|KB|MB|GB)?\s*$",
        })
    }
}

/// The shared text: lower-case words and blanks, nothing that JSON would escape.
static CORPUS: LazyLock<String> = LazyLock::new(|| {
    const SYLLABLES: [&str; 16] =
        ["ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "zu", "fa", "ge", "hi", "jo", "pu", "wa"];
    let mut text = String::with_capacity(CORPUS_BYTES + 16);
    let mut state = 0;
    while text.len() < CORPUS_BYTES {
        state = mix(state + 1);
        let syllables = 1 + (state & 3);
        for index in 0..syllables {
            text.push_str(SYLLABLES[((state >> (8 + 4 * index)) & 15) as usize]);
        }
        text.push(' ');
    }
    text.truncate(CORPUS_BYTES);
    text
});

/// Makes the shared text, which takes a millisecond that no operation should be blamed for.
pub fn prepare() {
    LazyLock::force(&CORPUS);
}

/// The synthetic text of `len` bytes for the message with this stamp key; at most [`PAYLOAD_BYTES_MAX`].
pub fn synthetic_text(key: u64, len: usize) -> &'static str {
    let len = len.min(PAYLOAD_BYTES_MAX as usize);
    let start = (mix(key ^ (len as u64).rotate_left(32)) % (CORPUS_BYTES - len) as u64) as usize;
    &CORPUS[start..start + len]
}

/// Whether `text` is what was sent under this stamp key.
pub fn is_intact(key: u64, text: &str) -> bool {
    text.len() <= PAYLOAD_BYTES_MAX as usize && synthetic_text(key, text.len()) == text
}

/// The shared bytes that files are cut from, again and again.
pub fn file_bytes() -> &'static [u8] {
    CORPUS.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ranges_are_read() {
        let size = |text: &str| text.parse::<PayloadSize>().map(|size| (size.min, size.max));
        assert_eq!(size("400 B"), Ok((400, 400)));
        assert_eq!(size("20..400 B"), Ok((20, 400)));
        assert_eq!(size("256 KiB"), Ok((262_144, 262_144)));
        assert_eq!(size("1..2 MB"), Ok((1_000_000, 2_000_000)));
        assert!(size("400..20 B").is_err());
        for wrong in ["", "B", "-1 B", "1.5 KiB", "10 QiB", "1..B", "99999999999999999999 B"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_receiver_notices_a_changed_and_a_cut_text() {
        let text = synthetic_text(42, 300);
        assert!(is_intact(42, text));
        assert!(!is_intact(42, &text[..299]));
        assert!(!is_intact(43, text));
        let changed = text.replacen(' ', "x", 1);
        assert!(!is_intact(42, &changed));
    }

    #[test]
    fn the_shared_text_needs_no_escape() {
        assert!(CORPUS.bytes().all(|byte| byte == b' ' || byte.is_ascii_lowercase()));
    }
}
