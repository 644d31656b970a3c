//! The rules of the house that a program can check: which module may use which, names, sizes, leftovers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Longest file of the crate, in lines.
const LINES_MAX: usize = 600;

const L0: &[&str] = &["tick", "random", "protocol", "stats"];
const L1: &[&str] = &["ops", "scenario", "metrics", "ledger"];
const L2: &[&str] = &["plan", "user", "results", "compare"];
const L3: &[&str] = &["gate", "report"];
const SHELL: &[&str] = &["transport", "engine", "simulator", "store"];

/// Steps aside within a layer, each with its reason.
const SIDE_STEPS: &[(&str, &str, &str)] = &[
    ("protocol", "tick", "a publish id carries its instant"),
    ("stats", "random", "resampling draws from the generator that it is handed"),
    ("scenario", "ops", "a step is an operation"),
    ("metrics", "ops", "figures are kept by operation"),
    ("ledger", "metrics", "its spread of a message is a histogram"),
    ("compare", "results", "it compares them"),
    ("user", "plan", "a user carries its part of the plan out"),
    ("engine", "transport", "drivers own sockets"),
];

/// What a module may use.
fn allowed(module: &str) -> Vec<&'static str> {
    let mut allowed = match module {
        // A stand-in that shared our idea of success could not catch a mistake in it.
        "simulator" => vec!["protocol", "tick"],
        "cli" => [L0, L1, L2, L3, SHELL, &["doctor", "selftest"]].concat(),
        // They look at, or carry out, whole runs, and only `cli` uses them.
        "doctor" | "selftest" => [L0, L1, L2, L3, SHELL].concat(),
        _ if L0.contains(&module) => Vec::new(),
        _ if L1.contains(&module) => L0.to_vec(),
        _ if L2.contains(&module) => [L0, L1].concat(),
        _ if L3.contains(&module) || SHELL.contains(&module) => [L0, L1, L2].concat(),
        _ => panic!("the module `{module}` has no layer yet; give it one here and in the house style"),
    };
    allowed.extend(SIDE_STEPS.iter().filter(|(from, ..)| *from == module).map(|(_, to, _)| *to));
    allowed
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.flatten().map(|entry| entry.path());
    let found = paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    found.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The folder below the repository, whatever the working directory is.
fn below(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Lines that are code, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(at, line)| (at + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Modules named behind `crate::` in a line; `use crate::{a, b::c}` names several.
fn used(line: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut modules = Vec::new();
    for (_, rest) in line.match_indices("crate::").map(|(at, found)| line.split_at(at + found.len())) {
        match rest.strip_prefix('{') {
            None => modules.push(word(rest)),
            Some(list) => {
                let mut depth = 0;
                let mut is_name = true;
                for (at, c) in list.char_indices() {
                    if is_name && depth == 0 && c.is_ascii_alphabetic() {
                        modules.push(word(&list[at..]));
                        is_name = false;
                    }
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 0 => is_name = true,
                        _ => {}
                    }
                    if depth < 0 {
                        break;
                    }
                }
            }
        }
    }
    modules.retain(|module| module.starts_with(|c: char| c.is_ascii_lowercase()));
    modules
}

#[test]
fn lists_of_modules_are_read() {
    assert_eq!(used("use crate::ops::{OpId, Op};"), ["ops"]);
    assert_eq!(used("use crate::{report, scenario::{a, b}, tick};"), ["report", "scenario", "tick"]);
    assert_eq!(used("let x = crate::tick::Tick::ZERO.max(crate::random::mix(1));"), ["tick", "random"]);
    assert!(used("use super::ops;").is_empty());
}

#[test]
fn modules_use_lower_layers_only() {
    let root = below("src");
    let mut wrong = Vec::new();
    let mut steps_taken = BTreeMap::new();
    for path in sources(&root) {
        let inside = path.strip_prefix(&root).expect("found below it");
        let module = inside.iter().next().expect("a name").to_string_lossy().trim_end_matches(".rs").to_owned();
        if ["main", "lib"].contains(&module.as_str()) {
            continue;
        }
        let mut allowed = allowed(&module);
        if inside.starts_with("engine/tests") {
            // Whole runs need somebody to talk to and to end them; the engine itself knows neither simulator nor gates.
            allowed.extend(["simulator", "gate"]);
        }
        let text = read(&path);
        for (number, line) in code(&text) {
            for used in used(line) {
                if used != module && !allowed.contains(&used.as_str()) {
                    wrong.push(format!("{}:{number}: `{module}` uses `{used}`", inside.display()));
                }
                *steps_taken.entry((module.clone(), used)).or_insert(0) += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "against the direction of the layers:\n{}", wrong.join("\n"));
    for (from, to, reason) in SIDE_STEPS {
        let is_taken = steps_taken.contains_key(&((*from).to_owned(), (*to).to_owned()));
        assert!(is_taken, "nobody takes the side step from `{from}` to `{to}` any more ({reason})");
    }
}

#[test]
fn files_are_named_after_their_subject_and_stay_small() {
    for path in [below("src"), below("tests/it")].iter().flat_map(|folder| sources(folder)) {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let is_vague = ["util", "utils", "helper", "helpers", "common", "misc"].contains(&name.as_str());
        assert!(!is_vague, "{}: name the subject, or put it beside its user", path.display());
        let text = read(&path);
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines: look for the second subject", path.display());
        assert!(text.starts_with("//!"), "{} does not say what it is for", path.display());
    }
}

#[test]
fn nothing_is_left_over() {
    // Put together here, so that this file does not find itself.
    let leftovers = ["todo", "unimplemented", "dbg"].map(|word| format!("{word}!("));
    let machine = ["/home/", "/root/", "/Users/", "/work/"];
    for path in [below("src"), below("tests/it")].iter().flat_map(|folder| sources(folder)) {
        let text = read(&path);
        let is_this = path.ends_with("tests/it/tidy.rs");
        for (at, line) in text.lines().enumerate() {
            let place = format!("{}:{}: {line}", path.display(), at + 1);
            assert!(!leftovers.iter().any(|word| line.contains(word.as_str())), "{place}");
            assert!(is_this || !machine.iter().any(|folder| line.contains(folder)), "{place}");
        }
    }
}
