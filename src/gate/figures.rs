//! The table of figures: one row each, used for parsing, checking, suggestions, evaluation and the documentation.

use std::fmt;
use std::sync::LazyLock;

use super::{Quantity, Statistic};
use crate::ledger::Invariant;
use crate::metrics::{Latency, OpFigures, Phase};
use crate::ops::{FAILURE_WORDS, FailureKind, OpId};
use crate::results::{
    GaugeFigures, GaugeUnit, IntervalRecord, InvariantFigures, LatencyFigures, OperationFigures, Results,
};

/// Longest name for which a nearest one is looked up, bytes.
const NAME_BYTES_MAX: usize = 80;

/// One figure of a run, such as `publish.response.p99`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    row: usize,
    subject: Subject,
}

/// What the placeholders of a row's name stand for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Subject {
    op: Option<OpId>,
    phase: Option<&'static str>,
    class: Option<String>,
    invariant: Option<&'static str>,
    statistic: Option<Statistic>,
    /// A figure of the target's own, and which of its values.
    own: Option<String>,
    gauge: Option<&'static str>,
}

/// A row of the table, for documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FigureDescription {
    /// Its name; `<op>`, `<phase>`, `<class>` and `<stat>` stand for words.
    pub name: &'static str,
    /// What it measures; `<stat>` may be `count`, which is a count.
    pub quantity: Quantity,
    /// What it means.
    pub summary: &'static str,
}

type Read<T> = fn(&Results, &Subject) -> T;

/// Where a figure comes from.
pub(super) enum Source {
    /// A histogram's statistic: as the results keep it, and the histogram in a record, for windows.
    Times(
        for<'a> fn(&'a Results, &Subject) -> Option<&'a LatencyFigures>,
        for<'a> fn(&'a IntervalRecord, &Subject) -> Option<&'a Latency>,
    ),
    /// A counter, and how many things there were to count: without any it says nothing.
    Count { value: Read<u64>, of: Read<u64> },
    /// A share of a whole.
    Ratio { part: Read<u64>, whole: Read<u64> },
    /// Things per second, and how many things there were.
    Rate { value: Read<f64>, of: Read<u64> },
    /// Seconds; 0 was not measured.
    Seconds(Read<f64>),
    /// Bytes; 0 was not measured.
    Bytes(Read<u64>),
    /// A figure of the target's own, in its base unit; `None` was not measured.
    Gauge(Read<Option<f64>>),
    /// How another figure drifts; see `drift.rs`.
    Drift,
}

struct Row {
    name: &'static str,
    source: Source,
    summary: &'static str,
}

const fn row(name: &'static str, source: Source, summary: &'static str) -> Row {
    Row { name, source, summary }
}

fn op<'a>(results: &'a Results, subject: &Subject) -> Option<&'a OperationFigures> {
    results.operations.get(subject.op?.name())
}

/// An operation in one record.
fn within<'a>(record: &'a IntervalRecord, subject: &Subject) -> Option<&'a OpFigures> {
    record.figures.ops.get(subject.op?.index())
}

fn phase<'a>(record: &'a IntervalRecord, subject: &Subject) -> Option<&'a Latency> {
    let (phase, _) = Phase::ALL.iter().find(|(_, word)| Some(*word) == subject.phase)?;
    within(record, subject)?.phases.get(*phase as usize)
}

fn per_s(count: u64, results: &Results) -> f64 {
    if results.run.load_s > 0.0 { count as f64 / results.run.load_s } else { 0.0 }
}

fn op_count(results: &Results, subject: &Subject, count: fn(&OperationFigures) -> u64) -> u64 {
    op(results, subject).map_or(0, count)
}

fn started(results: &Results, subject: &Subject) -> u64 {
    op_count(results, subject, |op| op.started)
}

fn settled(results: &Results, subject: &Subject) -> u64 {
    op_count(results, subject, |op| op.ok + op.failed)
}

fn all(results: &Results, count: fn(&OperationFigures) -> u64) -> u64 {
    results.operations.values().map(count).sum()
}

fn all_settled(results: &Results, _: &Subject) -> u64 {
    all(results, |op| op.ok + op.failed)
}

