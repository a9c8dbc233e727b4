//! Kafka as Stockstream needs it: client settings, checks of topics with sentences for people, topic ids, a producer; and
//! why a secured broker does not let us in, which librdkafka tells only to callbacks (`heard`, `complaint`, `certificate`).

mod asker;
mod certificate;
mod complaint;
mod config;
mod error;
mod explain;
mod heard;
mod producer;
mod renew;
mod topic_ids;
mod topics;

pub use asker::{Asker, Asking, asker};
pub use complaint::Complaint;
pub use config::client_config;
pub use error::KafkaError;
pub use explain::{barred, is_about_the_connection};
pub use heard::{Heard, Hears, note_log};
pub use producer::{Delivered, Producer};
pub use renew::SignIn;
pub use topic_ids::{TopicId, topic_ids};
pub use topics::{TopicInfo, check_topics, create_topics, grant_command, log_bounds, start_positions};
