//! The whole of the settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Analytics, Kafka, Limits, MongoDb, Sales};

/// All settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Which pipeline this is.
    pub pipeline: Pipeline,
    /// Where events come from.
    pub kafka: Kafka,
    /// Where answers are kept.
    pub mongodb: MongoDb,
    /// How sales are taken in.
    pub sales: Sales,
    /// What is computed.
    pub analytics: Analytics,
    /// Bounds on memory, pace and retention.
    pub limits: Limits,
}

/// Which pipeline this is: one pipeline owns a database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Pipeline {
    /// Its name: `namespace/name` on Kubernetes, `local` elsewhere.
    pub name: String,
    /// Orders the settings when workers of two generations run side by side; a lower one never recomputes what a
    /// higher one derived. Left out: the worker that started last decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// The uid of its resource on Kubernetes, where the operator sets it: a pipeline of the same name and another uid does not
    /// own its database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The id of the database that it works in, as the document `identity` of `meta` holds it; every other database is
    /// refused. Left out: any database that is nobody's or its own. On Kubernetes the operator sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_id: Option<String>,
}

impl Default for Pipeline {
    fn default() -> Self {
        Self { name: "local".into(), generation: None, uid: None, database_id: None }
    }
}

impl Pipeline {
    /// The namespace that its name begins with on Kubernetes; empty elsewhere.
    pub fn namespace(&self) -> &str {
        self.name.split_once('/').map_or("", |(namespace, _)| namespace)
    }
}

impl Settings {
    /// The consumer group: as set, else `stockstream.<pipeline>` with slashes as dots.
    pub fn group_id(&self) -> String {
        self.kafka.group_id.clone().unwrap_or_else(|| format!("stockstream.{}", self.pipeline.name.replace('/', ".")))
    }
}
