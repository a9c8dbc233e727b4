//! Settings of worker and dashboard: one type for the YAML file, the environment and the custom resource.
//!
//! Every field has a default. The order is flags, environment (`STOCKSTREAM_…`, see [`env`]), file, defaults.

mod analytics;
mod bounded;
mod broker;
pub mod env;
mod error;
mod human_duration;
mod kafka;
mod limits;
mod load;
mod mongodb;
mod redact;
mod root;
mod sales;
mod secret;
mod unknown;
mod validate;

pub use analytics::{Analytics, AsOf, ClientTiers, LossRisk, OnEmptyResult, ProductWinners, Weights};
pub use error::{Problem, SettingsError, UnknownVariable};
pub use human_duration::HumanDuration;
pub use kafka::{
    Kafka, OnLostOffsets, OnRecreatedTopic, Protocol, Sasl, SaslMechanism, Security, StartFrom, Tls, Topic,
    TopicPolicy, Topics,
};
pub use limits::Limits;
pub use mongodb::{FilesInUri, MongoDb, MongoTls, is_reserved_database};
pub use root::{Pipeline, Settings};
pub use sales::{Deduplicate, Sales};
pub use secret::Secret;
