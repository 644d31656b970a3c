//! What a virtual user costs, measured: `cargo bench` prints a table of figures with their bars.
//!
//! Whole-process figures come from the built binary against a `pbxload simulate` of its own process; processor time and
//! memory come from the operating system, and each figure is the median of several runs. The bare client, `bare.rs`, does
//! the same work by hand in this executable, started anew as a process, so that both stand side by side in one run.
//!
//! ```text
//! cargo bench                   everything but the soak, about twenty minutes
//! cargo bench -- closed memory  some parts
//! cargo bench -- soak           twenty minutes with a restart and a `kill -9`
//! cargo bench -- --quick        four parts on tiny input: proves that they start, measures nothing
//! ```

#![expect(clippy::disallowed_methods, reason = "a benchmark measures spans of the machine's own clock, and waits")]
#![expect(clippy::print_stdout, reason = "a benchmark's output is its table")]
#![expect(missing_docs, reason = "not a library")]

mod bad_targets;
mod bare;
mod closed;
mod fan_out;
mod growth;
mod logins;
mod memory;
mod micro;
mod pair;
mod process;
mod report;
mod scenario;
mod soak;
mod table;
mod upload;

use std::process::ExitCode;

use table::Table;

/// Parts that need no long wait, for `--quick` without names.
const QUICK: [&str; 4] = ["micro", "closed", "memory", "report"];
/// Only when it is named: it takes longer than all others together.
const LONG: &str = "soak";

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// For figures.
    Full,
    /// For a proof that it starts.
    Quick,
}

impl Size {
    pub fn pick<T>(self, full: T, quick: T) -> T {
        if self == Size::Full { full } else { quick }
    }
}

type Part = (&'static str, fn(Size, &mut Table));

const PARTS: [Part; 11] = [
    ("micro", micro::measure),
    ("closed", closed::saturated),
    ("fixed", closed::fixed_rate),
    ("memory", memory::measure),
    ("fan-out", fan_out::measure),
    ("logins", logins::measure),
    ("growth", growth::measure),
    ("upload", upload::measure),
    ("report", report::measure),
    ("bad-targets", bad_targets::measure),
    ("soak", soak::measure),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("bare-client") => return bare::main(&arguments[1..]),
        Some("bad-target") => return bad_targets::serve(&arguments[1..]),
        _ => {}
    }
    let size = if arguments.iter().any(|argument| argument == "--quick") { Size::Quick } else { Size::Full };
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let known = |name: &str| PARTS.iter().any(|(part, _)| *part == name);
    if let Some(unknown) = wanted.iter().find(|name| !known(name)) {
        let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
        eprintln!("error: there is no part `{unknown}`; the parts are {}", names.join(", "));
        return ExitCode::from(2);
    }
    process::raise_descriptor_limit();
    let mut table = Table::new(size == Size::Quick);
    for (name, measure) in PARTS {
        let is_usual = if size == Size::Full { name != LONG } else { QUICK.contains(&name) };
        if wanted.is_empty() && is_usual || wanted.iter().any(|part| *part == name) {
            eprintln!("measuring: {name}");
            measure(size, &mut table);
        }
    }
    if size == Size::Quick {
        println!("--quick: the figures below are of tiny runs and mean nothing\n");
    }
    println!("{table}");
    ExitCode::SUCCESS
}
