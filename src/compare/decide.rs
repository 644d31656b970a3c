//! `compare`: two sides in, a call for each figure out.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::difference::{Estimate, Interval};
use super::summary::{RunSummary, Share, samples_min};
use crate::stats::{normal_quantile, share_difference};

/// Format number of a comparison's JSON.
pub const COMPARISON_FORMAT: u32 = 1;
/// Degrees of freedom without which an error is not known well enough.
const FREEDOM_MIN: u64 = 4;
/// What the ledger counts matters at a smaller share: one delivery of 100,000 where one failure of 1,000 does.
const LEDGER_PART: f64 = 0.01;
/// Said of a share that is zero on both sides.
const NONE_ON_EITHER: &str = "none on either side";
/// Statistics of a time that are compared unless figures are named.
const COMPARED: [&str; 3] = [".p50", ".p95", ".p99"];

/// What can be said of a figure, and of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Certainly worse, by at least the least effect.
    Worse,
    /// Certainly better, by at least the least effect.
    Better,
    /// Certainly within the least effect.
    Same,
    /// None of them is certain.
    CannotTell,
}

impl Call {
    /// It in words.
    pub const fn word(self) -> &'static str {
        match self {
            Call::Worse => "worse",
            Call::Better => "better",
            Call::Same => "same",
            Call::CannotTell => "cannot tell",
        }
    }
}

/// What counts as a difference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Limits {
    /// Probability that no equal figure of the whole comparison is called different.
    pub confidence: f64,
    /// Least effect on times and rates, as a share of the baseline.
    pub relative: f64,
    /// Least effect on times, microseconds.
    pub time_us: f64,
    /// Least effect on shares; a hundredth of it on those of the ledger.
    pub share: f64,
    /// The figures to compare; empty: rates, shares, and p50, p95 and p99 of times.
    pub figures: Vec<String>,
    /// What may differ all the same.
    pub across: Vec<Across>,
}

impl Default for Limits {
    fn default() -> Limits {
        let (figures, across) = (Vec::new(), Vec::new());
        Limits { confidence: 0.95, relative: 0.05, time_us: 200.0, share: 0.001, figures, across }
    }
}

/// What makes two runs comparable, unless somebody says that it need not be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Across {
    /// The load that the scenario makes.
    Scenario,
    /// The machine that makes it.
    Machine,
    /// Where it goes.
    Target,
}

/// What kind of figure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Microseconds.
    Time,
    /// Per second; more is better.
    Rate,
    /// A share of a whole.
    Share,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// Where it was read from.
    pub name: String,
    /// Scenario of its runs.
    pub scenario: String,
    /// Target of its runs.
    pub target: String,
    /// Machine of its runs.
    pub machine: String,
    /// Hash of the load of its runs.
    pub load_hash: String,
    /// The runs that were compared: id, start, version.
    pub runs: Vec<(String, String, String)>,
    /// Curves of the side's last run, by figure.
    #[serde(skip)]
    pub curves: BTreeMap<String, Vec<f64>>,
}

/// One figure, compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Its name, as in gates.
    pub figure: String,
    /// Its kind.
    pub kind: Kind,
    /// The baseline's value: microseconds, per second, or a share.
    #[serde(serialize_with = "short")]
    pub baseline: f64,
    /// The other side's value.
    #[serde(serialize_with = "short")]
    pub run: f64,
    /// The change: relative to the baseline, or, of shares, the difference itself.
    #[serde(serialize_with = "short")]
    pub change: f64,
    /// Lower end of the change's interval; absent when there is none.
    #[serde(serialize_with = "short_option")]
    pub low: Option<f64>,
    /// Upper end of the change's interval.
    #[serde(serialize_with = "short_option")]
    pub high: Option<f64>,
    /// The least effect, on the scale of the change.
    #[serde(serialize_with = "short")]
    pub least: f64,
    /// What can be said.
    pub call: Call,
    /// Why not more, or what else there is to say.
    pub note: String,
}

fn short<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(super::summary::rounded(*value))
}

fn short_option<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(super::summary::rounded).serialize(serializer)
}

/// A figure that is not compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skip {
    /// Its name.
    pub figure: String,
    /// Why.
    pub why: String,
}

/// Two sides, compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Format number of the JSON.
    pub format: u32,
    /// Worse if any figure is; else better if any is; same if all that can be told are; else it cannot be told.
    pub call: Call,
    /// Why nothing can be told, and what else is in doubt.
    pub reasons: Vec<String>,
    /// The first side.
    pub baseline: Side,
    /// The second side.
    pub runs: Side,
    /// What counted as a difference.
    pub limits: Limits,
    /// Every figure of both sides.
    pub figures: Vec<Difference>,
    /// Figures of one side only.
    pub skipped: Vec<Skip>,
}

