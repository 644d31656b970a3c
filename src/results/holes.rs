//! Where the intervals of a run do not follow each other: what nobody knows any more.
//!
//! A run records all of its time, from its own tick 0 to the end of its load, part by part: one that is resumed begins its
//! ticks at the next whole second. So whatever is missing, at the beginning, in between or at the end, shows in the ticks
//! of what is there.

use super::record::GAP_US_MAX;
use super::timeline::seconds_since;
use super::{HoleFigures, IntervalRecord, RunEnd};
use crate::tick::Tick;

/// Most holes that are kept one by one.
const HOLES_MAX: usize = 100;

/// The holes so far.
#[derive(Debug, Default)]
pub(super) struct Holes {
    latest: Option<Latest>,
    /// The load up to there, microseconds, is told or counted as a hole: a part that ends in its set-up adds none.
    told_us: u64,
    found: Vec<HoleFigures>,
}

/// The latest interval, on the ticks of its own part.
#[derive(Debug, Clone, Copy)]
struct Latest {
    part: u32,
    to: Tick,
    load_start: Tick,
    length_us: u64,
}

impl Holes {
    /// Holds the next interval against the one before it.
    pub(super) fn follow(&mut self, record: &IntervalRecord) {
        let length_us = record.length_us();
        let begins_s = seconds_since(record.from, record.load_start);
        match self.latest {
            None => {
                let is_first = record.part == 0 && record.from.micros_since(Tick::ZERO) <= slack_us(length_us);
                if !is_first {
                    let from = if record.part == 0 { seconds_since(Tick::ZERO, record.load_start) } else { 0.0 };
                    self.add(from, begins_s);
                }
            }
            Some(latest) => {
                let gap_us = record.from.micros_since(latest.to);
                let is_hole = if record.part == latest.part {
                    gap_us > slack_us(length_us.min(latest.length_us))
                } else {
                    // Ticks of the rest begin at the next second, its load where that of the part before it ended.
                    let went_on = record.load_from.micros_since(record.load_start);
                    let lost_us = went_on.saturating_sub(self.told_us);
                    record.part != latest.part + 1 || gap_us > 1_000_000 || lost_us > slack_us(latest.length_us)
                };
                if is_hole {
                    self.add(latest.ends_s(), begins_s);
                }
            }
        }
        if self.latest.is_none_or(|latest| latest.part != record.part) {
            // What is missing before a part is one hole, however many parts follow it.
            self.told_us = self.told_us.max(record.load_from.micros_since(record.load_start));
        }
        if !record.is_set_up() {
            self.told_us = self.told_us.max(record.to.micros_since(record.load_start));
        }
        let (part, to, load_start) = (record.part, record.to, record.load_start);
        self.latest = Some(Latest { part, to, load_start, length_us });
    }

    /// All holes, in seconds of the load; with the end of the run, when it is known.
    pub(super) fn figures(&self, end: Option<&RunEnd>) -> Vec<HoleFigures> {
        let mut found = self.found.clone();
        if let (Some(end), Some(latest)) = (end, &self.latest)
            && end.load_end.micros_since(latest.to) > slack_us(latest.length_us)
        {
            found.push(HoleFigures { from_s: latest.ends_s(), to_s: seconds_since(end.load_end, latest.load_start) });
        }
        found
    }

    fn add(&mut self, from_s: f64, to_s: f64) {
        let is_crowded = self.found.len() >= HOLES_MAX;
        match self.found.last_mut() {
            Some(last) if is_crowded => last.to_s = last.to_s.max(to_s),
            _ => self.found.push(HoleFigures { from_s, to_s: to_s.max(from_s) }),
        }
    }
}

impl HoleFigures {
    /// What is missing.
    pub fn in_words(&self) -> String {
        let HoleFigures { from_s, to_s } = self;
        format!("the figures from second {from_s:.1} to {to_s:.1} of the load are missing")
    }
}

impl Latest {
    fn ends_s(&self) -> f64 {
        seconds_since(self.to, self.load_start)
    }
}

/// Less than half an interval is a late hand-over, not a lost record.
fn slack_us(shorter_us: u64) -> u64 {
    (shorter_us / 2).min(GAP_US_MAX)
}
