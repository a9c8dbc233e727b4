//! Faults upon faults on real parts: after each few, everything is what the oracle says of all events produced so far.
//!
//! The short form runs with the other tests. The campaign, which stops and wipes services, is started by `hack/chaos.sh`.

mod campaign;
pub mod expected_state;
mod fault;
pub mod feed;
pub mod load_generator;
mod plan;
mod proxies;
mod reader;
mod scenario;
mod second;
mod services;
pub mod worker_pool;
