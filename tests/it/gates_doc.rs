//! `docs/gates.md` and `docs/ci.md`, held against the program: every example parses, every command line does.

use clap::Parser as _;
use pbxload::cli::Cli;
use pbxload::gate::{AbortRule, Gate};

const GATES: &str = include_str!("../../docs/gates.md");
const CI: &str = include_str!("../../docs/ci.md");

/// The insides of all blocks of one kind.
fn blocks(text: &'static str, kind: &str) -> Vec<&'static str> {
    let opening = format!("```{kind}\n");
    text.split(opening.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

#[test]
fn every_example_of_a_gate_parses() {
    let lines: Vec<&str> = blocks(GATES, "gates").into_iter().flat_map(str::lines).collect();
    assert!(lines.len() > 20, "{lines:?}");
    for line in lines {
        let gate = Gate::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(Gate::parse(&gate.to_string()), Ok(gate), "{line}");
    }
    let rules: Vec<&str> = blocks(GATES, "rules").into_iter().flat_map(str::lines).collect();
    assert!(rules.len() >= 5, "{rules:?}");
    for line in rules {
        AbortRule::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[test]
fn every_section_of_a_scenario_is_one() {
    let base = crate::scenarios::chat("9m");
    let (head, load) = base.split_once("[load]\n").expect("a load");
    let (_, personas) = load.split_once("[[persona]]").expect("a persona");
    for block in blocks(GATES, "toml") {
        let folder = crate::program::Folder::new();
        let load = "[load]\nusers = [ { to = 8, over = \"1m\" }, { hold = \"9m\" } ]\narrivals = [ { to = \"40/s\", over = \"1m\" } ]\n";
        // A block is either the load or the gates of the scenario around it.
        let (load, gates) = match block.contains("[load]") {
            true => (
                format!(
                    "{}arrivals = [ {{ to = \"40/s\", over = \"1m\" }} ]\n",
                    block.replace("to = 200", "to = 8").replace("to = 50", "to = 4")
                ),
                "",
            ),
            false => (load.to_owned(), block),
        };
        let scenario = folder.write("scenario.toml", &format!("{head}{load}[[persona]]{personas}{gates}"));
        crate::program::call(["check", &scenario]).with_code(0);
    }
}

#[test]
fn command_lines_for_build_servers_parse() {
    let joined = CI.replace("\\\n", " ").replace("--progress plain\n      --target", "--progress plain --target");
    let lines: Vec<&str> = joined.lines().filter_map(|line| Some(line.split_once("target/release/")?.1)).collect();
    assert!(lines.len() >= 5, "{lines:?}");
    for line in lines {
        let words = line.split_whitespace().map(str::to_owned);
        Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}
