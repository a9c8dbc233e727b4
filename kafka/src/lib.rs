//! Kafka as Stockstream needs it: client settings, checks of topics with sentences for people, topic ids, a producer; and
//! why a secured broker does not let us in, which librdkafka tells only to callbacks (`heard`, `complaint`, `certificate`).

mod asker;
mod batches;
mod certificate;
mod closing;
mod complaint;
mod config;
mod error;
mod explain;
mod findings;
mod heard;
mod leader_epochs;
mod members;
mod probe;
mod producer;
mod renew;
mod resolve;
mod sending;
mod submit;
mod topic_ids;
mod topics;
mod truncation;

pub use asker::{Asker, Asking, asker, asker_by, end_asker, reach};
pub use batches::{Batch, Failure, HasRecords, Reader, Record, Records, forward};
pub use closing::close;
pub use complaint::Complaint;
pub use config::client_config;
pub use error::{KafkaError, MissingTopic};
pub use explain::{barred, is_about_the_connection};
pub use findings::{
    TopicFinding, TopicProblem, cleanup_policy, find_compaction, find_topic, grant_command, is_compacting,
};
pub use heard::{Heard, Hears, note_log};
pub use leader_epochs::{leader_epoch, set_leader_epoch};
pub use members::{Member, members, reader_id};
pub use probe::{Probed, is_unreadable, probe, reading_config};
pub use producer::{Delivered, Producer};
pub use renew::SignIn;
pub use resolve::{LookUp, NotFound, Resolver, system_look_up};
pub use submit::{Submitted, Unacknowledged, check_targets, submit};
pub use topic_ids::{TopicDescription, TopicId, describe_topics, topic_ids};
pub use topics::{
    Admin, TopicInfo, admin, admin_by, all_log_bounds, check_topics, cluster_id, create_topics, log_bounds, log_ends,
    make_topics, start_positions,
};
pub use truncation::check_epochs;
