//! pbxload
pub mod cli;
pub mod engine;
pub mod gate;
pub mod ledger;
pub mod metrics;
pub mod ops;
pub mod plan;
pub mod protocol;
pub mod random;
pub mod report;
pub mod results;
pub mod scenario;
pub mod simulator;
pub mod store;
pub mod tick;
pub mod transport;
pub mod user;
