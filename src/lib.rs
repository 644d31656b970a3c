//! pbxload
pub mod protocol;
pub mod tick;
