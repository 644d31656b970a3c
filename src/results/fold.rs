//! `Fold`: the records of a run, one by one, into its results.
//!
//! Pure and bounded: totals are sums, histograms are merged, the series has at most a thousand points. The same records
//! give the same results, whether they come while the run lasts or from its journal a week later. Gates are judged
//! elsewhere: the verdict stays empty here.
//!
//! A run that was killed and resumed has parts. Each begins its ledger and its processor time anew; the load's time goes
//! on. Instants of all parts are moved to the first part's ticks, so that a hole takes no time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::failure_sums::FailureSums;
use super::generator::GeneratorSums;
use super::holes::Holes;
use super::spells::Spells;
use super::timeline::{Timeline, seconds_since};
use super::{
    ArrivalFigures, CatchUpFigures, DeliveryFigures, DriftFigures, EndedBy, EventFigures, GeneratorFigures,
    Interruption, IntervalRecord, LatencyFigures, Mark, OperationFigures, RESULTS_FORMAT, Record, ResubscribedFigures,
    Results, RunEnd, RunInfo, Series, TargetFigures, TrafficFigures, UserFigures, WindowFigures,
};
use super::{drift, invariants, spread};
use crate::ledger::{ExcuseReason, LedgerTotals, LossKind, Spread};
use crate::metrics::{FrameKind, Interval, Latency, OpFigures, Phase};
use crate::ops::OpId;
use crate::tick::Tick;

/// Most warnings, and most marks, of one run.
const NOTES_MAX: usize = 1_000;

/// The results of a run so far.
#[derive(Debug, Default)]
pub struct Fold {
    run: Option<Box<RunInfo>>,
    end: Option<RunEnd>,
    /// Sums of all intervals; its failures and its gauges are not used.
    sums: Interval,
    failures: FailureSums,
    /// Successes before the load began, which make no rate.
    ok_before: BTreeMap<OpId, u64>,
    /// The ledgers of the parts that are over, what they left open excused.
    ledger_before: LedgerTotals,
    /// The latest totals of this part.
    ledger: LedgerTotals,
    spread: Spread,
    generator: GeneratorSums,
    /// Requests that earlier parts left without an answer.
    open_before: BTreeMap<OpId, u64>,
    latest: Option<Latest>,
    interruptions: Vec<Interruption>,
    peak: u64,
    /// Start of the first saturated interval, on the first part's ticks.
    saturated_from: Option<Tick>,
    spells: Spells,
    holes: Holes,
    timeline: Timeline,
    marks: Vec<Mark>,
    warnings: Vec<String>,
    known_warnings: BTreeSet<String>,
    notes_dropped: u64,
}

/// What only the latest interval tells.
#[derive(Debug)]
struct Latest {
    part: u32,
    /// Start of the load, of the first part.
    origin: Tick,
    /// From the first part's ticks to this one's, microseconds.
    shift_us: u64,
    /// End of the latest interval of the load on the first part's ticks.
    to: Tick,
    open: BTreeMap<OpId, u64>,
}

impl Fold {
    /// No record yet.
    pub fn new() -> Fold {
        Fold::default()
    }

    /// Adds the next record.
    pub fn push(&mut self, record: &Record) {
        match record {
            Record::Start(run) => {
                self.run.get_or_insert_with(|| run.clone());
            }
            Record::Interval(interval) => self.push_interval(interval),
            Record::Mark(mark) if self.marks.len() < NOTES_MAX => self.marks.push(mark.clone()),
            Record::Warning(text) if self.warnings.len() < NOTES_MAX => {
                if self.known_warnings.insert(text.clone()) {
                    self.warnings.push(text.clone());
                }
            }
            Record::Resume(interruption) if self.interruptions.len() < NOTES_MAX => self.resume(interruption),
            Record::Mark(_) | Record::Warning(_) | Record::Resume(_) => self.notes_dropped += 1,
            Record::End(end) => self.end = Some(end.clone()),
        }
    }

