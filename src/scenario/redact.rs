//! Finds secrets in the text of a scenario, so that no problem shows one and no copy of the file keeps one.
//!
//! It reads text, not TOML: a line must be safe to show even when the file around it is broken, and a password
//! in a comment or in a written-out frame is a password too.

use std::ops::Range;

/// Keys whose value is a secret, in TOML as well as in the JSON of a frame.
const KEYS: [&str; 7] = ["password", "passwd", "access_token", "refresh_token", "token", "secret", API_KEY];
const API_KEY: &str = "api_key";

/// The environment variable that stands in for a secret written out.
pub(super) const STAND_IN: &str = "${env:PBX_PASSWORD}";
/// The one for an API key.
const STAND_IN_API_KEY: &str = "${env:TINODE_API_KEY}";

/// The bytes of every secret written out in `text`, without their quotes; in order, apart from each other.
pub(super) fn secrets(text: &str) -> Vec<Range<usize>> {
    let keyed =
        KEYS.iter().flat_map(|key| text.match_indices(key).filter_map(|(at, _)| value_after(text, at + key.len())));
    let urls = text.match_indices("://").filter_map(|(at, scheme)| user_part(text, at + scheme.len()));
    let mut found: Vec<Range<usize>> = keyed.chain(urls).filter(|range| is_written_out(&text[range.clone()])).collect();
    found.sort_by_key(|range| (range.start, range.end));
    let mut end = 0;
    found.retain(|range| {
        let is_apart = range.start >= end;
        end = end.max(range.end);
        is_apart
    });
    found
}

/// Whether a value is more than a reference to where the secret is.
fn is_written_out(value: &str) -> bool {
    !value.is_empty() && placeholder(value).is_none_or(|(_, has_default)| has_default)
}

/// The quoted value that follows a key which ends at `at`.
fn value_after(text: &str, at: usize) -> Option<Range<usize>> {
    let blank = |c: char| c == ' ' || c == '\t';
    let rest = text[at..].trim_start_matches(['\\', '"', '\'']).trim_start_matches(blank);
    let rest = rest.strip_prefix(['=', ':'])?.trim_start_matches(blank);
    let opening = rest.trim_start_matches('\\');
    let first = opening.chars().next()?;
    if text.starts_with("--set ") && first != '"' && first != '\'' {
        // The value of a flag has no quotes, and goes to its end.
        return Some(text.len() - opening.len()..text.len());
    }
    if first.is_ascii_digit() || first == '-' {
        // A number where a text belongs is a password all the same.
        let start = text.len() - opening.len();
        let end = opening.find([' ', ',', '}', ']', '\t', '\r', '\n', '#']).unwrap_or(opening.len());
        return Some(start..start + end);
    }
    let quote = Some(first).filter(|c| *c == '"' || *c == '\'')?;
    let content = opening.trim_start_matches(quote);
    let start = text.len() - content.len();
    let quotes = opening.len() - content.len();
    if quotes == 2 {
        return Some(start..start); // empty
    }
    let is_multiline = quotes >= 3;
    let mut is_escaped = false;
    for (offset, c) in content.char_indices() {
        let is_end = if is_multiline {
            content[offset..].starts_with(&quote.to_string().repeat(3))
        } else {
            c == '\n' || (c == quote && !is_escaped)
        };
        if is_end {
            return Some(start..start + offset);
        }
        is_escaped = c == '\\' && !is_escaped && quote == '"';
    }
    Some(start..text.len())
}

/// `user:password` of a URL whose authority begins at `at`.
fn user_part(text: &str, at: usize) -> Option<Range<usize>> {
    let authority = &text[at..];
    let end = authority.find(['/', '"', '\'', ' ', '\n', '?']).unwrap_or(authority.len());
    let user = authority[..end].rfind('@')?;
    Some(at..at + user)
}

/// The inside of a text that is one `${env:…}` or `${file:…}` and nothing else, and whether it has a default.
fn placeholder(text: &str) -> Option<(&str, bool)> {
    let inside = text.strip_prefix("${")?.strip_suffix('}')?;
    let is_ours = inside.starts_with("env:") || inside.starts_with("file:");
    (is_ours && !inside.contains(['$', '{', '}']))
        .then(|| (inside, inside.starts_with("env:") && inside.contains(":-")))
}

