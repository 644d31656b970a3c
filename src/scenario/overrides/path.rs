//! Paths into a scenario: `target.timeout`, `load.arrivals[0].to`, `persona.talker.state.talk.think`.

use std::fmt;

/// Longest path: deeper than any key of a scenario.
const SEGMENTS_MAX: usize = 16;

/// A step down the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// A key of a table, or the `name` of a list's item.
    Key(String),
    /// A position in a list, from 0.
    Index(usize),
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Segment::Key(key) => f.write_str(key),
            Segment::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A path of keys.
pub(super) fn of(keys: &[&str]) -> Vec<Segment> {
    keys.iter().map(|key| Segment::Key((*key).to_owned())).collect()
}

/// Reads a path; it begins with a key.
pub(super) fn parse(text: &str) -> Option<Vec<Segment>> {
    let mut segments = Vec::new();
    for part in text.trim().split('.') {
        let (key, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
        let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        if key.is_empty() || !key.chars().all(is_word) {
            return None;
        }
        segments.push(Segment::Key(key.to_owned()));
        while !rest.is_empty() {
            let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
            segments.push(Segment::Index(index.parse().ok()?));
            rest = after;
        }
    }
    (segments.len() <= SEGMENTS_MAX).then_some(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        let path = parse("load.arrivals[0].to").expect("valid");
        assert_eq!(path[2], Segment::Index(0));
        assert_eq!(path.len(), 4);
        for wrong in ["", ".", "a.", "a[", "a[x]", "[0]", "a b", "a[0]b"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(parse(&"a.".repeat(20)), None);
    }
}
