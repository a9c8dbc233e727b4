//! The worker: events from Kafka in, exact and conditionally written answers out.
//!
//! `source` reads on a thread of its own, `folding` validates and folds on some more; `flush` claims, applies and
//! completes what was folded; `publish` keeps the views. What they decide is in `core`, as pure functions.

pub mod core;
mod duplicates;
mod flush;
mod folding;
mod heartbeat;
mod http;
mod incarnation;
mod metrics;
#[cfg(test)]
mod model_check;
mod persist;
mod progress;
mod publish;
mod run;
mod shared;
mod source;
mod startup;
#[cfg(test)]
mod trial;

pub use run::{Options, WorkerError, run};
