//! Kafka as Stockstream needs it: client settings, checks of topics with sentences for people, topic ids, a producer; and
//! why a secured broker does not let us in, which librdkafka tells only to callbacks (`broker_errors`, `broker_error`, `certificate`).

mod batches;
mod broker_error;
mod broker_errors;
mod certificate;
mod closing;
mod config;
mod credentials;
mod delivery_context;
mod error;
mod explain;
mod leader_epochs;
mod members;
mod metadata_client;
mod probe;
mod producer;
mod resolve;
mod submit;
mod topic_check;
mod topic_ids;
mod topics;
mod truncation;

pub use crate::broker_error::BrokerError;
pub use crate::broker_errors::{BrokerErrors, HasBrokerErrors, note_log};
pub use crate::credentials::CredentialReloader;
pub use crate::metadata_client::{
    MetadataClient, MetadataClientContext, log_end_client, metadata_client, metadata_client_by, reach,
};
pub use crate::topic_check::{
    TopicCheck, TopicProblem, check_cleanup_policy, cleanup_policy, find_topic, grant_command, is_compacting,
};
pub use batches::{Batch, Failure, HasRecords, Reader, Record, Records, forward};
pub use closing::close;
pub use config::client_config;
pub use error::{KafkaError, MissingTopic};
pub use explain::{barred, is_about_the_connection};
pub use leader_epochs::{leader_epoch, set_leader_epoch};
pub use members::{Member, members, reader_id};
pub use probe::{Probed, is_unreadable, probe, reading_config};
pub use producer::{DeliveryReport, Producer};
pub use resolve::{LookUp, NotFound, Resolver, system_look_up};
pub use submit::{EventToSend, SendError, check_targets, submit};
pub use topic_ids::{TopicDescription, TopicId, describe_topics, topic_ids};
pub use topics::{
    Admin, TopicInfo, admin, admin_by, all_watermarks, check_topics, cluster_id, create_topics, log_ends, make_topics,
    start_positions, watermarks,
};
pub use truncation::check_epochs;