/// Copies that the ledger waited for, a publisher's own included: with none, nothing says that none was lost.
fn witnessed(results: &Results, _: &Subject) -> u64 {
    results.delivery.expected.saturating_add(results.delivery.echo_expected)
}

fn expected(results: &Results, _: &Subject) -> u64 {
    results.delivery.expected
}

fn published(results: &Results, _: &Subject) -> u64 {
    results.delivery.published
}

fn planned(results: &Results, _: &Subject) -> u64 {
    results.arrivals.planned
}

fn online(results: &Results, _: &Subject) -> u64 {
    results.users.peak
}

/// Failures of a class: `rejected` counts every code, `rejected(503)` that one.
fn of_class(op: &OperationFigures, subject: &Subject) -> u64 {
    let wanted = subject.class.as_deref().unwrap_or_default();
    let fits = |class: &str| class == wanted || class.split('(').next() == Some(wanted);
    op.failures.iter().filter(|(class, _)| fits(class)).map(|(_, count)| count).sum()
}

fn invariant(results: &Results, subject: &Subject, count: fn(&InvariantFigures) -> u64) -> u64 {
    let of = |figures: &&InvariantFigures| subject.invariant.is_none_or(|word| figures.name == word);
    results.invariants.iter().filter(of).map(count).sum()
}

fn checked(results: &Results, subject: &Subject) -> u64 {
    invariant(results, subject, |figures| figures.checked)
}

fn broken(results: &Results, subject: &Subject) -> u64 {
    invariant(results, subject, |figures| figures.violated)
}

type ReadGauge = fn(&GaugeFigures) -> f64;

/// Values of a figure of the target's own, by their words.
static GAUGES: [(&str, ReadGauge); 5] = [
    ("max", |gauge| gauge.max),
    ("last", |gauge| gauge.last),
    ("mean", |gauge| gauge.mean),
    ("min", |gauge| gauge.min),
    ("first", |gauge| gauge.first),
];

fn gauge(results: &Results, subject: &Subject) -> Option<f64> {
    let name = subject.own.as_deref()?;
    let (_, read) = GAUGES.iter().find(|(word, _)| Some(*word) == subject.gauge)?;
    let value = read(results.target.figures.get(name)?);
    Some(if GaugeUnit::of(name) == GaugeUnit::Seconds { value * 1e6 } else { value })
}

fn scrapes(results: &Results, _: &Subject) -> u64 {
    results.target.scrapes
}

use Source::{Bytes, Count, Drift, Gauge, Rate, Ratio, Seconds, Times};

