//! The self-test: every class of fault that the simulator can make is made, and the harness has to report it, to the
//! message.
//!
//! Each [`Case`] starts a simulator with declared faults, carries a short scenario out against it exactly as `run` does,
//! and compares the simulator's own counters with the reported figures. The two sides share wire types and nothing
//! else, so a figure that agrees was counted twice, independently. Top level, like the command line: it sees every room.
//!
//! Start reading at [`Case`] (`cases/`) and [`conduct`].

mod case;
mod cases;
mod conduct;
mod evidence;
mod row;
mod simulated;
mod table;

pub use case::{Case, Claims, Pace};
pub use cases::{all, named};
pub use conduct::{Examined, Opener, conduct};
pub use evidence::Evidence;
pub use row::{Bound, Row, Unit};
pub use table::{summary, to_json, to_text};
