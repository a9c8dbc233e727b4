use stockstream_kafka::{KafkaError, admin, check_targets, make_topics};
use stockstream_model::{
    event::EventKind,
    settings::{Settings, TopicPolicy},
};

use super::runtime::block_on;
use crate::{exit::Failure, say::say};

/// Finds out whether the topics of these streams are there, and makes those that are not where the settings say so.
pub(super) fn prepare_targets(
    settings: &Settings,
    streams: impl IntoIterator<Item = EventKind>,
) -> Result<(), Failure> {
    let kafka = &settings.kafka;
    let missing = match check_targets(kafka, streams) {
        Err(KafkaError::MissingTopics { topics, .. }) if kafka.topic_policy == TopicPolicy::Create => topics,
        checked => return Ok(checked?),
    };
    let streams: Vec<EventKind> = missing.iter().map(|topic| topic.stream).collect();
    block_on(async { make_topics(&admin(kafka)?, kafka, &streams).await })??;
    let names: Vec<&str> = missing.iter().map(|topic| topic.name.as_str()).collect();
    say!("topics made: {}", names.join(", "));
    Ok(())
}
