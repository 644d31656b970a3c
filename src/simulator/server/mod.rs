//! The thin server around the hub: one thread, one port, no state of its own that a client could see.
//!
//! Start reading at [`http`] (what comes in), then [`requests`] and [`delivery`] (what faults do on the way).

mod clock;
mod delivery;
mod files;
pub(super) mod http;
mod limits;
mod metrics;
mod promises;
mod queue;
mod requests;
mod rest;
pub(super) mod scheduler;
pub(super) mod shell;
#[cfg(test)]
mod tests;
pub(super) mod tls;
mod websocket;
