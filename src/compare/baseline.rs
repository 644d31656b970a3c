//! A baseline: some runs of one scenario, target and machine, as a small text.
//!
//! TOML that people can read and that differs only where a figure does: sorted keys, a line for each figure, six digits.
//! The text is made here and not by a serializer, so that the lines stay as they are. A checksum covers everything but
//! the note, blank lines and comments: a figure that somebody has improved by hand is noticed.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Deserialize;

use super::summary::RunSummary;

/// Format number of baselines that this build writes; it reads this and older ones.
pub const BASELINE_FORMAT: u32 = 1;
/// Longest text that can be a baseline, bytes: one of twenty runs with every operation has a fifth of it.
const BYTES_MAX: usize = 4 << 20;

/// Some runs to compare with.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// For people: why these runs. The only part that may be changed by hand.
    pub note: String,
    /// The runs, in the order in which they began.
    pub runs: Vec<RunSummary>,
}

/// Why a text is no baseline, or runs do not make one.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// Not what `baseline save` writes.
    #[error("it is not a baseline, or only a part of one: {0}")]
    Unreadable(String),
    /// Written by a later build.
    #[error("it has baseline format {0}, this build reads {BASELINE_FORMAT} and older; use a newer pbxload")]
    TooNew(u32),
    /// The checksum is of another text.
    #[error(
        "its checksum does not fit: it was edited by hand or damaged; only `note`, comments and blank lines may be changed, so write it anew with `pbxload baseline save`"
    )]
    Edited,
    /// Figures that cannot be.
    #[error("run {0} has a figure that cannot be: {1}")]
    Impossible(String, String),
    /// A run that must not be compared with.
    #[error("run {0} cannot be part of a baseline: {1}")]
    Unfit(String, String),
    /// Runs that do not belong together.
    #[error("the runs do not belong together: {0}")]
    Mixed(String),
    /// No run.
    #[error("a baseline needs at least one run")]
    Empty,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(dead_code, reason = "it was read before everything else")]
    format: u32,
    scenario: String,
    target: String,
    load_hash: String,
    machine: String,
    #[serde(default)]
    note: String,
    checksum: String,
    #[serde(default)]
    run: Vec<RunSummary>,
}

impl Baseline {
    /// A baseline of these runs.
    ///
    /// # Errors
    /// There is none, one is unfit, two are the same, or they differ in scenario, load, target or machine.
    pub fn new(mut runs: Vec<RunSummary>, note: String) -> Result<Baseline, BaselineError> {
        let first = runs.first().ok_or(BaselineError::Empty)?;
        for run in &runs {
            if let Some(why) = &run.unfit {
                return Err(BaselineError::Unfit(run.id.clone(), why.clone()));
            }
            let pairs = [
                ("scenarios", &first.scenario, &run.scenario),
                ("loads of a scenario that was changed in between", &first.load_hash, &run.load_hash),
                ("targets", &first.target, &run.target),
                ("machines", &first.machine, &run.machine),
            ];
            if let Some((what, one, other)) = pairs.into_iter().find(|(_, one, other)| one != other) {
                return Err(BaselineError::Mixed(format!("different {what}: `{one}` and `{other}`")));
            }
        }
        let ids: BTreeSet<&str> = runs.iter().map(|run| run.id.as_str()).collect();
        if ids.len() < runs.len() {
            return Err(BaselineError::Mixed("the same run is given twice".to_owned()));
        }
        runs.sort_by(|one, other| (&one.started_at, &one.id).cmp(&(&other.started_at, &other.id)));
        Ok(Baseline { note, runs })
    }

    /// The file's name: `<scenario>@<target>.toml`.
    pub fn file_name(&self) -> String {
        let of = |pick: fn(&RunSummary) -> &String| self.runs.first().map(pick).cloned().unwrap_or_default();
        let fits = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        let name: String = of(|run| &run.scenario).chars().map(fits).collect();
        format!("{}@{}.toml", name.trim_matches(['.', '-']), of(|run| &run.target))
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let body = self.body();
        let head = "# A baseline of pbxload, written by `pbxload baseline save`; docs/compare.md says what is in it.\n\
                    # `note`, comments and blank lines may be changed by hand; the checksum covers everything else.\n";
        let (format, rest) = body.split_once('\n').unwrap_or((&body, ""));
        let checksum = crc32fast::hash(body.as_bytes());
        format!("{head}{format}\nchecksum = \"{checksum:08x}\"\nnote = {}\n{rest}", quoted(&self.note))
    }

