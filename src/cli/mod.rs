//! The command line: one file for each subcommand. The only room that sees all the others.
//!
//! stdout is for data, stderr for people. Start reading at [`Cli`], then at `run.rs`.

#![warn(clippy::print_stderr)]

/// Tells a line on stderr, formatted as `eprintln!` does; see [`terminal::tell`].
macro_rules! tell {
    ($($line:tt)*) => { $crate::cli::terminal::tell(format_args!($($line)*)) };
}

mod args;
mod baseline;
mod check;
mod ci;
mod compare;
mod completions;
mod doctor;
mod doubts;
mod exit;
mod hardware;
mod init;
mod load;
mod ops;
mod progress;
mod report;
mod resume;
mod run;
mod schema;
mod selftest;
mod signals;
mod simulate;
mod targets;
mod terminal;
mod trend;
mod trial;

pub use args::{Cli, Command};
pub use exit::Exit;
pub use terminal::tell;

/// Carries a command out.
///
/// # Errors
/// What keeps it from being carried out; the caller prints it and exits with [`Exit::NotCarriedOut`].
pub fn execute(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Run(args) => run::execute(&args),
        Command::Check(args) => check::execute(&args),
        Command::Doctor(args) => doctor::execute(&args),
        Command::Try(args) => trial::execute(&args),
        Command::Simulate(args) => simulate::execute(&args),
        Command::Report(args) => report::execute(&args),
        Command::Compare(args) => compare::execute(&args),
        Command::Baseline(args) => baseline::execute(&args),
        Command::Trend(args) => trend::execute(&args),
        Command::Selftest(args) => selftest::execute(&args),
        Command::Ops(args) => ops::execute(&args),
        Command::Schema(args) => schema::execute(&args),
        Command::Init(args) => init::execute(&args),
        Command::Completions(args) => completions::execute(&args),
    }
}