static ROWS: &[Row] = &[
    row(
        "<op>.response.<stat>",
        Times(|r, s| Some(&op(r, s)?.response_us), |r, s| Some(&within(r, s)?.response)),
        "from due to answered, of successes",
    ),
    row(
        "<op>.service.<stat>",
        Times(|r, s| Some(&op(r, s)?.service_us), |r, s| Some(&within(r, s)?.service)),
        "from sent to answered, of successes",
    ),
    row(
        "<op>.lag.<stat>",
        Times(|r, s| Some(&op(r, s)?.lag_us), |r, s| Some(&within(r, s)?.lag)),
        "from due to sent: the generator's own lateness",
    ),
    row(
        "<op>.failed_response.<stat>",
        Times(|r, s| Some(&op(r, s)?.failed_us), |r, s| Some(&within(r, s)?.failed_response)),
        "from due to failed, of failures",
    ),
    row("<op>.phase.<phase>.<stat>", Times(|r, s| op(r, s)?.phases_us.get(s.phase?), phase), "a part of the operation"),
    row("<op>.count", Count { value: started, of: started }, "operations begun"),
    row("<op>.ok", Count { value: |r, s| op_count(r, s, |op| op.ok), of: started }, "answered as they should be"),
    row("<op>.failed", Count { value: |r, s| op_count(r, s, |op| op.failed), of: started }, "failed, of any class"),
    row("<op>.open", Count { value: |r, s| op_count(r, s, |op| op.open), of: started }, "without an answer at the end"),
    row(
        "<op>.rate",
        Rate { value: |r, s| op(r, s).map_or(0.0, |op| op.rate_per_s), of: started },
        "successes a second",
    ),
    row(
        "<op>.failures.ratio",
        Ratio { part: |r, s| op_count(r, s, |op| op.failed), whole: settled },
        "failures among the answered",
    ),
    row(
        "<op>.failures.<class>",
        Count { value: |r, s| op(r, s).map_or(0, |op| of_class(op, s)), of: settled },
        "failures of one class",
    ),
    row(
        "delivery.<stat>",
        Times(|r, _| Some(&r.delivery.delivery_us), |r, _| Some(&r.figures.delivery)),
        "from sent to received, for each receiver",
    ),
    row(
        "delivery.spread.<stat>",
        Times(|r, _| Some(&r.delivery.spread_us), |r, _| Some(&r.ledger.spread.all)),
        "from the first receiver to the last",
    ),
    row(
        "delivery.rate",
        Rate { value: |r, _| per_s(r.delivery.delivered, r), of: published },
        "deliveries a second of load",
    ),
    row("delivery.published", Count { value: published, of: published }, "publishes sent"),
    row("delivery.accepted", Count { value: |r, _| r.delivery.accepted, of: published }, "publishes accepted"),
    row("delivery.refused", Count { value: |r, _| r.delivery.refused, of: published }, "publishes refused"),
    row("delivery.unknown", Count { value: |r, _| r.delivery.unknown, of: published }, "publishes of unknown outcome"),
    row("delivery.expected", Count { value: expected, of: expected }, "deliveries that had to happen"),
    row("delivery.delivered", Count { value: |r, _| r.delivery.delivered, of: expected }, "deliveries that happened"),
    row("delivery.lost", Count { value: |r, _| r.delivery.lost, of: witnessed }, "deliveries that did not happen"),
    row(
        "delivery.lost.ratio",
        Ratio { part: |r, _| r.delivery.lost, whole: expected },
        "lost among the expected deliveries",
    ),
    row("delivery.excused", Count { value: |r, _| r.delivery.excused, of: witnessed }, "missing, with an excuse"),
    row("delivery.duplicated", Count { value: |r, _| r.delivery.duplicated, of: witnessed }, "repeats of a delivery"),
    row(
        "delivery.reordered",
        Count { value: |r, _| r.delivery.reordered, of: witnessed },
        "came after a later message",
    ),
    row("delivery.phantom", Count { value: |r, _| r.delivery.phantom, of: witnessed }, "messages that nobody sent"),
    row(
        "delivery.recovered",
        Count { value: |r, _| r.delivery.recovered, of: witnessed },
        "fetched from the history after a lost connection",
    ),
    row("delivery.late", Count { value: |r, _| r.delivery.late, of: witnessed }, "came later than the timeout"),
    row("delivery.corrupted", Count { value: |r, _| r.delivery.corrupted, of: witnessed }, "changed on the way"),
    row(
        "delivery.misdelivered",
        Count { value: |r, _| r.delivery.misdelivered, of: witnessed },
        "came where they were not published, or to a session that was not attached",
    ),
    row("delivery.foreign", Count { value: |r, _| r.delivery.foreign, of: witnessed }, "messages of others"),
    row(
        "failures.ratio",
        Ratio { part: |r, _| all(r, |op| op.failed), whole: all_settled },
        "failures among all answered",
    ),
    row(
        "failures.count",
        Count { value: |r, _| all(r, |op| op.failed), of: all_settled },
        "failures of all operations",
    ),
    row(
        "failures.<class>",
        Count { value: |r, s| r.operations.values().map(|op| of_class(op, s)).sum(), of: all_settled },
        "failures of one class, of all operations",
    ),
    row("arrivals.planned", Count { value: planned, of: planned }, "arrivals that came due"),
    row("arrivals.started", Count { value: |r, _| r.arrivals.started, of: planned }, "arrivals given to a user"),
    row(
        "arrivals.missed",
        Count { value: |r, _| r.arrivals.missed, of: planned },
        "arrivals for which no user was free",
    ),
    row(
        "arrivals.missed.ratio",
        Ratio { part: |r, _| r.arrivals.missed, whole: planned },
        "missed among the planned arrivals",
    ),
    row(
        "arrivals.rate",
        Rate { value: |r, _| r.per_told_s(r.arrivals.started), of: planned },
        "arrivals given to a user, a second",
    ),
    row(
        "arrivals.lag.<stat>",
        Times(|r, _| Some(&r.arrivals.lag_us), |r, _| Some(&r.figures.arrivals.lag)),
        "from due to given to a user",
    ),
    row("users.peak", Count { value: online, of: online }, "most users online at once"),
    row("users.logins", Count { value: |r, _| r.users.logins, of: online }, "successful logins"),
    row("users.reconnects", Count { value: |r, _| r.users.reconnects, of: online }, "connections opened again"),
    row(
        "users.dead_links",
        Count { value: |r, _| r.users.dead_links, of: online },
        "connections without a sign of life",
    ),
    row(
        "users.still_attached",
        Count { value: |r, _| r.users.resubscribed.still_attached, of: online },
        "sessions with a gap that were attached all the time",
    ),
    row(
        "users.silently_detached",
        Count { value: |r, _| r.users.resubscribed.silently_detached, of: online },
        "sessions whose attachment the service had ended without a word",
    ),
    row("users.late_replies", Count { value: |r, _| r.users.late_replies, of: online }, "replies after a timeout"),
    row("users.duplicate_replies", Count { value: |r, _| r.users.duplicate_replies, of: online }, "second replies"),
    row(
        "users.unmatched_replies",
        Count { value: |r, _| r.users.unmatched_replies, of: online },
        "replies to nothing that was asked",
    ),
    row("invariants.violated", Count { value: broken, of: checked }, "broken promises of the service, of all kinds"),
    row("invariants.<promise>", Count { value: broken, of: checked }, "times that this promise was broken"),
    row(
        "target.scrapes.failed",
        Count { value: |r, _| r.target.failed, of: scrapes },
        "attempts to read the target's own figures that gave nothing",
    ),
    row(
        "target.<figure>.<value>",
        Gauge(gauge),
        "a figure of `target.metrics` or `target.process`; `<value>` is `max`, `last`, `mean`, `min` or `first`",
    ),
    row("<op>.response.<stat>.drift", Drift, "change while the load holds still, of p50, p95 and p99"),
    row("<op>.rate.drift", Drift, "change while the load holds still"),
    row("delivery.<stat>.drift", Drift, "change while the load holds still, of p50, p95 and p99"),
    row("delivery.rate.drift", Drift, "change while the load holds still"),
    row("failures.ratio.drift", Drift, "change while the load holds still"),
    row("target.<figure>.drift", Drift, "change while the load holds still"),
    row("generator.rss_bytes.drift", Drift, "change while the load holds still, of the memory of this process"),
    row("generator.cpu_s", Seconds(|r, _| r.generator.cpu_s), "processor time of this process"),
    row("generator.rss_bytes_max", Bytes(|r, _| r.generator.rss_bytes_max), "most memory of this process"),
    row(
        "generator.lag.<stat>",
        Times(|r, _| Some(&r.generator.lag_us), |r, _| Some(&r.figures.timer_lag)),
        "lateness of the generator's timers",
    ),
    row(
        "generator.descriptors_max",
        Count { value: |r, _| r.generator.descriptors_max, of: |r, _| r.generator.descriptors_max },
        "most descriptors open at once",
    ),
];

