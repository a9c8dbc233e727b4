//! The exactly-once protocol: how a worker's batches over any number of partitions reach documents once each, whatever crashes,
//! whoever else reads the same partitions, and whatever happens to the logs.
//!
//! All of it is decided here, without I/O. A store applies [`update::Update`]s to the positions document and guards every change
//! of a document by the mark of its lane ([`claim::accepts`]); a worker reads logs and asks what to do next.
//!
//! A batch goes through three steps. [`claim::Claim`] opens it: the positions now say which ranges of which partitions are being
//! applied, under which lane and sequence number. Then one change per key is applied to documents, each guarded by `mark < seq`
//! and leaving `mark = seq`. [`claim::Completion`] closes it and moves the positions. Whoever finds an open claim in its way
//! reads the same ranges again and finishes it the same way.

pub mod checkpoints;
pub mod claim;
pub mod dedup;
pub mod dedup_expiry;
#[cfg(test)]
mod exhaustive;
pub mod generation;
pub mod guard;
mod identity;
pub mod last_claim;
pub mod log;
mod log_state;
#[cfg(test)]
mod model_check;
pub mod owner;
pub mod positions;
pub mod product_days;
pub mod publication;
pub mod reset;
pub mod revision;
pub mod risk;
#[cfg(test)]
mod tests;
pub mod update;
