//! What a person reads when a scenario is wrong: every file of `tests/bad-scenarios` beside what it says.
//!
//! Read a changed snapshot as that person would before accepting it.

use std::path::{Path, PathBuf};
use std::time::Duration;

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

#[test]
fn bad_flags_are_shown_like_bad_lines() {
    let office =
        sources("tests/contract").into_iter().find(|source| source.name.ends_with("office.toml")).expect("there");
    let overrides = Overrides {
        set: [
            "target.timout=5s",
            "target.timeout=5 ticks",
            "persona.talkr.share=3",
            "load.users[7].to=3",
            "load..users=3",
            "target",
            "seed.x=1",
            "persona.talker.state.away.think=\"uniform 2s 1s\"",
            "auth.flow=oauth2",
            "users.generate.password=hunter2",
            "users.generate.name=hunter",
        ]
        .map(str::to_owned)
        .to_vec(),
        users: Some(33),
        duration: Some(Duration::from_secs(3)),
        target: Some("pbx.example.com".to_owned()),
        gates: vec![String::new()],
        ..Overrides::default()
    };
    let text = problems_of(&office, &overrides).to_string();
    assert!(!text.contains("hunter2"), "{text}");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("flags", text));
}

#[test]
fn the_fifty_first_problem_is_only_counted() {
    let keys: String = (0..60).map(|number| format!("wrong{number} = 1\n")).collect();
    let text = problems_of(&Source { name: "many.toml".into(), text: keys }, &Overrides::default()).to_string();
    assert_eq!(text.matches("error: ").count(), 50);
    assert!(text.ends_with("and 15 more\n\n65 problems in many.toml\n"), "{text}");
}

#[test]
fn colours_change_nothing_but_colours() {
    let source = Source { name: "a.toml".into(), text: "nmae = 1\n".into() };
    let problems = problems_of(&source, &Overrides::default());
    let coloured = problems.render(Style::Coloured);
    assert!(coloured.contains('\u{1b}') && !problems.to_string().contains('\u{1b}'));
}
