//! A producer that loses nothing: acknowledged by all replicas, idempotent, in order per key.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rdkafka::{
    ClientConfig, Message,
    error::KafkaError as Client,
    message::{BorrowedMessage, DeliveryResult},
    producer::{BaseRecord, Producer as _, ThreadedProducer},
    types::RDKafkaErrorCode as Code,
};
use stockstream_model::{event::EventKind, settings::Kafka};

use crate::{
    KafkaError, client_config,
    delivery_context::{DeliveryContext, DeliveryHandler},
    explain::explain,
    grant_command,
};

/// How often a wait for events to be taken looks at what brokers complain of.
const SPAN: Duration = Duration::from_millis(200);

/// Where a delivered event is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// The size of its payload.
    pub bytes: usize,
}

impl DeliveryReport {
    pub(crate) fn of(message: &BorrowedMessage<'_>) -> Self {
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            bytes: message.payload_len(),
        }
    }
}

type OnDelivery = Box<dyn Fn(DeliveryReport) + Send + Sync>;

/// How many events were delivered, and the first that was not.
struct Tally {
    on_delivery: OnDelivery,
    delivered: AtomicU64,
    failure: Mutex<Option<Client>>,
}

impl DeliveryHandler for Tally {
    type Mark = ();

    fn take(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(message) => {
                self.delivered.fetch_add(1, Ordering::Relaxed);
                (self.on_delivery)(DeliveryReport::of(message));
            }
            Err((error, _)) => {
                let mut failure = self.failure.lock();
                failure.get_or_insert_with(|| error.clone());
            }
        }
    }
}

/// The settings of whatever sends events: the same keys go to the same partitions, whoever sends them.
pub(crate) fn producer_config(settings: &Kafka) -> Result<ClientConfig, KafkaError> {
    let mut config = client_config(settings)?;
    config
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        .set("compression.type", "none")
        .set("message.timeout.ms", "60000")
        .set("queue.buffering.max.messages", "100000");
    Ok(config)
}

/// Sends events; delivery is reported to the function it was made with.
pub struct Producer {
    inner: ThreadedProducer<DeliveryContext<Tally>>,
    context: Arc<DeliveryContext<Tally>>,
    settings: Kafka,
}

impl Producer {
    /// A producer for the Kafka of the settings.
    pub fn new(
        settings: &Kafka,
        on_delivery: impl Fn(DeliveryReport) + Send + Sync + 'static,
    ) -> Result<Self, KafkaError> {
        let config = producer_config(settings)?;
        let context = DeliveryContext::new(Tally {
            on_delivery: Box::new(on_delivery),
            delivered: AtomicU64::new(0),
            failure: Mutex::default(),
        });
        let inner: ThreadedProducer<DeliveryContext<Tally>> =
            config.create_with_context(context).map_err(|error| KafkaError::settings(&error))?;
        let context = Arc::clone(inner.context());
        Ok(Self { inner, context, settings: settings.clone() })
    }

    /// Queues an event; waits while the queue is full. Blocks: not for an async task.
    ///
    /// # Errors
    /// What became of an earlier event that could not be delivered, or why this one cannot be queued.
    pub fn send(&self, topic: &str, key: &str, payload: &[u8]) -> Result<(), KafkaError> {
        self.check()?;
        let mut record = BaseRecord::to(topic).key(key).payload(payload);
        loop {
            match self.inner.send(record) {
                Ok(()) => return Ok(()),
                Err((Client::MessageProduction(Code::QueueFull), back)) => {
                    record = back;
                    self.inner.poll(Duration::from_millis(10));
                    self.check()?;
                }
                Err((error, _)) => return Err(self.explain(&format!("send to {topic}"), &error)),
            }
        }
    }

    /// How many events were acknowledged.
    pub fn delivered(&self) -> u64 {
        self.context.deliveries.delivered.load(Ordering::Relaxed)
    }

    /// Waits until everything queued is acknowledged.
    ///
    /// # Errors
    /// What became of an event that could not be delivered, or why a broker does not let us in, as soon as that is known.
    pub fn flush(&self, timeout: Duration) -> Result<(), KafkaError> {
        let began = Instant::now();
        loop {
            let flushed = self.inner.flush(SPAN.min(timeout));
            self.check()?;
            match flushed {
                Ok(()) => return Ok(()),
                Err(error) if began.elapsed() >= timeout => return Err(self.explain("deliver all events", &error)),
                Err(_) => {}
            }
        }
    }

    /// A broker that refuses us would otherwise be known only when events are too old to be sent. One broker of many
    /// that does so while the others take events is no reason to end.
    fn check(&self) -> Result<(), KafkaError> {
        // What became of events after that is only that they were purged.
        if let Some((code, words)) = self.inner.client().fatal_error() {
            return Err(self.not_sent(Some(code), words));
        }
        let failure = self.context.deliveries.failure.lock().clone();
        match failure {
            Some(error) if is_about_rights(error.rdkafka_error_code()) => {
                Err(self.not_sent(error.rdkafka_error_code(), error.to_string()))
            }
            Some(error) => Err(self.explain("deliver an event", &error)),
            None if self.delivered() == 0 && self.context.heard.worst().is_some_and(|heard| heard.is_final()) => {
                Err(self.explain("reach a broker", &Client::Global(Code::AllBrokersDown)))
            }
            None => Ok(()),
        }
    }

    fn not_sent(&self, code: Option<Code>, message: String) -> KafkaError {
        not_sent(&self.settings, code, message)
    }

    fn explain(&self, action: &str, error: &Client) -> KafkaError {
        explain(&self.settings, action, error, &self.context.heard)
    }
}

/// That events were refused, and what to do where that is about rights.
pub(crate) fn not_sent(settings: &Kafka, code: Option<Code>, mut message: String) -> KafkaError {
    if is_about_rights(code) {
        let topics = EventKind::ALL.map(|stream| format!("--topic {}", settings.topics.of(stream).name));
        let command = grant_command(settings, "Write", &topics.join(" "));
        message = format!("{message}; let this user write with: {command}");
    }
    KafkaError::Refused { action: "send events".into(), message }
}

/// The first event needs the right to write to any topic, and is told by the cluster, not by the topic.
pub(crate) fn is_about_rights(code: Option<Code>) -> bool {
    matches!(code, Some(Code::ClusterAuthorizationFailed | Code::TopicAuthorizationFailed))
}
