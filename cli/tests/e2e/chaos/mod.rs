//! Faults upon faults on real parts: after each few, everything is what the oracle says of all events produced so far.
//!
//! The short form runs with the other tests. The campaign, which stops and wipes services, is started by `hack/chaos.sh`.

mod campaign;
pub mod crew;
mod fault;
pub mod feed;
pub mod ledger;
pub mod mill;
mod plan;
mod proxies;
mod reader;
mod scene;
mod second;
mod services;