    /// Everything that the checksum covers.
    fn body(&self) -> String {
        let first = self.runs.first().cloned().unwrap_or_default();
        let mut out = format!("format = {BASELINE_FORMAT}\n");
        for (key, value) in [
            ("scenario", &first.scenario),
            ("target", &first.target),
            ("load_hash", &first.load_hash),
            ("machine", &first.machine),
        ] {
            let _ = writeln!(out, "{key} = {}", quoted(value));
        }
        for run in &self.runs {
            // Writing to a string cannot fail.
            let _ = write_run(run, &mut out);
        }
        out
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// It is cut, edited, of a newer format, or no baseline at all.
    pub fn parse(text: &str) -> Result<Baseline, BaselineError> {
        if text.len() > BYTES_MAX {
            return Err(BaselineError::Unreadable(format!("it has {} bytes", text.len())));
        }
        let unreadable = |error: toml::de::Error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
            BaselineError::Unreadable(format!("line {line}: {}", error.message()))
        };
        let table: toml::Table = text.parse().map_err(unreadable)?;
        // Read first: a newer format may differ in everything else.
        let format = table.get("format").and_then(toml::Value::as_integer);
        match format.map(u32::try_from) {
            None | Some(Err(_)) => return Err(BaselineError::Unreadable("it has no `format`".to_owned())),
            Some(Ok(found)) if found > BASELINE_FORMAT => return Err(BaselineError::TooNew(found)),
            Some(Ok(_)) => {}
        }
        let file: File = toml::from_str(text).map_err(unreadable)?;
        let mut runs = file.run;
        for run in &mut runs {
            run.scenario = file.scenario.clone();
            run.target = file.target.clone();
            run.load_hash = file.load_hash.clone();
            run.machine = file.machine.clone();
            if let Some(figure) = impossible(run) {
                return Err(BaselineError::Impossible(run.id.clone(), figure));
            }
        }
        if runs.is_empty() {
            return Err(BaselineError::Unreadable("it has no run".to_owned()));
        }
        let baseline = Baseline { note: file.note, runs };
        if format!("{:08x}", crc32fast::hash(baseline.body().as_bytes())) != file.checksum {
            return Err(BaselineError::Edited);
        }
        Ok(baseline)
    }
}