    fn resume(&mut self, interruption: &Interruption) {
        self.interruptions.push(interruption.clone());
        if self.marks.len() < NOTES_MAX {
            let lasted = Duration::from_secs(interruption.lasted_s.clamp(0.0, 1e9).round() as u64);
            let label = format!("interrupted for {}", humantime::format_duration(lasted));
            self.marks.push(Mark { from_s: interruption.at_s, to_s: interruption.at_s, label });
        }
    }

    /// Closes the books of a part that is over. What it left open nobody waits for any more.
    fn close_part(&mut self, latest: &Latest) {
        let mut ledger = std::mem::take(&mut self.ledger);
        ledger.excused[ExcuseReason::Unfinished as usize] += std::mem::take(&mut ledger.open);
        self.ledger_before.add(&ledger);
        self.open_before = self.open(Some(latest)).into_iter().filter(|(_, open)| *open > 0).collect();
        self.generator.close_part();
        self.end = None;
        self.timeline.interrupt();
    }

    /// Requests without an answer so far: what a part's own end says is open, and whatever else is unaccounted for.
    fn open(&self, latest: Option<&Latest>) -> BTreeMap<OpId, u64> {
        let ops = OpId::ALL.iter().zip(&self.sums.ops);
        ops.map(|(&op, sums)| {
            let open = match (&self.end, latest) {
                (Some(_), Some(latest)) => {
                    let before = self.open_before.get(&op).copied().unwrap_or(0);
                    before + latest.open.get(&op).copied().unwrap_or(0)
                }
                _ => sums.started.saturating_sub(sums.ok + sums.failed),
            };
            (op, open)
        })
        .collect()
    }

    fn push_interval(&mut self, record: &IntervalRecord) {
        let IntervalRecord { figures, health, .. } = record;
        self.holes.follow(record);
        let latest = self.latest.take();
        if let Some(before) = latest.as_ref().filter(|latest| latest.part != record.part) {
            self.close_part(before);
        }
        let origin = latest.as_ref().map_or(record.load_start, |latest| latest.origin);
        let shift_us = record.load_start.micros_since(origin);
        let on_first_ticks = |tick: Tick| tick.minus(Duration::from_micros(shift_us));
        let (from, to) = (on_first_ticks(record.from), on_first_ticks(record.to));
        self.sums.merge(figures);
        // Gauges of one instant have no sum.
        (self.sums.users.online, self.sums.users.peak) = (0, 0);
        self.sums.users.open.clear();
        self.sums.failures.clear();
        self.failures.add(&figures.failures, shift_us);
        self.spread.merge(&record.ledger.spread);
        self.ledger = LedgerTotals { spread: Spread::default(), ..record.ledger.clone() };
        self.ledger.checks.shift_back(Duration::from_micros(shift_us));
        // `peak` adds the workers' own peaks and may miss users that were online when the interval began.
        self.peak = self.peak.max(figures.users.peak).max(figures.users.online);
        self.generator.add(health, &figures.send_queue);
        let taken_up = (record.part > 0).then_some(record.load_from);
        if health.is_saturated {
            self.saturated_from.get_or_insert(from.max(taken_up.map_or(from, on_first_ticks)));
        }
        self.spells.add(health, taken_up, on_first_ticks);
        let is_later_set_up = record.is_set_up() && record.part > 0;
        self.latest = Some(Latest {
            part: record.part,
            origin,
            shift_us,
            to: match &latest {
                // Before the load goes on its time stands still.
                Some(latest) if is_later_set_up => latest.to,
                _ => to,
            },
            open: figures.users.open.clone(),
        });
        if record.is_set_up() {
            // The set-up: it counts in the sums, and it is no part of the load's course.
            for (&op, figures) in OpId::ALL.iter().zip(&figures.ops).filter(|(_, figures)| figures.ok > 0) {
                *self.ok_before.entry(op).or_default() += figures.ok;
            }
        } else {
            self.timeline.push(record, on_first_ticks(record.from.max(record.load_from)), to);
        }
    }

