//! The real binary, as processes that are started, killed and asked, against a real Kafka and a MongoDB-compatible server.
//!
//! `KAFKA_BOOTSTRAP_SERVERS` and `MONGODB_URI` name the servers, what else `hack/services.sh` writes into its `env` file
//! the secured ones, `STOCKSTREAM_DATA` the Online Retail data set; a test that needs what is not named says that it is
//! skipped. Each test has topics, a group and a database of its own, and drops them at the end. What must come out is
//! computed by `tests/oracle/oracle.py`, which shares no code with us.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod harness;

mod access;
mod addresses;
mod bad_events;
mod browser;
mod chaos;
mod cluster;
mod codecs;
mod conditional_writes;
mod deduplication;
mod embedded;
mod event_entry;
mod files;
mod identity;
mod late_statements;
mod limits;
mod oidc;
mod readers;
mod rebalance;
mod refusals;
mod secrets;
mod secured;
mod single_worker;
mod stalled;
mod start_offsets;
mod startup;
mod upgrade;
mod worker_churn;
