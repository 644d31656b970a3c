//! The table of figures: one row each, used for parsing, checking, suggestions, evaluation and the documentation.

use std::fmt;
use std::sync::LazyLock;

use super::{Quantity, Statistic};
use crate::ledger::Invariant;
use crate::metrics::Phase;
use crate::ops::{FAILURE_WORDS, FailureKind, OpId};
use crate::results::{InvariantFigures, LatencyFigures, OperationFigures, Results};

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
    /// A histogram's statistic.
    Latency(for<'a> fn(&'a Results, &Subject) -> Option<&'a LatencyFigures>),
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

use Source::{Bytes, Count, Latency, Rate, Ratio, Seconds};

static ROWS: &[Row] = &[
    row("<op>.response.<stat>", Latency(|r, s| Some(&op(r, s)?.response_us)), "from due to answered, of successes"),
    row("<op>.service.<stat>", Latency(|r, s| Some(&op(r, s)?.service_us)), "from sent to answered, of successes"),
    row("<op>.lag.<stat>", Latency(|r, s| Some(&op(r, s)?.lag_us)), "from due to sent: the generator's own lateness"),
    row("<op>.failed_response.<stat>", Latency(|r, s| Some(&op(r, s)?.failed_us)), "from due to failed, of failures"),
    row("<op>.phase.<phase>.<stat>", Latency(|r, s| op(r, s)?.phases_us.get(s.phase?)), "a part of the operation"),
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
    row("delivery.<stat>", Latency(|r, _| Some(&r.delivery.delivery_us)), "from sent to received, for each receiver"),
    row("delivery.spread.<stat>", Latency(|r, _| Some(&r.delivery.spread_us)), "from the first receiver to the last"),
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
    row("arrivals.lag.<stat>", Latency(|r, _| Some(&r.arrivals.lag_us)), "from due to given to a user"),
    row("users.peak", Count { value: online, of: online }, "most users online at once"),
    row("users.logins", Count { value: |r, _| r.users.logins, of: online }, "successful logins"),
    row("users.reconnects", Count { value: |r, _| r.users.reconnects, of: online }, "connections opened again"),
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
    row("generator.cpu_s", Seconds(|r, _| r.generator.cpu_s), "processor time of this process"),
    row("generator.rss_bytes_max", Bytes(|r, _| r.generator.rss_bytes_max), "most memory of this process"),
    row("generator.lag.<stat>", Latency(|r, _| Some(&r.generator.lag_us)), "lateness of the generator's timers"),
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
        let figure = |(row, pattern): (usize, &Row)| Some(Figure { row, subject: Subject::of(pattern.name, name)? });
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
            (Latency(_), Some(Statistic::Count)) | (Count { .. }, _) => Quantity::Count,
            (Latency(_) | Seconds(_), _) => Quantity::Time,
            (Ratio { .. }, _) => Quantity::Ratio,
            (Rate { .. }, _) => Quantity::Rate,
            (Bytes(_), _) => Quantity::Bytes,
        }
    }

    /// The operation that it belongs to, if it belongs to one.
    pub fn operation(&self) -> Option<OpId> {
        self.subject.op
    }

    /// The first word of its name.
    pub fn family(&self) -> &'static str {
        ROWS[self.row].name.split('.').next().unwrap_or_default()
    }

    pub(super) fn source(&self) -> &'static Source {
        &ROWS[self.row].source
    }

    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    pub(super) fn statistic(&self) -> Option<Statistic> {
        self.subject.statistic
    }
}

impl Subject {
    /// Reads the words that stand for the holes of a pattern.
    fn of(pattern: &str, name: &str) -> Option<Subject> {
        let mut subject = Subject::default();
        let mut words = name.split('.');
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
                "<stat>" => {
                    let known = Statistic::ALL.iter().find(|(_, known)| *known == word);
                    subject.statistic = Some(known.map(|(statistic, _)| *statistic)?);
                }
                literal if literal == word => {}
                _ => return None,
            }
        }
        words.next().is_none().then_some(subject)
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
        let Subject { op, phase, class, invariant, statistic } = &self.subject;
        for (index, part) in ROWS[self.row].name.split('.').enumerate() {
            let word = match part {
                "<op>" => op.map(OpId::name),
                "<phase>" => *phase,
                "<class>" => class.as_deref(),
                "<promise>" => *invariant,
                "<stat>" => statistic.map(Statistic::word),
                literal => Some(literal),
            };
            write!(f, "{}{}", if index == 0 { "" } else { "." }, word.unwrap_or(part))?;
        }
        Ok(())
    }
}
