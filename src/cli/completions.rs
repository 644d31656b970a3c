//! `completions`: prints shell completions.

use clap::CommandFactory as _;

use super::args::CompletionsArgs;
use super::{Cli, Exit};

pub(super) fn execute(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    clap_complete::generate(args.shell, &mut Cli::command(), "pbxload", &mut std::io::stdout());
    Ok(Exit::Pass)
}
