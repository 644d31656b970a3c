//! `pbxload`: parses the command line, carries the command out, turns the answer into an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use pbxload::cli::{Cli, Exit, execute, tell};
use pbxload::transport::install_provider;
use tracing_subscriber::filter::LevelFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    install_provider();
    let level = match cli.verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    // That stderr is gone is told nowhere: who tells it there panics.
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).log_internal_errors(false);
    log.init();
    match execute(cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            tell(format_args!("error: {}", told_once(&error)));
            Exit::NotCarriedOut.into()
        }
    }
}

/// An error with its causes, each told once: many a message quotes its cause already.
fn told_once(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}
