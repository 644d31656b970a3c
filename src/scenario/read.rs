//! Reads values out of the TOML tree: the right kind, or a problem at its place that says what was expected.
//!
//! Every reader answers `None` after it has noted a problem, and the caller goes on with the next value.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeString, DeTable, DeValue};

use super::GateText;
use super::problem::{Problem, nearest};

/// A value with its place.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// A key with its place.
pub(super) type Key<'i> = Spanned<DeString<'i>>;

/// Collects problems while values are read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    problems: Vec<Problem>,
    /// Gates as far as they could be read; what they mean is checked by somebody else.
    gates: Vec<GateText>,
    /// Whether only a part of the text could be parsed: then nothing can be said to be missing.
    is_partial: bool,
    /// Start of each text that `${env:…}` or `${file:…}` was filled in, and how it was written: what came from there
    /// may be a secret and is never shown.
    expanded: HashMap<usize, String>,
    /// Start of each text that could not be filled in: reported once, and then left alone.
    failed: HashSet<usize>,
    /// Known keys that are not there because they are written wrong: start of the table, and the key.
    misspelt: HashSet<(usize, String)>,
}

/// A text of the scenario.
#[derive(Debug, Clone)]
pub(super) struct Text<'v> {
    /// With `${env:…}` and `${file:…}` filled in.
    pub(super) text: &'v str,
    /// As it may be shown.
    pub(super) shown: Cow<'v, str>,
    pub(super) place: Range<usize>,
}

/// A table whose keys are known.
#[derive(Debug, Clone)]
pub(super) struct Fields<'v, 'i> {
    pub(super) table: &'v DeTable<'i>,
    pub(super) place: Range<usize>,
    /// What messages call it, in backticks.
    name: String,
}

impl Reader {
    /// A reader of what could be parsed of a broken text.
    pub(super) fn partial() -> Reader {
        Reader { is_partial: true, ..Reader::default() }
    }

