use std::time::Duration;

use rdkafka::{error::KafkaError as Client, types::RDKafkaErrorCode as Code};
use snafu::Snafu;
use stockstream_model::{event::Stream, settings::Kafka};

/// Why Kafka cannot be used.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
pub enum KafkaError {
    /// Nobody answers, or not in time. Worth another try.
    #[snafu(display(
        "failed to reach Kafka at {servers}: {message}; check that it runs and that kafka.bootstrapServers is right"
    ))]
    Unreachable {
        /// The bootstrap servers.
        servers: String,
        /// The client's words.
        message: String,
    },
    /// The broker does not let this user in.
    #[snafu(display("Kafka at {servers} refuses the sign-in: {message}; check kafka.security.sasl"))]
    SignIn {
        /// The bootstrap servers.
        servers: String,
        /// The client's words.
        message: String,
    },
    /// The encrypted connection cannot be made.
    #[snafu(display(
        "failed to connect to Kafka at {servers} by TLS: {message}; check kafka.security.tls and the protocol"
    ))]
    Tls {
        /// The bootstrap servers.
        servers: String,
        /// The client's words.
        message: String,
    },
    /// A topic is not there. Worth another look.
    #[snafu(display("topic {topic} ({stream}) does not exist in Kafka at {servers}; make it with: {command}"))]
    MissingTopic {
        /// What it carries.
        stream: Stream,
        /// Its name.
        topic: String,
        /// The bootstrap servers.
        servers: String,
        /// What to run.
        command: String,
    },
    /// A topic cannot be used as it is.
    #[snafu(display("topic {topic} ({stream}) cannot be used: {message}"))]
    UnfitTopic {
        /// What it carries.
        stream: Stream,
        /// Its name.
        topic: String,
        /// Why, and what to do.
        message: String,
    },
    /// The client refuses its settings.
    #[snafu(display("the settings of the Kafka client cannot be used: {message}"))]
    Settings {
        /// The client's words.
        message: String,
    },
    /// Anything else the broker answered.
    #[snafu(display("failed to {action}: {message}"))]
    Refused {
        /// What was tried.
        action: String,
        /// The broker's words.
        message: String,
    },
}

impl KafkaError {
    /// Whether trying again may help without anybody changing the settings: a topic may be made while we wait.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::MissingTopic { .. })
    }
}

/// A client's error, as one of ours.
pub fn unreachable(settings: &Kafka, action: &str, error: &Client) -> KafkaError {
    let servers = settings.bootstrap_servers.join(",");
    let message = error.to_string();
    match error.rdkafka_error_code() {
        Some(Code::Authentication | Code::SaslAuthenticationFailed) => KafkaError::SignIn { servers, message },
        Some(Code::SSL) => KafkaError::Tls { servers, message },
        Some(
            Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::Resolve
            | Code::RequestTimedOut
            | Code::NetworkException
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::CoordinatorNotAvailable
            | Code::MessageTimedOut
            | Code::TimedOutQueue,
        ) => KafkaError::Unreachable { servers, message },
        _ => KafkaError::Refused { action: action.to_owned(), message },
    }
}

/// How long one question to the broker may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
