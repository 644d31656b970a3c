//! Did a figure drift while the load held still? A slope with its interval for each, and a verdict in words.
//!
//! Looked at is the longest stretch in which the plan changes nothing, without its first tenth (at most ten minutes), in
//! which caches fill and connections settle. It is cut in equal blocks; the histograms of a block's intervals are merged,
//! of whatever width they are, and a percentile is read off the merged one. Memory is that of the series alone.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::timeline::{Point, Timeline};
use super::{GaugeUnit, WindowFigures, figures};
use crate::metrics::Latency;
use crate::stats;
use crate::tick::Tick;

/// Shortest time in which the load has to hold still: over less, a slope per hour is a guess.
pub const DRIFT_STEADY_MIN: Duration = Duration::from_secs(600);
const STEADY_S_MIN: f64 = DRIFT_STEADY_MIN.as_secs() as f64;
/// Longest part of its beginning that is left out, seconds.
const SETTLING_S_MAX: f64 = 600.0;
/// How many blocks: as many as have samples enough in each.
const BLOCKS: [usize; 5] = [60, 48, 40, 30, stats::DRIFT_VALUES_MIN];
/// A change over the whole stretch below this share of the level is none that matters.
const MATTERS: f64 = 0.01;
/// A figure whose change over the whole stretch is known to be below this share is steady.
const STEADY: f64 = 0.10;
/// The same of ratios, whose level may be 0: of everything.
const RATIO_MATTERS: f64 = 0.001;
const RATIO_STEADY: f64 = 0.005;

/// What is said of the drift of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftVerdict {
    /// It moved in one direction, beyond chance, by at least 1 % in all.
    Drifting,
    /// The stretch was too short, the samples were too few, or the noise is too large.
    #[default]
    CannotTell,
    /// It did not move by as much as 10 % in all.
    Steady,
}

/// What a figure measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// Microseconds.
    Time,
    /// Bytes.
    Bytes,
    /// A second.
    Rate,
    /// A share of a whole, 0 to 1.
    Ratio,
    /// Anything else.
    #[default]
    Number,
}

/// The drift of one figure.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct DriftFigures {
    /// Its name, such as `publish.response.p99`.
    pub figure: String,
    /// What it measures, which is the unit of `start` and of what is said per hour: microseconds, bytes, per second, a
    /// share of 1.
    pub kind: DriftKind,
    /// The answer.
    pub verdict: DriftVerdict,
    /// The answer in words, with its figures or its reason.
    pub says: String,
    /// The stretch that was looked at, seconds of the load.
    pub window: WindowFigures,
    /// Blocks that it was cut in; 0 when nothing was measured.
    pub blocks: u64,
    /// Level at its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<f64>,
    /// Change per hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<f64>,
    /// Ends of its interval at 95 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_hour_95: Option<(f64, f64)>,
    /// Change per hour in percent of the level at the beginning; absent where that is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_per_hour: Option<f64>,
    /// Ends of its interval at 95 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_per_hour_95: Option<(f64, f64)>,
    /// Kendall's τ with time, −1 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tau: Option<f64>,
    /// Probability of a trend as strong by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// Whether chance is ruled out as the explanation.
    pub significant: bool,
}

/// A figure in one block: its value, or how many samples it has of how many that it needs.
type Value = Result<f64, (u64, u64)>;
/// One figure in each block.
type Values = Vec<Value>;

