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
    KafkaError, Resolver, client_config,
    explain::explain,
    heard::{Heard, Hears, note_log},
    resolve::{Holds, Resolves, create},
};

/// A question is put again after these spans: librdkafka waits its time out although it knows of a refusal long before.
/// Together they are the patience with one question.
const SPANS: [Duration; 3] = [Duration::from_millis(500), Duration::from_millis(1_500), Duration::from_millis(3_000)];
/// While events come, there may be more; a log line ends a poll that does not wait.
const MORE: Duration = Duration::from_millis(10);

/// What librdkafka calls back to a client that only asks.
#[derive(Debug, Default)]
pub struct Asking(Heard);

impl ClientContext for Asking {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        note_log(&self.0, level, facility, message);
    }

    fn error(&self, _: Failure, reason: &str) {
        self.0.take(reason);
    }
}

impl ConsumerContext for Asking {}

impl Asking {
    pub(crate) fn resolving_by(resolver: Option<Resolver>) -> Self {
        Self(Heard::resolving_by(resolver))
    }
}

impl Resolves for Asking {
    fn resolver(&self) -> Option<&Resolver> {
        self.0.resolver()
    }
}

impl Holds<Asking> for Asker {
    fn held(&self) -> &Client<Asking> {
        self.client()
    }
}

impl Hears for Asking {
    fn heard(&self) -> &Heard {
        &self.0
    }

    fn catch_up(asker: &Asker) {
        while asker.poll(MORE).is_some() {}
    }
}

/// A client that only asks questions. Whoever keeps it must let it [catch up] now and then: what librdkafka has to tell
/// piles up for as long as a broker is away.
///
/// [catch up]: Hears::catch_up
pub type Asker = BaseConsumer<Asking>;

/// A client to ask with. It connects when it is first asked.
///
/// # Errors
/// [`KafkaError::Settings`] when a credential file cannot be read, or librdkafka refuses its settings.
pub fn asker(settings: &Kafka) -> Result<Asker, KafkaError> {
    asker_by(settings, None)
}

/// The same, with names looked up by a resolver instead of the system.
///
/// # Errors
/// As [`asker`].
pub fn asker_by(settings: &Kafka, resolver: Option<Resolver>) -> Result<Asker, KafkaError> {
    let mut config = client_config(settings)?;
    config.set("allow.auto.create.topics", "false");
    create(config, Asking::resolving_by(resolver))
}

/// A client that asks where logs end, open transactions included.
///
/// # Errors
/// As [`asker`].
pub fn end_asker(settings: &Kafka) -> Result<Asker, KafkaError> {
    let mut config = client_config(settings)?;
    config.set("allow.auto.create.topics", "false").set("isolation.level", "read_uncommitted");
    config.create_with_context(Asking::default()).map_err(|error| KafkaError::settings(&error))
}

/// Finds out whether a broker answers, for whoever would else wait a minute for the first event to be taken. Blocks for some
/// seconds at most; a refused port or a refused sign-in is known sooner.
///
/// # Errors
/// Why no broker answers.
pub fn reach(settings: &Kafka) -> Result<(), KafkaError> {
    let asker = asker(settings)?;
    let topic = &settings.topics.sales.name;
    ask(&asker, settings, "reach Kafka", |span| asker.fetch_metadata(Some(topic), span)).map(drop)
}

/// Puts a question until it is answered, a broker refuses us for good, or patience ends.
pub(crate) fn ask<T>(
    asker: &Asker,
    settings: &Kafka,
    action: &str,
    question: impl Fn(Duration) -> KafkaResult<T>,
) -> Result<T, KafkaError> {
    let heard = asker.context().heard();
    let mut spans = SPANS.into_iter();
    loop {
        let error = match question(spans.next().unwrap_or_default()) {
            Ok(answer) => {
                heard.clear();
                return Ok(answer);
            }
            Err(error) => error,
        };
        Asking::catch_up(asker);
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
