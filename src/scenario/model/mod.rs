//! The checked model of a scenario: what the rest of the program works with.
//!
//! Everything here is valid: names are resolved to indices, units are gone, defaults are filled in.

mod judging;
mod load;
mod persona;
mod target;
mod users;

pub use judging::*;
pub use load::*;
pub use persona::*;
pub use target::*;
pub use users::*;

/// A whole scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Short name; names the run folder.
    pub name: String,
    /// One or two sentences for people; may be empty.
    pub description: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// Whether publishing to `emc` topics, which can send real text messages, is allowed.
    pub allow_emc: bool,
    /// Where the load goes.
    pub target: Target,
    /// How access tokens are had.
    pub auth: Auth,
    /// Who the virtual users are.
    pub users: Users,
    /// Who talks to whom.
    pub topology: Topology,
    /// How much, when.
    pub load: Load,
    /// What users do; never empty.
    pub personas: Vec<Persona>,
    /// From where on the generator is the bottleneck.
    pub health: Health,
    /// What happens to users in the middle of the load.
    pub events: Vec<LoadEvent>,
    /// How long the journal stays fine.
    pub journal: Journal,
    /// Bounds that decide the verdict, as written, each with its place in the text.
    pub gates: Vec<GateText>,
    /// What holds for all of them.
    pub gate_rules: GateRules,
}
