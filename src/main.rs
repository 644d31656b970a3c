//! pbxload
fn main() {}