/// Every row of the table, for the documentation.
pub fn catalogue() -> Vec<FigureDescription> {
    let describe = |(row, Row { name, summary, .. }): (usize, &Row)| {
        let figure = Figure { row, subject: Subject::default() };
        FigureDescription { name, quantity: figure.quantity(), summary }
    };
    ROWS.iter().enumerate().map(describe).collect()
}

/// Every name without a code in it, for suggestions.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut names = Vec::new();
    for Row { name, .. } in ROWS {
        let mut filled = vec![(*name).to_owned()];
        for (hole, words) in holes() {
            if name.contains(hole) {
                let fill = |name: &String| words.iter().map(|word| name.replace(hole, word)).collect::<Vec<_>>();
                filled = filled.iter().flat_map(fill).collect();
            }
        }
        // Not every operation has every phase.
        names.extend(filled.into_iter().filter(|name| Figure::by_name(name).is_some()));
    }
    names
});

fn holes() -> [(&'static str, Vec<&'static str>); 5] {
    [
        ("<op>", OpId::ALL.iter().map(|op| op.name()).collect()),
        ("<phase>", Phase::ALL.iter().map(|(_, word)| *word).collect()),
        ("<class>", FAILURE_WORDS.to_vec()),
        ("<promise>", Invariant::ALL.iter().map(|(_, word, _)| *word).collect()),
        ("<stat>", Statistic::ALL.iter().map(|(_, word)| *word).collect()),
    ]
}

