//! Spells in which the generator itself was the bottleneck: when, how long, and by what sign.
//!
//! A record keeps them to the microsecond however wide it has become, so that a journal whose old intervals were merged
//! tells the same spells as the run did while it lasted.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GeneratorFigures;
use super::generator::is_zero;
use super::timeline::seconds_since;
use crate::tick::Tick;

/// Most spells that are kept one by one.
const SPELLS_MAX: usize = 1_000;

/// What shows that the generator is the bottleneck; each has the name of its limit in `[health]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// Timers and arrivals were late.
    LagP99,
    /// A worker used its core.
    WorkerCpu,
    /// A worker could run and had no processor.
    Starvation,
    /// The process used the memory.
    Memory,
    /// A send queue was long.
    SendQueue,
}

impl Sign {
    /// For people, after "by".
    pub fn in_words(self) -> &'static str {
        match self {
            Sign::LagP99 => "late timers and arrivals",
            Sign::WorkerCpu => "a worker's use of its core",
            Sign::Starvation => "the want of a processor",
            Sign::Memory => "the use of memory",
            Sign::SendQueue => "a long send queue",
        }
    }
}

/// A spell, on the ticks of its own part of the run. It may begin before the record that tells it: that several intervals
/// in a row were above a limit is known in the last of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spell {
    /// Its beginning.
    pub from: Tick,
    /// Its end.
    pub to: Tick,
    /// What showed it.
    pub signs: BTreeSet<Sign>,
}

impl Spell {
    /// Length, microseconds.
    pub fn length_us(&self) -> u64 {
        self.to.micros_since(self.from)
    }
}

/// Adds the spells of a later interval to those before it.
pub(super) fn join(spells: &mut Vec<Spell>, later: Vec<Spell>) {
    for spell in later {
        match spells.last_mut() {
            Some(last) if last.to == spell.from => {
                last.to = spell.to;
                last.signs.extend(spell.signs);
            }
            _ => spells.push(spell),
        }
    }
}

/// A spell in seconds of the load; negative in the set-up.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SpellFigures {
    /// Its beginning.
    pub from_s: f64,
    /// Its end.
    pub to_s: f64,
    /// What showed it, by the names of the limits in `[health]`.
    pub signs: Vec<Sign>,
    /// Seconds of it while users came back after a kill, when the load's time stands still; they are in no length of the
    /// load.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub return_s: f64,
}

impl SpellFigures {
    /// When, how long, and by what.
    pub fn in_words(&self) -> String {
        let SpellFigures { from_s, to_s, signs, return_s } = self;
        let signs: Vec<&str> = signs.iter().map(|sign| sign.in_words()).collect();
        let (length_s, by) = (to_s - from_s, signs.join(" and "));
        if *return_s == 0.0 {
            format!("from second {from_s:.1} to {to_s:.1} ({length_s:.1} s, by {by})")
        } else if length_s == 0.0 {
            format!("while users came back at second {from_s:.1} ({return_s:.1} s, by {by})")
        } else {
            let from = format!("while users came back at second {from_s:.1} ({return_s:.1} s)");
            format!("{from} and on to second {to_s:.1} ({length_s:.1} s), by {by}")
        }
    }
}

impl GeneratorFigures {
    /// Where the generator was the bottleneck for the first time, seconds of the load.
    pub fn first_spell_s(&self) -> Option<f64> {
        self.saturated_from.map(|from_s| self.spells.first().map_or(from_s, |spell| spell.from_s))
    }
}

/// The spells so far.
#[derive(Debug, Default)]
pub(super) struct Spells {
    /// On the first part's ticks, each with its microseconds before its part took up the load.
    found: Vec<(Spell, u64)>,
    spoilt_us: u64,
    /// A record says that there was one and not where: it was written by an older version.
    is_untold: bool,
}

impl Spells {
    /// Adds those of the next interval; `on_first_ticks` moves an instant to the first part's ticks.
    ///
    /// A later part brings its users back before it takes up the load at `taken_up`. The ticks of that time would be those of a
    /// stretch of the load that the part before it was in.
    pub(super) fn add(
        &mut self,
        health: &super::HealthSample,
        taken_up: Option<Tick>,
        on_first_ticks: impl Fn(Tick) -> Tick,
    ) {
        self.is_untold |= health.is_saturated && health.spells.is_empty();
        for spell in &health.spells {
            self.spoilt_us = self.spoilt_us.saturating_add(spell.length_us());
            let taken_up = taken_up.unwrap_or(Tick::ZERO);
            let back_us = spell.to.min(taken_up).micros_since(spell.from);
            let (from, to) = (on_first_ticks(spell.from.max(taken_up)), on_first_ticks(spell.to.max(taken_up)));
            let is_crowded = self.found.len() >= SPELLS_MAX;
            let goes_on = |(last, last_back_us): &(Spell, u64)| {
                // What ended with the part before has nothing to do with the return of the users.
                let is_of_return = back_us == 0 || *last_back_us > 0 && last.from == last.to;
                is_of_return && from.micros_since(last.to) == 0 && to >= last.to
            };
            match self.found.last_mut() {
                Some(found) if is_crowded || goes_on(found) => {
                    let (last, last_back_us) = found;
                    last.to = last.to.max(to);
                    last.signs.extend(&spell.signs);
                    *last_back_us = last_back_us.saturating_add(back_us);
                }
                _ => self.found.push((Spell { from, to, signs: spell.signs.clone() }, back_us)),
            }
        }
    }

    /// Seconds that they cover, and each of them; nothing where one is not told.
    pub(super) fn figures(&self, load_start: Tick) -> (f64, Vec<SpellFigures>) {
        if self.is_untold {
            return (0.0, Vec::new());
        }
        let figures = self.found.iter().map(|(Spell { from, to, signs }, back_us)| SpellFigures {
            from_s: seconds_since(*from, load_start),
            to_s: seconds_since(*to, load_start),
            signs: signs.iter().copied().collect(),
            return_s: *back_us as f64 / 1e6,
        });
        (self.spoilt_us as f64 / 1e6, figures.collect())
    }
}
