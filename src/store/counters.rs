//! The counters of an interval as JSON: what the journal keeps beside the histograms.
//!
//! A mirror of [`IntervalRecord`] with stable keys, so that a renamed field in memory does not change the journal.
//! What is zero is left out; a missing key is zero.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::checks::{self, Promise};
use crate::ledger::{ExcuseReason, LedgerTotals, LossKind, Spread};
use crate::metrics::{
    CatchUps, EXAMPLES_MAX, EventCounts, FailureLog, FailureStat, FrameKind, Gauge, Interval, Resubscribed,
    SendQueueCounts, TargetGauges, TrafficCounts, UserCounts,
};
use crate::ops::OpId;
use crate::results::{HealthSample, IntervalRecord, Spell, WorkerSample};
use crate::tick::Tick;

/// Everything of an interval but its histograms.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Counters {
    from: Tick,
    to: Tick,
    load_start: Tick,
    /// Absent in format 1: the same as `load_start`.
    #[serde(skip_serializing_if = "Option::is_none")]
    load_from: Option<Tick>,
    #[serde(skip_serializing_if = "is_default")]
    part: u32,
    /// Operation → started, ok, failed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    ops: BTreeMap<String, [u64; 3]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<Failure>,
    /// Planned, started, missed.
    #[serde(skip_serializing_if = "is_default")]
    arrivals: [u64; 3],
    #[serde(skip_serializing_if = "is_default")]
    users: Users,
    #[serde(skip_serializing_if = "is_default")]
    traffic: Traffic,
    #[serde(skip_serializing_if = "is_default")]
    worker_cpu_us: u64,
    /// Sampled, blocked, bytes, most bytes.
    #[serde(skip_serializing_if = "is_default")]
    send_queue: [u64; 4],
    #[serde(skip_serializing_if = "is_default")]
    ledger: Ledger,
    #[serde(skip_serializing_if = "is_default")]
    target: Target,
    #[serde(skip_serializing_if = "is_default")]
    health: Health,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Failure {
    op: String,
    class: String,
    count: u64,
    first: Tick,
    last: Tick,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    examples: Vec<String>,
}

/// Writes a struct of counters, all of them optional.
macro_rules! counters {
    ($name:ident { $($field:ident: $kind:ty),+ $(,)? }) => {
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(default)]
        struct $name {
            $(#[serde(skip_serializing_if = "is_default")] $field: $kind,)+
        }
    };
}

counters!(Users {
    online: u64,
    peak: u64,
    open: BTreeMap<String, u64>,
    logins: u64,
    reconnects: u64,
    closed_by_code: BTreeMap<String, u64>,
    dead_links: u64,
    unsolicited_by_code: BTreeMap<u16, u64>,
    late_replies: u64,
    duplicate_replies: u64,
    unmatched_replies: u64,
    resubscribed: Resubs,
    caught_up: Caught,
    events: BTreeMap<u64, Happened>,
});

counters!(Happened {
    at_ms: u64,
    what: String,
    affected: u64,
    back: u64,
    overtaken: u64,
    back_us_max: u64,
    back_steps: BTreeMap<u32, u64>,
    missed: u64,
    recovered: u64,
    waited_replies: u64,
    waited_messages: u64,
});

counters!(Caught { topics: u64, pages: u64, whole: u64, cut_short: u64, refused: u64, unanswered: u64, settled: u64 });

counters!(Resubs { asked: u64, still_attached: u64, silently_detached: u64, refused: u64, unanswered: u64 });

counters!(Traffic {
    frames_sent: u64,
    frames_received: BTreeMap<String, u64>,
    bytes_sent: u64,
    bytes_received: u64,
    bytes_uploaded: u64,
    bytes_downloaded: u64,
});

counters!(Ledger {
    published: u64,
    accepted: u64,
    refused: u64,
    unknown: u64,
    expected: u64,
    delivered: u64,
    recovered: u64,
    lost: u64,
    excused: BTreeMap<String, u64>,
    lost_by: BTreeMap<String, u64>,
    not_accepted: u64,
    open: u64,
    unjudged: u64,
    duplicated: u64,
    reordered: u64,
    phantom: u64,
    late: u64,
    corrupted: u64,
    foreign: u64,
    echo_expected: u64,
    echo_delivered: u64,
    echo_accepted: u64,
    misdelivered: u64,
    promises: BTreeMap<String, Promise>,
});

