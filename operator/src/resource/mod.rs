//! The custom resource `AnalyticsPipeline`: one object that describes a whole pipeline.
//!
//! What is computed is the same type as in the worker's settings file. Everything is bounded, and what cannot be used is
//! refused by the API server itself: by the schema or by a rule in CEL, each with a sentence that says what to write.

mod auth;
mod crd;
mod dates;
mod event_entry;
mod kafka;
mod oidc;
mod pods;
mod refs;
mod status;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod validation_cases;

pub use auth::{AuthMode, AuthSpec, GroupRole, PasswordAuth, ProxyAuth, Role, SessionKeyRef, UsersRef};
pub use crd::crd;
pub use event_entry::FormsKafka;
pub(crate) use kafka::KafkaConnection;
pub use kafka::{KafkaSpec, KafkaTls, SaslSpec, SecuritySpec};
use kube::{CustomResource, KubeSchema};
pub use oidc::{ClientSecretRef, OidcAuth};
pub use pods::{Amounts, Autoscaling, DashboardMongoDb, DashboardSpec, PodTemplate, Resources, WorkersSpec};
pub use refs::{CaRef, SecretKeyRef, SecretRef};
use serde::{Deserialize, Serialize};
pub use status::{PartitionStatus, PipelineStatus, Scaled, TopicStatus};
use stockstream_model::settings::{Analytics, Sales};

/// A pipeline: events of three Kafka topics in, exact and conditionally written MongoDB views out.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "stockstream.dev",
    version = "v1alpha1",
    kind = "AnalyticsPipeline",
    namespaced,
    status = "PipelineStatus",
    derive = "PartialEq",
    shortname = "apl",
    category = "all",
    category = "stockstream",
    doc = "A pipeline: events of three Kafka topics in, exact and conditionally written MongoDB views out.",
    scale(
        spec_replicas_path = ".spec.workers.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether everything that is asked for runs"
    ),
    printcolumn(
        name = "Topics",
        type_ = "string",
        json_path = ".status.topicsReady",
        description = "Topics that are fit for use, of those needed"
    ),
    printcolumn(
        name = "Workers",
        type_ = "string",
        json_path = ".status.workersReady",
        description = "Workers that are ready, of those wanted"
    ),
    printcolumn(
        name = "Lag",
        type_ = "integer",
        json_path = ".status.lag",
        description = "Events in Kafka that are not in the database yet"
    ),
    printcolumn(
        name = "Events",
        type_ = "integer",
        json_path = ".status.events",
        description = "Events applied since the pipeline began"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        description = "Why it is or is not ready",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 40").message(
        "metadata.name is too long: use at most 40 characters, since the names of the pipeline's parts begin with it"
    ),
    validation = Rule::new("!self.metadata.name.contains('.')").message(
        "metadata.name may hold no dot, since the names of the pipeline's parts begin with it: use letters, digits and '-'"
    )
)]
#[x_kube(
    validation = Rule::new("oldSelf.suspend || (self.kafka.topics.sales.name == oldSelf.kafka.topics.sales.name && self.kafka.topics.inventory.name == oldSelf.kafka.topics.inventory.name && self.kafka.topics.clients.name == oldSelf.kafka.topics.clients.name)")
        .message("the topics' names are fixed while workers run: set suspend to true first, then change them")
        .field_path(".kafka.topics"),
    validation = Rule::new("oldSelf.suspend || (has(self.kafka.groupId) == has(oldSelf.kafka.groupId) && (!has(self.kafka.groupId) || self.kafka.groupId == oldSelf.kafka.groupId))")
        .message("kafka.groupId is fixed while workers run: set suspend to true first, then change it")
        .field_path(".kafka"),
    validation = Rule::new("double(self.analytics.clients.silver) <= double(self.analytics.clients.gold)")
        .message("analytics.clients.silver must not be above gold")
        .field_path(".analytics.clients.silver"),
    validation = Rule::new(dates::AS_OF)
        .message("analytics.asOf must be Now, LatestEvent or a date such as 2026-05-01")
        .field_path(".analytics.asOf"),
    validation = Rule::new("!has(self.dashboard.kafka) || !self.kafka.security.protocol.startsWith('SASL_') || has(self.dashboard.kafka.sasl)")
        .message("the protocol of kafka.security signs in: give dashboard.kafka.sasl with a mechanism and a secretRef, best of a user of its own, or leave dashboard.kafka out")
        .field_path(".dashboard.kafka"),
    validation = Rule::new("!has(self.dashboard.kafka) || self.kafka.security.protocol.startsWith('SASL_') || !has(self.dashboard.kafka.sasl)")
        .message("the protocol of kafka.security does not sign in: set it to SASL_SSL, or leave dashboard.kafka.sasl out")
        .field_path(".dashboard.kafka"),
    validation = Rule::new("!has(self.dashboard.kafka) || self.kafka.security.protocol.endsWith('SSL') || !has(self.dashboard.kafka.clientCertSecretRef)")
        .message("the protocol of kafka.security does not encrypt: set it to SSL or SASL_SSL, or leave dashboard.kafka.clientCertSecretRef out")
        .field_path(".dashboard.kafka"),
)]
#[serde(rename_all = "camelCase")]
pub struct AnalyticsPipelineSpec {
    /// The image of workers and dashboard. Left out: the operator's own.
    #[schemars(length(min = 1, max = 512))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Where events come from.
    pub kafka: KafkaSpec,
    /// Where answers are kept.
    pub mongodb: MongoDbSpec,
    /// How sales are taken in.
    #[serde(default)]
    pub sales: Sales,
    /// What is computed.
    #[serde(default)]
    pub analytics: Analytics,
    /// The workers.
    #[serde(default)]
    pub workers: WorkersSpec,
    /// The dashboard.
    #[serde(default)]
    pub dashboard: DashboardSpec,
    /// Stops the workers and keeps everything else; positions stay, and work goes on from there later.
    #[serde(default)]
    pub suspend: bool,
}

