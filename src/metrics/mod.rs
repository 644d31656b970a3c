//! Measurements of one worker: counters and histograms of one interval, merged later and never averaged.
//!
//! Recording is `&mut self`: no lock, no atomic, no channel for a sample. Once per interval a worker swaps its
//! [`Interval`] out. Knows operations by number and nothing of users or sockets. Start at [`Interval`].

mod catch_ups;
mod counts;
mod events;
mod failures;
mod interval;
mod latency;
mod packed;
mod resubscribed;
mod send_queue;
mod target;

pub use catch_ups::CatchUps;
pub use events::EventCounts;
pub use failures::{EXAMPLES_MAX, FailureLog, FailureStat};
pub use interval::{ArrivalCounts, FrameKind, Interval, OpFigures, Phase, Sample, TrafficCounts, UserCounts};
pub use latency::Latency;
pub use packed::{SAMPLES_MAX, UnpackError, V2_BYTES_MAX};
pub use resubscribed::Resubscribed;
pub use send_queue::SendQueueCounts;
pub use target::{Gauge, TargetGauges};
