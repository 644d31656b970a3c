//! The results of a run: every figure that reports, gates and comparisons use. `results.json` is this, as JSON.
//!
//! Pure data with a format number. Nothing here measures or judges. Start reading at [`Results`].

mod model;
mod record;
mod series;

pub use model::*;
pub use record::*;
pub use series::*;
