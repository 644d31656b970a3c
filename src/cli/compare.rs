//! `compare`: runs against a baseline; and the same at the end of `run --baseline`.

use std::path::{Path, PathBuf};

use super::args::{AcrossWord, CompareArgs, LimitFlags, Missing, PageFormat, RunArgs};
use super::{Exit, baseline, terminal};
use crate::compare::{Across, Call, Collector, Comparison, Limits, RunSummary, compare, summarise};
use crate::gate::Baseline;
use crate::report::{comparison, comparison_html, untrusted};
use crate::results::{GateFigures, GateStatus, Results};
use crate::store::write_whole;

pub(super) fn execute(args: &CompareArgs) -> anyhow::Result<Exit> {
    let Some(base) = given(&args.baseline, args.baseline_missing) else { return Ok(Exit::BadInput) };
    let Some(base) = base else { return Ok(Exit::Pass) };
    let mut runs = Vec::new();
    for path in &args.runs {
        match baseline::run(path) {
            Ok(run) => runs.push(run),
            Err(error) => {
                tell!("error: {error:#}");
                return Ok(Exit::BadInput);
            }
        }
    }
    let limits = limits(&args.limits);
    let name = args.runs.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    let found = compare((&args.baseline.display().to_string(), &base), (&name, &runs), &limits);
    if let Some(unknown) = unknown_figure(&found) {
        tell!("error: neither side has a figure `{unknown}`; `--format json` without `--figure` lists them");
        return Ok(Exit::BadInput);
    }
    let folder = args.out.clone().or_else(|| args.runs.last().cloned()).unwrap_or_default();
    for (index, format) in args.format.iter().enumerate() {
        let bytes = rendered(*format, &found)?;
        match (index, format) {
            (0, PageFormat::Text | PageFormat::Json | PageFormat::Markdown) => {
                terminal::print(&String::from_utf8_lossy(&bytes));
            }
            _ => write_file(&folder, *format, &bytes)?,
        }
    }
    Ok(exit(&found))
}

fn exit(found: &Comparison) -> Exit {
    match found.call {
        Call::Worse => Exit::GateFailed,
        Call::Better | Call::Same => Exit::Pass,
        Call::CannotTell => Exit::NoVerdict,
    }
}

/// The baseline's runs. `None` when it cannot be used, which has been said; `Some(None)` when there is none and that
/// is allowed.
pub(super) fn given(path: &Path, missing: Missing) -> Option<Option<Vec<RunSummary>>> {
    if !path.exists() {
        let said = format!("there is no baseline `{}`; `pbxload baseline save RUN...` writes one", path.display());
        return match missing {
            Missing::Fail => {
                tell!("error: {said}");
                None
            }
            Missing::Warn => {
                tell!("warning: no baseline: nothing is compared: {said}");
                Some(None)
            }
        };
    }
    match baseline::runs(path) {
        Ok(runs) => Some(Some(runs)),
        Err(error) => {
            tell!("error: {error:#}");
            None
        }
    }
}

/// What the flags say.
pub(super) fn limits(flags: &LimitFlags) -> Limits {
    let across = flags.across.iter().map(|word| match word {
        AcrossWord::Scenario => Across::Scenario,
        AcrossWord::Machine => Across::Machine,
        AcrossWord::Target => Across::Target,
    });
    Limits {
        confidence: flags.confidence,
        relative: flags.min_effect,
        time_us: flags.min_difference.as_secs_f64() * 1e6,
        share: flags.min_share,
        figures: flags.figures.clone(),
        across: across.collect(),
    }
}

/// A figure that was asked for and that nobody has.
fn unknown_figure(found: &Comparison) -> Option<&String> {
    let is_known = |name: &&String| {
        found.figures.iter().any(|figure| figure.figure == **name)
            || found.skipped.iter().any(|skip| skip.figure == **name)
    };
    let has_runs = !found.baseline.runs.is_empty() && !found.runs.runs.is_empty();
    found.limits.figures.iter().find(|name| has_runs && !is_known(name))
}

