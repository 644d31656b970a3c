//! Where the intervals of a run do not follow each other: what nobody knows any more.
//!
//! A run records all of its time, from its own tick 0 to the end of its load, part by part: one that is resumed begins its
//! ticks at the next whole second. So whatever is missing, at the beginning, in between or at the end, shows in the ticks
//! of what is there.

use std::time::Duration;

use super::record::GAP_US_MAX;
use super::timeline::seconds_since;
use super::{HoleFigures, IntervalRecord, Results, RunEnd};
use crate::tick::Tick;

/// Most holes that are kept one by one.
const HOLES_MAX: usize = 100;

/// The holes so far.
#[derive(Debug, Default)]
pub(super) struct Holes {
    latest: Option<Place>,
    /// The load up to there, microseconds, is told or counted as a hole: a part that ends in its set-up adds none.
    told_us: u64,
    found: Vec<HoleFigures>,
    /// Of the load, seconds: those that are not kept one by one too.
    missing_s: f64,
}

/// An instant at which an interval ends or begins, on the ticks of its part.
#[derive(Debug, Clone, Copy)]
struct Place {
    part: u32,
    at: Tick,
    load_start: Tick,
    load_from: Tick,
    /// Length of the interval.
    length_us: u64,
}

impl Holes {
    /// Holds the next interval against the one before it.
    pub(super) fn follow(&mut self, record: &IntervalRecord) {
        let length_us = record.length_us();
        let (part, load_start, load_from) = (record.part, record.load_start, record.load_from);
        let begins = Place { part, at: record.from, load_start, load_from, length_us };
        match self.latest {
            None => {
                let is_first = part == 0 && record.from.micros_since(Tick::ZERO) <= slack_us(length_us);
                if !is_first {
                    // How long the set-up of a first part was that nobody knows of, nobody knows.
                    let from_s = if part == 0 { seconds_since(Tick::ZERO, load_start) } else { 0.0 };
                    self.add(HoleFigures { from_s, to_s: begins.second(), return_s: 0.0 });
                }
            }
            Some(latest) => {
                let gap_us = record.from.micros_since(latest.at);
                if part == latest.part {
                    if gap_us > slack_us(length_us.min(latest.length_us)) {
                        self.add(latest.until(record.from));
                    }
                } else {
                    // Ticks of the rest begin at the next second, its load where that of the part before it ended.
                    let lost_us = begins.went_on_us().saturating_sub(self.told_us);
                    let is_load = lost_us > slack_us(latest.length_us);
                    if is_load || part != latest.part + 1 || gap_us > 1_000_000 {
                        let went_on = latest.at.next_multiple(Duration::from_secs(1));
                        // Beside load that is missing nobody knows when the part began.
                        let return_us = if is_load { 0 } else { record.from.min(load_from).micros_since(went_on) };
                        let to_s = begins.second();
                        let from_s = latest.second().min(to_s);
                        self.add(HoleFigures { from_s, to_s, return_s: return_us as f64 / 1e6 });
                    }
                }
            }
        }
        if self.latest.is_none_or(|latest| latest.part != part) {
            // What is missing before a part is one hole, however many parts follow it.
            self.told_us = self.told_us.max(begins.went_on_us());
        }
        if !record.is_set_up() {
            self.told_us = self.told_us.max(record.to.micros_since(load_start));
        }
        self.latest = Some(Place { at: record.to, ..begins });
    }

    /// All holes, in seconds of the load; with the end of the run, when it is known.
    pub(super) fn figures(&self, end: Option<&RunEnd>) -> Vec<HoleFigures> {
        let mut found = self.found.clone();
        found.extend(self.at_the_end(end));
        found
    }

    /// How much of the load is missing, seconds.
    pub(super) fn missing_s(&self, end: Option<&RunEnd>) -> f64 {
        self.missing_s + self.at_the_end(end).map_or(0.0, |hole| hole.of_load_s())
    }

    fn at_the_end(&self, end: Option<&RunEnd>) -> Option<HoleFigures> {
        let (end, latest) = (end?, self.latest?);
        let is_hole = end.load_end.micros_since(latest.at) > slack_us(latest.length_us);
        is_hole.then(|| latest.until(end.load_end))
    }

    fn add(&mut self, hole: HoleFigures) {
        let hole = HoleFigures { to_s: hole.to_s.max(hole.from_s), ..hole };
        self.missing_s += hole.of_load_s();
        let is_crowded = self.found.len() >= HOLES_MAX;
        match self.found.last_mut() {
            Some(last) if is_crowded => {
                last.to_s = last.to_s.max(hole.to_s);
                last.return_s += hole.return_s;
            }
            _ => self.found.push(hole),
        }
    }
}

impl Results {
    /// What was counted interval by interval, by the second of load that is there.
    pub fn per_told_s(&self, count: u64) -> f64 {
        let told_s = self.run.load_s - self.holes.iter().map(HoleFigures::of_load_s).sum::<f64>();
        if told_s > 0.0 { count as f64 / told_s } else { 0.0 }
    }
}

impl HoleFigures {
    /// How much of the load it is, seconds.
    pub fn of_load_s(&self) -> f64 {
        (self.to_s - self.from_s.max(0.0)).max(0.0)
    }

    /// What is missing.
    pub fn in_words(&self) -> String {
        let HoleFigures { from_s, to_s, return_s } = self;
        let set_up_s = -from_s;
        if *from_s < 0.0 && *to_s <= 0.0 {
            let length_s = to_s - from_s;
            format!(
                "the figures of {length_s:.1} s in the set-up, from {set_up_s:.1} s before the load on, are missing"
            )
        } else if *from_s < 0.0 {
            format!(
                "the figures from {set_up_s:.1} s before the load, in the set-up, to second {to_s:.1} of the load are missing"
            )
        } else if *return_s == 0.0 {
            format!("the figures from second {from_s:.1} to {to_s:.1} of the load are missing")
        } else if to_s > from_s {
            format!(
                "the figures from second {from_s:.1} to {to_s:.1} of the load, and of {return_s:.1} s in the return of the users \
                 after an interruption, are missing"
            )
        } else {
            format!(
                "the figures of {return_s:.1} s in the return of the users at second {from_s:.1} of the load are missing"
            )
        }
    }
}

impl Place {
    /// Second of the load. It stands still while users come back; in the first set-up it is negative.
    fn second(&self) -> f64 {
        let at = if self.part > 0 { self.at.max(self.load_from) } else { self.at };
        seconds_since(at, self.load_start)
    }

    /// How much of the load was over when the part took it up.
    fn went_on_us(&self) -> u64 {
        self.load_from.micros_since(self.load_start)
    }

    /// What is missing from here to a later instant of the same part.
    fn until(&self, at: Tick) -> HoleFigures {
        let return_us = if self.part > 0 { at.min(self.load_from).micros_since(self.at) } else { 0 };
        let to_s = Place { at, ..*self }.second();
        HoleFigures { from_s: self.second(), to_s, return_s: return_us as f64 / 1e6 }
    }
}

/// Less than half an interval is a late hand-over, not a lost record.
fn slack_us(shorter_us: u64) -> u64 {
    (shorter_us / 2).min(GAP_US_MAX)
}
