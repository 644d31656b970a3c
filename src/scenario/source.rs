//! The texts that problems point into: the scenario file, then every flag that changes it, in one address space.
//!
//! A byte range beyond the file's end is one of a flag, so a wrong `--set` is shown like a wrong line.

use std::ops::Range;

use super::{GateText, redact};

/// A scenario's text and what to call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What problems call it: the path as the person wrote it.
    pub name: String,
    /// The TOML text.
    pub text: String,
}

/// All texts of one load.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
struct Part {
    start: usize,
    source: Source,
    secrets: Vec<Range<usize>>,
    /// Where each line begins.
    lines: Vec<usize>,
}

/// Where a place is, for people: lines and columns from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Location<'a> {
    pub(super) name: &'a str,
    pub(super) line: usize,
    pub(super) column: usize,
    /// The whole line with secrets blotted out, without its end.
    pub(super) text: String,
    /// The place's bytes in `text`; a place of several lines is cut off at the end of the first.
    pub(super) marked: Range<usize>,
}

impl Sources {
    pub(super) fn new(file: Source) -> Sources {
        let mut sources = Sources { parts: Vec::new() };
        sources.add(file);
        sources
    }

    /// Adds a text and answers where it begins.
    pub(super) fn add(&mut self, source: Source) -> usize {
        // One byte between two texts, so that the end of one is not the start of the next.
        let start = self.parts.last().map_or(0, |last| last.start + last.source.text.len() + 1);
        let secrets = redact::secrets(&source.text);
        let newlines = source.text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(newlines).collect();
        self.parts.push(Part { start, source, secrets, lines });
        start
    }

    /// The place of a part of a gate's text; of the whole gate when it is written with escapes.
    pub(super) fn place_in_gate(&self, gate: &GateText, part: Range<usize>) -> Range<usize> {
        let written = self.slice(&gate.place).unwrap_or_default();
        match written.find(&gate.text) {
            Some(at) if part.end <= gate.text.len() => {
                gate.place.start + at + part.start..gate.place.start + at + part.end
            }
            _ => gate.place.clone(),
        }
    }

    /// The scenario file.
    pub(super) fn file(&self) -> &Source {
        &self.parts[0].source
    }

    /// The bytes of a place, when they lie within one text and on character bounds.
    pub(super) fn slice(&self, place: &Range<usize>) -> Option<&str> {
        let part = self.part(place.start);
        part.source.text.get(place.start - part.start..place.end.checked_sub(part.start)?)
    }

    pub(super) fn locate(&self, place: &Range<usize>) -> Location<'_> {
        let part = self.part(place.start);
        let text = part.source.text.as_str();
        let start = floor(text, place.start - part.start);
        let end = floor(text, place.end.saturating_sub(part.start)).max(start);
        let line = part.lines.partition_point(|line_start| *line_start <= start);
        let line_start = part.lines[line - 1];
        let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let line_text = text[line_start..line_end].trim_end_matches('\r');
        let line_end = line_start + line_text.len();
        // A tab would be drawn wider than it is counted.
        let shown = redact::blot(line_text, line_start, &part.secrets).replace('\t', " ");
        let start = start.min(line_end);
        Location {
            name: &part.source.name,
            line,
            column: text[line_start..start].chars().count() + 1,
            text: shown,
            marked: start - line_start..end.clamp(start, line_end) - line_start,
        }
    }

    fn part(&self, place: usize) -> &Part {
        let after = self.parts.partition_point(|part| part.start <= place);
        &self.parts[after.saturating_sub(1)]
    }
}

/// The nearest character bound at or before `index`.
fn floor(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source { name: "x.toml".into(), text: text.into() }
    }

    #[test]
    fn places_have_lines_and_columns_in_characters() {
        let sources = Sources::new(source("a = 1\nö = \"é\" # x\n"));
        let place = sources.file().text.find("\"é\"").expect("there");
        let found = sources.locate(&(place..place + 4));
        assert_eq!((found.line, found.column, found.marked), (2, 5, 5..9));
    }

    #[test]
    fn a_flag_is_a_text_of_its_own() {
        let mut sources = Sources::new(source("a = 1"));
        let start = sources.add(Source { name: "--set".into(), text: "b=2".into() });
        assert_eq!(sources.locate(&(start + 2..start + 3)).name, "--set");
        assert_eq!(sources.locate(&(4..5)).name, "x.toml");
        assert_eq!(sources.slice(&(start..start + 1)), Some("b"));
    }

    #[test]
    fn no_place_is_out_of_bounds() {
        let sources = Sources::new(source("ä\r\n"));
        for start in 0..9 {
            for end in 0..9 {
                let found = sources.locate(&(start..end));
                assert!(found.text.get(found.marked).is_some());
            }
        }
    }
}
