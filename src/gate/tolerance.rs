//! Spells in which the generator was the bottleneck, and how much of them a verdict bears: `health.tolerate` of the load.
//!
//! The share holds for whatever is looked at: the whole load, the stage of a gate, each of its windows, the stretch of a
//! rule that ended the run. Where the spells cover more of it, nothing is said from it.

use std::collections::VecDeque;

use super::reading::Lack;
use super::tally::Slice;
use crate::results::{GateStatus, Results, SpellFigures};
use crate::tick::Tick;

/// Most spells that one warning names.
const NAMED_MAX: usize = 10;
/// Rounding of seconds that were microseconds.
const ROUNDING_S: f64 = 1e-7;

/// Notes in the results whether their spells are tolerated; then the warning that says so.
pub(super) fn settle(results: &mut Results, share: f64) -> Option<String> {
    let load_s = results.run.load_s;
    let generator = &mut results.generator;
    let is_told = generator.saturated_from.is_some() && !generator.spells.is_empty();
    // Of spells in the set-up there may be more than all of the load.
    let is_short = share >= 1.0 || generator.spoilt_s <= share * load_s + ROUNDING_S;
    let is_tolerated = share > 0.0 && is_told && is_short;
    generator.tolerated_share = is_tolerated.then_some(share);
    if !is_tolerated {
        return None;
    }
    let named: Vec<String> = generator.spells.iter().take(NAMED_MAX).map(SpellFigures::in_words).collect();
    let more = match generator.spells.len() - named.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Some(format!(
        "the generator was the bottleneck for {:.1} s of {load_s:.1} s of load: {}{more}. That was tolerated \
         (`health.tolerate` is {}%): what was measured meanwhile is part of the figures, and a gate that only holds \
         without it cannot be told",
        generator.spoilt_s,
        named.join(", "),
        percent(share),
    ))
}

/// Seconds of a stretch of the load in which the generator was the bottleneck, when those are more than is tolerated.
pub(super) fn spoilt_beyond(results: &Results, from_s: f64, to_s: f64) -> Option<f64> {
    let generator = &results.generator;
    let share = generator.tolerated_share?;
    let within = |spell: &SpellFigures| (spell.to_s.min(to_s) - spell.from_s.max(from_s)).max(0.0);
    let spoilt_s: f64 = generator.spells.iter().map(within).sum();
    (spoilt_s > share * (to_s - from_s) + ROUNDING_S).then_some(spoilt_s)
}

fn percent(share: f64) -> String {
    super::limit::trimmed(share * 100.0, 4)
}

/// The spells that windows may still lie over.
#[derive(Debug)]
pub(super) struct Tolerance {
    share: f64,
    /// Microseconds of the load, in order.
    spells: VecDeque<(u64, u64)>,
}

impl Tolerance {
    /// With a share of nothing the run as a whole has no verdict, and each of its gates is shown with what was measured.
    pub(super) fn new(share: f64) -> Tolerance {
        Tolerance { share, spells: VecDeque::new() }
    }

    /// Hears the next record.
    pub(super) fn hear(&mut self, slice: &Slice<'_>) {
        for (from_us, to_us) in spells_of(slice).filter(|_| self.share > 0.0) {
            match self.spells.back_mut() {
                Some(last) if last.1 == from_us => last.1 = to_us,
                _ => self.spells.push_back((from_us, to_us)),
            }
        }
    }

    /// Forgets what lies before: nothing will ask for it.
    pub(super) fn forget_before(&mut self, from_us: u64) {
        while self.spells.front().is_some_and(|(_, to_us)| *to_us <= from_us) {
            self.spells.pop_front();
        }
    }

    /// Whether a window says nothing.
    pub(super) fn spoils(&self, from_us: u64, to_us: u64) -> bool {
        let spoilt_us =
            self.spells.iter().fold(0, |sum: u64, spell| sum.saturating_add(overlap(*spell, from_us, to_us)));
        self.is_beyond(spoilt_us, to_us.saturating_sub(from_us))
    }

    /// Why a stretch of this length says nothing, when it was spoilt for so long.
    pub(super) fn lack(&self, spoilt_us: u64, length_us: u64) -> Option<Lack> {
        let seconds = |micros: u64| micros as f64 / 1e6;
        self.is_beyond(spoilt_us, length_us).then(|| {
            let why = format!(
                "the generator was the bottleneck for {:.1} s of its {:.1} s, more than `health.tolerate` is ({}%)",
                seconds(spoilt_us),
                seconds(length_us),
                percent(self.share)
            );
            Lack::new(GateStatus::Spoilt, why)
        })
    }

    fn is_beyond(&self, spoilt_us: u64, length_us: u64) -> bool {
        self.share > 0.0 && spoilt_us as f64 > self.share * length_us as f64
    }
}

/// What a record tells of spells, in microseconds of the load.
pub(super) fn spells_of(slice: &Slice<'_>) -> impl Iterator<Item = (u64, u64)> {
    let load_start = slice.record.load_start;
    // Until a later part takes up the load, its ticks are those of a stretch that the part before it was in.
    let taken_up = if slice.record.part > 0 { slice.record.load_from } else { Tick::ZERO };
    let within = move |tick: Tick| tick.max(taken_up).micros_since(load_start);
    let spells = slice.record.health.spells.iter();
    spells.map(move |spell| (within(spell.from), within(spell.to))).filter(|(from_us, to_us)| from_us < to_us)
}

/// What of a spell lies in a stretch.
pub(super) fn overlap((begin_us, end_us): (u64, u64), from_us: u64, to_us: u64) -> u64 {
    end_us.min(to_us).saturating_sub(begin_us.max(from_us))
}
