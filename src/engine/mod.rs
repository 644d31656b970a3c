//! The engine: clock, workers, drivers, collector, set-up, drain and tear-down.
//!
//! Workers are threads, each with a single-threaded runtime, its own users and its own books; once an interval a
//! worker hands its books to the collector. Start reading at [`run`], then `worker.rs` and `driver.rs`.

mod alarm;
mod capacity;
mod clock;
mod collector;
mod diagnosis;
mod disturbance;
mod driver;
mod ending;
mod errand;
mod error;
mod exchange;
mod floor;
mod groups;
mod health;
mod memory;
mod monitor;
mod options;
mod pacer;
mod past;
mod probe;
mod process;
mod remarks;
mod run;
mod scrape;
#[cfg(test)]
mod tests;
mod tokens;
mod trial;
mod watchdog;
mod worker;

pub use alarm::median_lateness;
pub use capacity::{DESCRIPTORS_SPARE, PortNeed, PortRange, check_source_addresses, descriptors_needed, users_within};
pub use clock::Clock;
pub use collector::Progress;
pub use errand::{Errand, ErrandError};
pub use error::EngineError;
pub use floor::{Tap, TapEvent};
pub use health::{descriptor_limits, raise_descriptor_limit};
pub use memory::{MemoryLeft, MemoryShort, memory_needed};
pub use options::{Observer, Outcome, RunOptions, Stop, Targets};
pub use run::{run, run_local};
pub use scrape::{Look, look};
pub use trial::try_once;
