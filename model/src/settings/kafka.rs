//! Where events come from.

use std::{borrow::Cow, fmt, path::PathBuf, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use super::Secret;
use crate::{Timestamp, event::EventKind};

/// Where events come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Kafka {
    /// Brokers to begin with, `host:port`.
    pub bootstrap_servers: Vec<String>,
    /// The consumer group. Left out: `stockstream.<pipeline>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// How to connect.
    pub security: Security,
    /// Whether missing topics are made.
    pub topic_policy: TopicPolicy,
    /// The three topics.
    pub topics: Topics,
    /// Where a new pipeline starts reading: `latest`, `earliest` or an RFC 3339 time.
    pub start_from: StartFrom,
    /// What to do when Kafka's log no longer fits the position of a partition: events were deleted before they were read, or
    /// the log lost events that were counted. `Fail` stops the partition and names the range. `Resume` names it and goes on
    /// without: behind what was deleted, or once the log has passed the position. Nothing is counted again.
    pub on_lost_offsets: OnLostOffsets,
    /// What to do when a topic was recreated, or another Kafka cluster answers at the address. `Fail` stops its partitions:
    /// nothing of it is counted. `Restart` keeps the totals and counts everything that is in the new topic on top: what was
    /// copied into it counts twice. A topic or cluster that comes back after it was replaced always stops.
    pub on_recreated_topic: OnRecreatedTopic,
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            bootstrap_servers: vec!["127.0.0.1:9092".into()],
            group_id: None,
            security: Security::default(),
            topic_policy: TopicPolicy::Require,
            topics: Topics::default(),
            start_from: StartFrom::Latest,
            on_lost_offsets: OnLostOffsets::Fail,
            on_recreated_topic: OnRecreatedTopic::Fail,
        }
    }
}

/// The three topics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Topics {
    /// Invoices.
    #[serde(deserialize_with = "of_sales")]
    pub sales: Topic,
    /// Stock records.
    #[serde(deserialize_with = "of_inventory")]
    pub inventory: Topic,
    /// Client records.
    #[serde(deserialize_with = "of_clients")]
    pub clients: Topic,
}

impl Default for Topics {
    fn default() -> Self {
        let named = |stream| Topic { name: Self::default_name(stream).into(), ..Topic::default() };
        Self {
            sales: named(EventKind::Sales),
            inventory: named(EventKind::Inventory),
            clients: named(EventKind::Clients),
        }
    }
}

impl Topics {
    /// The name of a topic to which none is given.
    const fn default_name(stream: EventKind) -> &'static str {
        match stream {
            EventKind::Sales => "topic-raw-sales",
            EventKind::Inventory => "topic-inventory-updates",
            EventKind::Clients => "topic-clients",
        }
    }

    /// The topic of a stream.
    pub const fn of(&self, stream: EventKind) -> &Topic {
        match stream {
            EventKind::Sales => &self.sales,
            EventKind::Inventory => &self.inventory,
            EventKind::Clients => &self.clients,
        }
    }

    /// The stream that a topic carries.
    pub fn stream(&self, topic: &str) -> Option<EventKind> {
        EventKind::ALL.into_iter().find(|stream| self.of(*stream).name == topic)
    }
}

/// A topic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Topic {
    /// Its name. Left out: the default one of the stream.
    #[schemars(length(min = 1, max = 249), regex(pattern = r"^[a-zA-Z0-9._-]+$"))]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// How many partitions it should have at least; what a missing one is made with.
    #[schemars(range(min = 1, max = 10_000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<i32>,
    /// The replication a missing one is made with. Left out: the brokers' own, `default.replication.factor`.
    #[schemars(range(min = 1, max = 100))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<i32>,
}

/// A topic as it is given. Which name it has where none is said depends on the stream.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GivenTopic {
    name: Option<String>,
    partitions: Option<i32>,
    replication_factor: Option<i32>,
}

fn topic<'de, D: Deserializer<'de>>(deserializer: D, stream: EventKind) -> Result<Topic, D::Error> {
    let GivenTopic { name, partitions, replication_factor } = GivenTopic::deserialize(deserializer)?;
    let name = name.unwrap_or_else(|| Topics::default_name(stream).to_owned());
    Ok(Topic { name, partitions, replication_factor })
}

fn of_sales<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Topic, D::Error> {
    topic(deserializer, EventKind::Sales)
}

fn of_inventory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Topic, D::Error> {
    topic(deserializer, EventKind::Inventory)
}

fn of_clients<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Topic, D::Error> {
    topic(deserializer, EventKind::Clients)
}

/// Whether missing topics are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TopicPolicy {
    /// They must be there.
    Require,
    /// They are made; nothing that exists is ever altered.
    Create,
}

/// What to do when Kafka's log no longer fits the position of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnLostOffsets {
    /// The partition stops and the range is named.
    Fail,
    /// The range is named and reading goes on without it.
    Resume,
}

/// What to do when a topic was recreated, or another Kafka cluster answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnRecreatedTopic {
    /// Its partitions stop.
    Fail,
    /// Totals stay, and all of the new topic counts on top.
    Restart,
}

/// How to connect to Kafka.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Security {
    /// The listener's protocol.
    pub protocol: Protocol,
    /// Sign-in by name and password, for the SASL protocols.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl: Option<Sasl>,
    /// Certificates, for the SSL protocols.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// The listener's protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Protocol {
    /// Neither encrypted nor signed in.
    #[default]
    Plaintext,
    /// Encrypted.
    Ssl,
    /// Signed in.
    SaslPlaintext,
    /// Encrypted and signed in.
    SaslSsl,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plaintext, Self::Ssl, Self::SaslPlaintext, Self::SaslSsl];

    /// As librdkafka and Kafka write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// Whether it signs in.
    pub const fn has_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    /// Whether it encrypts.
    pub const fn has_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }
}

/// Sign-in by name and password. Files win over the values beside them, and are read again when a broker refuses
/// the sign-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sasl {
    /// How the password is shown.
    pub mechanism: SaslMechanism,
    /// The user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// A file that holds the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_file: Option<PathBuf>,
    /// A file that holds the password; read again when a broker refuses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

/// How the password is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SaslMechanism {
    /// In clear; for encrypted connections.
    #[serde(rename = "PLAIN")]
    Plain,
    /// Salted challenge, SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// Salted challenge, SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl SaslMechanism {
    /// As librdkafka and Kafka write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Certificates, as PEM files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Tls {
    /// Authorities to trust instead of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The client's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<PathBuf>,
    /// The client's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

/// Where a new pipeline starts reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartFrom {
    /// Behind the last event there is.
    Latest,
    /// At the first event there is.
    Earliest,
    /// At the first event whose Kafka timestamp is that time or later.
    Time(Timestamp),
}

impl FromStr for StartFrom {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "latest" => Ok(Self::Latest),
            "earliest" => Ok(Self::Earliest),
            time => time
                .parse()
                .map(Self::Time)
                .map_err(|_| format!("{time:?} is not latest, earliest or a time such as 2026-05-01T00:00:00Z")),
        }
    }
}

impl fmt::Display for StartFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Earliest => f.write_str("earliest"),
            Self::Time(time) => time.fmt(f),
        }
    }
}

crate::settings::human_duration::text_serde!(StartFrom);

impl JsonSchema for StartFrom {
    fn schema_name() -> Cow<'static, str> {
        "StartFrom".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "maxLength": 40, "description": "latest, earliest or an RFC 3339 time"})
    }
}
