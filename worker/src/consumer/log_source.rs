//! What Kafka says of logs, beside the positions that are read from them.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use stockstream_kafka::{HasBrokerErrors, KafkaError, check_epochs, cluster_id, topic_ids, watermarks};
use stockstream_model::{
    documents::PartitionId,
    event::EventKind,
    settings::{Kafka, Settings},
};
use stockstream_protocol::{log::LogState, positions::Positions};

/// How long one look may ask for logs.
const LOOK: Duration = Duration::from_secs(15);

/// What Kafka says of logs, or why it does not.
pub(crate) type Logs = HashMap<PartitionId, Result<LogState, Unknown>>;

/// Why nothing is known of a log.
#[derive(Clone, Debug)]
pub(crate) struct Unknown {
    /// Why, and what to do, for a person.
    pub reason: String,
    /// Whether it may be otherwise in a moment.
    pub is_doubtful: bool,
}

/// Whom to ask for logs.
#[derive(Clone, Debug)]
pub(crate) struct LogSource {
    pub settings: Settings,
    /// The id of a cluster that has no controller to be asked for ids.
    pub own_cluster: Option<String>,
}

impl LogSource {
    /// What Kafka says of the partitions now. One without a leader keeps no other from being read.
    ///
    /// # Errors
    /// Why Kafka answers nothing at all.
    pub fn ask<C: ConsumerContext + HasBrokerErrors>(
        &self,
        consumer: &BaseConsumer<C>,
        ids: &[PartitionId],
        positions: &Positions,
    ) -> Result<Logs, KafkaError> {
        let kafka = &self.settings.kafka;
        let (cluster_id, topic_ids) = match &self.own_cluster {
            Some(own) => (Some(own.clone()), BTreeMap::new()),
            None => (cluster_id(consumer, kafka)?, self.topic_ids(consumer)?),
        };
        let (mut logs, began) = (HashMap::new(), Instant::now());
        for id in ids {
            let state = |(first, end)| {
                let topic_id = topic_ids.get(&kafka.topics.of(id.stream).name).cloned();
                LogState { first, end, topic_id, cluster_id: cluster_id.clone(), ..LogState::default() }
            };
            // Each of many that do not answer would be waited for.
            let found = if began.elapsed() < LOOK { bounds(consumer, kafka, *id) } else { Err(not_asked(*id)) };
            logs.insert(*id, found.map(state));
        }
        if self.own_cluster.is_none() {
            self.check_epochs(&mut logs, positions)?;
        }
        Ok(logs)
    }

    /// The ids of the topics, by name; none where the cluster has no controller to be asked.
    ///
    /// # Errors
    /// Why Kafka does not answer.
    pub fn topic_ids<C: ConsumerContext + HasBrokerErrors>(
        &self,
        consumer: &BaseConsumer<C>,
    ) -> Result<BTreeMap<String, String>, KafkaError> {
        if self.own_cluster.is_some() {
            return Ok(BTreeMap::new());
        }
        let kafka = &self.settings.kafka;
        let names: Vec<&str> = EventKind::ALL.iter().map(|stream| kafka.topics.of(*stream).name.as_str()).collect();
        topic_ids(consumer, kafka, &names)
    }

    /// Asks the leaders whether logs still hold the records that the positions know of.
    fn check_epochs(&self, logs: &mut Logs, positions: &Positions) -> Result<(), KafkaError> {
        let known = |(id, log): (&PartitionId, &Result<LogState, Unknown>)| {
            let (log, position) = (log.as_ref().ok()?, positions.partitions.get(id)?);
            // Of another topic, epochs mean nothing.
            let ids = position.topic_id.as_ref().zip(log.topic_id.as_ref());
            Some((*id, position.known_epoch().filter(|_| ids.is_none_or(|(old, new)| old == new))?))
        };
        let asked: Vec<_> = logs.iter().filter_map(known).collect();
        let checks = check_epochs(&self.settings.kafka, &self.settings.group_id(), &asked)?;
        for (id, _) in asked {
            let Some(log) = logs.get_mut(&id) else { continue };
            match (&mut *log, checks.get(&id)) {
                (Ok(state), Some(check)) => state.epoch = *check,
                _ => {
                    *log = Err(Unknown::doubtful(format!(
                        "the leader of {id} does not say whether its log still holds what was counted; check that its \
                         broker answers. Nothing of it is read until then"
                    )));
                }
            }
        }
        Ok(())
    }
}

impl Unknown {
    fn doubtful(reason: String) -> Self {
        Self { reason, is_doubtful: true }
    }
}

/// The first offset of a log and the one behind its last event; or why the partition stands still.
fn bounds<C: ConsumerContext + HasBrokerErrors>(
    consumer: &BaseConsumer<C>,
    kafka: &Kafka,
    id: PartitionId,
) -> Result<(i64, i64), Unknown> {
    match watermarks(consumer, kafka, id) {
        Ok(Some(bounds)) => Ok(bounds),
        // Whoever assigned it knew another state of the topic, and assigns again when that is noticed.
        Ok(None) => Err(Unknown {
            reason: format!(
                "the topic {} has no partition {} as far as its broker knows; it is looked for again",
                kafka.topics.of(id.stream).name,
                id.partition
            ),
            is_doubtful: false,
        }),
        Err(error) => Err(Unknown::doubtful(format!("{error}. {id} is not read until its leader answers"))),
    }
}

fn not_asked(id: PartitionId) -> Unknown {
    Unknown::doubtful(format!(
        "Kafka was not asked for the log of {id}, as it did not answer for others; it is asked again"
    ))
}
