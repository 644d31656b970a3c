//! The ledger: each accepted message against each expected delivery.
//!
//! Workers hand over what they saw as a [`Batch`] of plain records; one [`Book`] matches them. The hot path only
//! appends to a vector, and every delivery is matched by its stamp, so that lost, duplicated, reordered, phantom
//! and excused are exact. Knows stamps and attachments, and nothing of sockets or JSON. Start at [`Book`].

#[cfg(test)]
mod bad_server_tests;
mod batch;
mod book;
mod catch_up;
#[cfg(test)]
mod catch_up_tests;
mod diagnosis;
mod invariant;
mod judgement;
mod message;
mod mixed;
mod numbers;
mod promises;
mod publishes;
#[cfg(test)]
mod race_tests;
mod receivers;
mod spread;
#[cfg(test)]
mod tests;
mod topic;
mod totals;

pub use batch::{
    AttachEnd, AttachId, AttachRecord, Batch, DeliveryRecord, PastRecord, PublishOutcome, PublishRecord,
    RecoveredRecord, TopicKey,
};
pub use book::{Book, Ending};
pub use diagnosis::{Finding, Gap, LossKind, Question};
pub use invariant::{Check, Checks, INVARIANTS, Invariant, VIOLATION_EXAMPLES_MAX};
pub use promises::named;
pub use spread::{SPREAD_FROM, Spread};
pub use totals::{ExcuseReason, LedgerTotals};
