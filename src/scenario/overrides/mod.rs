//! Flags that change a scenario: each becomes a list of edits `path = value`, done to the tree that is read and to
//! the text that is kept.

mod curve;
mod path;
mod rewrite;
mod tree;

use std::ops::Range;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::problem::Problem;
use super::read::Reader;
use super::source::{Source, Sources};
use path::Segment;

/// What the command line changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// `--set path=value`, in order.
    pub set: Vec<String>,
    /// `--users N`: `users.count`, and the users' curve in proportion, so that its peak becomes N.
    pub users: Option<u32>,
    /// `--duration D`: cuts or extends the last hold of both curves.
    pub duration: Option<Duration>,
    /// `--seed N`.
    pub seed: Option<u64>,
    /// `--target URL`.
    pub target: Option<String>,
    /// `--gate EXPR`: more gates to require.
    pub gates: Vec<String>,
}

/// The edits of one load, and what is wrong with the flags themselves.
#[derive(Debug, Default)]
pub(super) struct Edits {
    list: Vec<Edit>,
    problems: Vec<Problem>,
}

/// A value to be put somewhere.
#[derive(Debug, Clone)]
struct Edit {
    path: Vec<Segment>,
    path_place: Range<usize>,
    /// The value in TOML.
    value: String,
    value_place: ValuePlace,
    /// Whether it is added to the list at `path`.
    is_added: bool,
}

/// Where the value of an edit is written.
#[derive(Debug, Clone)]
enum ValuePlace {
    /// As it stands, from here.
    From(usize),
    /// In other words, here.
    Within(Range<usize>),
}

const SET: &str = "--set ";
const GATE: &str = "--gate ";

impl Edits {
    /// Takes the flags in, each as a text of its own.
    pub(super) fn of(overrides: &Overrides, sources: &mut Sources) -> Edits {
        let mut edits = Edits::default();
        let mut add = |text: String| {
            let length = text.len();
            let start = sources.add(Source { name: "command line".to_owned(), text });
            start..start + length
        };
        for argument in &overrides.set {
            let place = add(format!("{SET}{argument}"));
            match set(argument, place.start + SET.len()) {
                Ok(edit) => edits.list.push(edit),
                Err(problem) => edits.problems.push(problem),
            }
        }
        if let Some(seed) = overrides.seed {
            edits.list.push(Edit::new(&["seed"], seed.to_string(), add(format!("--seed {seed}"))));
        }
        if let Some(url) = &overrides.target {
            edits.list.push(Edit::new(&["target", "url"], quoted(url), add(format!("--target {url}"))));
        }
        for gate in &overrides.gates {
            let place = add(format!("{GATE}{gate}"));
            // The place is that of the expression, so that a mistake inside is found again.
            let place = place.start + GATE.len()..place.end;
            edits.list.push(Edit { is_added: true, ..Edit::new(&["gates", "require"], quoted(gate), place) });
        }
        let users = overrides.users.map(|users| (users, add(format!("--users {users}"))));
        let duration = overrides
            .duration
            .map(|duration| (duration, add(format!("--duration {}", humantime::format_duration(duration)))));
        let text = sources.file().text.as_str();
        if let Some((users, place)) = users {
            edits.list.extend(edits.with_tree(text, |tree| curve::users(tree, users, &place)));
        }
        if let Some((duration, place)) = duration {
            match edits.with_tree(text, |tree| curve::duration(tree, duration, &place)) {
                Ok(list) => edits.list.extend(list),
                Err(problem) => edits.problems.push(problem),
            }
        }
        edits
    }

    /// Lets `look` see the tree with the edits so far.
    fn with_tree<T>(&self, text: &str, look: impl FnOnce(&DeTable<'_>) -> T) -> T {
        let mut tree = DeTable::parse_recoverable(text).0.into_inner();
        for edit in &self.list {
            // What goes wrong here goes wrong again, and is reported, when the edits are applied.
            let _ = tree::put(&mut tree, edit);
        }
        look(&tree)
    }

    /// Carries every edit out on the tree.
    pub(super) fn apply<'i>(&'i self, reader: &mut Reader, tree: &mut DeTable<'i>) {
        for problem in &self.problems {
            reader.problem(problem.clone());
        }
        for edit in &self.list {
            if let Err(problem) = tree::put(tree, edit) {
                reader.problem(problem);
            }
        }
    }

    /// The scenario's text with every edit done and every secret replaced.
    pub(super) fn effective(&self, text: &str) -> String {
        rewrite::rewrite(text, &self.list)
    }
}

impl Edit {
    fn new(path: &[&str], value: String, place: Range<usize>) -> Edit {
        Edit::at(path::of(path), value, place)
    }

    fn at(path: Vec<Segment>, value: String, place: Range<usize>) -> Edit {
        Edit { path, path_place: place.clone(), value, value_place: ValuePlace::Within(place), is_added: false }
    }
}

/// A text as TOML.
fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

/// `--set path=value`; the value is TOML, or else a text.
fn set(argument: &str, start: usize) -> Result<Edit, Problem> {
    let place = start..start + argument.len();
    let Some((path, value)) = argument.split_once('=') else {
        let problem = Problem::at(place, "`--set` without `=`");
        return Err(problem.expected("expected `path=value`, such as `target.timeout=5s`"));
    };
    let path_place = start..start + path.len();
    let Some(segments) = path::parse(path) else {
        let problem = Problem::at(path_place, format!("`{path}` is no path"));
        return Err(problem.expected("expected a path such as `load.arrivals[0].to` or `persona.talker.share`"));
    };
    let trimmed = value.trim();
    let value_start = path_place.end + 1 + (value.len() - value.trim_start().len());
    let (value, value_place) = match DeValue::parse(trimmed) {
        // Dates are not used anywhere, and would only be in the way of a text such as `2026-11-23`.
        Ok(parsed) if !parsed.get_ref().is_datetime() => (trimmed.to_owned(), ValuePlace::From(value_start)),
        _ => (quoted(trimmed), ValuePlace::Within(value_start..value_start + trimmed.len())),
    };
    Ok(Edit { path: segments, path_place, value, value_place, is_added: false })
}