impl Figure {
    /// The figure with this name.
    pub fn by_name(name: &str) -> Option<Figure> {
        let words = words(name);
        let figure = |(row, pattern): (usize, &Row)| {
            let subject = Subject::of(pattern.name, &words)?;
            // A drift is measured of a few percentiles alone.
            let is_kept = [Statistic::P50, Statistic::P95, Statistic::P99].map(Some).contains(&subject.statistic);
            let is_drift = matches!(pattern.source, Drift) && subject.statistic.is_some();
            (is_kept || !is_drift).then_some(Figure { row, subject })
        };
        ROWS.iter().enumerate().find_map(figure)
    }

    /// The names of all figures, those with a code in their class left out.
    pub fn names() -> &'static [String] {
        &NAMES
    }

    /// The known name that is nearest to a wrong one, if any is near.
    pub fn nearest(name: &str) -> Option<&'static str> {
        if name.len() > NAME_BYTES_MAX {
            return None;
        }
        // The commonest slip: `publish.p99` for `publish.response.p99`.
        if let Some((op, statistic)) = name.split_once('.')
            && let Some(known) = Figure::names().iter().find(|known| **known == format!("{op}.response.{statistic}"))
        {
            return Some(known);
        }
        let distance_max = 2.max(name.len() / 4);
        // Backwards: of equally near percentiles the high one is meant.
        let candidates = Figure::names().iter().rev().filter(|known| known.len().abs_diff(name.len()) <= distance_max);
        let distances = candidates.map(|known| (strsim::damerau_levenshtein(known, name), known));
        let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
        (distance <= distance_max).then_some(nearest)
    }

    /// What it measures.
    pub fn quantity(&self) -> Quantity {
        match (self.source(), self.subject.statistic) {
            (Times(..), Some(Statistic::Count)) | (Count { .. }, _) => Quantity::Count,
            (Times(..) | Seconds(_), _) => Quantity::Time,
            (Ratio { .. }, _) => Quantity::Ratio,
            (Rate { .. }, _) => Quantity::Rate,
            (Bytes(_), _) => Quantity::Bytes,
            (Drift, _) if ROWS[self.row].name.contains(".ratio.") => Quantity::DriftOfRatio,
            (Drift, _) => Quantity::Drift,
            (Gauge(_), _) => match self.subject.own.as_deref().map(GaugeUnit::of) {
                Some(GaugeUnit::Bytes) => Quantity::Bytes,
                Some(GaugeUnit::Seconds) => Quantity::Time,
                Some(GaugeUnit::Number) | None => Quantity::Number,
            },
        }
    }

    /// The operation that it belongs to, if it belongs to one.
    pub fn operation(&self) -> Option<OpId> {
        self.subject.op
    }

    /// The figure of the target's own that it is about, if it is about one.
    pub fn own(&self) -> Option<&str> {
        self.subject.own.as_deref()
    }

    /// The first word of its name.
    pub fn family(&self) -> &'static str {
        ROWS[self.row].name.split('.').next().unwrap_or_default()
    }

    /// Why it has no windows, if it has none: what is told at the end alone would be 0 in each of them.
    pub fn without_windows(&self) -> Option<&'static str> {
        match ROWS[self.row].name {
            "delivery.lost" | "delivery.lost.ratio" | "delivery.excused" | "delivery.expected" | "delivery.unknown" => {
                Some("is settled when the run is over")
            }
            "<op>.open" => Some("is what the end of the run leaves open"),
            name if name.ends_with(".drift") => Some("is that of the whole time in which the load holds still"),
            _ => None,
        }
    }

    /// Whether it may end up larger when a run goes on: counts do, and what they are divided by time.
    pub(super) fn grows(&self) -> bool {
        matches!(self.quantity(), Quantity::Count | Quantity::Rate)
    }

    /// Whether it is how another figure drifts.
    pub fn is_drift(&self) -> bool {
        matches!(self.source(), Drift)
    }

    pub(super) fn source(&self) -> &'static Source {
        &ROWS[self.row].source
    }

    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    pub(super) fn statistic(&self) -> Option<Statistic> {
        // A drift has no samples of its own.
        self.subject.statistic.filter(|_| !self.is_drift())
    }
}