impl Comparison {
    /// So many figures have this call.
    pub fn count(&self, call: Call) -> usize {
        self.figures.iter().filter(|figure| figure.call == call).count()
    }
}

/// Compares runs with a baseline. Each side is its name and its runs; neither may be without a run.
pub fn compare(baseline: (&str, &[RunSummary]), runs: (&str, &[RunSummary]), limits: &Limits) -> Comparison {
    let mut reasons = Vec::new();
    let mut fit = |(name, runs): (&str, &[RunSummary])| {
        for run in runs {
            if let Some(why) = &run.unfit {
                reasons.push(format!("run {} of `{name}` is left out: {why}", run.id));
            }
        }
        runs.iter().filter(|run| run.unfit.is_none()).cloned().collect::<Vec<_>>()
    };
    let (one, other) = (fit(baseline), fit(runs));
    let blocked = blocked(baseline.1, runs.1, limits);
    let is_empty = one.is_empty() || other.is_empty();
    let is_blocked = !blocked.is_empty() || is_empty;
    reasons.extend(blocked);
    if is_empty {
        reasons.push("no run that could be compared is left".to_owned());
    }
    let mut versions: Vec<&str> = one.iter().chain(&other).map(|run| run.version.as_str()).collect();
    versions.dedup();
    if versions.len() > 1 {
        reasons.push(format!("the runs were made by different versions of pbxload: {}", versions.join(", ")));
    }
    let (mut figures, skipped) = if is_empty { Default::default() } else { differences(&one, &other, limits) };
    if is_blocked {
        for figure in &mut figures {
            figure.call = Call::CannotTell;
            figure.note = "the runs are not comparable".to_owned();
        }
    }
    // That nothing failed on either side does not make two runs the same of which nothing else can be told.
    let says =
        |figure: &Difference| figure.call != Call::Same || figure.note != NONE_ON_EITHER || !limits.figures.is_empty();
    let any = |call| figures.iter().any(|figure| figure.call == call && says(figure));
    let order = [Call::Worse, Call::Better, Call::Same];
    let call = order.into_iter().find(|call| any(*call)).unwrap_or(Call::CannotTell);
    if call == Call::CannotTell && !is_blocked {
        reasons.push("no figure can be told: longer runs, or more of them, would narrow the intervals".to_owned());
    }
    let (baseline, runs) = (side(baseline), side(runs));
    Comparison { format: COMPARISON_FORMAT, call, reasons, baseline, runs, limits: limits.clone(), figures, skipped }
}

fn side((name, runs): (&str, &[RunSummary])) -> Side {
    let first = runs.first().cloned().unwrap_or_default();
    let mut fit = runs.iter().filter(|run| run.unfit.is_none());
    Side {
        name: name.to_owned(),
        scenario: first.scenario,
        target: first.target,
        machine: first.machine,
        load_hash: first.load_hash,
        runs: fit.clone().map(|run| (run.id.clone(), run.started_at.clone(), run.version.clone())).collect(),
        curves: fit.next_back().map(|run| run.curves.clone()).unwrap_or_default(),
    }
}

/// Why the runs are not comparable.
fn blocked(one: &[RunSummary], other: &[RunSummary], limits: &Limits) -> Vec<String> {
    let runs = || one.iter().chain(other);
    let differ = |pick: fn(&RunSummary) -> &str| -> Option<(String, String)> {
        let first = pick(runs().next()?);
        let second = runs().map(pick).find(|value| *value != first)?;
        Some((first.to_owned(), second.to_owned()))
    };
    let mut reasons = Vec::new();
    if !limits.across.contains(&Across::Scenario) {
        if let Some((a, b)) = differ(|run| &run.scenario) {
            reasons.push(format!("they are runs of different scenarios: `{a}` and `{b}`"));
        } else if differ(|run| &run.load_hash).is_some() {
            reasons.push("the scenario has changed since: it makes another load".to_owned());
        }
    }
    if !limits.across.contains(&Across::Machine)
        && let Some((a, b)) = differ(|run| &run.machine)
    {
        reasons.push(format!("their load was made by different machines: `{a}` and `{b}`"));
    }
    if !limits.across.contains(&Across::Target)
        && let Some((a, b)) = differ(|run| &run.target)
    {
        reasons.push(format!("they had different targets: `{a}` and `{b}`"));
    }
    reasons
}

/// A figure of both sides, before it is known how many there are.
enum Pair {
    Ready(Kind, Vec<Estimate>, Vec<Estimate>),
    Shares(Vec<Share>, Vec<Share>),
    /// Both values, and why there is no interval.
    Vague(Kind, f64, f64, String),
}

