//! Scenarios: TOML text in, a checked model out; every problem found at once, each with its line.
//!
//! Reads no file and no environment by itself: the caller passes both in. Start reading at [`Scenario`].

mod model;
mod secret;
mod think;

pub use model::*;
pub use secret::Secret;
pub use think::{THINK_MAX, Think};