/// The drift of every figure over a stretch of the load, what drifted first.
pub(super) fn measure(timeline: &Timeline, load_start: Tick, steady: WindowFigures) -> Vec<DriftFigures> {
    let length_s = steady.to_s - steady.from_s;
    if length_s.is_nan() || length_s <= 0.0 {
        return Vec::new();
    }
    let from_s = steady.from_s + (length_s / 10.0).min(SETTLING_S_MAX);
    let window = WindowFigures { from_s, to_s: steady.to_s };
    if length_s < STEADY_S_MIN {
        let why = format!(
            "the load held still for {}, and a drift takes at least {}",
            figures::seconds(length_s),
            figures::seconds(STEADY_S_MIN)
        );
        let all = in_blocks(timeline, load_start, window, 1);
        return all.into_iter().map(|(figure, (kind, _))| DriftFigures::unknown(figure, kind, window, &why)).collect();
    }
    let mut open: BTreeMap<String, (DriftKind, Values)> = BTreeMap::new();
    let mut found: BTreeMap<String, DriftFigures> = BTreeMap::new();
    for count in BLOCKS {
        open = in_blocks(timeline, load_start, window, count);
        open.retain(|figure, _| !found.contains_key(figure));
        for (figure, (kind, values)) in &open {
            let whole: Option<Vec<f64>> = values.iter().map(|value| value.ok()).collect();
            let drift = whole.filter(|whole| whole.len() == count).and_then(|whole| stats::drift(&whole));
            if let Some(drift) = drift {
                found.insert(figure.clone(), DriftFigures::of(figure.clone(), *kind, window, count, drift));
            }
        }
        open.retain(|figure, _| !found.contains_key(figure));
        // Nothing found and nothing open: points are so wide that most of so many blocks have none.
        if open.is_empty() && !found.is_empty() {
            break;
        }
    }
    for (figure, (kind, values)) in open {
        let block_s = (window.to_s - window.from_s) / stats::DRIFT_VALUES_MIN as f64;
        let block = figures::seconds(block_s);
        let widest_s = timeline.widest_s(at(load_start, window.from_s), at(load_start, window.to_s));
        let fewest = values.iter().filter_map(|value| value.err()).min();
        let why = match fewest {
            Some((seen, wanted)) if seen < wanted => {
                format!("a block of {block} had {}, and needs {wanted}", figures::counted(seen, "sample"))
            }
            _ if widest_s > block_s => format!(
                "intervals of the journal are up to {} wide there, too coarse for blocks of {block}",
                figures::seconds(widest_s)
            ),
            _ => format!("a block of {block} had no value"),
        };
        found.insert(figure.clone(), DriftFigures::unknown(figure, kind, window, &why));
    }
    let mut all: Vec<DriftFigures> = found.into_values().collect();
    all.sort_by_key(|drift| drift.verdict as u8);
    all
}

