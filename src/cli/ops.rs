//! `ops`: lists the operations that a step can name.

use std::fmt::Write as _;

use super::args::OpsArgs;
use super::{Exit, terminal};
use crate::ops::OpId;

pub(super) fn execute(args: &OpsArgs) -> anyhow::Result<Exit> {
    let mut text = String::new();
    if args.markdown {
        text.push_str("| operation | does | wire | `save` keeps |\n|---|---|---|---|\n");
    }
    for op in OpId::ALL {
        let about = op.describe();
        let saves = about.saves.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        let _ = if args.markdown {
            writeln!(text, "| `{}` | {} | {} | {saves} |", about.name, about.summary, about.wire)
        } else {
            writeln!(text, "{:<15} {:<22} {}", about.name, about.wire, about.summary)
        };
    }
    terminal::print(&text);
    Ok(Exit::Pass)
}
