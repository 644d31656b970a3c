//! pbxload
pub mod gate;
pub mod ledger;
pub mod metrics;
pub mod ops;
pub mod protocol;
pub mod random;
pub mod results;
pub mod scenario;
pub mod store;
pub mod tick;
