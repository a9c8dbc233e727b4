//! What the Kafka client is to fetch: partitions are added, taken away, and held back while a batch is full.

use std::sync::atomic::Ordering;

use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaResult,
};

use stockstream_kafka::forward;

use crate::consumer::rebalance::Context;

impl Context {
    /// Fetches these too, from the offsets given.
    pub(crate) fn add(&self, consumer: &BaseConsumer<Self>, positions: &TopicPartitionList) -> KafkaResult<()> {
        forward(consumer, positions);
        consumer.incremental_assign(positions)?;
        forward(consumer, positions);
        if self.is_paused()
            && let Err(error) = self.pause_fetching(consumer, true)
        {
            tracing::debug!(%error, "cannot hold back what was added");
        }
        Ok(())
    }

    /// No longer fetches these, as far as it does.
    ///
    /// librdkafka keeps a pause beyond the assignment: what goes paused comes back paused, and is never fetched. And it
    /// takes nothing away if one of the list is not assigned, as one is not that stands still.
    pub(crate) fn remove(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        let assigned = consumer.assignment()?;
        let mut away = TopicPartitionList::new();
        for element in list.elements() {
            if assigned.find_partition(element.topic(), element.partition()).is_some() {
                away.add_partition(element.topic(), element.partition());
            }
        }
        if self.is_paused() {
            consumer.resume(&away)?;
        }
        // Also where nothing is left of the list: a rebalance waits for the answer.
        consumer.incremental_unassign(&away)
    }

    /// Fetches nothing until told to go on.
    pub(crate) fn pause_fetching(&self, consumer: &BaseConsumer<Self>, back: bool) -> KafkaResult<()> {
        let assigned = consumer.assignment()?;
        if back {
            consumer.pause(&assigned)?;
        } else {
            consumer.resume(&assigned)?;
        }
        self.paused.store(back, Ordering::Relaxed);
        self.shared.metrics.paused.set(if back { assigned.count() as i64 } else { 0 });
        Ok(())
    }

    /// Whether nothing is fetched, as a batch is full.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rdkafka::{Offset, consumer::ConsumerContext, types::RDKafkaRespErr};
    use stockstream_model::{documents::PartitionId, event::EventKind, settings::Settings};

    use super::*;
    use crate::{
        consumer::{
            rebalance::{RebalanceEvent, consumer_config},
            resolved::Resolved,
        },
        state::WorkerState,
    };

    #[test]
    fn a_rebalance_that_fails_takes_everything_away_paused_or_not() {
        let mut settings = Settings::default();
        settings.kafka.bootstrap_servers = vec!["127.0.0.1:1".into()]; // nobody is needed there
        let shared = Arc::new(WorkerState::new("worker".into()));
        let context = Context::new(&settings, shared, Arc::new(|_, _| Resolved::default()));
        let consumer: BaseConsumer<Context> = consumer_config(&settings).unwrap().create_with_context(context).unwrap();
        let context = consumer.context();
        let mut ours = TopicPartitionList::new();
        ours.add_partition_offset(&settings.kafka.topics.sales.name, 3, Offset::Offset(7)).unwrap();
        for pause in [false, true] {
            context.add(&consumer, &ours).unwrap();
            context.pause_fetching(&consumer, pause).unwrap();
            assert_eq!(consumer.assignment().unwrap().count(), 1);
            let failure = RDKafkaRespErr::RD_KAFKA_RESP_ERR__FAIL;
            context.rebalance(&consumer, failure, &mut TopicPartitionList::new());
            assert_eq!(consumer.assignment().unwrap().count(), 0);
            let gone = [PartitionId { stream: EventKind::Sales, partition: 3 }];
            assert!(matches!(&context.take_news()[..], [RebalanceEvent::Revoked(ids)] if ids[..] == gone));
        }
    }
}
