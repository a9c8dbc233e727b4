//! Kafka as Stockstream needs it: client settings, checks of topics with sentences for people, topic ids, a producer.

mod config;
mod error;
mod producer;
mod topic_ids;
mod topics;

pub use config::client_config;
pub use error::{KafkaError, unreachable};
pub use producer::{Delivered, Producer};
pub use topic_ids::{TopicId, topic_ids};
pub use topics::{TopicInfo, check_topics, create_topics, log_bounds, start_positions};
