//! What a gate on the whole run would say without the generator's own spells.
//!
//! A spell that is a thousandth of the time may be all that a rare operation was measured in: everybody logs in in the
//! seconds in which the generator has most to do. So a gate that does not hold is asked again where there was no spell.

use super::bound::Resolved;
use super::figures::Source;
use super::reading::{Doubt, Lack, Reading};
use super::tally::{Slice, Tally};
use super::{Figure, Gate};
use crate::results::{GateStatus, Spell};
use crate::tick::Tick;

/// Most records that wait for a word on whether they lie in a spell.
const OPEN_MAX: usize = 100;

/// What was measured outside of spells, as far as one gate needs it.
#[derive(Debug, Clone)]
pub(super) struct Sound {
    figure: Figure,
    sum: Option<Tally>,
    length_us: u64,
    /// Records whose end may turn out to be the beginning of a spell, oldest first.
    open: Vec<Piece>,
}

/// A record, as far as the figure needs it.
#[derive(Debug, Clone)]
struct Piece {
    part: u32,
    from: Tick,
    to: Tick,
    is_spoilt: bool,
    tally: Tally,
}

impl Piece {
    fn hear(&mut self, part: u32, spells: &[Spell]) {
        let is_over = |spell: &Spell| spell.from < self.to && spell.to > self.from;
        self.is_spoilt |= self.part == part && spells.iter().any(is_over);
    }
}

impl Sound {
    /// `None` for a gate that looks at a part of the run, which answers for its own share of spells, or whose figure no
    /// spell can make.
    pub(super) fn of(gate: &Gate, tolerate: f64) -> Option<Sound> {
        let is_whole = gate.window.is_none() && gate.span.is_none();
        let is_made = matches!(gate.figure.source(), Source::Times(..) | Source::Count { .. } | Source::Ratio { .. });
        let figure = (is_whole && is_made && tolerate > 0.0).then(|| gate.figure.clone())?;
        Some(Sound { figure, sum: None, length_us: 0, open: Vec::new() })
    }

    /// Follows the next record.
    pub(super) fn push(&mut self, slice: &Slice<'_>) {
        let record = slice.record;
        let (part, spells) = (record.part, &record.health.spells);
        self.open.iter_mut().for_each(|piece| piece.hear(part, spells));
        if !record.health.is_undecided || self.open.len() >= OPEN_MAX {
            std::mem::take(&mut self.open).into_iter().for_each(|piece| self.settle(piece));
        }
        let tally = Tally::of(&self.figure, slice);
        let mut piece = Piece { part, from: record.from, to: record.to, is_spoilt: false, tally };
        piece.hear(part, spells);
        if record.health.is_undecided {
            self.open.push(piece);
        } else {
            self.settle(piece);
        }
    }

    fn settle(&mut self, piece: Piece) {
        match &mut self.sum {
            Some(sum) if piece.is_spoilt => sum.skip(&piece.tally),
            Some(sum) => sum.merge(&piece.tally),
            None if piece.is_spoilt => return,
            None => self.sum = Some(piece.tally),
        }
        if !piece.is_spoilt {
            self.length_us = self.length_us.saturating_add(piece.to.micros_since(piece.from));
        }
    }

    fn read(&self, wanted: u64) -> Result<Reading, Lack> {
        let mut whole = self.clone();
        std::mem::take(&mut whole.open).into_iter().for_each(|piece| whole.settle(piece));
        let nothing = || Lack::new(GateStatus::Spoilt, "there was nothing else");
        whole.sum.ok_or_else(nothing)?.read(&self.figure, 0, whole.length_us, wanted)
    }

    /// Why a gate that does not hold says nothing; `None` when it does not hold without the spells either.
    pub(super) fn excuse(&self, gate: &Gate, bound: &Resolved, wanted: u64) -> Option<Lack> {
        let why = match self.read(wanted) {
            Ok(reading) if !matches!(reading.doubt, Some(Doubt::TooFew { .. })) => {
                let measured = reading.amount.text(self.figure.quantity(), Some(bound));
                let holds = reading.amount.holds(gate.comparison, bound);
                return holds
                    .then(|| spoilt(format!("outside of the generator's own spells it is {measured}, which holds")));
            }
            Ok(Reading { doubt, .. }) => doubt.map_or_else(String::new, |doubt| doubt.text()),
            Err(lack) => lack.why,
        };
        Some(spoilt(format!("it was measured in spells of the generator itself: outside of them, {why}")))
    }
}

fn spoilt(why: String) -> Lack {
    Lack::new(GateStatus::Spoilt, why)
}
