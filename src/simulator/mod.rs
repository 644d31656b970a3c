//! The simulator.
pub mod counters;
pub mod faults;
pub mod hub;