    pub(super) fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// Notes that something is not there.
    pub(super) fn missing(&mut self, problem: Problem) {
        if !self.is_partial {
            self.problem(problem);
        }
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// How many problems there are so far.
    pub(super) fn count(&self) -> usize {
        self.problems.len()
    }

    pub(super) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Keeps a gate for whoever checks what it means, even when the scenario is wrong elsewhere.
    pub(super) fn note_gate(&mut self, gate: GateText) {
        self.gates.push(gate);
    }

    pub(super) fn take_gates(&mut self) -> Vec<GateText> {
        std::mem::take(&mut self.gates)
    }

    /// Remembers that the text at `place` was filled in.
    pub(super) fn note_expanded(&mut self, place: &Range<usize>, written: &str) {
        self.expanded.insert(place.start, written.to_owned());
    }

    /// Remembers that the text at `place` could not be filled in.
    pub(super) fn note_failed(&mut self, place: &Range<usize>) {
        self.failed.insert(place.start);
    }

    /// Whether a value is missing for a reason that is already reported.
    pub(super) fn is_failed(&self, place: &Range<usize>) -> bool {
        self.failed.contains(&place.start)
    }

    /// Whether a key of the table at `place` is there, but written wrong.
    pub(super) fn is_misspelt(&self, place: &Range<usize>, key: &str) -> bool {
        self.misspelt.contains(&(place.start, key.to_owned()))
    }

    /// How a text was written before it was filled in.
    pub(super) fn written(&self, place: &Range<usize>) -> Option<&str> {
        self.expanded.get(&place.start).map(String::as_str)
    }

    pub(super) fn table<'v, 'i>(&mut self, name: &str, value: &'v Value<'i>, keys: &[&str]) -> Option<Fields<'v, 'i>> {
        let DeValue::Table(table) = value.get_ref() else {
            return self.wrong_kind(name, value, "a table");
        };
        let fields = Fields::new(table, value.span(), name);
        self.only(&fields, keys);
        Some(fields)
    }

    /// Reports every key that is not among `keys`.
    pub(super) fn only(&mut self, fields: &Fields<'_, '_>, keys: &[&str]) {
        for key in fields.table.keys() {
            let word = key.get_ref().as_ref();
            if !keys.contains(&word) {
                let message = format!("unknown key `{}` in {}", shorten(word), fields.name);
                if let Some(meant) = nearest(word, keys) {
                    self.misspelt.insert((fields.place.start, meant.to_owned()));
                }
                self.problem(Problem::at(key.span(), message).nearest(word, keys.iter().copied()));
            }
        }
    }

    pub(super) fn array<'v, 'i>(&mut self, name: &str, value: &'v Value<'i>, kind: &str) -> Option<&'v DeArray<'i>> {
        match value.get_ref() {
            DeValue::Array(array) => Some(array),
            _ => self.wrong_kind(name, value, kind),
        }
    }

    pub(super) fn text<'v>(&mut self, name: &str, value: &'v Value<'_>) -> Option<Text<'v>> {
        self.text_as(name, value, "a text in quotes")
    }

    /// A text; `kind` says what it stands for.
    pub(super) fn text_as<'v>(&mut self, name: &str, value: &'v Value<'_>, kind: &str) -> Option<Text<'v>> {
        let DeValue::String(text) = value.get_ref() else {
            return self.wrong_kind(name, value, kind);
        };
        let place = value.span();
        if self.is_failed(&place) {
            return None;
        }
        let shown = match self.written(&place) {
            Some(written) => Cow::Owned(shorten(written).into_owned()),
            None => shorten(text),
        };
        Some(Text { text, shown, place })
    }

    /// A text that means something else, such as a duration.
    pub(super) fn parsed<T>(
        &mut self,
        name: &str,
        value: &Value<'_>,
        kind: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text_as(name, value, kind)?;
        let parsed = parse(text.text);
        if parsed.is_none() {
            let message = format!("{name} cannot be read: `{}`", text.shown);
            self.problem(Problem::at(text.place, message).expected(format!("expected {kind}")));
        }
        parsed
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, value: &Value<'_>, choices: &[(&str, T)]) -> Option<T> {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let kind = one_of(&words);
        let text = self.text_as(name, value, &kind)?;
        let found = choices.iter().find(|(word, _)| *word == text.text).map(|(_, choice)| *choice);
        if found.is_none() {
            let problem = Problem::at(text.place, format!("{name} cannot be `{}`", text.shown));
            let problem = problem.expected(format!("expected {kind}"));
            self.problem(match nearest(text.text, &words) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem,
            });
        }
        found
    }

    pub(super) fn boolean(&mut self, name: &str, value: &Value<'_>) -> Option<bool> {
        match (value.get_ref(), self.filled_in(value)) {
            (DeValue::Boolean(boolean), _) => Some(*boolean),
            (_, Some("true")) => Some(true),
            (_, Some("false")) => Some(false),
            _ => self.wrong_kind(name, value, "`true` or `false`"),
        }
    }

    pub(super) fn whole(&mut self, name: &str, value: &Value<'_>, range: RangeInclusive<u64>) -> Option<u64> {
        let kind = format!("a whole number from {} to {}", grouped(*range.start()), grouped(*range.end()));
        let number = match (value.get_ref(), self.filled_in(value)) {
            (DeValue::Integer(integer), _) => integer_value(integer),
            (_, Some(text)) => text.parse().ok(),
            _ => return self.wrong_kind(name, value, &kind),
        };
        if self.is_failed(&value.span()) {
            return None;
        }
        match number.and_then(|number| u64::try_from(number).ok()).filter(|number| range.contains(number)) {
            Some(number) => Some(number),
            None => {
                let message = format!("{name} is out of range: `{}`", self.shown(value));
                self.problem(Problem::at(value.span(), message).expected(format!("expected {kind}")));
                None
            }
        }
    }

    /// A finite number.
    pub(super) fn number(&mut self, name: &str, value: &Value<'_>, kind: &str) -> Option<f64> {
        let number = match (value.get_ref(), self.filled_in(value)) {
            (DeValue::Integer(integer), _) => integer_value(integer).map(|integer| integer as f64),
            (DeValue::Float(float), _) => float.as_str().parse().ok(),
            (_, Some(text)) => text.parse().ok(),
            _ => return self.wrong_kind(name, value, kind),
        };
        let number = number.filter(|number: &f64| number.is_finite());
        if number.is_none() && !self.is_failed(&value.span()) {
            let message = format!("{name} cannot be `{}`", self.shown(value));
            self.problem(Problem::at(value.span(), message).expected(format!("expected {kind}")));
        }
        number
    }

