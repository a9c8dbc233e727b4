//! Why nothing comes of a partition: what a call returns does not say which partition an error is about, so a client that
//! reads no other one finds it out.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::{
    ClientConfig, ClientContext, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::KafkaError as Client,
    types::RDKafkaErrorCode as Code,
};
use stockstream_model::{documents::PartitionId, settings::Kafka};

use crate::{
    KafkaError,
    broker_errors::{BrokerErrors, note_log},
    client_config,
    closing::close,
    explain::{is_about_the_connection, not_connected},
};

/// How long an event may take to come.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);
const SPAN: Duration = Duration::from_millis(100);

/// How events are read: whole transactions only, checked, and from nowhere else than where we say.
///
/// # Errors
/// [`KafkaError::Settings`] when a credential file cannot be read.
pub fn reading_config(settings: &Kafka, group: &str) -> Result<ClientConfig, KafkaError> {
    let mut config = client_config(settings)?;
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // Positions are the store's; one that does not fit is a question for us, never for a default.
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        .set("check.crcs", "true")
        .set("allow.auto.create.topics", "false")
        .set("fetch.wait.max.ms", "100");
    Ok(config)
}

/// What came of reading a partition at an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probed {
    /// An event.
    Readable,
    /// Nothing, and nobody said why.
    Silent,
    /// This user may not read it.
    Forbidden,
    /// What is in its log there cannot be read, in the client's words: a checksum that does not fit, a codec that is unknown.
    Unreadable(String),
    /// The log does not hold that offset.
    OutOfRange,
    /// Another answer, or none, in the words of an error of ours.
    Trouble(String),
}

/// Reads a partition at an offset with a client of its own, which joins no group. Blocks for some seconds at most.
///
/// # Errors
/// [`KafkaError::Settings`] when no such client can be made.
pub fn probe(settings: &Kafka, group: &str, id: PartitionId, offset: i64) -> Result<Probed, KafkaError> {
    let consumer: BaseConsumer<Probing> = reading_config(settings, group)?
        .create_with_context(Probing::default())
        .map_err(|error| KafkaError::settings(&error))?;
    let found = read_at(&consumer, settings, id, offset);
    close(consumer, REQUEST_TIMEOUT);
    Ok(found)
}

fn read_at(consumer: &BaseConsumer<Probing>, settings: &Kafka, id: PartitionId, offset: i64) -> Probed {
    let mut place = TopicPartitionList::new();
    let assigned = place
        .add_partition_offset(&settings.topics.of(id.stream).name, id.partition, Offset::Offset(offset))
        .and_then(|()| consumer.assign(&place));
    if let Err(error) = assigned {
        return Probed::Trouble(error.to_string());
    }
    let context = consumer.context();
    let began = Instant::now();
    while began.elapsed() < REQUEST_TIMEOUT {
        let Some(polled) = consumer.poll(SPAN) else { continue };
        let Err(error) = polled else { return Probed::Readable };
        let words = context.words().unwrap_or_else(|| error.to_string());
        match error.rdkafka_error_code() {
            Some(code) if is_about_the_connection(code) => {} // the context heard why
            Some(Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed) => return Probed::Forbidden,
            Some(code) if is_unreadable(code) => return Probed::Unreadable(words),
            Some(Code::OffsetOutOfRange | Code::AutoOffsetReset) => return Probed::OutOfRange,
            _ => {
                let of = format!("{}/{}", settings.topics.of(id.stream).name, id.partition);
                return Probed::Trouble(format!("{words}; look at the log of the broker that leads {of}"));
            }
        }
    }
    match context.heard.worst() {
        Some(complaint) => Probed::Trouble(not_connected(settings, complaint.words, &context.heard).to_string()),
        None => Probed::Silent,
    }
}

/// Whether an error means that a part of the log cannot be read, however often it is fetched.
pub fn is_unreadable(code: Code) -> bool {
    matches!(code, Code::BadMessage | Code::BadCompression | Code::NotImplemented)
}

/// What librdkafka calls back to a client that probes.
#[derive(Default)]
struct Probing {
    heard: BrokerErrors,
    /// What was last said that is not about a broker.
    words: Mutex<Option<String>>,
}

impl Probing {
    fn words(&self) -> Option<String> {
        self.words.lock().clone()
    }
}

impl ClientContext for Probing {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        note_log(&self.heard, level, facility, message);
    }

    fn error(&self, error: Client, reason: &str) {
        if self.heard.take(reason).is_none() && !error.rdkafka_error_code().is_some_and(is_about_the_connection) {
            *self.words.lock() = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Probing {}

#[cfg(test)]
mod tests {
    use rdkafka::{
        mocking::MockCluster,
        producer::{BaseProducer, BaseRecord, Producer as _},
    };
    use stockstream_model::event::EventKind;

    use super::*;

    #[test]
    fn a_partition_is_readable_silent_out_of_range_or_away() {
        let cluster = MockCluster::new(1).unwrap();
        let settings = Kafka { bootstrap_servers: vec![cluster.bootstrap_servers()], ..Kafka::default() };
        let topic = settings.topics.sales.name.clone();
        cluster.create_topic(&topic, 2, 1).unwrap();
        let producer: BaseProducer = client_config(&settings).unwrap().create().unwrap();
        producer.send(BaseRecord::<str, str>::to(&topic).partition(0).payload("{}")).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
        let probe = |partition, offset| {
            probe(&settings, "probe", PartitionId { stream: EventKind::Sales, partition }, offset).unwrap()
        };
        assert_eq!(probe(0, 0), Probed::Readable);
        assert_eq!(probe(1, 0), Probed::Silent);
        assert_eq!(probe(0, 9), Probed::OutOfRange);
        cluster.broker_down(1).unwrap();
        assert!(matches!(probe(0, 0), Probed::Trouble(words) if words.contains("failed to reach Kafka")));
    }
}
