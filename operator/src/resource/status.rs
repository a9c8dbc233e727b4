//! What the operator says of a pipeline.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineStatus {
    /// The generation of the resource that this was computed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `TopicsReady`, `DatabaseReady`, `WorkersAvailable`, `DashboardAvailable`, `Suspended`; for kstatus
    /// `Reconciling` and `Stalled`.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Each topic, and what to do about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<TopicStatus>,
    /// How many topics are fit for use, of how many: `2/3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topics_ready: Option<String>,
    /// How many workers are ready, of how many: `1/2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers_ready: Option<String>,
    /// How many workers there are, for `scale`.
    #[serde(default)]
    pub replicas: i32,
    /// Which pods are workers, for `scale`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Events in Kafka that are not in the database yet; left out while it is not known of every partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<i64>,
    /// Events applied since the pipeline began, rejected ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<i64>,
    /// Rejected events among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<i64>,
    /// Where each partition stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<PartitionStatus>,
    /// The consumer group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// The database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The database's id, from its collection `meta`: another one is not worked in before `spec.mongodb.acceptDatabaseId` names
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_id: Option<String>,
    /// What `spec.mongodb.acceptDatabaseId` was when the database became this one: it counts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_database_id: Option<String>,
    /// How many workers scaling by lag wants, and since when (RFC 3339): the cool-down counts from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaled: Option<Scaled>,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopicStatus {
    /// `sales`, `inventory` or `clients`.
    pub stream: String,
    /// Its name.
    pub name: String,
    /// How many partitions it has; left out when it does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<i32>,
    /// Its id in Kafka; another one after it was deleted and made anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<String>,
    /// Whether it is fit for use.
    pub ready: bool,
    /// Why it is not, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it is not, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// A partition: positions come from MongoDB, log ends from Kafka.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartitionStatus {
    /// Which, as in `sales/0`.
    pub id: String,
    /// The offset of the next event to apply.
    pub next: i64,
    /// The offset behind the last event in Kafka.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_end: Option<i64>,
}

/// What scaling by lag decided last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scaled {
    /// How many workers.
    pub replicas: i32,
    /// Since when, RFC 3339.
    pub since: String,
    /// Since when fewer would do, RFC 3339; left out while they would not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fewer_since: Option<String>,
}
