//! The worker: events from Kafka in, exact and conditionally written answers out.
//!
//! `source` reads on a thread of its own, `folding` validates and folds on some more; `flush` claims, applies and
//! completes what was folded; `recovery` finishes what others left claimed; `publish` keeps the views. What they decide is in `core`
//! and in the crate `stockstream-protocol`, as pure functions.

mod cgroup;
mod compaction;
pub mod core;
mod duplicates;
mod error;
mod flush;
mod folding;
mod heartbeat;
mod http;
mod incarnation;
mod lane;
mod metrics;
mod migration;
mod persist;
mod places;
mod progress;
mod publish;
mod read_range;
mod recovery;
mod run;
mod shared;
mod source;
mod startup;
#[cfg(test)]
mod trial;

pub use cgroup::{MemoryLimit, memory_limit};
pub use error::WorkerError;
pub use run::{Options, run};
