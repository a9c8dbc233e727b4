//! The dashboard's way to Kafka.

use stockstream_dashboard::{NotSent, Receipt, Sender, Sending};
use stockstream_input::OutboundEvent;
use stockstream_kafka::{DeliveryReport, EventToSend, SendError, submit};
use stockstream_model::settings::Kafka;

/// Sends what is entered to the Kafka of the settings.
#[derive(Debug)]
pub(crate) struct KafkaSender {
    pub kafka: Kafka,
}

impl Sender for KafkaSender {
    fn send(&self, events: Vec<OutboundEvent>) -> Sending {
        let kafka = self.kafka.clone();
        let submitted =
            |event: OutboundEvent| EventToSend { stream: event.stream, key: event.key, payload: event.payload };
        let events: Vec<_> = events.into_iter().map(submitted).collect();
        Box::pin(async move {
            match tokio::task::spawn_blocking(move || submit(&kafka, &events)).await {
                Ok(Ok(delivered)) => Ok(delivered.into_iter().map(receipt).collect()),
                Ok(Err(SendError { error, delivered, in_doubt })) => {
                    let receipts = delivered.into_iter().map(|place| place.map(receipt)).collect();
                    Err(NotSent { message: error.to_string(), receipts, in_doubt })
                }
                Err(ended) => {
                    Err(NotSent { message: format!("sending ended: {ended}"), receipts: Vec::new(), in_doubt: true })
                }
            }
        })
    }
}

fn receipt(place: DeliveryReport) -> Receipt {
    Receipt { topic: place.topic, partition: place.partition, offset: place.offset }
}
