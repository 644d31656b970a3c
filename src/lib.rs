//! pbxload
pub mod protocol;
pub mod results;
pub mod tick;