/// Where answers are kept: one pipeline owns a database.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MongoDbSpec {
    /// The secret's key that holds the connection string; it names the database, as in
    /// `mongodb://user:password@host:27017/stock_management`.
    pub uri_secret_ref: SecretKeyRef,
    /// The database that the pipeline is to go on in although it is another one than before, as the condition
    /// `DatabaseChanged` names it: its id, or `new:NAME` of one that no pipeline worked in. It counts once.
    #[schemars(length(max = 80), regex(pattern = r"^(new:[^/\\. $]{1,63}|[0-9a-f-]{36})$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept_database_id: Option<String>,
    /// Certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<MongoDbTls>,
}

/// Certificates for MongoDB. Encryption itself is asked for by `tls=true` in the connection string, or by naming an
/// authority or a client's certificate here.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.caSecretRef) || has(self.clientCertSecretRef)")
        .message("mongodb.tls names nothing: give caSecretRef or clientCertSecretRef, or leave tls out"),
)]
#[serde(rename_all = "camelCase")]
pub struct MongoDbTls {
    /// Authorities to trust instead of the built-in ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<CaRef>,
    /// A Secret with the client's certificate and key, in the keys `tls.crt` and `tls.key`. The connection string itself may
    /// name no files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert_secret_ref: Option<SecretRef>,
}

/// A client's way into MongoDB: what of it is kept in Secrets, and where.
#[derive(Clone, Copy)]
pub(crate) struct MongoDbWay<'a> {
    pub uri: &'a SecretKeyRef,
    pub ca: Option<&'a CaRef>,
    pub client: Option<&'a SecretRef>,
}

impl AnalyticsPipelineSpec {
    /// The way of workers and operator.
    pub(crate) fn mongodb_way(&self) -> MongoDbWay<'_> {
        let tls = self.mongodb.tls.as_ref();
        MongoDbWay {
            uri: &self.mongodb.uri_secret_ref,
            ca: tls.and_then(|tls| tls.ca_secret_ref.as_ref()),
            client: tls.and_then(|tls| tls.client_cert_secret_ref.as_ref()),
        }
    }

    /// The way of the dashboard: its own, or else the workers'. The authorities are the workers' either way.
    pub(crate) fn dashboard_mongodb_way(&self) -> MongoDbWay<'_> {
        let workers = self.mongodb_way();
        self.dashboard.mongodb.as_ref().map_or(workers, |own| MongoDbWay {
            uri: &own.uri_secret_ref,
            client: own.client_cert_secret_ref.as_ref().or(workers.client),
            ..workers
        })
    }
}
