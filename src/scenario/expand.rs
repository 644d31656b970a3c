//! `${env:NAME}`, `${env:NAME:-default}` and `${file:PATH}`: the only ways to a secret.
//!
//! Other `${…}` belong to the operations and are left alone. What was filled in is not looked through again.

use std::ops::Range;

use toml::de::{DeString, DeTable, DeValue};

use super::Surroundings;
use super::problem::{Problem, VARIABLE};
use super::read::{Reader, Value, shorten};

/// Fills in every text of the tree.
pub(super) fn expand(reader: &mut Reader, table: &mut DeTable<'_>, around: &Surroundings<'_>) {
    for (_, value) in table.iter_mut() {
        expand_value(reader, value, around);
    }
}

fn expand_value(reader: &mut Reader, value: &mut Value<'_>, around: &Surroundings<'_>) {
    let place = value.span();
    match value.get_mut() {
        DeValue::Table(table) => expand(reader, table, around),
        DeValue::Array(array) => array.iter_mut().for_each(|item| expand_value(reader, item, around)),
        DeValue::String(text) if text.contains("${env:") || text.contains("${file:") => {
            let written = text.to_string();
            let before = reader.count();
            let filled = fill(reader, &written, &place, around);
            if reader.count() > before {
                reader.note_failed(&place);
            }
            reader.note_expanded(&place, &super::redact::reference(&written));
            *text = DeString::Owned(filled);
        }
        _ => {}
    }
}

fn fill(reader: &mut Reader, written: &str, place: &Range<usize>, around: &Surroundings<'_>) -> String {
    let mut filled = String::new();
    let mut rest = written;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        filled.push_str(before);
        let is_ours = from.starts_with("${env:") || from.starts_with("${file:");
        let Some(end) = from.find('}') else {
            if is_ours {
                let problem = Problem::at(place.clone(), format!("`{}` has no closing `}}`", shorten(from)));
                reader.problem(problem);
            }
            filled.push_str(from);
            return filled;
        };
        let inside = &from[2..end];
        rest = &from[end + 1..];
        if let Some(name) = inside.strip_prefix("env:") {
            filled.push_str(&variable(reader, name, place, around));
        } else if let Some(path) = inside.strip_prefix("file:") {
            filled.push_str(&file(reader, path, place, around));
        } else {
            filled.push_str(&from[..=end]);
        }
    }
    filled.push_str(rest);
    filled
}

fn variable(reader: &mut Reader, inside: &str, place: &Range<usize>, around: &Surroundings<'_>) -> String {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(is_name) {
        let problem = Problem::at(place.clone(), format!("`{}` is no name of an environment variable", shorten(name)));
        reader.problem(problem.expected("expected `${env:NAME}` or `${env:NAME:-default}`"));
        return String::new();
    }
    // As in a shell, `:-` also replaces a variable that is set to nothing.
    match ((around.variable)(name), default) {
        (Some(value), None) => value,
        (Some(value), Some(_)) if !value.is_empty() => value,
        (_, Some(default)) => default.to_owned(),
        (None, None) => {
            let problem = Problem::at(place.clone(), format!("{VARIABLE} `{name}` is not set"));
            reader.problem(problem.help(format!("set it, or give a default: `${{env:{name}:-default}}`")));
            String::new()
        }
    }
}

fn file(reader: &mut Reader, path: &str, place: &Range<usize>, around: &Surroundings<'_>) -> String {
    match (around.read_file)(path) {
        // Editors end a file with a newline that is no part of the secret.
        Ok(text) => text.strip_suffix('\n').map_or(&*text, |text| text.strip_suffix('\r').unwrap_or(text)).to_owned(),
        Err(error) => {
            let problem = Problem::at(place.clone(), format!("cannot read `{}`: {error}", shorten(path)));
            reader.problem(problem.help("paths are relative to the scenario file"));
            String::new()
        }
    }
}