fn at(load_start: Tick, seconds: f64) -> Tick {
    load_start + Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// Every figure that has a value in some block, in so many blocks.
fn in_blocks(
    timeline: &Timeline,
    load_start: Tick,
    window: WindowFigures,
    count: usize,
) -> BTreeMap<String, (DriftKind, Values)> {
    let mut all: BTreeMap<String, (DriftKind, Values)> = BTreeMap::new();
    let width_s = (window.to_s - window.from_s) / count as f64;
    for block in 0..count {
        let from_s = window.from_s + width_s * block as f64;
        // One block after the other: their histograms at full size are large.
        if let Some((point, covered_s)) = timeline.stretch(at(load_start, from_s), at(load_start, from_s + width_s)) {
            for (name, kind, value) in values_of(&point, covered_s) {
                let (_, values) = all.entry(name).or_insert_with(|| (kind, Vec::new()));
                values.resize(block, Err((0, 0)));
                values.push(value);
            }
        }
    }
    all.values_mut().for_each(|(_, values)| values.resize(count, Err((0, 0))));
    // What happened now and then, such as the logins after a lost connection, has no course.
    all.retain(|_, (_, values)| values.iter().filter(|value| !matches!(value, Err((0, _)))).count() * 2 > count);
    all
}

fn values_of(point: &Point<Latency>, covered_s: f64) -> Vec<(String, DriftKind, Value)> {
    let mut values = Vec::new();
    let mut times = |name: &str, latency: &Latency| {
        for (word, quantile, wanted) in [("p50", 0.5, 10), ("p95", 0.95, 20), ("p99", 0.99, 100)] {
            let samples = latency.count();
            let value = if samples < wanted { Err((samples, wanted)) } else { Ok(latency.quantile(quantile) as f64) };
            values.push((format!("{name}.{word}"), DriftKind::Time, value));
        }
    };
    let (mut failed_of_all, mut settled_of_all) = (0, 0);
    for (op, (ok, failed, response)) in &point.operations {
        times(&format!("{}.response", op.name()), response);
        failed_of_all += failed;
        settled_of_all += ok + failed;
    }
    times("delivery", &point.delivery);
    let rate = |count: u64| if covered_s > 0.0 { Ok(count as f64 / covered_s) } else { Err((0, 0)) };
    for (op, (ok, ..)) in point.operations.iter().filter(|(_, (ok, ..))| *ok > 0) {
        values.push((format!("{}.rate", op.name()), DriftKind::Rate, rate(*ok)));
    }
    if point.delivery.count() > 0 {
        values.push(("delivery.rate".to_owned(), DriftKind::Rate, rate(point.delivery.count())));
    }
    if settled_of_all > 0 {
        let ratio = failed_of_all as f64 / settled_of_all as f64;
        values.push(("failures.ratio".to_owned(), DriftKind::Ratio, Ok(ratio)));
    }
    if point.rss_bytes > 0 {
        values.push(("generator.rss_bytes".to_owned(), DriftKind::Bytes, Ok(point.rss_bytes as f64)));
    }
    for (name, gauge) in point.target.figures.iter().filter(|(name, _)| !is_counter(name)) {
        let (kind, value) = match GaugeUnit::of(name) {
            GaugeUnit::Bytes => (DriftKind::Bytes, gauge.mean()),
            GaugeUnit::Seconds => (DriftKind::Time, gauge.mean() * 1e6),
            GaugeUnit::Number => (DriftKind::Number, gauge.mean()),
        };
        values.push((format!("target.{name}"), kind, Ok(value)));
    }
    values
}

/// What only ever counts up says nothing by growing.
fn is_counter(name: &str) -> bool {
    name == "cpu_s" || name.ends_with("_total")
}

impl DriftFigures {
    fn unknown(figure: String, kind: DriftKind, window: WindowFigures, why: &str) -> DriftFigures {
        let says = format!("whether {figure} drifted cannot be told: {why}");
        DriftFigures { figure, kind, window, says, ..DriftFigures::default() }
    }

    fn of(figure: String, kind: DriftKind, window: WindowFigures, blocks: usize, drift: stats::Drift) -> DriftFigures {
        let hours = (window.to_s - window.from_s) / 3_600.0;
        let per_hour = |per_step: f64| per_step * blocks as f64 / hours;
        let (slope, low, high) = (per_hour(drift.slope), per_hour(drift.low), per_hour(drift.high));
        // Ratios are compared in points: their level is often 0.
        let level = Some(drift.start).filter(|start| *start > 0.0 && kind != DriftKind::Ratio);
        let percent = |value: f64| level.map(|level| value / level * 100.0);
        let (matters, steady) = match (kind, level) {
            (DriftKind::Ratio, _) => (RATIO_MATTERS, RATIO_STEADY),
            (_, level) => (MATTERS * level.unwrap_or(0.0), STEADY * level.unwrap_or(0.0)),
        };
        let change = slope * hours;
        let is_bounded = low.abs().max(high.abs()) * hours <= steady;
        let verdict = match drift.is_significant() {
            true if change.abs() >= matters => DriftVerdict::Drifting,
            true => DriftVerdict::Steady,
            false if is_bounded => DriftVerdict::Steady,
            false => DriftVerdict::CannotTell,
        };
        let says = says(&figure, kind, verdict, window, drift.start, (slope, low, high), level);
        DriftFigures {
            figure,
            kind,
            verdict,
            says,
            window,
            blocks: blocks as u64,
            start: Some(drift.start),
            per_hour: Some(slope),
            per_hour_95: Some((low, high)),
            percent_per_hour: percent(slope),
            percent_per_hour_95: percent(low).zip(percent(high)),
            tau: Some(drift.tau),
            p: Some(drift.p),
            significant: drift.is_significant(),
        }
    }
}

fn says(
    figure: &str,
    kind: DriftKind,
    verdict: DriftVerdict,
    window: WindowFigures,
    start: f64,
    (slope, low, high): (f64, f64, f64),
    level: Option<f64>,
) -> String {
    let hours = (window.to_s - window.from_s) / 3_600.0;
    // In percent where there is a level, in points for ratios, in units of its own otherwise.
    let (scale, unit) = match (kind, level) {
        (DriftKind::Ratio, _) => (100.0, "percentage points/h"),
        (_, Some(level)) => (100.0 / level, "%/h"),
        (_, None) => (1.0, "/h"),
    };
    let said = |value: f64| figures::number(value * scale);
    let range = format!("{} to {}", said(low), said(high));
    let [before, after] = [start, start + slope * hours].map(|value| amount(kind, value));
    let [from, to] = [window.from_s, window.to_s].map(figures::position);
    match verdict {
        DriftVerdict::Drifting => {
            let word = if slope > 0.0 { "grew" } else { "fell" };
            format!(
                "{figure} {word} by {} {unit} (95 %: {range}): from {before} at {from} to {after} at {to}",
                said(slope.abs())
            )
        }
        DriftVerdict::Steady if low == 0.0 && high == 0.0 => format!("{figure} stayed at {before}"),
        DriftVerdict::Steady => format!("{figure} stayed steady around {before}: its change is {range} {unit} (95 %)"),
        DriftVerdict::CannotTell => {
            format!(
                "whether {figure} drifted cannot be told: its change is {range} {unit} (95 %), which a longer run narrows down"
            )
        }
    }
}

fn amount(kind: DriftKind, value: f64) -> String {
    match kind {
        DriftKind::Time => figures::micros(value.max(0.0).round() as u64),
        DriftKind::Bytes => figures::bytes(value.max(0.0).round() as u64),
        DriftKind::Rate => figures::rate(value.max(0.0)),
        DriftKind::Ratio => figures::percent(value.max(0.0) * 100.0),
        DriftKind::Number => figures::number(value),
    }
}
