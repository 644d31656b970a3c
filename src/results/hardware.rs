//! The machine that made a run's load.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What two machines have to share for their runs to be comparable.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Hardware {
    /// Model of the processor, as the system calls it; empty when it does not say.
    pub cpu: String,
    /// Processors that this process may use.
    pub processors: u32,
    /// Operating system and architecture.
    pub system: String,
    /// Memory rounded up to a power of two, GiB: what a kernel keeps for itself changes nothing. 0 when not known.
    pub memory_gib: u32,
}

impl fmt::Display for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpu = if self.cpu.is_empty() { "unknown processor" } else { self.cpu.as_str() };
        write!(f, "{} × {cpu}, {}", self.processors, self.system)?;
        match self.memory_gib {
            0 => Ok(()),
            gib => write!(f, ", {gib} GiB"),
        }
    }
}
