//! Where events come from, as the resource says it: credentials by reference to Secrets.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};
use stockstream_model::settings::{
    OnLostOffsets, OnRecreatedTopic, Protocol, SaslMechanism, StartFrom, TopicPolicy, Topics,
};

use super::{
    dates::START_FROM,
    refs::{CaRef, SecretRef},
};

/// Where events come from.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("self.topics.sales.name != self.topics.inventory.name && self.topics.sales.name != self.topics.clients.name && self.topics.inventory.name != self.topics.clients.name")
        .message("sales, inventory and clients need a topic each: give them different names")
        .field_path(".topics"),
    validation = Rule::new(START_FROM)
        .message("startFrom must be latest, earliest or a time such as 2026-05-01T00:00:00Z")
        .field_path(".startFrom"),
)]
#[serde(rename_all = "camelCase")]
pub struct KafkaSpec {
    /// Brokers to begin with, `host:port`.
    #[schemars(length(min = 1, max = 32), inner(length(min = 3, max = 300), regex(pattern = r"^\S+:[0-9]{1,5}$")))]
    pub bootstrap_servers: Vec<String>,
    /// The consumer group. Left out: `stockstream.<namespace>.<name>`.
    #[schemars(length(min = 1, max = 249))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// How to connect.
    #[serde(default)]
    pub security: SecuritySpec,
    /// Whether missing topics are made: `Require` that they exist, or `Create` them with the partitions and replication
    /// given. Nothing that exists is ever altered or deleted.
    #[serde(default = "require")]
    pub topic_policy: TopicPolicy,
    /// The three topics.
    #[serde(default)]
    pub topics: Topics,
    /// Where a new pipeline starts reading: `latest`, `earliest` or an RFC 3339 time. Has no effect later.
    #[serde(default = "latest")]
    pub start_from: StartFrom,
    /// What to do when Kafka's log no longer fits the position of a partition: events were deleted before they were read, or
    /// the log lost events that were counted. `Fail` stops the partition and names the range. `Resume` names it and goes on
    /// without: behind what was deleted, or once the log has passed the position. Nothing is counted again.
    #[serde(default = "fail")]
    pub on_lost_offsets: OnLostOffsets,
    /// What to do when a topic was recreated, or another Kafka cluster answers at the address. `Fail` stops its partitions:
    /// nothing of it is counted. `Restart` keeps the totals and counts everything that is in the new topic on top: what was
    /// copied into it counts twice. A topic or cluster that comes back after it was replaced always stops.
    #[serde(default = "fail_on_recreated")]
    pub on_recreated_topic: OnRecreatedTopic,
}

fn require() -> TopicPolicy {
    TopicPolicy::Require
}

fn latest() -> StartFrom {
    StartFrom::Latest
}

fn fail() -> OnLostOffsets {
    OnLostOffsets::Fail
}

fn fail_on_recreated() -> OnRecreatedTopic {
    OnRecreatedTopic::Fail
}

/// How to connect to Kafka.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("!self.protocol.startsWith('SASL_') || has(self.sasl)")
        .message("this protocol signs in: give sasl with a mechanism and a secretRef"),
    validation = Rule::new("self.protocol.startsWith('SASL_') || !has(self.sasl)")
        .message("this protocol does not sign in: set protocol to SASL_SSL, or leave sasl out"),
    validation = Rule::new("self.protocol.endsWith('SSL') || !has(self.tls)")
        .message("this protocol does not encrypt: set protocol to SSL or SASL_SSL, or leave tls out"),
)]
#[serde(rename_all = "camelCase")]
pub struct SecuritySpec {
    /// The listener's protocol.
    #[serde(default)]
    pub protocol: Protocol,
    /// Sign-in by name and password, for the SASL protocols.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sasl: Option<SaslSpec>,
    /// Certificates, for the SSL protocols.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<KafkaTls>,
}

/// A client's way into Kafka: what of it is kept in Secrets, and where.
#[derive(Clone, Copy)]
pub(crate) struct KafkaConnection<'a> {
    pub protocol: Protocol,
    pub sasl: Option<&'a SaslSpec>,
    pub ca: Option<&'a CaRef>,
    pub client: Option<&'a SecretRef>,
}

impl SecuritySpec {
    /// The way of workers and operator.
    pub(crate) fn way(&self) -> KafkaConnection<'_> {
        let tls = self.tls.as_ref();
        KafkaConnection {
            protocol: self.protocol,
            sasl: self.sasl.as_ref(),
            ca: tls.and_then(|tls| tls.ca_secret_ref.as_ref()),
            client: tls.and_then(|tls| tls.client_cert_secret_ref.as_ref()),
        }
    }
}

/// Sign-in by name and password.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SaslSpec {
    /// How the password is shown.
    pub mechanism: SaslMechanism,
    /// A Secret with the keys `username` and `password`.
    pub secret_ref: SecretRef,
}

/// Certificates for Kafka.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KafkaTls {
    /// Authorities to trust instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<CaRef>,
    /// A Secret with the client's certificate and key, in the keys `tls.crt` and `tls.key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert_secret_ref: Option<SecretRef>,
}
