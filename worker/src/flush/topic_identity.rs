//! A batch counts only if the topics are still those that it was read from: their ids, asked of the controller after the batch's
//! last record, must be those of the positions.

use std::{collections::BTreeMap, time::Duration};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use stockstream_kafka::{
    CredentialReloader, HasBrokerErrors, KafkaError, MetadataClient, MetadataClientContext, topic_ids,
};
use stockstream_model::{documents::PartitionId, event::EventKind, settings::Kafka};

use crate::{read_range::ReadRange, state::WorkerState};

const PAUSE: Duration = Duration::from_millis(500);

/// Asks the controller for the topics' ids.
pub(crate) struct TopicIdentityChecker {
    /// A client to ask with; `None` where there is no controller, and topics live as long as the process.
    metadata_client: Option<MetadataClient>,
    settings: Kafka,
    sign_in: Option<CredentialReloader>,
    /// The ids that were told last.
    known: BTreeMap<String, String>,
}

impl TopicIdentityChecker {
    pub fn new(metadata_client: Option<MetadataClient>, settings: Kafka) -> Result<Self, KafkaError> {
        let sign_in = CredentialReloader::new(&settings)?;
        Ok(Self { metadata_client, settings, sign_in, known: BTreeMap::new() })
    }

    /// Looks whether a topic was made anew while nothing is to be flushed, and takes in what the client has to tell.
    pub fn look(&mut self, shared: &WorkerState) {
        let Self { metadata_client: Some(metadata_client), settings, .. } = self else { return };
        MetadataClientContext::catch_up(metadata_client);
        if let Ok(ids) = tokio::task::block_in_place(|| topic_ids(metadata_client, settings, &names(settings))) {
            self.learn(&ids, shared);
        }
    }

    /// Notes ids; another one than before makes the consumer stale.
    fn learn(&mut self, ids: &BTreeMap<String, String>, shared: &WorkerState) {
        for (name, id) in ids {
            let before = self.known.insert(name.clone(), id.clone());
            if before.is_some_and(|before| before != *id) {
                tracing::info!(topic = name, "the topic was made anew");
                shared.set_stale();
            }
        }
    }

    /// Whether the topics of all ranges are still those that they were read from. Waits while nobody answers.
    pub async fn are_current(&mut self, ranges: &BTreeMap<PartitionId, ReadRange>, shared: &WorkerState) -> bool {
        let Self { metadata_client: Some(metadata_client), settings, sign_in, .. } = self else { return true };
        let ids = loop {
            match tokio::task::block_in_place(|| topic_ids(metadata_client, settings, &names(settings))) {
                Ok(ids) => break ids,
                Err(error) => {
                    tracing::warn!("cannot ask Kafka whether the topics are still the same, trying again: {error}");
                    renew(sign_in.as_mut(), metadata_client);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        self.learn(&ids, shared);
        let topics = &self.settings.topics;
        ranges.iter().all(|(id, read)| is_current(read.topic_id.as_ref(), ids.get(&topics.of(id.stream).name)))
    }
}

/// Whether what was read from a topic of that id is of the topic that has this id now, after it was read.
pub(crate) fn is_current(read_from: Option<&String>, now: Option<&String>) -> bool {
    read_from.is_none() || read_from == now // the broker told no id when reading began
}

fn names(settings: &Kafka) -> [&str; 3] {
    EventKind::ALL.map(|stream| settings.topics.of(stream).name.as_str())
}

/// A password may have been changed at the broker and in its file.
pub(crate) fn renew<C: ConsumerContext>(sign_in: Option<&mut CredentialReloader>, consumer: &BaseConsumer<C>) {
    match sign_in.map(|sign_in| sign_in.renew(consumer.client())) {
        Some(Ok(true)) => tracing::info!("user and password were changed in their files; they are used from now on"),
        Some(Err(error)) => tracing::warn!("{error}"),
        Some(Ok(false)) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_id_of_a_known_topic_makes_the_consumer_stale() {
        let shared = WorkerState::new("worker".into());
        let mut incarnations =
            TopicIdentityChecker::new(None, stockstream_model::settings::Settings::default().kafka).unwrap();
        let mut learn = |ids: &[(&str, &str)]| {
            let ids = ids.iter().map(|(name, id)| ((*name).to_owned(), (*id).to_owned())).collect();
            incarnations.learn(&ids, &shared);
            shared.take_stale()
        };
        assert!(!learn(&[("sales", "A"), ("clients", "B")]), "what is new is not stale");
        assert!(!learn(&[("sales", "A")]), "a topic that is gone may come back");
        assert!(learn(&[("sales", "A"), ("clients", "C")]));
        assert!(!learn(&[("sales", "A"), ("clients", "C")]), "once is enough");
    }
}
