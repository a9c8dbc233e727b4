use std::time::Duration;

use rdkafka::error::KafkaError as Client;
use snafu::Snafu;
use stockstream_model::{AuthError, event::EventKind};

use crate::config::TLS_FILES;

/// How long one question to the broker may take.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// A broker does not let us in.
    #[snafu(display("{message}"))]
    Barred {
        /// Why.
        refusal: AuthError,
        /// What happened, where, and what to do.
        message: String,
    },
    /// Topics are not there. Worth another look.
    #[snafu(display("{}", missing(topics, servers)))]
    MissingTopics {
        /// All of them.
        topics: Vec<MissingTopic>,
        /// The bootstrap servers.
        servers: String,
    },
    /// Our user may not read a topic.
    #[snafu(display("Kafka does not let this user read topic {topic} ({stream}); grant it with: {command}"))]
    ForbiddenTopic {
        /// What it carries.
        stream: EventKind,
        /// Its name.
        topic: String,
        /// What to run.
        command: String,
    },
    /// A topic cannot be used as it is.
    #[snafu(display("topic {topic} ({stream}) cannot be used: {message}"))]
    UnfitTopic {
        /// What it carries.
        stream: EventKind,
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

/// A topic that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingTopic {
    /// What it carries.
    pub stream: EventKind,
    /// Its name.
    pub name: String,
    /// What makes it.
    pub command: String,
}

fn missing(topics: &[MissingTopic], servers: &str) -> String {
    let list = |of: fn(&MissingTopic) -> String, by: &str| topics.iter().map(of).collect::<Vec<_>>().join(by);
    let names = list(|topic| format!("{} ({})", topic.name, topic.stream), ", ");
    let commands = list(|topic| topic.command.clone(), " && ");
    match topics {
        [_] => format!(
            "topic {names} does not exist in Kafka at {servers}; make it with: {commands}, or set kafka.topicPolicy: Create"
        ),
        _ => format!(
            "topics {names} do not exist in Kafka at {servers}; make them with: {commands}, or set kafka.topicPolicy: Create"
        ),
    }
}

impl KafkaError {
    /// Whether trying again may help without anybody changing the settings: a topic may be made while we wait.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::MissingTopics { .. } => true,
            Self::Barred { refusal, .. } => refusal.is_transient(),
            _ => false,
        }
    }

    /// A name for programs; it never changes.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "BrokerUnreachable",
            Self::Barred { refusal, .. } => refusal.name(),
            Self::MissingTopics { .. } => "TopicMissing",
            Self::ForbiddenTopic { .. } => "TopicForbidden",
            Self::UnfitTopic { .. } => "TopicUnfit",
            Self::Settings { .. } => "KafkaSettingsRefused",
            Self::Refused { .. } => "KafkaRefused",
        }
    }

    /// A client that cannot be made; in its words, but with the names of our settings.
    pub fn settings(error: &Client) -> Self {
        let words = match error {
            Client::ClientCreation(words) => words.clone(),
            other => other.to_string(),
        };
        let named = TLS_FILES.into_iter().fold(words, |words, (option, setting)| words.replace(option, setting));
        Self::Settings { message: named }
    }
}
