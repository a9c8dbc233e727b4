//! Kafka as Stockstream needs it: client settings, checks of topics with sentences for people, topic ids, a producer.

mod asker;
mod config;
mod error;
mod findings;
mod producer;
mod topic_ids;
mod topics;

pub use asker::{Asker, asker, catch_up};
pub use config::client_config;
pub use error::{KafkaError, unreachable};
pub use findings::{TopicFinding, TopicProblem, find_compaction, find_topic};
pub use producer::{Delivered, Producer};
pub use topic_ids::{TopicId, topic_ids};
pub use topics::{
    Admin, TopicInfo, admin, all_log_bounds, check_topics, create_topics, log_bounds, make_topics, start_positions,
};