    /// Counters and whole histograms of all intervals so far, for comparing runs. Gauges are 0 and failures are left out.
    pub fn sums(&self) -> &Interval {
        &self.sums
    }

    /// From the first receiver of a message to the last, of all intervals so far.
    pub fn spread(&self) -> &Latency {
        &self.spread.all
    }

    /// The results so far, as if the run had been broken off here unless its end is known.
    pub fn finish(&self) -> Results {
        let load_start = self.latest.as_ref().map_or(Tick::ZERO, |latest| latest.origin);
        let load_s = match (&self.end, &self.latest) {
            (Some(end), latest) => {
                let shift = Duration::from_micros(latest.as_ref().map_or(0, |latest| latest.shift_us));
                end.load_end.minus(shift).since(load_start).as_secs_f64()
            }
            // A kill in the drain does not make the load longer.
            (None, Some(latest)) => {
                let planned_s = self.run.as_ref().map(|run| run.load_planned_s).filter(|planned_s| *planned_s > 0.0);
                latest.to.since(load_start).as_secs_f64().min(planned_s.unwrap_or(f64::INFINITY))
            }
            (None, None) => 0.0,
        };
        // Of what is missing nothing is counted.
        let told_s = load_s - self.holes.missing_s(self.end.as_ref());
        let operations = self.operations(told_s);
        let failures = self.failures.figures(load_start);
        Results {
            invariants: invariants::figures(&self.whole_ledger(), operations.iter(), &failures, load_start),
            format: RESULTS_FORMAT,
            run: self.run_info(load_s),
            verdict: Default::default(),
            operations,
            delivery: self.delivery(),
            arrivals: ArrivalFigures {
                planned: self.sums.arrivals.planned,
                started: self.sums.arrivals.started,
                missed: self.sums.arrivals.missed,
                lag_us: (&self.sums.arrivals.lag).into(),
            },
            users: self.users(),
            events: self.events(),
            traffic: self.traffic(),
            gates: Vec::new(),
            abort: None,
            failures,
            target: TargetFigures::of(&self.sums.target),
            drift: self.drift(load_start, load_s),
            generator: self.generator(load_start),
            warnings: self.warnings(),
            interruptions: self.interruptions.clone(),
            holes: self.holes.figures(self.end.as_ref()),
            series: Series {
                interval_s: self.timeline.interval_s(),
                points: self.timeline.points(load_start),
                marks: self.marks.clone(),
            },
        }
    }

    /// What drifted in the steady part of the load, as far as the run came.
    fn drift(&self, load_start: Tick, load_s: f64) -> Vec<DriftFigures> {
        let Some(steady) = self.run.as_ref().and_then(|run| run.steady) else { return Vec::new() };
        drift::measure(&self.timeline, load_start, WindowFigures { to_s: steady.to_s.min(load_s), ..steady })
    }

    fn run_info(&self, load_s: f64) -> RunInfo {
        let mut run = self.run.as_deref().cloned().unwrap_or_default();
        run.load_s = load_s;
        match &self.end {
            Some(end) => (run.ended_by, run.ended_at) = (end.ended_by, end.ended_at.clone()),
            None => (run.ended_by, run.ended_at) = (EndedBy::Crash, String::new()),
        }
        run
    }

    /// Figures of each operation that was begun, or came to an end, at least once.
    fn operations(&self, told_s: f64) -> BTreeMap<String, OperationFigures> {
        let used = OpId::ALL.iter().zip(&self.sums.ops).filter(|(_, sums)| sums.started + sums.ok + sums.failed > 0);
        let open = self.open(self.latest.as_ref());
        used.map(|(&op, sums)| (op.name().to_owned(), self.operation(op, sums, open[&op], told_s))).collect()
    }

