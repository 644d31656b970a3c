//! From text to the checked model: flags, `${env:…}`, sections, checks across sections; nothing stops at the first
//! mistake.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use toml::de::DeTable;

use super::curves;
use super::overrides::{Edits, Overrides};
use super::problem::{Place, Problem, Problems};
use super::read::{Fields, Reader, Value, shorten};
use super::source::{Source, Sources};
use super::step::sentence;
use super::{GateText, Scenario, check, events, expand, gates, health, journal, persona, target, topology, users};

pub(super) const SCENARIO_KEYS: &[&str] = &[
    "name",
    "description",
    "seed",
    "allow_emc",
    "target",
    "auth",
    "users",
    "topology",
    "load",
    "persona",
    "event",
    "health",
    "journal",
    "gates",
];
/// Longest text of a scenario.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// The seed of scenarios that name none: two runs of one file do the same.
const SEED: u64 = 1;

/// What a scenario may ask for outside of its text; the caller's to provide, so that loading itself reads nothing.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The value of an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The text of a file; paths are as the scenario has them, and meant relative to it. The error is a fragment
    /// such as "no such file".
    pub read_file: &'a dyn Fn(&str) -> Result<String, String>,
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Surroundings")
    }
}

/// A scenario that holds, with its text.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The checked model.
    pub scenario: Scenario,
    /// The text as it runs: flags applied, comments kept, secrets replaced by where they come from.
    pub effective: String,
    sources: Arc<Sources>,
}

impl Loaded {
    /// Problems that another module found, to be shown like those of the loader.
    pub fn problems(&self, list: Vec<Problem>) -> Problems {
        Problems::new(Arc::clone(&self.sources), list)
    }

    /// The place of a part of a gate's text; of the whole gate when it is written with escapes.
    pub fn place_in_gate(&self, gate: &GateText, part: Range<usize>) -> Range<usize> {
        self.sources.place_in_gate(gate, part)
    }

    /// The scenario file as it was read.
    pub fn source(&self) -> &Source {
        self.sources.file()
    }
}

/// Loads a scenario, or answers everything that is wrong with it.
pub fn load(source: &Source, overrides: &Overrides, around: &Surroundings<'_>) -> Result<Loaded, Problems> {
    let mut sources = Sources::new(source.clone());
    if source.text.len() > TEXT_BYTES_MAX {
        let problem =
            Problem::at(0..0, "the scenario is longer than 1 MiB").help("read users from a file: `users.file`");
        return Err(Problems::new(Arc::new(sources), vec![problem]));
    }
    let edits = Edits::of(overrides, &mut sources);
    let sources = Arc::new(sources);
    let (result, problems, gates) = read(&sources, &edits, around);
    match result {
        Some(scenario) if problems.is_empty() => {
            Ok(Loaded { scenario, effective: edits.effective(&source.text), sources })
        }
        _ => Err(Problems { gates, ..Problems::new(sources, problems) }),
    }
}

/// The scenario, what is wrong with it, and its gates, which are there even when the scenario is not.
fn read(
    sources: &Sources,
    edits: &Edits,
    around: &Surroundings<'_>,
) -> (Option<Scenario>, Vec<Problem>, Vec<GateText>) {
    let text = sources.file().text.as_str();
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader::default();
    if !errors.is_empty() {
        let mut problems: Vec<Problem> = errors.iter().map(|error| syntax(error, text)).collect();
        // After its first error a line makes no sense any more.
        let mut lines = HashSet::new();
        problems.retain(|problem| lines.insert(line_of(sources, problem)));
        return (None, with_local(sources, root.into_inner(), problems, around), Vec::new());
    }
    let root_place = start_of_text(text);
    let mut table = root.into_inner();
    edits.apply(&mut reader, &mut table);
    expand::expand(&mut reader, &mut table, around);
    let scenario = scenario(&mut reader, &table, root_place, around);
    let gates = reader.take_gates();
    (scenario, reader.into_problems(), gates)
}

fn syntax(error: &toml::de::Error, text: &str) -> Problem {
    let place = error.span().unwrap_or(text.len()..text.len());
    let (message, expected) = match error.message().split_once(", expected ") {
        Some((message, expected)) => (message, Some(expected)),
        None => (error.message(), None),
    };
    let rest = text.get(place.start..).unwrap_or_default();
    // What stands between `=` and the next mark.
    let end = rest.find([',', ']', '}', '\r', '\n', '#', '=']).unwrap_or(rest.len());
    let word = rest[..end].trim_end();
    let is_bare = word.starts_with(char::is_alphanumeric) && !message.contains("key");
    if is_bare && (message.starts_with("invalid") || message.starts_with("string values")) {
        let word_place = place.start..place.start + word.len();
        let problem = Problem::at(word_place, format!("`{}` is no value as it stands", shorten(word)));
        return problem.help(format!("a text has quotes: `\"{}\"`", shorten(word)));
    }
    if message.starts_with("invalid") && message.ends_with("string") && expected.is_some_and(|quote| quote.len() <= 5) {
        return Problem::at(place, "this text has no closing quote");
    }
    let expected = expected.filter(|expected| *expected != "nothing").map(|expected| format!("expected {expected}"));
    Problem { expected, ..Problem::at(place, sentence(message)) }
}

