//! The checks before the first event, in the order in which a person would want to know, each retried while waiting may
//! help.

use std::{sync::Arc, time::Duration};

use stockstream_kafka::{
    KafkaError, MetadataClient, TopicInfo, check_topics, create_topics, metadata_client, start_positions,
};
use stockstream_model::{
    documents::StartPositions,
    settings::{Settings, TopicPolicy},
};
use stockstream_store::StateStore;

use crate::{error::WorkerError, state::WorkerState};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Waits until Kafka answers and every topic is there and fit.
pub(crate) async fn topics(
    settings: &Settings,
    shared: &WorkerState,
    has_controller: bool,
) -> Result<(MetadataClient, Vec<TopicInfo>), WorkerError> {
    let metadata_client = metadata_client(&settings.kafka)?;
    let mut pause = FIRST_PAUSE;
    loop {
        match look(&metadata_client, settings, has_controller).await {
            Ok(topics) => {
                let names: Vec<String> =
                    topics.iter().map(|t| format!("{} ({} partitions)", t.name, t.partitions)).collect();
                tracing::info!(
                    servers = settings.kafka.bootstrap_servers.join(","),
                    topics = names.join(", "),
                    "connected to Kafka"
                );
                return Ok((metadata_client, topics));
            }
            Err(error) if error.is_transient() => {
                shared.wait_for(error.to_string());
                tracing::warn!(retry_in_ms = pause.as_millis() as u64, "{error}");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn look(
    metadata_client: &MetadataClient,
    settings: &Settings,
    has_controller: bool,
) -> Result<Vec<TopicInfo>, KafkaError> {
    match check_topics(metadata_client, &settings.kafka, has_controller).await {
        Err(KafkaError::MissingTopics { .. }) if settings.kafka.topic_policy == TopicPolicy::Create => {
            create_topics(&settings.kafka).await?;
            tracing::info!("topics that were missing are made, as kafka.topicPolicy says");
            check_topics(metadata_client, &settings.kafka, has_controller).await
        }
        checked => checked,
    }
}

/// Claims the database and writes where a new pipeline starts, before any event is read.
pub(crate) async fn database<S: StateStore>(
    store: &Arc<S>,
    metadata_client: &MetadataClient,
    settings: &Settings,
    topics: &[TopicInfo],
    shared: &WorkerState,
) -> Result<(i64, StartPositions), WorkerError> {
    shared.wait_for("MongoDB does not answer yet");
    let generation = store.prepare(&settings.pipeline).await?;
    if let Some(start) = store.start_positions().await? {
        return Ok((generation, start));
    }
    let mut pause = FIRST_PAUSE;
    let (start, before) = loop {
        match start_positions(metadata_client, &settings.kafka, topics) {
            Ok(found) => break found,
            Err(error) if error.is_transient() => {
                tracing::warn!("{error}");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return Err(error.into()),
        }
    };
    let start = store.init_start_offsets(&start).await?;
    tracing::info!(from = %settings.kafka.start_from, partitions = start.next.len(), "first start: positions are pinned");
    if before > 0 {
        tracing::warn!(
            offsets = before,
            from = %settings.kafka.start_from,
            "what the topics hold from before the start is never counted; to count it, set kafka.startFrom: earliest and \
             begin in a new database"
        );
    }
    Ok((generation, start))
}
