//! `trend`: where the figures of the history change.

use super::args::{PageFormat, TrendArgs};
use super::{Exit, terminal};
use crate::compare::{Limits, RUNS_MIN, trend};
use crate::report::{comparison, trend_html};
use crate::store::{read_history, write_whole};

/// Skipped lines of the history that are told one by one.
const PROBLEMS_SHOWN: usize = 10;

pub(super) fn execute(args: &TrendArgs) -> anyhow::Result<Exit> {
    let (lines, problems) = match read_history(&args.history) {
        Ok(read) => read,
        Err(error) => {
            tell!("error: {:#}; `pbxload run` appends a line for each run", anyhow::Error::from(error));
            return Ok(Exit::BadInput);
        }
    };
    for problem in problems.iter().take(PROBLEMS_SHOWN) {
        tell!("warning: `{}`, line {}: skipped: {}", args.history.display(), problem.line, problem.why);
    }
    if let Some(further) = problems.len().checked_sub(PROBLEMS_SHOWN).filter(|further| *further > 0) {
        tell!("warning: {further} further lines were skipped");
    }
    let limits = Limits { figures: args.figures.clone(), ..Limits::default() };
    let Some(found) = trend(&lines, args.scenario.as_deref(), &limits) else {
        let mut known: Vec<&str> = lines.iter().map(|line| line.scenario.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        tell!("error: the history holds no run that could be used; it knows the scenarios: {}", known.join(", "));
        return Ok(Exit::BadInput);
    };
    let mut bytes = Vec::new();
    match args.format {
        PageFormat::Text | PageFormat::Markdown => comparison::write_trend(&found, terminal::layout(), &mut bytes)?,
        PageFormat::Json => comparison::write_json(&found, &mut bytes)?,
        PageFormat::Html => trend_html(&found, &mut bytes)?,
    }
    let out = match (&args.out, args.format) {
        (None, PageFormat::Html) => Some(args.history.with_file_name("trend.html")),
        (out, _) => out.clone(),
    };
    match out {
        Some(path) => {
            write_whole(&path, &bytes)?;
            tell!("wrote {}", path.display());
        }
        None => terminal::print(&String::from_utf8_lossy(&bytes)),
    }
    if found.runs.len() < RUNS_MIN {
        tell!("{} runs can be compared with each other; a trend needs {RUNS_MIN}", found.runs.len());
        return Ok(Exit::NoVerdict);
    }
    let is_worse = found.figures.iter().any(|figure| figure.changes.last().is_some_and(|change| change.is_worse));
    Ok(if args.gate && is_worse { Exit::GateFailed } else { Exit::Pass })
}
