//! Where the figures of a history change.

use serde::Serialize;

use super::decide::Limits;
use super::history::HistoryLine;
use crate::random::{Purpose, generator};
use crate::stats::{ChangeTest, change_points, hodges_lehmann, median};

/// Format number of a trend's JSON.
pub const TREND_FORMAT: u32 = 1;
/// Fewer runs have no trend.
pub const RUNS_MIN: usize = 10;
/// Most runs that are looked at: the latest.
const RUNS_MAX: usize = 300;
/// Fewest runs before, between and after changes.
const SEGMENT_MIN: usize = 3;
/// Probability of a change where there is none, over all figures together. The t test of a split that was chosen because
/// it looks like a change errs about nine times as often as it says (of 100 steady series of 20 runs and three figures
/// 11 had a change at 1.25 %), so each figure gets a twentieth of its share.
const P_MAX: f64 = 0.05 / 20.0;
/// Statistics that are looked at unless figures are named.
const USUAL: [&str; 5] = [".p50", ".p95", ".p99", ".rate", ".ratio"];

/// The runs of one scenario, target, load and machine over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trend {
    /// Format number of the JSON.
    pub format: u32,
    /// The scenario.
    pub scenario: String,
    /// The target.
    pub target: String,
    /// The machine.
    pub machine: String,
    /// The runs, by their beginning.
    pub runs: Vec<TrendPoint>,
    /// Runs that were left out, and why.
    pub left_out: Vec<String>,
    /// Each figure.
    pub figures: Vec<FigureTrend>,
}

/// A run of a trend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrendPoint {
    /// Its id.
    pub id: String,
    /// When it began.
    pub at: String,
    /// Version of pbxload.
    pub version: String,
}

/// One figure over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FigureTrend {
    /// Its name.
    pub figure: String,
    /// Its value in each run, absent where the run does not have it.
    pub values: Vec<Option<f64>>,
    /// Its changes, in their order.
    pub changes: Vec<Change>,
}

/// A change of level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Index of the first run after it.
    pub run: usize,
    /// Median before, back to the change before this one.
    pub before: f64,
    /// Median after, up to the next change.
    pub after: f64,
    /// The change: relative, or of shares the difference; the median over all pairs of runs before and after.
    pub change: f64,
    /// Whether it is for the worse.
    pub is_worse: bool,
}

/// The trend of a scenario, or, without one, of the latest run's. `None` when there is no run of it.
pub fn trend(lines: &[HistoryLine], scenario: Option<&str>, limits: &Limits) -> Option<Trend> {
    let named = |line: &&HistoryLine| scenario.is_none_or(|name| line.scenario == name);
    let latest = lines.iter().rfind(|line| named(line) && line.unfit.is_none())?;
    let (mut runs, mut left_out) = (Vec::new(), Vec::new());
    let mut others =
        [("of another target", 0), ("of another machine", 0), ("of the scenario before it was changed", 0)];
    for line in lines.iter().filter(|line| line.scenario == latest.scenario) {
        if let Some(why) = &line.unfit {
            left_out.push(format!("run {}: {why}", line.id));
        } else if line.target != latest.target {
            others[0].1 += 1;
        } else if line.machine != latest.machine {
            others[1].1 += 1;
        } else if line.load_hash != latest.load_hash {
            others[2].1 += 1;
        } else {
            runs.push(line);
        }
    }
    left_out.extend(others.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what}")));
    let runs = &runs[runs.len().saturating_sub(RUNS_MAX)..];
    let is_wanted = |name: &str| match limits.figures.is_empty() {
        true => USUAL.iter().any(|end| name.ends_with(end)),
        false => limits.figures.iter().any(|figure| figure == name),
    };
    let mut names: Vec<&String> =
        runs.iter().flat_map(|run| run.figures.keys()).filter(|name| is_wanted(name)).collect();
    names.sort();
    names.dedup();
    let p_max = P_MAX / names.len().max(1) as f64;
    let figures = names.into_iter().map(|name| figure(name, runs, p_max, limits)).collect();
    let points =
        runs.iter().map(|run| TrendPoint { id: run.id.clone(), at: run.at.clone(), version: run.version.clone() });
    Some(Trend {
        format: TREND_FORMAT,
        scenario: latest.scenario.clone(),
        target: latest.target.clone(),
        machine: latest.machine.clone(),
        runs: points.collect(),
        left_out,
        figures,
    })
}

