//! `schema`: prints JSON Schemas, for editors and for whoever reads `results.json`.

use super::args::{SchemaArgs, SchemaOf};
use super::{Exit, terminal};
use crate::simulator::faults;
use crate::{report, scenario};

pub(super) fn execute(args: &SchemaArgs) -> anyhow::Result<Exit> {
    let schema = match args.of {
        SchemaOf::Scenario => scenario::schema(),
        SchemaOf::Results => report::json::schema(),
        SchemaOf::Faults => faults::schema(),
    };
    terminal::print(&format!("{schema:#}\n"));
    Ok(Exit::Pass)
}
