//! What librdkafka calls back: rebalances, statistics, errors.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::{Mutex, MutexGuard};
use rdkafka::{
    ClientConfig, ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::KafkaError as Client,
    types::RDKafkaRespErr,
};
use serde::Deserialize;
use stockstream_kafka::{
    BrokerError, BrokerErrors, HasBrokerErrors, HasRecords, KafkaError, Records, barred, note_log, reader_id,
    reading_config,
};
use stockstream_model::{
    documents::PartitionId,
    settings::{Kafka, Settings},
};

use crate::{
    consumer::resolved::{Resolved, start_offsets},
    state::{Fetched, WorkerState},
};

/// What bars us where it is the group and no broker.
pub(crate) const GROUP: &str = "the group";

/// From partitions to what is to be done with them.
pub(crate) type Resolve = Arc<dyn Fn(&BaseConsumer<Context>, &[PartitionId]) -> Resolved + Send + Sync>;

/// What changed in the assignment, in order.
pub(crate) enum RebalanceEvent {
    Assigned(Resolved),
    /// The group asks for these. It waits until they are [given back](crate::consumer::revocation).
    Asked(Vec<PartitionId>),
    Revoked(Vec<PartitionId>),
}

/// Shared with librdkafka's callbacks, which run inside `poll`.
pub(crate) struct Context {
    kafka: Kafka,
    heard: BrokerErrors,
    pub(crate) shared: Arc<WorkerState>,
    resolve: Resolve,
    news: Mutex<Vec<RebalanceEvent>>,
    has_news: AtomicBool,
    records: Records,
    /// Whether nothing is fetched, as a batch is full.
    pub(crate) paused: AtomicBool,
    /// Whether the client leaves the group: nobody takes news any more.
    is_leaving: AtomicBool,
}

impl Context {
    pub fn new(settings: &Settings, shared: Arc<WorkerState>, resolve: Resolve) -> Self {
        Self {
            kafka: settings.kafka.clone(),
            heard: BrokerErrors::default(),
            shared,
            resolve,
            news: Mutex::default(),
            has_news: AtomicBool::new(false),
            records: Records::default(),
            paused: AtomicBool::new(false),
            is_leaving: AtomicBool::new(false),
        }
    }

    /// From now on partitions are given back as soon as the group asks for them.
    pub(crate) fn set_leaving(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
    }

    pub fn has_news(&self) -> bool {
        self.has_news.load(Ordering::Relaxed)
    }

    pub(crate) fn take_news(&self) -> Vec<RebalanceEvent> {
        self.has_news.store(false, Ordering::Relaxed);
        std::mem::take(&mut *lock(&self.news))
    }

    pub(crate) fn add_news(&self, news: RebalanceEvent) {
        lock(&self.news).push(news);
        self.has_news.store(true, Ordering::Relaxed);
    }

    pub(crate) fn resolve(&self, consumer: &BaseConsumer<Self>, ids: &[PartitionId]) -> Resolved {
        (self.resolve)(consumer, ids)
    }

    /// Says what a broker complains of. The client goes on trying whatever it is, so that a password that is mended is all
    /// that is needed.
    fn tell(&self, complaint: &BrokerError) {
        match barred(complaint, &self.kafka) {
            Some(error) => {
                tracing::warn!("{error}; trying again until then");
                if complaint.is_final() {
                    self.shared.problems.set_blocked(&complaint.place, error.to_string());
                }
            }
            None => tracing::warn!(broker = complaint.place, "Kafka: {}; trying again", complaint.words),
        }
    }

    fn ids(&self, list: &TopicPartitionList) -> Vec<PartitionId> {
        let id = |topic: &str, partition| Some(PartitionId { stream: self.kafka.topics.stream(topic)?, partition });
        list.elements().iter().filter_map(|element| id(element.topic(), element.partition())).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

impl ConsumerContext for Context {
    /// Assigns with the store's positions, so that nothing has to be sought later.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, error: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let ids = self.ids(list);
        let outcome = match error {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                let resolved = self.resolve(consumer, &ids);
                let positions = start_offsets(&self.kafka.topics, &resolved.reading);
                tracing::info!(partitions = ids.len(), "partitions assigned");
                self.add_news(RebalanceEvent::Assigned(resolved));
                self.add(consumer, &positions)
            }
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => {
                if consumer.assignment_lost() {
                    tracing::warn!(partitions = ids.len(), "partitions lost: Kafka gave this worker up for dead");
                } else if !self.is_leaving.load(Ordering::Relaxed) {
                    return self.add_news(RebalanceEvent::Asked(ids));
                }
                self.shared.revoked(&ids);
                self.add_news(RebalanceEvent::Revoked(ids));
                self.remove(consumer, list)
            }
            _ => {
                tracing::warn!(?error, "the group could not rebalance; it tries again");
                consumer.assignment().and_then(|assigned| {
                    let ids = self.ids(&assigned);
                    self.shared.revoked(&ids);
                    self.add_news(RebalanceEvent::Revoked(ids));
                    self.remove(consumer, &assigned)?;
                    consumer.unassign()
                })
            }
        };
        if let Err(error) = outcome {
            tracing::error!(%error, "the assignment cannot be changed");
        }
    }
}

