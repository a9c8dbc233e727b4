//! Why a worker ends.

use std::io;

use snafu::Snafu;
use stockstream_kafka::KafkaError;
use stockstream_store::StoreError;

/// Why a worker cannot work until somebody changes something.
#[derive(Debug, Snafu)]
pub enum WorkerError {
    /// Kafka, its topics or its settings.
    #[snafu(transparent)]
    Kafka {
        /// What is wrong.
        source: KafkaError,
    },
    /// The database or its address.
    #[snafu(transparent)]
    Store {
        /// What is wrong.
        source: StoreError,
    },
    /// The reading thread is gone.
    #[snafu(display("the reading thread ended: {message}"))]
    Reading {
        /// How it ended.
        message: String,
    },
    /// Health and metrics cannot be served.
    #[snafu(display("failed to serve health and metrics: {source}"))]
    Serve {
        /// The system's words.
        source: io::Error,
    },
}
