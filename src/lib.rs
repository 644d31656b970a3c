//! pbxload
pub mod protocol;
pub mod simulator;
pub mod tick;
