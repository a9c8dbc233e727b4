//! Kafka as Stockstream needs it: client settings, checks of topics with sentences for people, topic ids, a producer; and
//! why a secured broker does not let us in, which librdkafka tells only to callbacks (`heard`, `complaint`, `certificate`).

mod asker;
mod certificate;
mod complaint;
mod config;
mod error;
mod explain;
mod findings;
mod heard;
mod producer;
mod renew;
mod resolve;
mod sending;
mod submit;
mod topic_ids;
mod topics;

pub use asker::{Asker, Asking, asker, asker_by};
pub use complaint::Complaint;
pub use config::client_config;
pub use error::KafkaError;
pub use explain::{barred, is_about_the_connection};
pub use findings::{TopicFinding, TopicProblem, find_compaction, find_topic, grant_command};
pub use heard::{Heard, Hears, note_log};
pub use producer::{Delivered, Producer};
pub use renew::SignIn;
pub use resolve::{LookUp, NotFound, Resolver, system_look_up};
pub use submit::{Submitted, Unacknowledged, submit};
pub use topic_ids::{TopicDescription, TopicId, describe_topics, topic_ids};
pub use topics::{
    Admin, TopicInfo, admin, admin_by, all_log_bounds, check_topics, create_topics, log_bounds, make_topics,
    start_positions,
};
