//! Runs against a baseline, and runs over months: what differs, by how much, and whether that can be told from noise.
//!
//! Pure: knows results, records and [`stats`](crate::stats), no file and no clock. A run is boiled down to a
//! [`RunSummary`]: each figure with its standard error, from a block bootstrap over the run's intervals. A [`Baseline`] is
//! some of those in a small file; [`compare`] sets two sides against each other; [`HistoryLine`] is a run in one line, and
//! [`trend`] finds where such lines change. `docs/compare.md` says it in words. Start reading at [`compare`].

mod baseline;
mod collect;
mod curve;
mod decide;
mod difference;
mod history;
mod identity;
#[cfg(test)]
mod power_tests;
mod series_only;
mod summary;
#[cfg(test)]
mod synthetic;
mod trend;

pub use baseline::{BASELINE_FORMAT, Baseline, BaselineError};
pub use collect::Collector;
pub use curve::CURVE_QUANTILES;
pub use decide::{Across, COMPARISON_FORMAT, Call, Comparison, Difference, Kind, Limits, Side, Skip, compare};
pub use history::{HISTORY_FORMAT, HistoryLine, HistoryProblem, read_history};
pub use identity::{load_hash, target_name};
pub use series_only::summarise;
pub use summary::{Rate, RunSummary, Share, Time};
pub use trend::{Change, FigureTrend, RUNS_MIN, TREND_FORMAT, Trend, TrendPoint, trend};
