//! A client that only asks questions: it is in no group, and knows why it gets no answer.

use std::time::Duration;

use rdkafka::{
    ClientContext,
    client::Client,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError as Failure, KafkaResult},
};
use stockstream_model::settings::Kafka;

use crate::{
    KafkaError, Resolver,
    broker_errors::{BrokerErrors, HasBrokerErrors, note_log},
    client_config,
    explain::explain,
    resolve::{Holds, Resolves, create},
};

/// A question is put again after these spans: librdkafka waits its time out although it knows of a refusal long before.
/// Together they are the patience with one question.
const ATTEMPT_TIMEOUTS: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_millis(1_500), Duration::from_millis(3_000)];
/// While events come, there may be more; a log line ends a poll that does not wait.
const MORE: Duration = Duration::from_millis(10);

/// What librdkafka calls back to a client that only asks.
#[derive(Debug, Default)]
pub struct MetadataClientContext(BrokerErrors);

impl ClientContext for MetadataClientContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        note_log(&self.0, level, facility, message);
    }

    fn error(&self, _: Failure, reason: &str) {
        self.0.take(reason);
    }
}

impl ConsumerContext for MetadataClientContext {}

impl MetadataClientContext {
    pub(crate) fn resolving_by(resolver: Option<Resolver>) -> Self {
        Self(BrokerErrors::resolving_by(resolver))
    }
}

impl Resolves for MetadataClientContext {
    fn resolver(&self) -> Option<&Resolver> {
        self.0.resolver()
    }
}

impl Holds<MetadataClientContext> for MetadataClient {
    fn held(&self) -> &Client<MetadataClientContext> {
        self.client()
    }
}

impl HasBrokerErrors for MetadataClientContext {
    fn heard(&self) -> &BrokerErrors {
        &self.0
    }

    fn catch_up(metadata_client: &MetadataClient) {
        while metadata_client.poll(MORE).is_some() {}
    }
}

/// A client that only asks questions. Whoever keeps it must let it [catch up] now and then: what librdkafka has to tell
/// piles up for as long as a broker is away.
///
/// [catch up]: Hears::catch_up
pub type MetadataClient = BaseConsumer<MetadataClientContext>;

/// A client to ask with. It connects when it is first asked.
///
/// # Errors
/// [`KafkaError::Settings`] when a credential file cannot be read, or librdkafka refuses its settings.
pub fn metadata_client(settings: &Kafka) -> Result<MetadataClient, KafkaError> {
    metadata_client_by(settings, None)
}

/// The same, with names looked up by a resolver instead of the system.
///
/// # Errors
/// As [`metadata_client`].
pub fn metadata_client_by(settings: &Kafka, resolver: Option<Resolver>) -> Result<MetadataClient, KafkaError> {
    let mut config = client_config(settings)?;
    config.set("allow.auto.create.topics", "false");
    create(config, MetadataClientContext::resolving_by(resolver))
}

/// A client that asks where logs end, open transactions included.
///
/// # Errors
/// As [`metadata_client`].
pub fn log_end_client(settings: &Kafka) -> Result<MetadataClient, KafkaError> {
    let mut config = client_config(settings)?;
    config.set("allow.auto.create.topics", "false").set("isolation.level", "read_uncommitted");
    config.create_with_context(MetadataClientContext::default()).map_err(|error| KafkaError::settings(&error))
}

/// Finds out whether a broker answers, for whoever would else wait a minute for the first event to be taken. Blocks for some
/// seconds at most; a refused port or a refused sign-in is known sooner.
///
/// # Errors
/// Why no broker answers.
pub fn reach(settings: &Kafka) -> Result<(), KafkaError> {
    let metadata_client = metadata_client(settings)?;
    let topic = &settings.topics.sales.name;
    ask(&metadata_client, settings, "reach Kafka", |span| metadata_client.fetch_metadata(Some(topic), span)).map(drop)
}

/// Puts a question until it is answered, a broker refuses us for good, or patience ends.
pub(crate) fn ask<T>(
    metadata_client: &MetadataClient,
    settings: &Kafka,
    action: &str,
    question: impl Fn(Duration) -> KafkaResult<T>,
) -> Result<T, KafkaError> {
    let heard = metadata_client.context().heard();
    let mut spans = ATTEMPT_TIMEOUTS.into_iter();
    loop {
        let error = match question(spans.next().unwrap_or_default()) {
            Ok(answer) => {
                heard.clear();
                return Ok(answer);
            }
            Err(error) => error,
        };
        MetadataClientContext::catch_up(metadata_client);
        let is_hopeless = heard.worst().is_some_and(|complaint| complaint.is_final())
            // A port that refuses does so at once, and has no better answer in some seconds.
            || heard.all_are_refused(&settings.bootstrap_servers);
        if spans.len() == 0 || is_hopeless {
            return Err(explain(settings, action, &error, heard));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_refused_port_is_said_within_five_seconds() {
        // Nobody listens on port 1; both say so.
        for servers in [vec!["127.0.0.1:1"], vec!["127.0.0.1:1", "localhost:1"]] {
            let servers: Vec<String> = servers.into_iter().map(str::to_owned).collect();
            let settings = Kafka { bootstrap_servers: servers.clone(), ..Kafka::default() };
            let began = Instant::now();
            let said = reach(&settings).unwrap_err().to_string();
            assert!(said.contains("refused") && servers.iter().any(|server| said.contains(server)), "{said}");
            assert!(said.contains("kafka.bootstrapServers"), "{said}");
            assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        }
    }
}
