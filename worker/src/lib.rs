//! The worker: events from Kafka in, exact and conditionally written answers out.
//!
//! `consumer` reads on a thread of its own, `fold` validates and folds on some more; `flush` claims, applies and
//! completes what was folded; `recovery` finishes what others left claimed; `publish` keeps the views. What they decide is in `core`
//! and in the crate `stockstream-protocol`, as pure functions.

mod cgroup;
mod compaction;
mod consumer;
pub mod core;
mod error;
mod flush;
mod fold;
mod heartbeat;
mod http;
mod lane;
mod metrics;
mod migration;
mod partition_status;
mod progress;
mod publish;
mod read_range;
mod recovery;
mod retry;
mod run;
#[cfg(test)]
mod simulation;
mod startup;
mod state;

pub use cgroup::{MemoryLimit, memory_limit};
pub use error::WorkerError;
pub use run::{Options, run};
