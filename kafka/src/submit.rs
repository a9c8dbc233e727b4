//! Events that a person waits for: sent once, and each with the place where it is. Unlike a producer that goes on, every
//! submission has a client of its own, which knows nothing of what went wrong before and reads the credentials anew.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use rdkafka::{
    error::KafkaError as Client,
    message::DeliveryResult,
    producer::{BaseRecord, Producer as _, ThreadedProducer},
    types::RDKafkaErrorCode as Code,
};
use stockstream_model::{event::EventKind, settings::Kafka};

use crate::{
    DeliveryReport, KafkaError, TopicProblem,
    delivery_context::{DeliveryContext, DeliveryHandler},
    error::REQUEST_TIMEOUT,
    explain::explain,
    metadata_client,
    producer::{is_about_rights, not_sent, producer_config},
    topic_check::{find_topic, missing_topics},
};

/// How long all brokers together may take to acknowledge events.
const TIMEOUT: Duration = Duration::from_secs(20);

/// An event to be submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventToSend {
    /// The stream, which is to say the topic.
    pub stream: EventKind,
    /// Its key.
    pub key: String,
    /// Its value.
    pub payload: Vec<u8>,
}

/// That not all events were acknowledged.
#[derive(Debug)]
pub struct SendError {
    /// Why.
    pub error: KafkaError,
    /// Those that were, in the order of the events.
    pub delivered: Vec<Option<DeliveryReport>>,
    /// Whether one of the others may have been taken all the same.
    pub in_doubt: bool,
}

/// What became of each event, by its place among them.
struct Outcomes(Mutex<Vec<Option<Result<DeliveryReport, Client>>>>);

impl Outcomes {}

impl DeliveryHandler for Outcomes {
    type Mark = Box<usize>;

    fn take(&self, result: &DeliveryResult<'_>, place: Box<usize>) {
        let outcome = match result {
            Ok(message) => Ok(DeliveryReport::of(message)),
            Err((error, _)) => Err(error.clone()),
        };
        if let Some(slot) = self.0.lock().get_mut(*place) {
            *slot = Some(outcome);
        }
    }
}