fn rendered(format: PageFormat, found: &Comparison) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match format {
        PageFormat::Text => comparison::write_text(found, terminal::layout(), &mut bytes)?,
        PageFormat::Json => comparison::write_json(found, &mut bytes)?,
        PageFormat::Markdown => comparison::write_markdown(found, &mut bytes)?,
        PageFormat::Html => comparison_html(found, &mut bytes)?,
    }
    Ok(bytes)
}

fn write_file(folder: &Path, format: PageFormat, bytes: &[u8]) -> anyhow::Result<()> {
    let path: PathBuf = folder.join(match format {
        PageFormat::Text => "comparison.txt",
        PageFormat::Json => "comparison.json",
        PageFormat::Markdown => "comparison.md",
        PageFormat::Html => "comparison.html",
    });
    std::fs::create_dir_all(folder)?;
    write_whole(&path, bytes)?;
    tell!("wrote {}", path.display());
    Ok(())
}

/// What a run is compared with at its end.
pub(super) struct Against {
    /// The baseline's path, as it was given.
    name: String,
    /// `None` when there is no baseline, and that is allowed.
    runs: Option<Vec<RunSummary>>,
    limits: Limits,
}

impl Against {
    /// What the flags ask for; `Err` when it cannot be used, which has been said.
    ///
    /// Called before any load is made: a run that was to be compared and cannot be is not started.
    pub(super) fn of(args: &RunArgs) -> Result<Option<Against>, ()> {
        let Some(path) = &args.baseline else { return Ok(None) };
        let runs = given(path, args.baseline_missing).ok_or(())?;
        let name = path.display().to_string();
        Ok(Some(Against { name, runs, limits: limits(&args.limits) }))
    }

    /// Compares a run that has just ended: prints the table, writes it beside the reports, and makes a gate of it.
    pub(super) fn compare(
        &self,
        collector: Option<&Collector>,
        folder: &Path,
        results: &mut Results,
    ) -> anyhow::Result<()> {
        let Some(base) = &self.runs else {
            results.warnings.push(format!("nothing was compared: no baseline `{}`", self.name));
            return Ok(());
        };
        let run = collector.and_then(|collector| collector.finish(results)).unwrap_or_else(|| summarise(results));
        let found = compare((&self.name, base), (&folder.display().to_string(), &[run]), &self.limits);
        terminal::print(&String::from_utf8_lossy(&rendered(PageFormat::Text, &found)?));
        terminal::print("\n");
        for format in [PageFormat::Json, PageFormat::Html] {
            write_file(folder, format, &rendered(format, &found)?)?;
        }
        results.gates.push(gate(&self.name, &found));
        results.verdict = crate::gate::verdict(results);
        Ok(())
    }
}

impl Baseline for Against {
    fn name(&self) -> Option<&str> {
        self.runs.as_ref().map(|_| self.name.as_str())
    }

    fn values(&self, figure: &str) -> Vec<f64> {
        self.runs.iter().flatten().filter_map(|run| run.value(figure)).collect()
    }
}

/// The comparison as one gate among the others: it holds when no figure is worse.
fn gate(baseline: &str, found: &Comparison) -> GateFigures {
    let worse: Vec<String> = found
        .figures
        .iter()
        .filter(|figure| figure.call == Call::Worse)
        .map(|figure| {
            let [baseline, run, change, _] = comparison::cells_of(figure);
            format!("{} {baseline} → {run} ({change})", figure.figure)
        })
        .collect();
    let passed = match found.call {
        Call::Worse => Some(false),
        Call::Better | Call::Same => Some(true),
        Call::CannotTell => None,
    };
    let status = Some(match passed {
        Some(true) => GateStatus::Held,
        Some(false) => GateStatus::NotHeld,
        None => GateStatus::TooFewSamples,
    });
    let note = match passed {
        Some(false) => worse.join(", "),
        Some(true) => String::new(),
        None => found.reasons.join("; "),
    };
    GateFigures {
        gate: untrusted::one_line(&format!("no figure is worse than the baseline {baseline}")),
        measured: format!(
            "{} worse, {} better, {} same, {} not told",
            found.count(Call::Worse),
            found.count(Call::Better),
            found.count(Call::Same),
            found.count(Call::CannotTell)
        ),
        limit: "0 worse".to_owned(),
        passed,
        status,
        note: untrusted::one_line(&note),
        ..GateFigures::default()
    }
}