counters!(Health {
    workers: u32,
    cpu_us: u64,
    rss_bytes: u64,
    descriptors: u64,
    saturated: bool,
    undecided: bool,
    spells: Vec<Spell>,
    per_worker: Vec<[u64; 7]>,
});

// Scrapes, failed ones, and of each figure first, last, min, max, sum and count.
counters!(Target { scrapes: u64, failed: u64, figures: BTreeMap<String, (f64, f64, f64, f64, f64, u64)> });

impl Target {
    fn of(gauges: &TargetGauges) -> Target {
        let figures = gauges.figures.iter().map(|(name, gauge)| {
            let Gauge { first, last, min, max, sum, count } = *gauge;
            (name.clone(), (first, last, min, max, sum, count))
        });
        Target { scrapes: gauges.scrapes, failed: gauges.failed, figures: figures.collect() }
    }

    fn into_gauges(self) -> TargetGauges {
        let figures = self
            .figures
            .into_iter()
            .map(|(name, (first, last, min, max, sum, count))| (name, Gauge { first, last, min, max, sum, count }));
        TargetGauges { scrapes: self.scrapes, failed: self.failed, figures: figures.collect() }
    }
}

/// Of a worker: span, ran, waited, lag p99, lag max; of intervals that became one the largest shares.
fn worker_counters(worker: &WorkerSample) -> [u64; 7] {
    let WorkerSample { span_us, cpu_us, waited_us, lag_us_p99, lag_us_max, cpu_ppm_max, starved_ppm_max } = *worker;
    [span_us, cpu_us, waited_us, lag_us_p99, lag_us_max, cpu_ppm_max, starved_ppm_max]
}

fn worker_sample(
    [span_us, cpu_us, waited_us, lag_us_p99, lag_us_max, cpu_ppm_max, starved_ppm_max]: [u64; 7],
) -> WorkerSample {
    WorkerSample { span_us, cpu_us, waited_us, lag_us_p99, lag_us_max, cpu_ppm_max, starved_ppm_max }
}