fn write_run(run: &RunSummary, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n[[run]]")?;
    writeln!(out, "id = {}\nstarted_at = {}", quoted(&run.id), quoted(&run.started_at))?;
    writeln!(out, "version = {}\nload_s = {:?}", quoted(&run.version), run.load_s)?;
    let error = |error: Option<f64>| error.map_or(String::new(), |error| format!(", error = {error:?}"));
    writeln!(out, "\n[run.times]")?;
    for (name, time) in &run.times {
        let (error, freedom, samples) = (error(time.error), time.freedom, time.samples);
        writeln!(out, "{} = {{ us = {:?}{error}, freedom = {freedom}, samples = {samples} }}", quoted(name), time.us)?;
    }
    writeln!(out, "\n[run.rates]")?;
    for (name, rate) in &run.rates {
        let (error, freedom) = (error(rate.error), rate.freedom);
        writeln!(out, "{} = {{ per_s = {:?}{error}, freedom = {freedom} }}", quoted(name), rate.per_s)?;
    }
    writeln!(out, "\n[run.shares]")?;
    for (name, share) in &run.shares {
        let (part, whole, dispersion) = (share.part, share.whole, share.dispersion);
        writeln!(out, "{} = {{ part = {part}, whole = {whole}, dispersion = {dispersion:?} }}", quoted(name))?;
    }
    writeln!(out, "\n[run.curves]")?;
    for (name, curve) in &run.curves {
        let values: Vec<String> = curve.iter().map(|us| format!("{us:?}")).collect();
        writeln!(out, "{} = [{}]", quoted(name), values.join(", "))?;
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    // A JSON text is a TOML text.
    serde_json::to_string(&text.replace('\u{7f}', "?")).unwrap_or_default()
}

/// A figure that no run can have.
fn impossible(run: &RunSummary) -> Option<String> {
    let is_error = |error: Option<f64>| error.is_none_or(|error| error.is_finite() && error > 0.0);
    let times = run.times.iter().filter(|(_, time)| !(time.us.is_finite() && time.us >= 0.0 && is_error(time.error)));
    let rates =
        run.rates.iter().filter(|(_, rate)| !(rate.per_s.is_finite() && rate.per_s > 0.0 && is_error(rate.error)));
    let shares = run.shares.iter().filter(|(_, share)| !(share.dispersion.is_finite() && share.dispersion >= 1.0));
    let names = times.map(|(name, _)| name).chain(rates.map(|(name, _)| name)).chain(shares.map(|(name, _)| name));
    let mut curves = run.curves.iter().filter(|(_, curve)| !curve.iter().all(|us| us.is_finite() && *us >= 0.0));
    names.map(|name| format!("`{name}`")).next().or_else(|| curves.next().map(|(name, _)| format!("curve `{name}`")))
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{Shape, summary};
    use super::*;

    fn baseline() -> Baseline {
        Baseline::new(
            vec![summary(Shape::Steady, 1, 1.0), summary(Shape::Steady, 2, 1.0)],
            "first \"good\" week".into(),
        )
        .expect("two runs")
    }

    #[test]
    fn what_is_written_is_read_and_written_again_byte_for_byte() {
        let text = baseline().text();
        let read = Baseline::parse(&text).expect("as written");
        assert_eq!(read, baseline());
        assert_eq!(read.text(), text);
        assert!(text.len() < 10_000, "{} bytes for two runs", text.len());
        assert_eq!(read.file_name(), "synthetic@embedded.toml");
    }

    #[test]
    fn the_order_of_the_runs_changes_nothing() {
        let mut runs = baseline().runs;
        runs.reverse();
        assert_eq!(Baseline::new(runs, baseline().note).expect("two runs").text(), baseline().text());
    }

    #[test]
    fn notes_and_comments_may_be_edited_and_nothing_else() {
        let text = baseline().text();
        let noted = text.replace("first", "second").replace("[[run]]", "# by hand\n\n[[run]]");
        assert!(Baseline::parse(&noted).expect("may be").note.starts_with("second"));
        let better = text.replacen("us = ", "us = 1", 1);
        assert!(matches!(Baseline::parse(&better), Err(BaselineError::Edited)));
        let scenario = text.replace("scenario = \"synthetic\"", "scenario = \"other\"");
        assert!(matches!(Baseline::parse(&scenario), Err(BaselineError::Edited)));
    }

    #[test]
    fn cut_at_any_line_it_is_never_a_baseline() {
        let text = baseline().text();
        for (at, _) in text.match_indices('\n') {
            if at + 1 < text.len() {
                assert!(Baseline::parse(&text[..at]).is_err(), "cut at {at}");
            }
        }
        for at in (0..text.len()).step_by(97).filter(|at| text.is_char_boundary(*at)) {
            assert!(Baseline::parse(&text[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn newer_formats_and_impossible_figures_are_named() {
        let newer = baseline().text().replace("format = 1", "format = 2\nwhatever = true");
        assert!(Baseline::parse(&newer).expect_err("newer").to_string().contains("format 2"));
        for impossible in ["nan", "inf", "-1.0"] {
            let text = baseline().text();
            let line = text.lines().find(|line| line.starts_with("\"publish.response.p99\"")).expect("a line");
            let worse =
                text.replacen(line, &format!("\"publish.response.p99\" = {{ us = {impossible}, samples = 1 }}"), 1);
            assert!(Baseline::parse(&worse).expect_err("impossible").to_string().contains("publish.response.p99"));
        }
        assert!(matches!(Baseline::parse(""), Err(BaselineError::Unreadable(_))));
    }

    #[test]
    fn runs_that_do_not_belong_together_are_refused() {
        let other = |change: fn(&mut RunSummary)| {
            let mut run = summary(Shape::Steady, 3, 1.0);
            change(&mut run);
            Baseline::new(vec![summary(Shape::Steady, 1, 1.0), run], String::new()).expect_err("refused").to_string()
        };
        assert!(other(|run| run.machine = "another".into()).contains("machines"));
        assert!(other(|run| run.load_hash = "another".into()).contains("changed"));
        assert!(other(|run| run.unfit = Some("it was broken off".into())).contains("broken off"));
        assert!(other(|run| run.id = summary(Shape::Steady, 1, 1.0).id).contains("twice"));
        assert!(matches!(Baseline::new(Vec::new(), String::new()), Err(BaselineError::Empty)));
    }
}