/// Besides the errors of syntax: what is wrong on other lines, as far as it does not follow from those errors.
fn with_local(
    sources: &Sources,
    mut table: DeTable<'_>,
    mut problems: Vec<Problem>,
    around: &Surroundings<'_>,
) -> Vec<Problem> {
    let mut reader = Reader::partial();
    expand::expand(&mut reader, &mut table, around);
    scenario(&mut reader, &table, 0..0, around);
    let broken: HashSet<usize> = problems.iter().map(|problem| line_of(sources, problem)).collect();
    // A value without a place is one that the parser made up to go on.
    let is_made_up = |problem: &Problem| matches!(&problem.place, Place::Text(place) if place.is_empty());
    let local = reader.into_problems().into_iter();
    problems.extend(local.filter(|problem| !is_made_up(problem) && !broken.contains(&line_of(sources, problem))));
    problems
}

fn line_of(sources: &Sources, problem: &Problem) -> usize {
    match &problem.place {
        Place::Text(place) => sources.locate(place).line,
        Place::File { .. } => 0,
    }
}

/// The first line that says something: where a missing section is reported.
fn start_of_text(text: &str) -> Range<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            return start..start + line.trim_end().len();
        }
        start += line.len();
    }
    0..0
}

fn scenario(
    reader: &mut Reader,
    table: &DeTable<'_>,
    root_place: Range<usize>,
    around: &Surroundings<'_>,
) -> Option<Scenario> {
    let root = Fields::new(table, root_place, "the scenario");
    reader.only(&root, SCENARIO_KEYS);
    let name =
        root.need(reader, "name", "such as `name = \"friday-morning\"`").and_then(|value| scenario_name(reader, value));
    let description = match root.get("description") {
        Some(value) => reader.text("`description`", value).map(|text| text.text.to_owned()),
        None => Some(String::new()),
    };
    let seed = match root.get("seed") {
        Some(value) => reader.whole("`seed`", value, 0..=u64::MAX),
        None => Some(SEED),
    };
    let allow_emc = match root.get("allow_emc") {
        Some(value) => reader.boolean("`allow_emc`", value),
        None => Some(false),
    };
    let way = "add `[target]` with `url = \"embedded\"`, or the URL of a PBX";
    let target = root.need(reader, "target", way).and_then(|value| target::target(reader, value));
    let dialect = target::dialect_of(root.get("target"));
    let auth = target::auth(reader, root.get("auth"), dialect);
    let login = users::Credentials { flow: auth.as_ref().map(|auth| auth.flow), dialect };
    let way = "add `[users]` with `count` and `generate`, or with `file`";
    let users = root.need(reader, "users", way).and_then(|value| users::users(reader, value, login, around));
    let topology = topology::topology(reader, root.get("topology"), reader.is_misspelt(&root.place, "topology"));
    let way = "add `[load]` with `users = [ { to = 100, over = \"10s\" }, { hold = \"1m\" } ]`";
    let load = root.need(reader, "load", way).and_then(|value| curves::load(reader, value));
    let way = "add a `[[persona]]` with a `name` and at least one `[persona.state.NAME]`";
    let personas = root.need(reader, "persona", way).map(|value| (persona::personas(reader, value), value.span()));
    let (personas, personas_place) = personas.unwrap_or((Vec::new(), 0..0));
    if root.get("persona").is_some_and(|value| value.get_ref().as_array().is_some_and(|list| list.is_empty())) {
        reader.problem(Problem::at(personas_place, "there is no persona").help(way));
    }
    let events = events::events(reader, root.get("event"), load.as_ref());
    let health = health::health(reader, root.get("health"));
    let journal = journal::journal(reader, root.get("journal"));
    let gates = gates::gates(reader, root.get("gates"));
    let around = check::Around {
        users: users.as_ref(),
        topology: &topology,
        load: load.as_ref(),
        personas: &personas,
        allow_emc: allow_emc.unwrap_or(true),
    };
    if !reader.is_partial() {
        check::check(reader, &around);
    }
    if !reader.is_clean() {
        return None;
    }
    Some(Scenario {
        name: name?,
        description: description?,
        seed: seed?,
        allow_emc: allow_emc?,
        target: target?,
        auth: auth?,
        users: users?.finish()?,
        topology: topology.finish(),
        load: load?.finish()?,
        personas: personas.into_iter().map(persona::DraftPersona::finish).collect::<Option<_>>()?,
        health: health?,
        events: events?,
        journal: journal?,
        gate_rules: gates.as_ref()?.rules,
        gates: gates?.list,
    })
}

/// The name becomes that of a folder.
fn scenario_name(reader: &mut Reader, value: &Value<'_>) -> Option<String> {
    let text = reader.text("`name`", value)?;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_name = !text.text.is_empty() && text.text.len() <= 64 && text.text.chars().all(is_allowed);
    if is_name && !text.text.starts_with('.') {
        return Some(text.text.to_owned());
    }
    let problem = Problem::at(text.place, format!("`name` cannot be `{}`", text.shown));
    let problem = problem.expected("expected letters, digits, `-`, `_` and `.`, at most 64");
    reader.problem(problem.help("it becomes the name of the run's folder; sentences go to `description`"));
    None
}
