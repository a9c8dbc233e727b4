//! A client that only asks questions: it is in no group.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, DefaultConsumerContext};
use stockstream_model::settings::Kafka;

use crate::{KafkaError, client_config};

/// A client that only asks questions. Whoever keeps it must [`catch_up`] now and then.
pub type Asker = BaseConsumer<DefaultConsumerContext>;

/// A client to ask with. It connects when it is first asked.
///
/// # Errors
/// [`KafkaError::Settings`] when a credential file cannot be read, or librdkafka refuses its settings.
pub fn asker(settings: &Kafka) -> Result<Asker, KafkaError> {
    let mut config = client_config(settings)?;
    config.set("allow.auto.create.topics", "false").set("log_level", "2");
    config.create().map_err(|error| KafkaError::Settings { message: error.to_string() })
}

/// Takes in what librdkafka has to tell, which otherwise piles up for as long as a broker is away.
pub fn catch_up(asker: &Asker) {
    while asker.poll(Duration::ZERO).is_some() {}
}
