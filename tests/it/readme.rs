//! The README, held against the program: its tables are what the program prints, its command lines parse, its
//! scenarios load.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use clap::{CommandFactory as _, Parser as _};
use pbxload::cli::Cli;
use pbxload::gate::{Quantity, catalogue};
use toml::{Table, Value};

const README: &str = include_str!("../../README.md");

fn pbxload(arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("pbxload").expect("is built with the tests");
    command.env_remove("PBX_PASSWORD").args(arguments).output().expect("starts")
}

fn printed(arguments: &[&str]) -> String {
    let output = pbxload(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The lines of the README's table with this head.
fn table(head: &str) -> String {
    let lines = README.lines().skip_while(|line| *line != head).take_while(|line| line.starts_with('|'));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The insides of all blocks of one kind.
fn blocks(kind: &str) -> Vec<String> {
    let opening = format!("```{kind}");
    let mut blocks = Vec::new();
    let mut lines = README.lines();
    while lines.any(|line| line == opening) {
        blocks.push(lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect());
    }
    blocks
}

/// Command lines of the console blocks, without the prompt and without variables before the program.
fn command_lines() -> Vec<Vec<String>> {
    let blocks = blocks("console");
    let lines = blocks.iter().flat_map(|block| block.lines()).filter_map(|line| line.strip_prefix("$ "));
    lines.map(|line| words(line).into_iter().skip_while(|word| is_variable(word)).collect()).collect()
}

fn is_variable(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}

/// As a shell splits a line, as far as the README goes: blanks, and quotes around or within a word.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    assert_eq!(quote, None, "an open quote in `{line}`");
    words.extend(word);
    words
}

/// The arguments of a line that runs this program, installed or by cargo.
fn arguments(line: &[String]) -> Option<Vec<String>> {
    let own = match line.first()?.as_str() {
        "pbxload" => &line[1..],
        "cargo" if line.get(1)? == "run" => &line[line.iter().position(|word| word == "--")? + 1..],
        _ => return None,
    };
    Some(own.to_vec())
}

#[test]
fn operations_are_those_that_the_program_prints() {
    assert_eq!(table("| operation | does | wire | `save` keeps |"), printed(&["ops", "--markdown"]));
}

#[test]
fn exit_codes_are_those_that_the_program_prints() {
    let help = printed(&["--help"]);
    let (_, codes) = help.split_once("Exit codes:\n").expect("the help ends with the exit codes");
    let rows: String = codes
        .lines()
        .filter_map(|line| line.trim().split_once("  "))
        .map(|(code, meaning)| format!("| {code} | {meaning} |\n"))
        .collect();
    assert_eq!(table("| code | meaning |"), format!("| code | meaning |\n|---|---|\n{rows}"));
}

#[test]
fn figures_are_those_that_gates_know() {
    let unit = |quantity| match quantity {
        Quantity::Time => "`us`, `ms`, `s`, `m`",
        Quantity::Count => "a whole number",
        Quantity::Ratio => "`%`",
        Quantity::Rate => "`/s`",
        Quantity::Drift => "`%/h`",
        Quantity::DriftOfRatio => "`pp/h`",
        Quantity::Number => "a number",
        Quantity::Bytes => "`B`, `KiB`, `MiB`, `GiB`",
    };
    let rows: String = catalogue()
        .iter()
        .map(|figure| format!("| `{}` | {} | {} |\n", figure.name, unit(figure.quantity), figure.summary))
        .collect();
    assert_eq!(table("| figure | limit in | means |"), format!("| figure | limit in | means |\n|---|---|---|\n{rows}"));
}

#[test]
fn commands_are_those_that_the_program_has() {
    let of_the_program: BTreeSet<String> = Cli::command().get_subcommands().map(|sub| sub.get_name().into()).collect();
    let rows = table("| command | does |");
    let named = rows.lines().filter_map(|row| row.strip_prefix("| `pbxload ")?.split([' ', '`']).next());
    assert_eq!(named.map(str::to_owned).collect::<BTreeSet<_>>(), of_the_program);
}

#[test]
fn command_lines_parse_and_name_files_that_are_there() {
    let lines = command_lines();
    let ours: Vec<_> = lines.iter().filter_map(|line| arguments(line)).collect();
    assert!(ours.len() >= 10, "found only {ours:?}");
    for arguments in ours {
        let parsed = Cli::try_parse_from(std::iter::once("pbxload".to_owned()).chain(arguments.iter().cloned()));
        assert!(parsed.is_ok(), "{arguments:?}: {}", parsed.expect_err("not ok"));
        for file in arguments.iter().filter(|word| word.starts_with("scenarios/")) {
            assert!(Path::new(file).is_file(), "`{file}` of the README is not there");
        }
        // `check` takes the flags of `run`: what they change must be there to be changed.
        if let ("run" | "check", Some(file)) = (arguments[0].as_str(), arguments.get(1))
            && Path::new(file).is_file()
        {
            let own = ["--out", "--progress", "--workers", "--faults", "--baseline", "--baseline-missing", "--history"];
            let mut check = vec!["check"];
            let mut rest = arguments[1..].iter();
            while let Some(word) = rest.next() {
                if own.contains(&word.as_str()) {
                    rest.next();
                } else {
                    check.push(word);
                }
            }
            printed(&check);
        }
    }
}

#[test]
fn the_first_ten_minutes_go_as_described() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("first.toml");
    let file = file.to_str().expect("UTF-8");
    printed(&["init", file]);
    assert!(printed(&["check", file]).contains("first"));
    assert!(printed(&["try", file]).contains("{\"login\""));
}

#[test]
fn scenarios_load() {
    let folder = tempfile::tempdir().expect("a folder");
    let base: Table = fs::read_to_string("scenarios/office-day.toml").expect("is there").parse().expect("TOML");
    let authority = rcgen::generate_simple_self_signed(["pbx".to_owned()]).expect("a certificate");
    fs::write(folder.path().join("staging-ca.pem"), authority.cert.pem()).expect("is written");
    let blocks = blocks("toml");
    assert!(blocks.len() >= 3, "found only {} scenarios", blocks.len());
    for (index, block) in blocks.iter().enumerate() {
        let file = folder.path().join(format!("{index}.toml"));
        let text = match block.starts_with("name = ") {
            true => block.clone(),
            // A part of a scenario takes the place of the same part of a whole one.
            false => with(&base, block),
        };
        fs::write(&file, text).expect("is written");
        printed(&["check", file.to_str().expect("UTF-8")]);
    }
}

fn with(base: &Table, part: &str) -> String {
    let part: Table = part.parse().unwrap_or_else(|error| panic!("{error}\n{part}"));
    let mut whole = base.clone();
    if part.contains_key("persona") {
        // The base's bounds and arrivals are about what its own personas do.
        whole.remove("gates");
        if let Some(Value::Table(load)) = whole.get_mut("load") {
            load.remove("arrivals");
            load.remove("arrival_spacing");
        }
    }
    whole.extend(part);
    toml::to_string(&whole).expect("TOML")
}
