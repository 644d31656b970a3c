//! Intervals that become wider: neighbours are made one until they are as wide as wanted. Nothing is averaged and nothing
//! is dropped; see `IntervalRecord::absorb`.

use crate::results::{IntervalRecord, Record};

/// Makes neighbouring intervals one.
#[derive(Debug)]
pub(super) struct Merger {
    width_us: u64,
    current: Option<Box<IntervalRecord>>,
}

impl Merger {
    /// Intervals of about this width.
    pub(super) fn new(width_s: u32) -> Merger {
        Merger { width_us: u64::from(width_s) * 1_000_000, current: None }
    }

    /// Takes the next record and gives out what is complete.
    pub(super) fn push(&mut self, record: Record, out: &mut Vec<Record>) {
        match record {
            Record::Interval(next) => {
                let length_us = next.length_us();
                match &mut self.current {
                    // Wider than wanted by less than half of the last one.
                    Some(current)
                        if current.is_followed_by(&next) && current.length_us() + length_us / 2 <= self.width_us =>
                    {
                        current.absorb(*next);
                    }
                    _ => {
                        self.flush(out);
                        self.current = Some(next);
                    }
                }
                if self.current.as_ref().is_some_and(|current| current.length_us() + length_us / 2 >= self.width_us) {
                    self.flush(out);
                }
            }
            // They have an instant of their own, or none.
            Record::Mark(_) | Record::Warning(_) => out.push(record),
            Record::Start(_) | Record::Resume(_) | Record::End(_) => {
                self.flush(out);
                out.push(record);
            }
        }
    }

    /// Gives out what is under way.
    pub(super) fn flush(&mut self, out: &mut Vec<Record>) {
        out.extend(self.current.take().map(Record::Interval));
    }
}