impl Subject {
    /// Reads the words that stand for the holes of a pattern.
    fn of(pattern: &str, words: &[&str]) -> Option<Subject> {
        let mut subject = Subject::default();
        let mut words = words.iter().copied();
        for part in pattern.split('.') {
            let word = words.next()?;
            match part {
                "<op>" => subject.op = Some(OpId::by_name(word)?),
                "<phase>" => subject.phase = Some(phase_of(subject.op?, word)?),
                "<class>" => subject.class = Some(class(word)?),
                "<promise>" => {
                    let (_, word, _) = Invariant::ALL.iter().find(|(_, known, _)| *known == word)?;
                    subject.invariant = Some(word);
                }
                "<figure>" => {
                    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                    let is_name = word.starts_with(|c: char| c.is_ascii_lowercase()) && word.chars().all(is_part);
                    subject.own = is_name.then(|| Some(word.to_owned()))?;
                }
                "<value>" => subject.gauge = Some(GAUGES.iter().find(|(known, _)| *known == word)?.0),
                "<stat>" => subject.statistic = Some(Statistic::by_word(word)?),
                literal if literal == word => {}
                _ => return None,
            }
        }
        words.next().is_none().then_some(subject)
    }
}

/// The words of a name; the point within `p99.9` divides none.
fn words(name: &str) -> Vec<&str> {
    let is_percentile = |head: &str| head.starts_with('p') && Statistic::by_word(head).is_some();
    match name.rsplit_once('.') {
        Some((before, fraction)) if fraction.starts_with(|c: char| c.is_ascii_digit()) => {
            let start = before.rfind('.').map_or(0, |point| point + 1);
            let mut words: Vec<&str> = before.split('.').collect();
            if is_percentile(&before[start..]) || before[start..].starts_with("p0") {
                words.pop();
                words.push(&name[start..]);
            } else {
                words.push(fraction);
            }
            words
        }
        _ => name.split('.').collect(),
    }
}

/// The phase with this word, if the operation has it: a connection is made in four steps, an HTTP request in four others.
fn phase_of(op: OpId, word: &str) -> Option<&'static str> {
    let (phase, word) = Phase::ALL.iter().find(|(_, known)| *known == word)?;
    let is_of_connect = matches!(phase, Phase::Dns | Phase::Tcp | Phase::Tls | Phase::Upgrade);
    let has_it = match op {
        OpId::Connect => is_of_connect,
        OpId::Upload | OpId::Download => !is_of_connect,
        _ => false,
    };
    has_it.then_some(*word)
}

/// A class of failure, with its code or for all codes.
fn class(word: &str) -> Option<String> {
    (FAILURE_WORDS.contains(&word) || word.parse::<FailureKind>().is_ok()).then(|| word.to_owned())
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Subject { op, phase, class, invariant, statistic, own, gauge } = &self.subject;
        let stat = statistic.map(Statistic::word);
        for (index, part) in ROWS[self.row].name.split('.').enumerate() {
            let word = match part {
                "<op>" => op.map(OpId::name),
                "<phase>" => *phase,
                "<class>" => class.as_deref(),
                "<promise>" => *invariant,
                "<figure>" => own.as_deref(),
                "<value>" => *gauge,
                "<stat>" => stat.as_deref(),
                literal => Some(literal),
            };
            write!(f, "{}{}", if index == 0 { "" } else { "." }, word.unwrap_or(part))?;
        }
        Ok(())
    }
}