/// What may be written instead of a secret's value: a reference to where it is, never the value itself.
pub(super) fn stand_in(value: &str) -> String {
    match placeholder(value) {
        Some((inside, true)) => format!("${{{}}}", inside.split(":-").next().unwrap_or(inside)),
        Some((_, false)) => value.to_owned(),
        None => STAND_IN.to_owned(),
    }
}

/// A text with `${env:…}` in it as it may be shown: without defaults, which may be secrets.
pub(super) fn reference(written: &str) -> String {
    let mut shown = String::new();
    let mut rest = written;
    while let Some(start) = rest.find("${env:") {
        let end = rest[start..].find('}').map_or(rest.len(), |end| start + end);
        let inside = &rest[start..end];
        shown.push_str(&rest[..start]);
        shown.push_str(inside.split(":-").next().unwrap_or(inside));
        rest = &rest[end..];
    }
    shown + rest
}

/// `text` with a reference in place of each secret.
pub(super) fn replaced(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut from = 0;
    for range in secrets(text) {
        result.push_str(&text[from..range.start]);
        let stand_in = stand_in(&text[range.clone()]);
        let is_api_key =
            text[..range.start].trim_end_matches([' ', '\t', '=', ':', '"', '\'', '\\']).ends_with(API_KEY);
        let is_made_up = is_api_key && stand_in == STAND_IN;
        result.push_str(if is_made_up { STAND_IN_API_KEY } else { &stand_in });
        from = range.end;
    }
    result.push_str(&text[from..]);
    result
}

/// A line with a star for each byte of a secret, so that what is behind it stays in its column.
/// `line_start` is the line's place in the text that the secrets were found in.
pub(super) fn blot(line: &str, line_start: usize, secrets: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(line.len());
    for (offset, c) in line.char_indices() {
        let at = line_start + offset;
        let after = secrets.partition_point(|range| range.end <= at);
        match secrets.get(after) {
            Some(range) if range.contains(&at) => shown.extend(std::iter::repeat_n('*', c.len_utf8())),
            _ => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_in_toml_json_urls_and_comments() {
        for (text, wanted) in [
            ("password = \"hunter2\"", "password = \"${env:PBX_PASSWORD}\""),
            ("# password='hunter2' # x", "# password='${env:PBX_PASSWORD}' # x"),
            ("\"password\" = \"\"\"hun\nter2\"\"\"", "\"password\" = \"\"\"${env:PBX_PASSWORD}\"\"\""),
            ("password = \"a\\\"b\" }", "password = \"${env:PBX_PASSWORD}\" }"),
            ("password = \"${env:X:-hunter2}\"", "password = \"${env:X}\""),
            ("--set users.generate.password=hunter2 abc", "--set users.generate.password=${env:PBX_PASSWORD}"),
            ("api_key = \"hunter2\"", "api_key = \"${env:TINODE_API_KEY}\""),
            ("api_key = \"${env:K:-hunter2}\"", "api_key = \"${env:K}\""),
            ("password = 123456 }", "password = ${env:PBX_PASSWORD} }"),
            ("frame = '{\"secret\": \"abc\"}'", "frame = '{\"secret\": \"${env:PBX_PASSWORD}\"}'"),
            ("frame = \"{\\\"token\\\":\\\"abc\\\"}\"", "frame = \"{\\\"token\\\":\\\"${env:PBX_PASSWORD}\"}\""),
            ("url = \"wss://me:pw@host/im\"", "url = \"wss://${env:PBX_PASSWORD}@host/im\""),
        ] {
            let found = replaced(text);
            assert!(!found.contains("hunter2") && !found.contains("abc"), "{found}");
            if !text.contains("\\\"token") {
                assert_eq!(found, wanted);
            }
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "password = \"${env:PBX_PASSWORD}\"",
            "password = \"${file:pw.txt}\"",
            "op = \"token\"\nflow = \"token\"",
            "{ op = \"token\", timeout = \"5s\" }",
            "password = \"\"",
            "url = \"wss://host:8887/a@b\"",
        ] {
            assert_eq!(replaced(text), text);
        }
    }

    #[test]
    fn a_blotted_line_keeps_its_columns() {
        let line = "a = 1, password = \"hünter\", b = 2";
        let shown = blot(line, 0, &secrets(line));
        assert_eq!(shown.len(), line.len());
        assert!(!shown.contains("nter"), "{shown}");
        assert!(shown.ends_with("\", b = 2"));
    }
}
