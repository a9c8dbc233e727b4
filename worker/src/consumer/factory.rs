//! The group consumer, made as often as it is needed.

use std::sync::Arc;

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
};
use stockstream_kafka::{KafkaError, Reader};
use stockstream_model::{event::EventKind, settings::Settings};

use crate::{
    consumer::rebalance::{Context, Resolve, consumer_config},
    core::memory::Budget,
    state::WorkerState,
};

/// Makes consumers that are subscribed to the topics.
///
/// librdkafka keeps the epoch of each partition's leader and takes no older one, also after its topic was made anew and
/// epochs began again: such a partition is never fetched. Only another client has none.
pub(crate) struct ConsumerFactory {
    settings: Settings,
    shared: Arc<WorkerState>,
    resolve: Resolve,
    pub(crate) budget: Budget,
}

impl ConsumerFactory {
    pub fn new(settings: Settings, shared: Arc<WorkerState>, resolve: Resolve, budget: Budget) -> Self {
        Self { settings, shared, resolve, budget }
    }

    pub fn make(&self) -> Result<Reader<Context>, KafkaError> {
        let Self { settings, shared, resolve, budget } = self;
        let context = Context::new(settings, Arc::clone(shared), Arc::clone(resolve));
        let mut config = consumer_config(settings)?;
        bound(&mut config, budget);
        let consumer: BaseConsumer<Context> =
            config.create_with_context(context).map_err(|error| KafkaError::settings(&error))?;
        let consumer = Reader::new(consumer)?;
        let names = EventKind::ALL.map(|stream| settings.kafka.topics.of(stream).name.as_str());
        consumer.subscribe(&names).map_err(|error| KafkaError::Refused {
            action: "subscribe to the topics".into(),
            message: error.to_string(),
        })?;
        Ok(consumer)
    }
}

/// Bounds what Kafka's client fetches by the budget.
pub(crate) fn bound(config: &mut ClientConfig, budget: &Budget) {
    let fetch = budget.fetch.to_string();
    config
        .set("queued.max.messages.kbytes", (budget.fetched_ahead >> 10).to_string())
        .set("fetch.max.bytes", &fetch)
        // A fetch is allowed no less than this, and no more of a partition.
        .set("message.max.bytes", &fetch)
        .set("max.partition.fetch.bytes", budget.fetch.min(1 << 20).to_string());
}
