//! The history: one line for each run, appended and never changed.
//!
//! Each line is a JSON object that ends with its own checksum. Lines may be removed by hand, which is how a run is
//! forgotten; a line that was changed, cut or written by a newer build is skipped and named.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::summary::{RunSummary, STATISTICS, rounded};
use crate::results::{LatencyFigures, Outcome, Results};

/// Format number of lines that this build writes; it reads this and older ones.
pub const HISTORY_FORMAT: u32 = 1;
/// Longest line, bytes. A real one with every operation has 6 KiB.
const LINE_BYTES_MAX: usize = 256 << 10;
/// Problems that are kept one by one.
const PROBLEMS_MAX: usize = 20;
const CHECKSUM: &str = ",\"crc\":\"";

/// One run in the history.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HistoryLine {
    /// Format number.
    pub format: u32,
    /// The run's id.
    pub id: String,
    /// Start of its load, RFC 3339 UTC.
    pub at: String,
    /// Name of its scenario.
    pub scenario: String,
    /// Name of its target.
    pub target: String,
    /// Hash of its load.
    pub load_hash: String,
    /// The machine that made it.
    pub machine: String,
    /// Version of pbxload.
    pub version: String,
    /// What its gates said.
    pub outcome: Outcome,
    /// Why its figures are not to be used, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfit: Option<String>,
    /// Figures by name: microseconds, per second, shares.
    pub figures: BTreeMap<String, f64>,
}

/// A line that gave no run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryProblem {
    /// Line, from 1; 0 stands for further ones.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

impl HistoryLine {
    /// The line of a run.
    pub fn of(results: &Results) -> HistoryLine {
        let RunSummary { id, started_at, version, scenario, target, load_hash, machine, unfit, shares, .. } =
            RunSummary::of(results);
        let mut figures = BTreeMap::new();
        let mut times = |name: String, latency: &LatencyFigures| {
            for (word, quantile) in STATISTICS {
                let value = match word {
                    "mean" => latency.mean,
                    "p50" => latency.p50 as f64,
                    "p90" => latency.p90 as f64,
                    "p95" => latency.p95 as f64,
                    "p99" => latency.p99 as f64,
                    _ => latency.p999 as f64,
                };
                if latency.count >= super::summary::samples_min(quantile) {
                    figures.insert(format!("{name}.{word}"), rounded(value));
                }
            }
        };
        for (name, op) in &results.operations {
            times(format!("{name}.response"), &op.response_us);
        }
        times("delivery".to_owned(), &results.delivery.delivery_us);
        for (name, op) in results.operations.iter().filter(|(_, op)| op.rate_per_s > 0.0) {
            figures.insert(format!("{name}.rate"), rounded(op.rate_per_s));
        }
        for (name, share) in shares {
            figures.insert(name, rounded(share.part as f64 / share.whole.max(1) as f64));
        }
        let outcome = results.verdict.outcome;
        let format = HISTORY_FORMAT;
        HistoryLine {
            format,
            id,
            at: started_at,
            scenario,
            target,
            load_hash,
            machine,
            version,
            outcome,
            unfit,
            figures,
        }
    }

    /// The line, without its end.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string(self).unwrap_or_default();
        let checksum = crc32fast::hash(text.as_bytes());
        text.pop();
        format!("{text}{CHECKSUM}{checksum:08x}\"}}")
    }

    fn parse(line: &str) -> Result<HistoryLine, String> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        if line.len() > LINE_BYTES_MAX {
            return Err(format!("it has {} bytes", line.len()));
        }
        let format =
            serde_json::from_str::<Format>(line).map_err(|_| "it is cut, or no line of a history".to_owned())?;
        if format.format > HISTORY_FORMAT {
            let found = format.format;
            return Err(format!("it has history format {found}, this build reads {HISTORY_FORMAT} and older"));
        }
        let (body, checksum) = line.rsplit_once(CHECKSUM).ok_or("it has no checksum")?;
        let body = format!("{body}}}");
        if checksum.strip_suffix("\"}") != Some(&format!("{:08x}", crc32fast::hash(body.as_bytes()))) {
            return Err("its checksum does not fit: it was edited by hand or damaged".to_owned());
        }
        let parsed: HistoryLine = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        match parsed.figures.values().all(|value| value.is_finite()) {
            true => Ok(parsed),
            false => Err("it has a figure that is no number".to_owned()),
        }
    }
}

/// The lines of a history, in the order in which the runs began, and what could not be used. A run that is there twice
/// counts once.
pub fn read_history(text: &str) -> (Vec<HistoryLine>, Vec<HistoryProblem>) {
    let (mut lines, mut problems, mut further) = (BTreeMap::new(), Vec::new(), 0);
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match HistoryLine::parse(line.trim()) {
            Ok(parsed) => {
                lines.entry((parsed.at.clone(), parsed.id.clone())).or_insert(parsed);
            }
            Err(why) if problems.len() < PROBLEMS_MAX => problems.push(HistoryProblem { line: index + 1, why }),
            Err(_) => further += 1,
        }
    }
    if further > 0 {
        problems.push(HistoryProblem { line: 0, why: format!("{further} further lines could not be used") });
    }
    (lines.into_values().collect(), problems)
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{Shape, records};
    use super::*;
    use crate::results::Fold;

    fn line(seed: u64) -> HistoryLine {
        let mut fold = Fold::new();
        records(Shape::Steady, seed, 1.0, 20).iter().for_each(|record| fold.push(record));
        HistoryLine::of(&fold.finish())
    }

    #[test]
    fn lines_come_back_in_the_order_of_their_runs() {
        let text = format!("{}\n\n{}\n{}\n", line(9).text(), line(3).text(), line(9).text());
        let (lines, problems) = read_history(&text);
        assert_eq!((lines, problems), (vec![line(3), line(9)], Vec::new()));
        assert!(line(3).figures["publish.response.p99"] > 20_000.0);
    }

    #[test]
    fn torn_edited_and_newer_lines_are_skipped_and_named() {
        let good = line(1).text();
        let edited = line(2).text().replacen("\"publish.rate\":1", "\"publish.rate\":2", 1);
        let newer = good.replacen("\"format\":1", "\"format\":2", 1);
        let text = format!("{edited}\nnonsense\n{good}\n{newer}\n{}", &good[..good.len() / 2]);
        let (lines, problems) = read_history(&text);
        assert_eq!(lines, [line(1)]);
        let said: Vec<(usize, &str)> = problems.iter().map(|problem| (problem.line, problem.why.as_str())).collect();
        for (problem, (line, word)) in said.iter().zip([(1, "edited"), (2, "cut"), (4, "format 2"), (5, "cut")]) {
            assert!(problem.0 == line && problem.1.contains(word), "{said:?}");
        }
        assert_eq!(said.len(), 4);
    }
}
