//! Problems: what is wrong with a scenario, where, and the way out.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::GateText;
use super::render::{Style, render};
use super::source::{Source, Sources};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong: a lower-case fragment that names the thing in backticks.
    pub message: String,
    /// Where.
    pub place: Place,
    /// What was expected there; stands beside the marker.
    pub expected: Option<String>,
    /// The way out.
    pub help: Vec<String>,
}

/// Where a problem is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Bytes of the scenario's text, or beyond its end those of a flag.
    Text(Range<usize>),
    /// A line of another file, counted from 1. Its text is not shown: it may hold secrets.
    File {
        /// As the scenario names it.
        name: String,
        /// The line.
        line: usize,
    },
}

impl Problem {
    /// A problem at these bytes.
    pub fn at(place: Range<usize>, message: impl Into<String>) -> Problem {
        Problem { message: message.into(), place: Place::Text(place), expected: None, help: Vec::new() }
    }

    /// A problem in another file.
    pub fn in_file(name: &str, line: usize, message: impl Into<String>) -> Problem {
        let place = Place::File { name: name.to_owned(), line };
        Problem { message: message.into(), place, expected: None, help: Vec::new() }
    }

    /// Says what was expected.
    #[must_use]
    pub fn expected(mut self, what: impl Into<String>) -> Problem {
        self.expected = Some(what.into());
        self
    }

    /// Tells a way out.
    #[must_use]
    pub fn help(mut self, way: impl Into<String>) -> Problem {
        self.help.push(way.into());
        self
    }

    /// Suggests the nearest known word, or lists them all when none is near.
    #[must_use]
    pub fn nearest<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str>) -> Problem {
        let known: Vec<&str> = known.into_iter().collect();
        match nearest(word, &known) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => self,
            None => self.help(format!("known are {}", listed(&known))),
        }
    }
}

/// The known word that a mistyped one most likely means.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['_', ' ', '.'], "-");
    let word = plain(word);
    let distance = |candidate: &str| strsim::damerau_levenshtein(&word, &plain(candidate));
    let (best, steps) = known.iter().map(|known| (*known, distance(known))).min_by_key(|&(_, steps)| steps)?;
    let bound = word.chars().count().max(best.chars().count()).div_ceil(3);
    if steps <= bound {
        return Some(best);
    }
    // An abbreviation or a longer form of it: `pub` for `publish`, `passwords` for `password`.
    known
        .iter()
        .copied()
        .find(|known| word.len() >= 3 && (plain(known).starts_with(&word) || word.starts_with(&plain(known))))
}

/// Words in backticks, the last one joined by "and".
pub(super) fn listed<S: AsRef<str>>(words: &[S]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    match quoted.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// How the problem of a variable that is not set begins.
pub(super) const VARIABLE: &str = "the environment variable";

/// Every mistake of one load; never empty.
#[derive(Debug, Clone)]
pub struct Problems {
    pub(super) sources: Arc<Sources>,
    pub(super) list: Vec<Problem>,
    /// The gates of the scenario, as far as they could be read.
    pub(super) gates: Vec<GateText>,
}

impl Problems {
    /// The gates of the scenario that has these problems: wrong ones among them are worth telling at the same time.
    pub fn gates(&self) -> &[GateText] {
        &self.gates
    }

    /// The place of a part of such a gate's text.
    pub fn place_in_gate(&self, gate: &GateText, part: Range<usize>) -> Range<usize> {
        self.sources.place_in_gate(gate, part)
    }

    /// These problems and more of the same scenario.
    #[must_use]
    pub fn and(self, more: Vec<Problem>) -> Problems {
        let Problems { sources, mut list, gates } = self;
        list.extend(more);
        Problems { gates, ..Problems::new(sources, list) }
    }

    pub(super) fn new(sources: Arc<Sources>, mut list: Vec<Problem>) -> Problems {
        list.sort_by_key(|problem| match &problem.place {
            Place::Text(place) => (0, place.start),
            Place::File { line, .. } => (1, *line),
        });
        list.dedup();
        Problems { sources, list, gates: Vec::new() }
    }

    /// The problem that a file cannot be read at all, for a caller that has no text to load.
    pub fn unreadable(name: &str, message: impl Into<String>) -> Problems {
        let source = Source { name: name.to_owned(), text: String::new() };
        Problems::new(Arc::new(Sources::new(source)), vec![Problem::at(0..0, message)])
    }

    /// The same, with another way out where a variable of the environment is not set.
    #[must_use]
    pub fn with_help_on_variables(mut self, way: &str) -> Problems {
        for problem in self.list.iter_mut().filter(|problem| problem.message.starts_with(VARIABLE)) {
            problem.help = vec![way.to_owned()];
        }
        self
    }

    /// The problems in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none; never so for what [`super::load`] answers.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// What the scenario file is called.
    pub fn file_name(&self) -> &str {
        &self.sources.file().name
    }

    /// A block for each problem and a last line that counts them.
    pub fn render(&self, style: Style) -> String {
        render(self, style)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Style::Plain))
    }
}

impl std::error::Error for Problems {}

/// An array with a record for each problem, the shape of `check --json`.
impl Serialize for Problems {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.list.iter().map(|problem| Record { problem, sources: &self.sources }))
    }
}

struct Record<'a> {
    problem: &'a Problem,
    sources: &'a Sources,
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (file, line, column, text) = match &self.problem.place {
            Place::Text(place) => {
                let found = self.sources.locate(place);
                (found.name, found.line, Some(found.column), Some(found.text))
            }
            Place::File { name, line } => (name.as_str(), *line, None, None),
        };
        let mut record = serializer.serialize_struct("Problem", 7)?;
        record.serialize_field("message", &self.problem.message)?;
        record.serialize_field("file", file)?;
        record.serialize_field("line", &line)?;
        record.serialize_field("column", &column)?;
        record.serialize_field("text", &text)?;
        record.serialize_field("expected", &self.problem.expected)?;
        record.serialize_field("help", &self.problem.help)?;
        record.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_or_none() {
        let known = ["publish", "subscribe", "list-members", "login"];
        assert_eq!(nearest("publsh", &known), Some("publish"));
        assert_eq!(nearest("pub", &known), Some("publish"));
        assert_eq!(nearest("list_members", &known), Some("list-members"));
        assert_eq!(nearest("Login", &known), Some("login"));
        assert_eq!(nearest("teleport", &known), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn a_problem_serialises_with_its_line() {
        let source = Source { name: "a.toml".into(), text: "a = 1\nb = 2\n".into() };
        let problems = Problems::new(Arc::new(Sources::new(source)), vec![Problem::at(6..7, "no `b`").help("drop it")]);
        let json = serde_json::to_value(&problems).expect("serialises");
        assert_eq!(json[0]["line"], 2);
        assert_eq!(json[0]["column"], 1);
        assert_eq!(json[0]["text"], "b = 2");
        assert_eq!(json[0]["help"][0], "drop it");
    }
}