fn figure(name: &str, runs: &[&HistoryLine], p_max: f64, limits: &Limits) -> FigureTrend {
    let values: Vec<Option<f64>> = runs.iter().map(|run| run.figures.get(name).copied()).collect();
    let known: Vec<(usize, f64)> = values.iter().enumerate().filter_map(|(at, value)| Some((at, (*value)?))).collect();
    let is_rate = name.ends_with(".rate");
    let is_share = !is_rate && (name.ends_with(".ratio") || super::decide::is_ledger(name));
    // Times and rates differ by factors.
    let scale = |value: f64| if is_share { value } else { value.max(1e-9).ln() };
    let series: Vec<f64> = known.iter().map(|(_, value)| scale(*value)).collect();
    if series.len() < RUNS_MIN {
        return FigureTrend { figure: name.to_owned(), values, changes: Vec::new() };
    }
    let mut random = generator(1, Purpose::Topology);
    let found = change_points(&series, SEGMENT_MIN, ChangeTest::Student, p_max, &mut random);
    let bounds: Vec<usize> = [0].into_iter().chain(found).chain([series.len()]).collect();
    let mut changes = Vec::new();
    for place in bounds.windows(3) {
        let (before, after) = (&series[place[0]..place[1]], &series[place[1]..place[2]]);
        let shift = hodges_lehmann(before, after);
        let middle =
            |range: std::ops::Range<usize>| median(&known[range].iter().map(|known| known.1).collect::<Vec<_>>());
        let (was, is) = (middle(place[0]..place[1]), middle(place[1]..place[2]));
        let (change, is_enough) = if is_share {
            (shift, shift.abs() >= limits.share)
        } else {
            let is_time_enough = is_rate || (is - was).abs() >= limits.time_us;
            (shift.exp() - 1.0, shift.abs() >= (1.0 + limits.relative).ln() && is_time_enough)
        };
        if is_enough {
            let is_worse = (shift > 0.0) != is_rate;
            changes.push(Change { run: known[place[1]].0, before: was, after: is, change, is_worse });
        }
    }
    FigureTrend { figure: name.to_owned(), values, changes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::unit;
    use crate::stats::normal_quantile;

    /// Runs whose p99 and p50 vary by 4 % from one to the next, and from run `at` on p99 is a fifth higher.
    fn lines(seed: u64, runs: usize, at: usize, factor: f64) -> Vec<HistoryLine> {
        let mut random = generator(seed, Purpose::User(3));
        let mut noisy = |value: f64| value * (0.04 * normal_quantile(unit(&mut random).max(1e-9))).exp();
        let line = |index: usize| {
            let p99 = noisy(if index < at { 40_000.0 } else { 40_000.0 * factor });
            let figures = [
                ("publish.response.p99", p99),
                ("publish.response.p50", noisy(9_000.0)),
                ("publish.rate", noisy(41.0)),
            ];
            HistoryLine {
                id: format!("run-{index}"),
                at: format!("2026-05-{:02}T09:00:00Z", index + 1),
                scenario: "chat".to_owned(),
                figures: figures.map(|(name, value)| (name.to_owned(), value)).into(),
                ..HistoryLine::default()
            }
        };
        (0..runs).map(line).collect()
    }

    #[test]
    fn a_planted_change_is_dated_to_its_run() {
        let mut right = 0;
        for seed in 0..10 {
            let at = 8 + seed as usize % 6;
            let found = trend(&lines(seed, 20, at, 1.2), Some("chat"), &Limits::default()).expect("runs");
            let p99 = found.figures.iter().find(|figure| figure.figure.ends_with("p99")).expect("looked at");
            right += i32::from(p99.changes.len() == 1 && p99.changes[0].run == at && p99.changes[0].is_worse);
        }
        assert!(right >= 9, "{right} of 10");
    }

    #[test]
    fn steady_series_have_no_change() {
        let changed = (0..100).filter(|seed| {
            let found = trend(&lines(100 + seed, 20, 99, 1.0), None, &Limits::default()).expect("runs");
            found.figures.iter().any(|figure| !figure.changes.is_empty())
        });
        let changed = changed.count();
        assert!(changed <= 5, "{changed} of 100");
    }

    #[test]
    fn only_comparable_runs_are_looked_at() {
        let mut runs = lines(1, 14, 99, 1.0);
        runs[0].machine = "another".to_owned();
        runs[1].unfit = Some("it was broken off".to_owned());
        runs[2].load_hash = "another".to_owned();
        let found = trend(&runs, None, &Limits::default()).expect("runs");
        assert_eq!(found.runs.len(), 11);
        assert_eq!(found.left_out.len(), 3, "{:?}", found.left_out);
        assert!(trend(&runs, Some("other"), &Limits::default()).is_none());
        let few = trend(&runs[..6], None, &Limits::default()).expect("runs");
        assert!(few.figures.iter().all(|figure| figure.changes.is_empty()));
    }
}