#[derive(Deserialize)]
struct Statistics {
    #[serde(default)]
    brokers: HashMap<String, BrokerStatistics>,
    #[serde(default)]
    topics: HashMap<String, TopicStatistics>,
}

#[derive(Deserialize)]
struct BrokerStatistics {
    /// `host:port`
    #[serde(default)]
    nodename: String,
    #[serde(default)]
    state: String,
}

#[derive(Deserialize)]
struct TopicStatistics {
    #[serde(default)]
    partitions: HashMap<String, PartitionStatistics>,
}

#[derive(Deserialize)]
struct PartitionStatistics {
    #[serde(default)]
    hi_offset: i64,
    #[serde(default)]
    ls_offset: i64,
    #[serde(default)]
    next_offset: i64,
    /// Of the leader that the client knows; negative where it knows none.
    #[serde(default)]
    leader_epoch: Option<i32>,
}

impl ClientContext for Context {
    fn stats_raw(&self, statistics: &[u8]) {
        let Ok(statistics) = serde_json::from_slice::<Statistics>(statistics) else { return };
        for broker in statistics.brokers.values().filter(|broker| broker.state == "UP") {
            self.heard.forget(&broker.nodename);
            self.shared.problems.clear_blocked(&broker.nodename);
        }
        for (topic, of_topic) in statistics.topics {
            let Some(stream) = self.kafka.topics.stream(&topic) else { continue };
            let known: Vec<_> = of_topic
                .partitions
                .into_iter()
                .filter_map(|(partition, of_partition)| {
                    let PartitionStatistics { hi_offset, ls_offset, next_offset, leader_epoch } = of_partition;
                    let end = hi_offset.max(ls_offset);
                    let partition = partition.parse().ok().filter(|p| *p >= 0 && end >= 0)?;
                    let stable = if ls_offset >= 0 { ls_offset } else { end };
                    let epoch = leader_epoch.filter(|epoch| *epoch >= 0);
                    Some((PartitionId { stream, partition }, Fetched { position: next_offset, end, stable, epoch }))
                })
                .collect();
            self.shared.partitions.log_ends(known.iter().map(|(id, fetched)| (*id, fetched.end)));
            self.shared.partitions.fetched(known.into_iter().filter(|(_, fetched)| fetched.position >= 0));
        }
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if let Some(complaint) = note_log(&self.heard, level, facility, message) {
            self.tell(&complaint);
        }
    }

    fn error(&self, error: Client, reason: &str) {
        match self.heard.take(reason) {
            Some(complaint) => self.tell(&complaint),
            // That no broker is left is told many times a second; why, only once in a while.
            None => tracing::debug!(%error, reason, "Kafka client"),
        }
    }
}

impl HasRecords for Context {
    fn records(&self) -> &Records {
        &self.records
    }
}

impl HasBrokerErrors for Context {
    fn heard(&self) -> &BrokerErrors {
        &self.heard
    }
}

/// The settings of the group consumer.
pub(crate) fn consumer_config(settings: &Settings) -> Result<ClientConfig, KafkaError> {
    let mut config = reading_config(&settings.kafka, &settings.group_id())?;
    let session = settings.limits.session_timeout.millis();
    if let Some(database) = &settings.pipeline.database_id {
        config.set("client.id", reader_id(database));
    }
    config
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", session.to_string())
        .set("heartbeat.interval.ms", (session / 4).max(250).to_string())
        .set("topic.metadata.refresh.interval.ms", "10000")
        .set("fetch.queue.backoff.ms", "10")
        .set("enable.partition.eof", "true")
        .set("queued.min.messages", "100000")
        .set("statistics.interval.ms", "1000");
    Ok(config)
}