/// Fields with the same name and meaning in memory and in the journal.
macro_rules! same_fields {
    ($to:ident from $from:ident { $($field:ident),+ $(,)? } with { $($own:ident: $value:expr),* $(,)? }) => {
        $to { $($field: $from.$field,)+ $($own: $value,)* }
    };
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Counters {
    /// The counters of an interval.
    pub(super) fn of(record: &IntervalRecord) -> Counters {
        let IntervalRecord { from, to, load_start, load_from, part, figures, ledger, health } = record;
        let Interval { ops, arrivals, users, traffic, failures, worker_cpu_us, send_queue: queue, target, .. } =
            figures;
        let ops = OpId::ALL.iter().zip(ops).map(|(op, figures)| (op, [figures.started, figures.ok, figures.failed]));
        Counters {
            from: *from,
            to: *to,
            load_start: *load_start,
            load_from: (load_from != load_start).then_some(*load_from),
            part: *part,
            ops: ops
                .filter(|(_, counts)| *counts != [0; 3])
                .map(|(op, counts)| (op.name().to_owned(), counts))
                .collect(),
            failures: failures.iter().map(|(op, kind, stat)| Failure::of(op, &kind.to_string(), stat)).collect(),
            arrivals: [arrivals.planned, arrivals.started, arrivals.missed],
            users: Users::of(users),
            traffic: Traffic::of(traffic),
            worker_cpu_us: *worker_cpu_us,
            send_queue: [queue.sampled, queue.blocked, queue.bytes, queue.bytes_max],
            ledger: Ledger::of(ledger),
            target: Target::of(target),
            health: Health {
                workers: health.workers,
                cpu_us: health.cpu_us,
                rss_bytes: health.rss_bytes,
                descriptors: health.descriptors,
                saturated: health.is_saturated,
                undecided: health.is_undecided,
                spells: health.spells.clone(),
                per_worker: health.per_worker.iter().map(worker_counters).collect(),
            },
        }
    }

    /// An interval with these counters and no histograms yet. Errors: a word that this build does not know.
    pub(super) fn into_record(self) -> Result<IntervalRecord, String> {
        let mut figures = Interval::default();
        for (name, [started, ok, failed]) in self.ops {
            let op = &mut figures.ops[operation(&name)?.index()];
            (op.started, op.ok, op.failed) = (started, ok, failed);
        }
        [figures.arrivals.planned, figures.arrivals.started, figures.arrivals.missed] = self.arrivals;
        figures.users = self.users.into_counts()?;
        figures.traffic = self.traffic.into_counts()?;
        figures.failures = log(self.failures)?;
        figures.worker_cpu_us = self.worker_cpu_us;
        figures.target = self.target.into_gauges();
        let [sampled, blocked, bytes, bytes_max] = self.send_queue;
        figures.send_queue = SendQueueCounts { sampled, blocked, bytes, bytes_max };
        let health = HealthSample {
            workers: self.health.workers,
            cpu_us: self.health.cpu_us,
            rss_bytes: self.health.rss_bytes,
            descriptors: self.health.descriptors,
            is_saturated: self.health.saturated,
            is_undecided: self.health.undecided,
            spells: self.health.spells,
            per_worker: self.health.per_worker.into_iter().map(worker_sample).collect(),
        };
        let ledger = self.ledger.into_totals()?;
        Ok(IntervalRecord {
            from: self.from,
            to: self.to,
            load_start: self.load_start,
            load_from: self.load_from.unwrap_or(self.load_start),
            part: self.part,
            figures,
            ledger,
            health,
        })
    }
}

fn operation(name: &str) -> Result<OpId, String> {
    OpId::by_name(name).ok_or_else(|| format!("unknown operation `{name}`"))
}

fn log(failures: Vec<Failure>) -> Result<FailureLog, String> {
    let mut log = FailureLog::default();
    for Failure { op, class, count, first, last, mut examples } in failures {
        examples.truncate(EXAMPLES_MAX);
        let kind = class.parse().map_err(|error: crate::ops::UnknownFailure| error.to_string())?;
        log.add(operation(&op)?, kind, &FailureStat { count, first, last, examples });
    }
    Ok(log)
}

impl Failure {
    fn of(op: OpId, class: &str, stat: &FailureStat) -> Failure {
        let FailureStat { count, first, last, examples } = stat.clone();
        Failure { op: op.name().to_owned(), class: class.to_owned(), count, first, last, examples }
    }
}

impl Users {
    fn of(users: &UserCounts) -> Users {
        let close_code = |code: Option<u16>| code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        let (resubscribed, caught_up) = (users.resubscribed, users.caught_up);
        Users {
            online: users.online,
            peak: users.peak,
            open: users.open.iter().map(|(op, &count)| (op.name().to_owned(), count)).collect(),
            logins: users.logins,
            dead_links: users.dead_links,
            reconnects: users.reconnects,
            closed_by_code: users.closed_by_code.iter().map(|(&code, &count)| (close_code(code), count)).collect(),
            unsolicited_by_code: users.unsolicited_by_code.clone(),
            late_replies: users.late_replies,
            duplicate_replies: users.duplicate_replies,
            unmatched_replies: users.unmatched_replies,
            resubscribed: same_fields!(Resubs from resubscribed {
                asked, still_attached, silently_detached, refused, unanswered,
            } with {}),
            events: (users.events.iter())
                .map(|(key, counts)| {
                    let counts = counts.clone();
                    (
                        *key,
                        same_fields!(Happened from counts {
                        at_ms, what, affected, back, overtaken, back_us_max, back_steps, missed, recovered,
                        waited_replies, waited_messages,
                    } with {}),
                    )
                })
                .collect(),
            caught_up: same_fields!(Caught from caught_up {
                topics, pages, whole, cut_short, refused, unanswered, settled,
            } with {}),
        }
    }

    fn into_counts(self) -> Result<UserCounts, String> {
        let close_code = |code: &str| match code {
            "none" => Ok(None),
            code => code.parse().map(Some).map_err(|_| format!("unknown close code `{code}`")),
        };
        let open = self.open.into_iter().map(|(op, count)| Ok((operation(&op)?, count)));
        let closed = self.closed_by_code.into_iter().map(|(code, count)| Ok((close_code(&code)?, count)));
        let (resubscribed, caught_up) = (self.resubscribed, self.caught_up);
        Ok(UserCounts {
            online: self.online,
            peak: self.peak,
            open: open.collect::<Result<_, String>>()?,
            logins: self.logins,
            dead_links: self.dead_links,
            reconnects: self.reconnects,
            closed_by_code: closed.collect::<Result<_, String>>()?,
            unsolicited_by_code: self.unsolicited_by_code,
            late_replies: self.late_replies,
            duplicate_replies: self.duplicate_replies,
            unmatched_replies: self.unmatched_replies,
            resubscribed: same_fields!(Resubscribed from resubscribed {
                asked, still_attached, silently_detached, refused, unanswered,
            } with {}),
            events: (self.events.into_iter())
                .map(|(key, counts)| {
                    (
                        key,
                        same_fields!(EventCounts from counts {
                        at_ms, what, affected, back, overtaken, back_us_max, back_steps, missed, recovered,
                        waited_replies, waited_messages,
                    } with {}),
                    )
                })
                .collect(),
            caught_up: same_fields!(CatchUps from caught_up {
                topics, pages, whole, cut_short, refused, unanswered, settled,
            } with {}),
        })
    }
}

impl Traffic {
    fn of(traffic: &TrafficCounts) -> Traffic {
        let received = FrameKind::ALL.iter().map(|&(kind, word)| (word, traffic.frames_received[kind as usize]));
        Traffic {
            frames_sent: traffic.frames_sent,
            frames_received: received.filter(|(_, count)| *count > 0).map(|(word, n)| (word.to_owned(), n)).collect(),
            bytes_sent: traffic.bytes_sent,
            bytes_received: traffic.bytes_received,
            bytes_uploaded: traffic.bytes_uploaded,
            bytes_downloaded: traffic.bytes_downloaded,
        }
    }

    fn into_counts(self) -> Result<TrafficCounts, String> {
        let mut frames_received = [0; FrameKind::ALL.len()];
        for (word, count) in self.frames_received {
            let kind = FrameKind::ALL.iter().find(|(_, known)| *known == word);
            let (kind, _) = kind.ok_or_else(|| format!("unknown kind of frame `{word}`"))?;
            frames_received[*kind as usize] = count;
        }
        Ok(TrafficCounts {
            frames_sent: self.frames_sent,
            frames_received,
            bytes_sent: self.bytes_sent,
            bytes_received: self.bytes_received,
            bytes_uploaded: self.bytes_uploaded,
            bytes_downloaded: self.bytes_downloaded,
        })
    }
}

impl Ledger {
    fn of(totals: &LedgerTotals) -> Ledger {
        let excused = ExcuseReason::ALL.iter().map(|&(reason, word)| (word, totals.excused[reason as usize]));
        let lost = LossKind::ALL.iter().map(|&(kind, word)| (word, totals.lost_by[kind as usize]));
        same_fields!(Ledger from totals {
            published, accepted, refused, unknown, expected, delivered, recovered, lost, open, unjudged, duplicated, reordered, phantom, late,
            corrupted, foreign, echo_expected, echo_delivered, echo_accepted, not_accepted, misdelivered,
        } with {
            promises: checks::of(&totals.checks),
            lost_by: lost.filter(|(_, count)| *count > 0).map(|(word, count)| (word.to_owned(), count)).collect(),
            excused: excused.filter(|(_, count)| *count > 0).map(|(word, count)| (word.to_owned(), count)).collect(),
        })
    }

    fn into_totals(self) -> Result<LedgerTotals, String> {
        let mut excused = [0; ExcuseReason::ALL.len()];
        for (word, count) in self.excused {
            let reason = ExcuseReason::ALL.iter().find(|(_, known)| *known == word);
            let (reason, _) = reason.ok_or_else(|| format!("unknown excuse `{word}`"))?;
            excused[*reason as usize] = count;
        }
        let mut lost_by = [0; LossKind::ALL.len()];
        for (word, count) in self.lost_by {
            let kind = LossKind::ALL.iter().find(|(_, known)| *known == word);
            let (kind, _) = kind.ok_or_else(|| format!("unknown kind of loss `{word}`"))?;
            lost_by[*kind as usize] = count;
        }
        Ok(same_fields!(LedgerTotals from self {
            published, accepted, refused, unknown, expected, delivered, recovered, lost, open, unjudged, duplicated, reordered, phantom, late,
            corrupted, foreign, echo_expected, echo_delivered, echo_accepted, not_accepted, misdelivered,
        } with {
            checks: checks::into_checks(self.promises)?,
            lost_by: lost_by,
            excused: excused,
            spread: Spread::default(),
        }))
    }
}
