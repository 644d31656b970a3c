//! The ledger: each accepted message against each expected delivery.
//!
//! Workers hand over what they saw as a [`Batch`] of plain records; one [`Book`] matches them. The hot path only
//! appends to a vector, and every delivery is matched by its stamp, so that lost, duplicated, reordered, phantom
//! and excused are exact. Knows stamps and attachments, and nothing of sockets or JSON. Start at [`Book`].

mod batch;
mod book;
mod diagnosis;
mod message;
mod mixed;
#[cfg(test)]
mod race_tests;
mod receivers;
#[cfg(test)]
mod tests;
mod topic;
mod totals;

pub use batch::{AttachEnd, AttachId, AttachRecord, Batch, DeliveryRecord, PublishOutcome, PublishRecord, TopicKey};
pub use book::{Book, Ending};
pub use diagnosis::{Finding, LossKind, Question};
pub use totals::{ExcuseReason, LedgerTotals};
