//! Scenarios: TOML text in, a checked model out; every problem found at once, each with its line.
//!
//! Reads no file and no environment by itself: the caller passes both in as [`Surroundings`]. Start reading at
//! [`load()`]; what it answers is in [`Scenario`]. Each section of the file has a module (`target`, `users`,
//! `topology`, `curves`, `persona`, `step`, `gates`), and `check` looks across them.

mod check;
mod curves;
mod day;
mod endpoint;
mod events;
mod expand;
mod gates;
mod health;
mod journal;
mod load;
mod model;
mod overrides;
mod persona;
mod problem;
mod quantity;
mod read;
mod redact;
mod render;
#[cfg(test)]
mod robust;
mod schema;
mod secret;
mod source;
mod stages;
mod starter;
mod step;
mod target;
mod think;
mod topology;
mod users;
mod watched;

#[cfg(test)]
mod bad_scenarios;
#[cfg(test)]
mod shipped;

pub use gates::{Gates, gates_of};
pub use health::tolerated_of;
pub use load::{Loaded, Surroundings, load};
pub use model::*;
pub use overrides::Overrides;
pub use problem::{Place, Problem, Problems};
pub use render::Style;
pub use schema::schema;
pub use secret::Secret;
pub use source::Source;
pub use starter::starter;
pub use think::{THINK_MAX, Think};
pub use watched::PROCESS_FIGURES;
