//! The only reader and writer of run folders, baselines and the history: files that are replaced as a whole, and files
//! that are appended to.
//!
//! A whole file is written beside its place and renamed, so a reader sees the old one or the new one. The journal
//! is appended to while the run lasts and survives a kill at any byte. Knows records and results, and nothing of
//! how they came about; judges nothing. Start reading at [`RunFolder`], then at `seal.rs` for the journal's format.

mod baselines;
mod checks;
mod coalescer;
#[cfg(test)]
mod coalescing_tests;
mod counters;
mod error;
mod folder;
mod histogram;
mod history;
mod keeper;
mod lock;
mod merger;
mod reader;
mod seal;
mod segment;
mod tags;
#[cfg(test)]
mod torn_tests;
mod whole;
mod writer;

pub use baselines::{BASELINES, read_baseline, write_baseline};
pub use coalescer::Ages;
pub use error::StoreError;
pub use folder::{Origin, RUNS, RunFile, RunFolder};
pub use history::{HISTORY, append_history, read_history};
pub use keeper::JournalKeeper;
pub use lock::RunLock;
pub use reader::{JournalReader, Skipped};
pub use whole::write_whole;
pub use writer::{JournalWriter, SEGMENT_BYTES_MAX};

/// Format number of the journal that this build writes; it reads this and older ones.
///
/// Format 2 has runs that were resumed, wider intervals in files that stand for others, and the run's tag in each record.
pub const JOURNAL_FORMAT: u32 = 2;
