//! What is found out of a real Kafka and a real MongoDB. `KAFKA_BOOTSTRAP_SERVERS` and `MONGODB_URI` name them; without
//! them the tests are skipped. Each test has topics and a database of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod database;
mod test_env;
mod topics;
