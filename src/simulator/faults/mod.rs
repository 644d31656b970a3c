//! Declared faults: what goes wrong, how often, and exactly how often it did.
//!
//! Pure: a seeded generator decides, the server carries out. Must not know connections. Start reading at
//! [`FaultPlan`] (the file) and [`Injector`] (the decisions).
//!
//! A fault file; every key is optional, and `rate`, `every` and `max` go with all that strikes by chance:
//!
#![doc = concat!("```toml\n", include_str!("example.toml"), "```")]

mod ageing;
mod chance;
mod corrupt;
mod delay;
mod injector;
mod plan;

pub use ageing::{Growth, HalfOpen, Leak, Restart};
pub use chance::Chance;
pub use corrupt::{
    BadFrame, corrupted_bytes, corrupted_message, corrupted_past, of_other_run, phantom_of, retitled,
    with_less_received,
};
pub use delay::Delay;
pub use injector::{Broken, DeliveryFault, Injector, RequestFault};
pub use plan::{
    BadFrames, ConnectionDrop, FaultPlan, FaultPlanError, Operation, RefusedConnections, RefusedHow, Rejection,
    SlowReply, Stall, Swallow,
};

/// A fault file with every key in it; `simulate --help` shows it.
pub const EXAMPLE: &str = include_str!("example.toml");

/// JSON Schema of a fault file.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(FaultPlan);
    schema.insert("title".to_owned(), "pbxload fault file".into());
    schema.to_value()
}
