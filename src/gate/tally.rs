//! What a gate keeps of a stretch of the run: one histogram, or counts. Bounded, whatever the length of the stretch.

use super::Figure;
use super::figures::Source;
use super::reading::{Evidence, Lack, Reading, read};
use crate::ledger::LedgerTotals;
use crate::metrics::{Interval, Latency};
use crate::results::{Fold, HealthSample, IntervalRecord, Record};
use crate::tick::Tick;

/// One record, and what was before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice<'a> {
    pub(super) record: &'a IntervalRecord,
    /// The ledger and the processor time at its beginning.
    pub(super) before: &'a Before,
    /// Microseconds of the load; the set-up is at 0.
    pub(super) from_us: u64,
    pub(super) to_us: u64,
    pub(super) is_set_up: bool,
}

/// What is counted since the start of the run, at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Before {
    pub(super) ledger: LedgerTotals,
    pub(super) cpu_us: u64,
}

impl Before {
    /// At the end of a record.
    pub(super) fn after(record: &IntervalRecord) -> Before {
        // Nothing since nothing: the same sums without the histogram.
        Before { ledger: record.ledger.since(&LedgerTotals::default()), cpu_us: record.health.cpu_us }
    }

    fn since(&self, earlier: &Before) -> Before {
        let cpu_us = self.cpu_us.saturating_sub(earlier.cpu_us);
        Before { ledger: self.ledger.since(&earlier.ledger), cpu_us }
    }

    fn add(&mut self, other: &Before) {
        self.ledger.add(&other.ledger);
        self.cpu_us = self.cpu_us.saturating_add(other.cpu_us);
    }
}

/// What was measured in a stretch, as far as one figure needs it.
#[derive(Debug, Clone)]
pub(super) enum Tally {
    Times(Latency),
    Counts(Box<Counts>),
}

#[derive(Debug, Clone)]
pub(super) struct Counts {
    figures: Interval,
    peak: u64,
    health: HealthSample,
    /// What parts of the run before the latest one counted: each counts from nothing.
    earlier: Before,
    part: u32,
    before: Before,
    after: Before,
}

impl Tally {
    /// What a figure needs of one record.
    pub(super) fn of(figure: &Figure, slice: &Slice<'_>) -> Tally {
        if let Source::Times(_, histogram) = figure.source() {
            return Tally::Times(histogram(slice.record, figure.subject()).cloned().unwrap_or_default());
        }
        let mut figures = slice.record.figures.counters();
        let peak = figures.users.peak.max(figures.users.online);
        // Gauges of one instant have no sum.
        (figures.users.online, figures.users.peak) = (0, 0);
        figures.users.open.clear();
        let (before, after) = (slice.before.clone(), Before::after(slice.record));
        let (health, earlier, part) = (without_workers(&slice.record.health), Before::default(), slice.record.part);
        Tally::Counts(Box::new(Counts { figures, peak, health, earlier, part, before, after }))
    }

    /// Adds a later stretch of the same figure.
    pub(super) fn merge(&mut self, later: &Tally) {
        match (self, later) {
            (Tally::Times(mine), Tally::Times(theirs)) => mine.merge(theirs),
            (Tally::Counts(mine), Tally::Counts(theirs)) => {
                mine.figures.merge(&theirs.figures);
                mine.peak = mine.peak.max(theirs.peak);
                mine.health.rss_bytes = mine.health.rss_bytes.max(theirs.health.rss_bytes);
                mine.health.descriptors = mine.health.descriptors.max(theirs.health.descriptors);
                mine.go_on(theirs);
            }
            // One figure always has one kind of tally.
            (Tally::Times(_), Tally::Counts(_)) | (Tally::Counts(_), Tally::Times(_)) => {}
        }
    }

    /// Leaves out a stretch that comes next: what was counted in it is no part of the sum.
    pub(super) fn skip(&mut self, left_out: &Tally) {
        if let (Tally::Counts(mine), Tally::Counts(theirs)) = (self, left_out) {
            let left_out = theirs.counted();
            mine.go_on(&Counts { earlier: Before::default(), ..(**theirs).clone() });
            mine.before.add(&left_out);
        }
    }

    /// Reads the figure over this stretch.
    pub(super) fn read(&self, figure: &Figure, from_us: u64, to_us: u64, wanted: u64) -> Result<Reading, Lack> {
        match self {
            Tally::Times(latency) => read(figure, Evidence::Times(latency), wanted),
            Tally::Counts(counts) => read(figure, Evidence::Results(&counts.results(from_us, to_us)), wanted),
        }
    }
}

/// No gate asks for a single worker.
fn without_workers(health: &HealthSample) -> HealthSample {
    HealthSample { per_worker: Vec::new(), ..health.clone() }
}

impl Counts {
    /// Takes up where a later stretch ends.
    fn go_on(&mut self, later: &Counts) {
        if self.part != later.part {
            let counted = self.after.since(&self.before);
            self.earlier.add(&counted);
            (self.part, self.before) = (later.part, later.before.clone());
        }
        self.earlier.add(&later.earlier);
        self.after = later.after.clone();
    }

    /// Of all parts.
    fn counted(&self) -> Before {
        let mut all = self.after.since(&self.before);
        all.add(&self.earlier);
        all
    }

    /// The results of a run that was this stretch alone, so that each figure is what it is in results.
    fn results(&self, from_us: u64, to_us: u64) -> crate::results::Results {
        let (from, to) = (Tick::from_micros(from_us), Tick::from_micros(to_us));
        let record = |to: Tick, figures: Interval, ledger: LedgerTotals, health: HealthSample| {
            let (load_start, load_from, part) = (from, from, 0);
            Record::Interval(Box::new(IntervalRecord {
                from,
                to,
                load_start,
                load_from,
                part,
                figures,
                ledger,
                health,
            }))
        };
        let mut fold = Fold::new();
        fold.push(&record(from, Interval::default(), LedgerTotals::default(), HealthSample::default()));
        let mut figures = self.figures.clone();
        figures.users.peak = self.peak;
        let Before { ledger, cpu_us } = self.counted();
        fold.push(&record(to, figures, ledger, HealthSample { cpu_us, ..self.health.clone() }));
        fold.finish()
    }
}