    /// A text that stands for another kind of value because it was filled in, as in `count = "${env:USERS}"`.
    fn filled_in<'v>(&self, value: &'v Value<'_>) -> Option<&'v str> {
        self.written(&value.span())?;
        value.get_ref().as_str().map(str::trim)
    }

    /// Notes that a value is of another kind; answers `None` for the caller to pass on.
    pub(super) fn wrong_kind<T>(&mut self, name: &str, value: &Value<'_>, kind: &str) -> Option<T> {
        if self.is_failed(&value.span()) {
            return None;
        }
        let message = format!("{name} cannot be {}", self.kind_of(value));
        self.problem(Problem::at(value.span(), message).expected(format!("expected {kind}")));
        None
    }

    fn kind_of(&self, value: &Value<'_>) -> String {
        match value.get_ref() {
            DeValue::String(_) => format!("the text `{}`", self.shown(value)),
            DeValue::Integer(_) => format!("the whole number `{}`", self.shown(value)),
            DeValue::Float(_) => format!("the number `{}`", self.shown(value)),
            DeValue::Boolean(boolean) => format!("`{boolean}`"),
            DeValue::Datetime(_) => "a date".to_owned(),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        }
    }

    fn shown(&self, value: &Value<'_>) -> String {
        match (self.written(&value.span()), value.get_ref()) {
            (Some(written), _) => shorten(written).into_owned(),
            (None, DeValue::String(text)) => shorten(text).into_owned(),
            (None, DeValue::Integer(integer)) => shorten(integer.as_str()).into_owned(),
            (None, DeValue::Float(float)) => shorten(float.as_str()).into_owned(),
            (None, other) => other.type_str().to_owned(),
        }
    }
}

impl<'v, 'i> Fields<'v, 'i> {
    pub(super) fn new(table: &'v DeTable<'i>, place: Range<usize>, name: &str) -> Fields<'v, 'i> {
        Fields { table, place, name: name.to_owned() }
    }

    pub(super) fn rename(&mut self, name: String) {
        self.name = name;
    }

    pub(super) fn get(&self, key: &str) -> Option<&'v Value<'i>> {
        self.table.get(key)
    }

    /// The place of a key's name.
    pub(super) fn key_place(&self, key: &str) -> Option<Range<usize>> {
        self.table.get_key_value(key).map(|(key, _)| key.span())
    }

    /// A value that must be there.
    pub(super) fn need(&self, reader: &mut Reader, key: &str, help: &str) -> Option<&'v Value<'i>> {
        let value = self.get(key);
        if value.is_none() && !reader.is_misspelt(&self.place, key) {
            let message = format!("`{key}` is missing in {}", self.name);
            reader.missing(Problem::at(self.place.clone(), message).help(help));
        }
        value
    }
}

/// The entries of a table in the order of the text.
pub(super) fn in_order<'v, 'i>(table: &'v DeTable<'i>) -> Vec<(&'v Key<'i>, &'v Value<'i>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// "`a`, `b` or `c`".
pub(super) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
        _ => quoted.concat(),
    }
}

/// A text short enough to be repeated in a message, on one line.
pub(super) fn shorten(text: &str) -> Cow<'_, str> {
    const CHARS_MAX: usize = 60;
    if text.chars().count() <= CHARS_MAX && !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut short: String = text.chars().take(CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() > CHARS_MAX {
        short.push('…');
    }
    Cow::Owned(short)
}

/// A number with a comma at each thousand.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn integer_value(integer: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(integer.as_str(), integer.radix()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_texts_cut() {
        assert_eq!(grouped(16_777_216), "16,777,216");
        assert_eq!(grouped(100), "100");
        assert_eq!(shorten(&"x".repeat(70)).chars().count(), 61);
        assert_eq!(shorten("a\nb"), "a b");
    }
}
