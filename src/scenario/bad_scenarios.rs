//! What a person reads when a scenario is wrong: every file of `tests/bad-scenarios` beside what it says.
//!
//! Read a changed snapshot as that person would before accepting it.

use std::path::{Path, PathBuf};

use super::shipped::sources;
use super::*;

const FOLDER: &str = "tests/bad-scenarios";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER)
}

fn variable(name: &str) -> Option<String> {
    match name {
        "PBX_PASSWORD" => Some("hunter2".to_owned()),
        "SECRET_VALUE" => Some("hunter2 ${hunter2}".to_owned()),
        _ => None,
    }
}

fn problems_of(source: &Source, overrides: &Overrides) -> Problems {
    let read_file = |path: &str| std::fs::read_to_string(folder().join(path)).map_err(|_| "no such file".to_owned());
    match load(source, overrides, &Surroundings { variable: &variable, read_file: &read_file }) {
        Ok(_) => panic!("{} has no problem", source.name),
        Err(problems) => problems,
    }
}

#[test]
fn each_bad_scenario_says_what_is_wrong() {
    let sources = sources(FOLDER);
    assert!(sources.len() >= 45, "{}", sources.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _bound = settings.bind_to_scope();
    for source in &sources {
        let problems = problems_of(source, &Overrides::default());
        let text = problems.to_string();
        let stem = Path::new(&source.name).file_stem().expect("a file").to_string_lossy().into_owned();
        insta::assert_snapshot!(stem, text);
        assert!(!text.contains("hunter2"), "{text}");
        assert!(!serde_json::to_string(&problems).expect("serialises").contains("hunter2"));
    }
}

#[test]
fn each_bad_scenario_begins_with_what_is_wrong() {
    for source in sources(FOLDER) {
        let first = source.text.lines().next().unwrap_or_default();
        assert!(first.starts_with("# ") && first.len() > 10, "{}: {first}", source.name);
    }
}