fn differences(one: &[RunSummary], other: &[RunSummary], limits: &Limits) -> (Vec<Difference>, Vec<Skip>) {
    let wanted = |name: &str, is_usual: bool| {
        if limits.figures.is_empty() { is_usual } else { limits.figures.iter().any(|figure| figure == name) }
    };
    let (mut pairs, mut skipped) = (Vec::new(), Vec::new());
    let mut sort = |name: &str, is_usual: bool, pair: Result<Pair, &str>| match pair {
        _ if !wanted(name, is_usual) => {}
        Ok(pair) => pairs.push((name.to_owned(), pair)),
        Err(why) => skipped.push(Skip { figure: name.to_owned(), why: why.to_owned() }),
    };
    for name in names(one, other, |run| &run.times) {
        let is_usual = COMPARED.iter().any(|statistic| name.ends_with(statistic));
        let missing = if name.ends_with(".p999") { samples_min(Some(0.999)) } else { statistic_samples(name) };
        let pair = both(one, other, |run| run.times.get(name)).map(|(a, b)| {
            let estimate = |time: &super::Time| {
                if time.us <= 0.0 {
                    Err("it is zero".to_owned())
                } else if let Some(error) = time.error {
                    ready(time.us, error, time.freedom)
                } else if time.samples < missing {
                    Err(format!("{} samples, {missing} are needed", time.samples))
                } else {
                    Err("its error is not known: the run has no journal".to_owned())
                }
            };
            pair(Kind::Time, &a, &b, |time| time.us, estimate)
        });
        sort(name, is_usual, pair);
    }
    for name in names(one, other, |run| &run.rates) {
        let pair = both(one, other, |run| run.rates.get(name)).map(|(a, b)| {
            pair(
                Kind::Rate,
                &a,
                &b,
                |rate| rate.per_s,
                |rate| match rate.error {
                    Some(error) => ready(rate.per_s, error, rate.freedom),
                    None => Err("its error is not known".to_owned()),
                },
            )
        });
        sort(name, true, pair);
    }
    for name in names(one, other, |run| &run.shares) {
        let pair = both(one, other, |run| run.shares.get(name));
        sort(name, true, pair.map(|(a, b)| Pair::Shares(a, b)));
    }
    // Bonferroni: all intervals hold together with the wanted confidence.
    let tests = pairs.iter().filter(|(_, pair)| !matches!(pair, Pair::Vague(..))).count().max(1);
    let alpha = (1.0 - limits.confidence).clamp(1e-9, 1.0) / tests as f64;
    (pairs.into_iter().map(|(name, pair)| decided(name, pair, alpha, limits)).collect(), skipped)
}

fn names<'a, T: 'a>(
    one: &'a [RunSummary],
    other: &'a [RunSummary],
    of: fn(&'a RunSummary) -> &'a BTreeMap<String, T>,
) -> BTreeSet<&'a String> {
    one.iter().chain(other).flat_map(|run| of(run).keys()).collect()
}

/// A figure of all runs that have it, if both sides do.
fn both<'a, T: Clone + 'a>(
    one: &'a [RunSummary],
    other: &'a [RunSummary],
    of: impl Fn(&'a RunSummary) -> Option<&'a T>,
) -> Result<(Vec<T>, Vec<T>), &'static str> {
    let of_side = |side: &'a [RunSummary]| side.iter().filter_map(&of).cloned().collect::<Vec<T>>();
    let (a, b) = (of_side(one), of_side(other));
    match (a.is_empty(), b.is_empty()) {
        (true, _) => Err("the baseline does not have it"),
        (_, true) => Err("only the baseline has it"),
        _ => Ok((a, b)),
    }
}

fn statistic_samples(name: &str) -> u64 {
    let word = name.rsplit('.').next().unwrap_or_default();
    let known = super::summary::STATISTICS.iter().find(|(statistic, _)| *statistic == word);
    samples_min(known.and_then(|(_, quantile)| *quantile))
}

fn ready(value: f64, error: f64, freedom: u64) -> Result<Estimate, String> {
    if freedom < FREEDOM_MIN {
        return Err("too few independent intervals: run it for longer".to_owned());
    }
    Ok(Estimate { value: value.ln(), error, freedom: freedom as f64 })
}

fn pair<T>(
    kind: Kind,
    a: &[T],
    b: &[T],
    value: fn(&T) -> f64,
    estimate: impl Fn(&T) -> Result<Estimate, String>,
) -> Pair {
    let all = |side: &[T]| side.iter().map(&estimate).collect::<Result<Vec<_>, String>>();
    match (all(a), all(b)) {
        (Ok(a), Ok(b)) => Pair::Ready(kind, a, b),
        (Err(why), _) | (_, Err(why)) => {
            let mean = |side: &[T]| crate::stats::mean(&side.iter().map(value).collect::<Vec<_>>());
            Pair::Vague(kind, mean(a), mean(b), why)
        }
    }
}