/// Sends events, acknowledged by all replicas. Blocks: not for an async task.
///
/// # Errors
/// [`SendError`]. Before the first event is sent, the brokers are asked for the topics: where nobody answers, or a
/// topic is not there, nothing was sent, and that is certain.
pub fn submit(settings: &Kafka, events: &[EventToSend]) -> Result<Vec<DeliveryReport>, SendError> {
    let nothing = |error| SendError { error, delivered: Vec::new(), in_doubt: false };
    let mut config = producer_config(settings).map_err(nothing)?;
    config.set("message.timeout.ms", TIMEOUT.as_millis().to_string());
    let context = DeliveryContext::new(Outcomes(Mutex::new(events.iter().map(|_| None).collect())));
    let producer: ThreadedProducer<DeliveryContext<Outcomes>> =
        config.create_with_context(context).map_err(|error| nothing(KafkaError::settings(&error)))?;
    let context = Arc::clone(producer.context());
    let explained = |action: &str, error: &Client| explain(settings, action, error, &context.heard);

    let topics = producer
        .client()
        .fetch_metadata(None, REQUEST_TIMEOUT)
        .map_err(|error| nothing(explained("reach Kafka", &error)))?;
    let streams: BTreeSet<_> = events.iter().map(|event| event.stream).collect();
    let is_shown = |stream: &EventKind| {
        let name = &settings.topics.of(*stream).name;
        topics.topics().iter().any(|topic| topic.name() == name && !topic.partitions().is_empty())
    };
    let hidden: Vec<EventKind> = streams.into_iter().filter(|stream| !is_shown(stream)).collect();
    if !hidden.is_empty() {
        return Err(nothing(not_shown(settings, &hidden)));
    }

    for (place, event) in events.iter().enumerate() {
        let topic = &settings.topics.of(event.stream).name;
        let mut record = BaseRecord::with_opaque_to(topic, Box::new(place)).key(&event.key).payload(&event.payload);
        let refused = loop {
            match producer.send(record) {
                Ok(()) => break None,
                Err((Client::MessageProduction(Code::QueueFull), back)) => {
                    record = back;
                    producer.poll(Duration::from_millis(10));
                }
                Err((error, _)) => break Some(error),
            }
        };
        if let Some(error) = refused {
            context.deliveries.0.lock()[place] = Some(Err(error));
        }
    }
    let flushed = producer.flush(TIMEOUT + REQUEST_TIMEOUT);
    let outcomes = std::mem::take(&mut *context.deliveries.0.lock());
    // Without the right to write at all no producer id is given out, and without one no event leaves.
    let kept_out = producer.client().fatal_error().filter(|(code, _)| is_about_rights(Some(*code)));
    if let Some((code, words)) = kept_out
        && outcomes.iter().all(|outcome| matches!(outcome, Some(Err(error)) if never_left(error)))
    {
        return Err(nothing(not_sent(settings, Some(code), words)));
    }
    let failed = outcomes.iter().flatten().find_map(|outcome| outcome.as_ref().err().cloned());
    let in_doubt = outcomes.iter().any(|outcome| match outcome {
        Some(Ok(_)) => false,
        Some(Err(error)) => !certainly_not_taken(error),
        None => true,
    });
    let delivered: Vec<_> = outcomes.into_iter().map(|outcome| outcome.and_then(Result::ok)).collect();
    if delivered.iter().all(Option::is_some) {
        return Ok(delivered.into_iter().flatten().collect());
    }
    let error = match failed.or_else(|| flushed.err()) {
        Some(error) if certainly_not_taken(&error) => not_sent(settings, error.rdkafka_error_code(), error.to_string()),
        Some(error) => explained("deliver all events", &error),
        None => explained("deliver all events", &Client::Flush(Code::MessageTimedOut)),
    };
    Err(SendError { error, delivered, in_doubt })
}

/// Why the list of all topics, in which brokers leave out what a user has no right to, does not hold these. A consumer asks for
/// them by name, since a producer that did so would have them made where brokers make topics by themselves.
fn not_shown(settings: &Kafka, hidden: &[EventKind]) -> KafkaError {
    let found = check_targets(settings, hidden.iter().copied());
    found.err().unwrap_or_else(|| missing_topics(settings, hidden))
}

/// Finds out whether brokers answer and the topics are there, for whoever would else wait half a minute until the first event
/// is given up. Blocks for some seconds at most. Makes no topic, also where brokers make them for whoever sends.
///
/// # Errors
/// Why no broker answers; which topics are not there and what makes them; which one this user has no right to.
pub fn check_targets(settings: &Kafka, streams: impl IntoIterator<Item = EventKind>) -> Result<(), KafkaError> {
    let metadata_client = metadata_client(settings)?;
    let mut missing = Vec::new();
    for stream in streams {
        match find_topic(&metadata_client, settings, stream)?.problem {
            Some(TopicProblem::Missing) => missing.push(stream),
            Some(TopicProblem::Forbidden) => return Err(no_right(settings, stream)),
            // What keeps it from being read keeps nothing from being sent, or passes.
            _ => {}
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(missing_topics(settings, &missing)) }
}

fn no_right(settings: &Kafka, stream: EventKind) -> KafkaError {
    let message = format!("this user has no right to topic {}", settings.topics.of(stream).name);
    not_sent(settings, Some(Code::TopicAuthorizationFailed), message)
}

/// Of a producer that was kept out: thrown away while it waited, or not taken any more.
fn never_left(error: &Client) -> bool {
    matches!(error.rdkafka_error_code(), Some(Code::PurgeQueue | Code::Fatal))
}

/// Refused by the broker or before it was sent: not taken, whatever came after.
fn certainly_not_taken(error: &Client) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::ClusterAuthorizationFailed
                | Code::TopicAuthorizationFailed
                | Code::MessageSizeTooLarge
                | Code::UnknownTopicOrPartition
                | Code::UnknownTopic
        )
    )
}
