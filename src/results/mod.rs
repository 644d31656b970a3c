//! The results of a run: every figure that reports, gates and comparisons use. `results.json` is this, as JSON.
//!
//! Pure data with a format number. Nothing here measures or judges. Start reading at [`Results`]; [`Fold`] makes them
//! from the records of a run.

mod day;
mod drift;
#[cfg(test)]
mod drift_tests;
mod failure_sums;
pub mod figures;
mod fold;
#[cfg(test)]
mod fold_tests;
mod generator;
mod hardware;
mod holes;
mod invariants;
mod model;
mod percentiles;
mod record;
mod series;
mod spells;
mod spread;
mod target;
mod timeline;

pub use day::DayFigures;
pub use drift::{DRIFT_STEADY_MIN, DriftFigures, DriftKind, DriftVerdict};
pub use fold::Fold;
pub use generator::{GeneratorFigures, SendQueueFigures, WorkerFigures};
pub use hardware::Hardware;
pub use invariants::InvariantFigures;
pub use model::*;
pub use record::*;
pub use series::*;
pub use spells::{Sign, Spell, SpellFigures};
pub use spread::SpreadFigures;
pub use target::{GaugeFigures, GaugePoint, GaugeUnit, TargetFigures};
