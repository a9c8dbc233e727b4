//! What librdkafka calls back to a client that sends: what became of each event, and what brokers complain of.

use rdkafka::{
    ClientContext, config::RDKafkaLogLevel, error::KafkaError as Client, message::DeliveryResult,
    producer::ProducerContext, util::IntoOpaque,
};

use crate::broker_errors::{BrokerErrors, note_log};

/// Takes down what became of events.
pub(crate) trait DeliveryHandler: Send + Sync + 'static {
    /// What an event is known by.
    type Mark: IntoOpaque;

    /// An event was delivered, or was not.
    fn take(&self, result: &DeliveryResult<'_>, mark: Self::Mark);
}

/// The context of a client that sends.
pub(crate) struct DeliveryContext<D> {
    pub deliveries: D,
    pub heard: BrokerErrors,
}

impl<D> DeliveryContext<D> {
    pub fn new(deliveries: D) -> Self {
        Self { deliveries, heard: BrokerErrors::default() }
    }
}

impl<D: DeliveryHandler> ClientContext for DeliveryContext<D> {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        note_log(&self.heard, level, facility, message);
    }

    fn error(&self, error: Client, reason: &str) {
        tracing::debug!(%error, reason, "Kafka producer");
        self.heard.take(reason);
    }
}

impl<D: DeliveryHandler> ProducerContext for DeliveryContext<D> {
    type DeliveryOpaque = D::Mark;

    fn delivery(&self, result: &DeliveryResult<'_>, mark: D::Mark) {
        self.deliveries.take(result, mark);
    }
}
