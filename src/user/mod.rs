//! The virtual user: a state machine without IO. Events in, actions out.
//!
//! One call of [`User::on`] never waits, never reads a clock and never fails. It records what it measures in the
//! worker's [`World`] and leaves sockets, timers and files to the driver. Start reading at [`User`] in
//! `machine.rs`; `begin.rs` is how an operation begins, `settle.rs` how it ends, `receive.rs` what a frame means.

mod attachments;
mod begin;
mod catch_up;
mod event;
mod history;
mod life;
mod machine;
mod pause;
mod promises;
mod receive;
mod resubscribe;
mod settle;
mod surroundings;
#[cfg(test)]
mod tests;
mod turns;
mod world;

pub use event::{Action, ConnectPhases, Event, Hit, HttpPhases, HttpReply, Lost, LostBy};
pub use machine::{Mode, User};
pub use world::{Books, World};
