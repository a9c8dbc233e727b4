//! Topics of a test, and what is produced to them.

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::KafkaResult,
    producer::{FutureProducer, FutureRecord, Producer},
};
use serde_json::Value;
use stockstream_kafka::{MetadataClient, metadata_client, topic_ids};
use stockstream_model::{
    documents::PartitionId,
    event::EventKind,
    settings::{Kafka as Settings, Topics},
};
use tokio::task::block_in_place;

use super::{eventually, holds};

const PATIENCE: Duration = Duration::from_secs(60);

/// An event to send.
#[derive(Default)]
pub struct Event<'a> {
    pub payload: Option<&'a [u8]>,
    pub partition: Option<i32>,
    pub timestamp: Option<i64>,
}

/// Kafka, as a test needs it.
pub struct Kafka {
    settings: Settings,
    topics: Topics,
    describer: MetadataClient,
    config: ClientConfig,
    admin: AdminClient<DefaultClientContext>,
    metadata_client: BaseConsumer,
    producer: FutureProducer,
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

impl Kafka {
    pub fn new(settings: &Settings) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", settings.bootstrap_servers.join(",")).set("linger.ms", "1");
        Self {
            settings: settings.clone(),
            topics: settings.topics.clone(),
            describer: metadata_client(settings).unwrap(),
            admin: config.create().unwrap(),
            metadata_client: config.create().unwrap(),
            producer: config.create().unwrap(),
            config,
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn name(&self, stream: EventKind) -> &str {
        &self.topics.of(stream).name
    }

    pub async fn create(&self, stream: EventKind, partitions: i32, settings: &[(&str, &str)]) {
        let mut topic = NewTopic::new(self.name(stream), partitions, TopicReplication::Fixed(1));
        topic.config.extend(settings);
        let made = self.admin.create_topics([&topic], &options()).await.unwrap();
        made.into_iter().for_each(|outcome| assert_eq!(outcome, Ok(self.name(stream).to_owned())));
        self.led(stream, partitions).await;
    }

    /// Waits until each partition has a leader that knows it is one, as brokers answer for the making of a topic before that,
    /// and until the producer knows them too: it refuses a partition that the topic of before did not have.
    async fn led(&self, stream: EventKind, partitions: i32) {
        eventually("the partitions are led", async || {
            let known = self.partitions(stream);
            let producer = self.producer.client();
            let asked = block_in_place(|| producer.fetch_metadata(Some(self.name(stream)), PATIENCE));
            let to_producer = asked.map_err(|error| error.to_string())?.topics()[0].partitions().len() as i32;
            holds([known, to_producer] == [partitions; 2], || format!("{known} and {to_producer} of {partitions}"))?;
            (0..partitions).try_for_each(|id| self.end(stream, id).map(drop).map_err(|error| error.to_string()))
        })
        .await;
    }

    pub async fn grow(&self, stream: EventKind, partitions: usize) {
        let more = NewPartitions::new(self.name(stream), partitions);
        let made = self.admin.create_partitions([&more], &options()).await.unwrap();
        made.into_iter().for_each(|outcome| assert_eq!(outcome, Ok(self.name(stream).to_owned())));
        self.led(stream, partitions as i32).await;
    }

    /// Removes a topic, and waits until nobody knows of it.
    pub async fn delete(&self, stream: EventKind) {
        let gone = self.admin.delete_topics(&[self.name(stream)], &options()).await.unwrap();
        gone.into_iter().for_each(|outcome| assert_eq!(outcome, Ok(self.name(stream).to_owned())));
        eventually("the topic is gone", async || {
            let left = self.partitions(stream);
            holds(left == 0 && !self.topic_ids().contains_key(&stream), || format!("{left} partitions"))
        })
        .await;
    }

    /// Deletes the events before an offset, as retention does.
    pub async fn delete_before(&self, id: PartitionId, first: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(self.name(id.stream), id.partition, Offset::Offset(first)).unwrap();
        // A client that lost its broker may never learn who leads the partition now: a new one for each attempt.
        let deleted = eventually("the events are deleted", async || {
            let admin: AdminClient<DefaultClientContext> = self.config.create().map_err(|error| error.to_string())?;
            admin.delete_records(&list, &options()).await.map_err(|error| error.to_string())
        })
        .await;
        assert!(deleted.elements().iter().all(|element| element.error().is_ok()), "{deleted:?}");
    }

    /// Changes a setting of a topic.
    pub async fn configure(&self, stream: EventKind, setting: &str, value: &str) {
        let change = AlterConfig::new(ResourceSpecifier::Topic(self.name(stream))).set(setting, value);
        let changed = self.admin.alter_configs([&change], &options()).await.unwrap();
        assert!(changed.iter().all(Result::is_ok), "{changed:?}");
    }

    /// Removes the topics, as far as they were made.
    pub async fn drop_topics(&self) {
        let names = EventKind::ALL.map(|stream| self.name(stream));
        self.admin.delete_topics(&names, &options()).await.unwrap();
    }

    /// How many partitions a topic has; none where it is not there.
    pub fn partitions(&self, stream: EventKind) -> i32 {
        let metadata =
            block_in_place(|| self.metadata_client.fetch_metadata(Some(self.name(stream)), PATIENCE)).unwrap();
        metadata.topics()[0].partitions().len() as i32
    }

    fn end(&self, stream: EventKind, partition: i32) -> KafkaResult<i64> {
        let bounds = block_in_place(|| self.metadata_client.fetch_watermarks(self.name(stream), partition, PATIENCE));
        bounds.map(|(_, end)| end)
    }

    /// The offsets behind the last events.
    pub fn ends(&self) -> BTreeMap<PartitionId, i64> {
        let partitions = |stream| (0..self.partitions(stream)).map(move |partition| PartitionId { stream, partition });
        let end = |id: PartitionId| (id, self.end(id.stream, id.partition).unwrap());
        EventKind::ALL.into_iter().flat_map(partitions).map(end).collect()
    }

    /// The topics' ids; of those that are there, and none while nobody answers.
    pub fn topic_ids(&self) -> BTreeMap<EventKind, String> {
        let names = EventKind::ALL.map(|stream| self.name(stream));
        let ids = block_in_place(|| topic_ids(&self.describer, &self.settings, &names)).unwrap_or_default();
        ids.into_iter().filter_map(|(name, id)| Some((self.topics.stream(&name)?, id))).collect()
    }

    /// Sends an event and waits until it is there. Its partition and offset.
    pub async fn send(&self, stream: EventKind, event: &Event<'_>) -> (i32, i64) {
        let mut record = FutureRecord::<str, [u8]>::to(self.name(stream));
        record.payload = event.payload;
        record.partition = event.partition;
        record.timestamp = event.timestamp;
        let delivered = self.producer.send(record, PATIENCE).await.unwrap();
        (delivered.partition, delivered.offset)
    }

    /// Sends an event as JSON.
    pub async fn produce(&self, stream: EventKind, event: &Value) -> (i32, i64) {
        self.send(stream, &Event { payload: Some(event.to_string().as_bytes()), ..Event::default() }).await
    }
}