fn decided(figure: String, pair: Pair, alpha: f64, limits: &Limits) -> Difference {
    match pair {
        Pair::Vague(kind, baseline, run, note) => {
            let change = if baseline > 0.0 { run / baseline - 1.0 } else { 0.0 };
            let (low, high, least) = (None, None, limits.relative);
            Difference { figure, kind, baseline, run, change, low, high, least, call: Call::CannotTell, note }
        }
        Pair::Ready(kind, a, b) => {
            let Interval { base, difference, reach } = Interval::of(&a, &b, alpha);
            let baseline = base.exp();
            let least = match kind {
                Kind::Time => limits.relative.max(limits.time_us / baseline),
                _ => limits.relative,
            };
            let (low, high) = (difference - reach, difference + reach);
            let up = call(difference, low, high, (1.0 + least).ln());
            let call = if kind == Kind::Rate { opposite(up) } else { up };
            let change = |logarithm: f64| logarithm.exp() - 1.0;
            Difference {
                figure,
                kind,
                baseline,
                run: (base + difference).exp(),
                change: change(difference),
                low: Some(change(low)),
                high: Some(change(high.min(50.0))),
                least,
                call,
                note: vague(call).to_owned(),
            }
        }
        Pair::Shares(a, b) => share(figure, &a, &b, alpha, limits),
    }
}

fn share(figure: String, a: &[Share], b: &[Share], alpha: f64, limits: &Limits) -> Difference {
    let sums = |side: &[Share]| side.iter().fold((0, 0), |sum, share| (sum.0 + share.part, sum.1 + share.whole));
    let (one, other) = (sums(a), sums(b));
    let of = |(part, whole): (u64, u64)| part as f64 / whole.max(1) as f64;
    let least = if is_ledger(&figure) { limits.share * LEDGER_PART } else { limits.share };
    let (baseline, run) = (of(one), of(other));
    let both = format!("{} of {} against {} of {}", other.0, other.1, one.0, one.1);
    let mut difference = Difference {
        figure,
        kind: Kind::Share,
        baseline,
        run,
        change: run - baseline,
        low: None,
        high: None,
        least,
        call: Call::Same,
        note: NONE_ON_EITHER.to_owned(),
    };
    if one.0 + other.0 == 0 {
        return difference;
    }
    // Bursts count for fewer events than they hold.
    let inflation = inflation(a, b);
    let thinned = |(part, whole): (u64, u64)| (part as f64 / inflation, whole as f64 / inflation);
    let (low, high) = share_difference(thinned(one), thinned(other), normal_quantile(1.0 - alpha / 2.0));
    (difference.low, difference.high) = (Some(low), Some(high));
    difference.call = call(difference.change, low, high, least);
    difference.note = match vague(difference.call) {
        "" => both,
        vague => format!("{both}: {vague}"),
    };
    difference
}

/// How much more shares vary than independent events: between the blocks of a run, and between the runs of a side.
fn inflation(a: &[Share], b: &[Share]) -> f64 {
    let within = a.iter().chain(b).map(|share| share.dispersion).fold(1.0, f64::max);
    let (mut excess, mut freedom) = (0.0, 0.0);
    for side in [a, b] {
        let part: f64 = side.iter().map(|share| share.part as f64).sum();
        let whole: f64 = side.iter().map(|share| share.whole as f64).sum();
        let ratio = part / whole;
        if side.len() > 1 && ratio > 0.0 && ratio < 1.0 {
            let of = |share: &Share| {
                let expected = ratio * share.whole as f64;
                (share.part as f64 - expected).powi(2) / (expected * (1.0 - ratio))
            };
            excess += side.iter().map(of).sum::<f64>();
            freedom += side.len() as f64 - 1.0;
        }
    }
    if freedom > 0.0 { within.max(excess / freedom) } else { within }
}

/// What an interval of a change says, when more is worse.
fn call(change: f64, low: f64, high: f64, least: f64) -> Call {
    if low > 0.0 && change >= least {
        Call::Worse
    } else if high < 0.0 && change <= -least {
        Call::Better
    } else if low >= -least && high <= least {
        Call::Same
    } else {
        Call::CannotTell
    }
}

fn opposite(call: Call) -> Call {
    match call {
        Call::Worse => Call::Better,
        Call::Better => Call::Worse,
        other => other,
    }
}

fn vague(call: Call) -> &'static str {
    if call == Call::CannotTell { "longer or more runs would tell" } else { "" }
}

/// Whether a share is one of the ledger's.
pub(super) fn is_ledger(figure: &str) -> bool {
    figure == "delivery.lost.ratio" || super::summary::LEDGER.contains(&figure)
}
