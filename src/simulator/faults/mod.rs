//! Declared faults: what goes wrong, how often, and exactly how often it did.
//!
//! Pure: a seeded generator decides, the server carries out. Must not know connections. Start reading at
//! [`FaultPlan`] (the file) and [`Injector`] (the decisions).

mod chance;
mod corrupt;
mod delay;
mod injector;
mod plan;

pub use chance::Chance;
pub use corrupt::{BadFrame, corrupted_bytes, corrupted_message, phantom_of};
pub use delay::Delay;
pub use injector::{DeliveryFault, Injector, RequestFault};
pub use plan::{
    BadFrames, ConnectionDrop, FaultPlan, FaultPlanError, Operation, RefusedConnections, RefusedHow, Rejection,
    SlowReply, Stall, Swallow,
};
