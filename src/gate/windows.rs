//! Windows over the records of a run: at each tenth of their length the last so many seconds, merged and never averaged.
//!
//! A window is made of whole records, because nothing is known of their insides. It may be a twentieth shorter than
//! asked for, since records end a little early or late. Where records are longer than the window, which is so in the old
//! part of a long journal, there is none, and that is counted.

use std::collections::VecDeque;
use std::time::Duration;

use super::Figure;
use super::tally::{Slice, Tally};

/// Steps from one window to the next, as parts of a window's length: what bounds the memory.
const STEPS: u64 = 10;

/// A stretch with what was measured in it.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    pub(super) from_us: u64,
    pub(super) to_us: u64,
    pub(super) tally: Tally,
}

impl Stretch {
    pub(super) fn of(figure: &Figure, slice: &Slice<'_>) -> Stretch {
        Stretch { from_us: slice.from_us, to_us: slice.to_us, tally: Tally::of(figure, slice) }
    }

    pub(super) fn add(&mut self, later: &Stretch) {
        self.to_us = later.to_us;
        self.tally.merge(&later.tally);
    }

    fn width_us(&self) -> u64 {
        self.to_us.saturating_sub(self.from_us)
    }
}

/// The windows of one length.
#[derive(Debug)]
pub(super) struct Windows {
    length_us: u64,
    /// Steps that the next window needs, oldest first.
    steps: VecDeque<Stretch>,
    filling: Option<Stretch>,
    /// Records that were longer than a window.
    coarse: u64,
    longest_us: u64,
}

impl Windows {
    pub(super) fn new(length: Duration) -> Windows {
        let length_us = crate::tick::micros(length).max(1);
        Windows { length_us, steps: VecDeque::new(), filling: None, coarse: 0, longest_us: 0 }
    }

    /// Adds the next record; a window comes out at each step.
    pub(super) fn push(&mut self, figure: &Figure, slice: &Slice<'_>) -> Option<Stretch> {
        let width_us = slice.to_us.saturating_sub(slice.from_us);
        if width_us > self.length_us + self.length_us / 2 {
            self.coarse += 1;
            self.longest_us = self.longest_us.max(width_us);
            self.forget();
            return None;
        }
        let end = self.filling.as_ref().or(self.steps.back()).map_or(slice.from_us, |stretch| stretch.to_us);
        // What was not recorded is in no window.
        if slice.from_us > end + width_us / 2 {
            self.forget();
        }
        let stretch = Stretch::of(figure, slice);
        match &mut self.filling {
            Some(filling) => filling.add(&stretch),
            None => self.filling = Some(stretch),
        }
        let wanted_us = self.length_us - self.length_us / 20;
        let step = self.filling.take_if(|filling| filling.width_us() * STEPS >= wanted_us)?;
        self.steps.push_back(step);
        self.window()
    }

    /// The window that ends with the last record, when that has not come out of `push`.
    pub(super) fn last(&self) -> Option<Stretch> {
        let filling = self.filling.as_ref()?;
        let parts: Vec<&Stretch> = self.steps.iter().chain([filling]).collect();
        self.merged(&parts)
    }

    /// Records that were longer than a window, and the longest of them.
    pub(super) fn coarse(&self) -> Option<Duration> {
        (self.coarse > 0).then(|| Duration::from_micros(self.longest_us))
    }

    fn forget(&mut self) {
        self.steps.clear();
        self.filling = None;
    }

    fn window(&mut self) -> Option<Stretch> {
        let end = self.steps.back()?.to_us;
        while self.steps.get(1).is_some_and(|second| self.is_long_enough(second.from_us, end)) {
            self.steps.pop_front();
        }
        let parts: Vec<&Stretch> = self.steps.iter().collect();
        self.merged(&parts)
    }

    fn is_long_enough(&self, from_us: u64, to_us: u64) -> bool {
        to_us.saturating_sub(from_us) + self.length_us / 20 >= self.length_us
    }

    fn merged(&self, parts: &[&Stretch]) -> Option<Stretch> {
        let last = parts.last()?;
        // The shortest end that is long enough.
        let start = (0..parts.len()).rev().find(|&at| self.is_long_enough(parts[at].from_us, last.to_us))?;
        let is_too_long = last.to_us.saturating_sub(parts[start].from_us) > self.length_us + self.length_us / 2;
        // An interval that is nearly a window makes two of them nearly two: better than none, unless others are there.
        if is_too_long && parts.len() - start > 2 {
            return None;
        }
        let mut window = parts[start].clone();
        parts[start + 1..].iter().for_each(|part| window.add(part));
        Some(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::tally::Before;
    use crate::metrics::Interval;
    use crate::results::IntervalRecord;
    use crate::tick::Tick;

    #[test]
    fn what_is_kept_does_not_grow_with_the_run() {
        let figure = Figure::by_name("publish.count").expect("a figure");
        let before = Before::default();
        for length_s in [1, 7, 60, 600] {
            let mut windows = Windows::new(Duration::from_secs(length_s));
            let mut seen = 0;
            for second in 0..3_000u64 {
                let record = IntervalRecord {
                    from: Tick::from_micros(second * 1_000_000),
                    to: Tick::from_micros((second + 1) * 1_000_000),
                    load_start: Tick::ZERO,
                    load_from: Tick::ZERO,
                    part: 0,
                    figures: Interval::default(),
                    ledger: Default::default(),
                    health: Default::default(),
                };
                let (from_us, to_us) = (record.from.as_micros(), record.to.as_micros());
                let slice = Slice { record: &record, before: &before, from_us, to_us, is_set_up: false };
                if let Some(window) = windows.push(&figure, &slice) {
                    seen += 1;
                    let length_us = length_s * 1_000_000;
                    assert!((length_us * 19 / 20..=length_us * 3 / 2).contains(&window.width_us()), "{window:?}");
                }
                assert!(windows.steps.len() as u64 <= STEPS + 1, "{} steps of {length_s} s", windows.steps.len());
            }
            assert!(seen >= 3_000 / length_s.div_ceil(STEPS) - STEPS - 1, "{seen} windows of {length_s} s");
        }
    }
}