    fn operation(&self, op: OpId, sums: &OpFigures, open: u64, told_s: f64) -> OperationFigures {
        let phases = Phase::ALL.iter().map(|&(phase, word)| (word, &sums.phases[phase as usize]));
        let during_load = sums.ok - self.ok_before.get(&op).copied().unwrap_or(0);
        OperationFigures {
            started: sums.started,
            ok: sums.ok,
            failed: sums.failed,
            open,
            rate_per_s: if told_s > 0.0 { during_load as f64 / told_s } else { 0.0 },
            failures: self.failures.of(op),
            response_us: (&sums.response).into(),
            service_us: (&sums.service).into(),
            lag_us: (&sums.lag).into(),
            failed_us: (&sums.failed_response).into(),
            phases_us: phases
                .filter(|(_, latency)| latency.count() > 0)
                .map(|(word, latency)| (word.to_owned(), LatencyFigures::from(latency)))
                .collect(),
        }
    }

    /// The ledger. What is still open was cut off by the end of the run, which excuses it.
    /// The ledgers of all parts.
    fn whole_ledger(&self) -> LedgerTotals {
        let mut ledger = self.ledger_before.clone();
        ledger.add(&self.ledger);
        ledger
    }

    fn delivery(&self) -> DeliveryFigures {
        let ledger = self.whole_ledger();
        let mut excused = ledger.excused;
        excused[ExcuseReason::Unfinished as usize] += ledger.open;
        let by_reason = ExcuseReason::ALL.iter().map(|&(reason, word)| (word.to_owned(), excused[reason as usize]));
        let by_kind = LossKind::ALL.iter().map(|&(kind, word)| (word.to_owned(), ledger.lost_by[kind as usize]));
        DeliveryFigures {
            published: ledger.published,
            accepted: ledger.accepted,
            refused: ledger.refused,
            unknown: ledger.unknown,
            expected: ledger.expected,
            delivered: ledger.delivered,
            recovered: ledger.recovered,
            lost: ledger.lost,
            lost_by: by_kind.filter(|(_, count)| *count > 0).collect(),
            not_accepted: ledger.not_accepted,
            duplicated: ledger.duplicated,
            reordered: ledger.reordered,
            phantom: ledger.phantom,
            excused: excused.iter().sum(),
            excused_by: by_reason.filter(|(_, count)| *count > 0).collect(),
            unjudged: ledger.unjudged,
            late: ledger.late,
            corrupted: ledger.corrupted,
            foreign: ledger.foreign,
            echo_expected: ledger.echo_expected,
            echo_delivered: ledger.echo_delivered,
            echo_excused: ledger.echo_accepted.saturating_sub(ledger.echo_expected),
            delivery_us: (&self.sums.delivery).into(),
            misdelivered: ledger.misdelivered,
            spread_us: (&self.spread.all).into(),
            spread_by_receivers: spread::figures(&self.spread),
        }
    }

    fn users(&self) -> UserFigures {
        let users = &self.sums.users;
        let close_code = |code: Option<u16>| code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        UserFigures {
            peak: self.peak,
            logins: users.logins,
            dead_links: users.dead_links,
            reconnects: users.reconnects,
            closed_by_code: users.closed_by_code.iter().map(|(&code, &count)| (close_code(code), count)).collect(),
            unsolicited_by_code: users.unsolicited_by_code.iter().map(|(code, &n)| (code.to_string(), n)).collect(),
            late_replies: users.late_replies,
            duplicate_replies: users.duplicate_replies,
            unmatched_replies: users.unmatched_replies,
            resubscribed: ResubscribedFigures {
                asked: users.resubscribed.asked,
                still_attached: users.resubscribed.still_attached,
                silently_detached: users.resubscribed.silently_detached,
                refused: users.resubscribed.refused,
                unanswered: users.resubscribed.unanswered,
            },
            caught_up: CatchUpFigures {
                topics: users.caught_up.topics,
                pages: users.caught_up.pages,
                whole: users.caught_up.whole,
                cut_short: users.caught_up.cut_short,
                refused: users.caught_up.refused,
                unanswered: users.caught_up.unanswered,
                settled: users.caught_up.settled,
            },
        }
    }

