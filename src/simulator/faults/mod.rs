//! Declared faults: what goes wrong, how often, and exactly how often it did.
//!
//! Pure: a seeded generator decides, the server carries out. Must not know connections. Start reading at
//! [`FaultPlan`] (the file) and [`Injector`] (the decisions).
//!
//! A fault file; every key is optional, and `rate`, `every` and `max` go with all that strikes by chance:
//!
//! ```toml
//! seed = 7
//! token_lifetime = "60s"
//! lost = { rate = 0.01 }              # also duplicated, reordered, corrupted, phantom, not_stored
//! corrupted_uploads = { every = 10 }  # also corrupted_downloads
//! bad_frames = { kinds = ["not_json", "unknown_verb", "wrong_types", "deep_json", "giant"], every = 500 }
//! refused_connections = { how = "status", rate = 0.05 }   # or "close", "accept"
//!
//! [delay]                             # login, sub, pub, leave, get, set, del, upload, download, token, connect
//! pub = { uniform = ["10ms", "30ms"] }
//! login = { normal = { mean = "50ms", deviation = "5ms" } }
//! get = { exponential = { mean = "20ms" } }
//! sub = { bimodal = { fast = "5ms", slow = "1s", slow_share = 0.01 } }
//! upload = { constant = "250ms" }
//!
//! [[reject]]
//! op = "pub"
//! code = 503
//! every = 100
//! max = 20
//!
//! [[swallow]]                         # carried out, never answered
//! op = "sub"
//! rate = 0.001
//!
//! [[slow_reply]]                      # carried out in time, answered late
//! op = "pub"
//! delay = { constant = "2s" }
//! every = 50
//!
//! [[stall]]                           # since the simulator's start
//! at = "30s"
//! for = "5s"
//!
//! [[drop]]                            # or after_frames = 1000, or every/rate per accepted publish
//! at = "60s"
//! share = 0.5
//! ```

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
