//! Who the users are, and who talks to whom.

use crate::scenario::Secret;

/// Who the virtual users are.
#[derive(Debug, Clone)]
pub struct Users {
    /// How many are planned, at least 1.
    pub count: u32,
    /// Whether the set-up creates the accounts that are not there yet.
    pub provision: bool,
    /// Where their names come from.
    pub source: UserSource,
}

/// Where user names come from.
#[derive(Debug, Clone)]
pub enum UserSource {
    /// Counted up.
    Generated {
        /// Text before the number.
        prefix: String,
        /// Number of the first user.
        first: u64,
        /// Fewest digits; shorter numbers get leading zeros.
        width: usize,
        /// Text after the number.
        suffix: String,
        /// SIP domain; empty where names have none.
        domain: String,
        /// One password for all.
        password: Secret,
    },
    /// Read from a file; at least `count` of them.
    Listed(Vec<UserRecord>),
}

/// One line of the user file.
#[derive(Debug, Clone)]
pub struct UserRecord {
    /// Sign-in name.
    pub name: String,
    /// SIP domain; empty where names have none.
    pub domain: String,
    /// The password, or with [`TokenFlow::Token`](super::TokenFlow::Token) the access token.
    pub credential: Secret,
}

/// Who talks to whom.
#[derive(Debug, Clone, Default)]
pub struct Topology {
    /// How users are paired; `None` when nobody has a peer.
    pub pairs: Option<Pairing>,
    /// Kinds of group.
    pub groups: Vec<GroupKind>,
}

/// How users are paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// 0 with 1, 2 with 3, and so on.
    Neighbours,
    /// At random, the same for the same seed.
    Random,
}

/// A kind of group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupKind {
    /// The NAME of `group:NAME`.
    pub name: String,
    /// Most members of one group.
    pub members: u32,
    /// How many groups; `None` means as many as the users fill.
    pub count: Option<u32>,
}
