//! Spells in which the generator itself was the bottleneck: when, how long, and by what sign.
//!
//! A record keeps them to the microsecond however wide it has become, so that a journal whose old intervals were merged
//! tells the same spells as the run did while it lasted.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
}

impl SpellFigures {
    /// When, how long, and by what.
    pub fn in_words(&self) -> String {
        let SpellFigures { from_s, to_s, signs } = self;
        let signs: Vec<&str> = signs.iter().map(|sign| sign.in_words()).collect();
        format!("from second {from_s:.1} to {to_s:.1} ({:.1} s, by {})", to_s - from_s, signs.join(" and "))
    }
}

/// The spells so far.
#[derive(Debug, Default)]
pub(super) struct Spells {
    /// On the first part's ticks.
    found: Vec<Spell>,
    spoilt_us: u64,
    /// A record says that there was one and not where: it was written by an older version.
    is_untold: bool,
}

impl Spells {
    /// Adds those of the next interval; `on_first_ticks` moves an instant to the first part's ticks.
    pub(super) fn add(&mut self, health: &super::HealthSample, on_first_ticks: impl Fn(Tick) -> Tick) {
        self.is_untold |= health.is_saturated && health.spells.is_empty();
        for Spell { from, to, signs } in &health.spells {
            self.spoilt_us = self.spoilt_us.saturating_add(to.micros_since(*from));
            let (from, to) = (on_first_ticks(*from), on_first_ticks(*to));
            let is_crowded = self.found.len() >= SPELLS_MAX;
            match self.found.last_mut() {
                Some(last) if is_crowded || from.micros_since(last.to) == 0 && to >= last.to => {
                    last.to = last.to.max(to);
                    last.signs.extend(signs);
                }
                _ => self.found.push(Spell { from, to, signs: signs.clone() }),
            }
        }
    }

    /// Seconds that they cover, and each of them; nothing where one is not told.
    pub(super) fn figures(&self, load_start: Tick) -> (f64, Vec<SpellFigures>) {
        if self.is_untold {
            return (0.0, Vec::new());
        }
        let figures = self.found.iter().map(|Spell { from, to, signs }| SpellFigures {
            from_s: seconds_since(*from, load_start),
            to_s: seconds_since(*to, load_start),
            signs: signs.iter().copied().collect(),
        });
        (self.spoilt_us as f64 / 1e6, figures.collect())
    }
}