    fn events(&self) -> Vec<EventFigures> {
        let millis = |micros: u64| micros as f64 / 1_000.0;
        let mut events: Vec<EventFigures> = (self.sums.users.events.values())
            .map(|counts| EventFigures {
                at_s: counts.at_ms as f64 / 1_000.0,
                what: counts.what.clone(),
                affected: counts.affected,
                back: counts.back,
                overtaken: counts.overtaken,
                back_ms_p50: millis(counts.back_us(0.5)),
                back_ms_p99: millis(counts.back_us(0.99)),
                back_ms_max: millis(counts.back_us_max),
                missed: counts.missed,
                recovered: counts.recovered,
                waited_replies: counts.waited_replies,
                waited_messages: counts.waited_messages,
            })
            .collect();
        events.sort_by(|one, other| one.at_s.total_cmp(&other.at_s));
        events
    }

    fn traffic(&self) -> TrafficFigures {
        let traffic = &self.sums.traffic;
        let by_kind = FrameKind::ALL.iter().map(|&(kind, word)| (word, traffic.frames_received[kind as usize]));
        TrafficFigures {
            frames_sent: traffic.frames_sent,
            frames_received: traffic.frames_received.iter().sum(),
            bytes_sent: traffic.bytes_sent,
            bytes_received: traffic.bytes_received,
            bytes_uploaded: traffic.bytes_uploaded,
            bytes_downloaded: traffic.bytes_downloaded,
            received_by_kind: by_kind.filter(|(_, n)| *n > 0).map(|(word, n)| (word.to_owned(), n)).collect(),
        }
    }

    fn generator(&self, load_start: Tick) -> GeneratorFigures {
        let saturated_from = self.saturated_from.map(|from| seconds_since(from, load_start));
        let (spoilt_s, spells) = self.spells.figures(load_start);
        let figures = self.generator.figures((&self.sums.timer_lag).into(), saturated_from);
        GeneratorFigures { spoilt_s, spells, ..figures }
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        if self.run.is_none() {
            warnings.push("the record of what was run is missing from the journal".to_owned());
        }
        if self.end.is_none() {
            warnings.push(match &self.latest {
                Some(latest) => format!(
                    "the run ended without a word; the figures are those up to second {:.3} of the load",
                    seconds_since(latest.to, latest.origin)
                ),
                None => "the run ended without a word before its first interval was complete".to_owned(),
            });
        }
        for Interruption { at_s, from, to, lasted_s } in &self.interruptions {
            warnings.push(format!(
                "the run was interrupted at second {at_s:.3} of the load, from {from} to {to} ({lasted_s:.0} s), and resumed; \
                 deliveries that were owed then are excused as `unfinished`"
            ));
        }
        if self.ledger.open > 0 {
            let open = self.ledger.open;
            warnings
                .push(format!("{open} deliveries were still on their way at the end and are excused as `unfinished`"));
        }
        let unjudged = self.ledger_before.unjudged + self.ledger.unjudged;
        if unjudged > 0 {
            warnings.push(format!(
                "{unjudged} messages were too young to be judged when the process was killed: of their deliveries those that \
                 came are in the books, and whether others were missing nobody knows"
            ));
        }
        let holes = self.holes.figures(self.end.as_ref());
        warnings.extend(holes.iter().map(|hole| format!("the journal has a hole: {}", hole.in_words())));
        if self.notes_dropped > 0 {
            warnings.push(format!("{} further marks and warnings were left out", self.notes_dropped));
        }
        warnings
    }
}

#[cfg(test)]
impl Fold {
    pub(super) fn with_points_max(points_max: usize) -> Fold {
        Fold { timeline: Timeline::with_points_max(points_max), ..Fold::default() }
    }

    pub(super) fn timeline_points(&self) -> usize {
        self.timeline.len()
    }
}
