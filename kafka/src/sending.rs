//! What librdkafka calls back to a client that sends: what became of each event, and what brokers complain of.

use rdkafka::{
    ClientContext, config::RDKafkaLogLevel, error::KafkaError as Client, message::DeliveryResult,
    producer::ProducerContext, util::IntoOpaque,
};

use crate::heard::{Heard, note_log};

/// Takes down what became of events.
pub(crate) trait Deliveries: Send + Sync + 'static {
    /// What an event is known by.
    type Mark: IntoOpaque;

    /// An event was delivered, or was not.
    fn take(&self, result: &DeliveryResult<'_>, mark: Self::Mark);
}

/// The context of a client that sends.
pub(crate) struct Sending<D> {
    pub deliveries: D,
    pub heard: Heard,
}

impl<D> Sending<D> {
    pub fn new(deliveries: D) -> Self {
        Self { deliveries, heard: Heard::default() }
    }
}

impl<D: Deliveries> ClientContext for Sending<D> {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        note_log(&self.heard, level, facility, message);
    }

    fn error(&self, error: Client, reason: &str) {
        tracing::debug!(%error, reason, "Kafka producer");
        self.heard.take(reason);
    }
}

impl<D: Deliveries> ProducerContext for Sending<D> {
    type DeliveryOpaque = D::Mark;

    fn delivery(&self, result: &DeliveryResult<'_>, mark: D::Mark) {
        self.deliveries.take(result, mark);
    }
}
