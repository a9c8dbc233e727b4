//! Settings of worker and dashboard: one type for the YAML file, the environment and the custom resource.
//!
//! Every field has a default. The order is flags, environment (`STOCKSTREAM_…`, see [`env`]), file, defaults.

mod analytics;
mod bounded;
mod broker;
pub mod env;
mod kafka;
mod limits;
mod mongodb;
mod sales;
mod secret;
mod span;
mod unknown;
mod validate;
mod veil;

pub use analytics::{Analytics, AsOf, ClientTiers, LossRisk, OnEmptyResult, ProductWinners, Weights};
pub use kafka::{
    Kafka, OnLostOffsets, OnRecreatedTopic, Protocol, Sasl, SaslMechanism, Security, StartFrom, Tls, Topic,
    TopicPolicy, Topics,
};
pub use limits::Limits;
pub use mongodb::{FilesInUri, MongoDb, MongoTls, is_reserved_database};
pub use sales::{Deduplicate, Sales};
use schemars::JsonSchema;
pub use secret::Secret;
use serde::{Deserialize, Serialize};
pub use span::Span;
pub use validate::{Problem, SettingsError, UnknownVariable};

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
    /// From the text of a settings file (YAML; empty gives the defaults) and the environment, checked.
    ///
    /// # Errors
    /// What cannot be read names the field, the value and what is allowed; so does every bound that is broken, all of
    /// them at once.
    pub fn load(file: Option<&str>, environment: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let settings = env::overlay(file.unwrap_or_default(), environment)?;
        settings.validate()?;
        Ok(settings)
    }

    /// The consumer group: as set, else `stockstream.<pipeline>` with slashes as dots.
    pub fn group_id(&self) -> String {
        self.kafka.group_id.clone().unwrap_or_else(|| format!("stockstream.{}", self.pipeline.name.replace('/', ".")))
    }
}
