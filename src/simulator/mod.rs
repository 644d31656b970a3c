//! The simulator: a stand-in of the PBX's IM service, for tests, for trying scenarios, and for showing that every
//! declared fault is found.
//!
//! Uses the wire types and its own rules, never the harness's idea of success: a stand-in that shared it could not
//! catch a mistake in it. [`hub`] is pure, [`faults`] decides what goes wrong, the server around them is thin.
//!
//! Start reading at [`Simulator::start`] and [`hub::Hub`].

#![expect(clippy::disallowed_methods, reason = "a server of its own: its clock is not the run's")]

mod config;
mod counters;
pub mod faults;
mod handle;
pub mod hub;
mod profile;
mod server;

pub use config::{Encryption, SimulatorConfig};
pub use counters::{InjectedFaults, Totals};
pub use handle::{LocalSimulator, Simulator, SimulatorError, SimulatorHandle};
pub use profile::{ApiKey, FileNames, Paths, Precision};
pub use server::tls::TlsError;
