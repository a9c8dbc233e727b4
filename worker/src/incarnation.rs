//! A batch counts only if the topic is still the one it was read from: its id, asked of the controller after the batch's
//! last record, must be the checkpoint's.

use std::{collections::BTreeMap, time::Duration};

use stockstream_kafka::topic_ids;
use stockstream_model::{event::Stream, settings::Topics};

use crate::{flush::FlushPart, startup::Asker};

const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(500);

/// Asks the controller for the topics' ids.
pub(crate) struct Incarnations {
    /// A client to ask with; `None` where there is no controller, and topics live as long as the process.
    asker: Option<Asker>,
    topics: Topics,
}

impl Incarnations {
    pub fn new(asker: Option<Asker>, topics: Topics) -> Self {
        Self { asker, topics }
    }

    /// Parts that were read from the topic that stands, and parts that were read from one that is gone. Waits while
    /// nobody answers.
    pub async fn split(&self, parts: Vec<FlushPart>) -> (Vec<FlushPart>, Vec<FlushPart>) {
        let Some(asker) = &self.asker else { return (parts, Vec::new()) };
        let mut names: Vec<&str> = parts.iter().map(|part| self.name(part.checkpoint.id.stream)).collect();
        names.sort_unstable();
        names.dedup();
        let ids = loop {
            match tokio::task::block_in_place(|| topic_ids(asker, &names, PATIENCE)) {
                Ok(ids) => break ids,
                Err(error) => {
                    tracing::warn!(%error, "cannot ask Kafka whether the topics are still the same; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        parts.into_iter().partition(|part| self.is_same(part, &ids))
    }

    fn is_same(&self, part: &FlushPart, ids: &BTreeMap<String, String>) -> bool {
        let checkpoint = &part.checkpoint;
        match (&checkpoint.topic_id, ids.get(self.name(checkpoint.id.stream))) {
            (Some(read_from), Some(standing)) => read_from == standing,
            (Some(_), None) => false, // it is gone
            (None, _) => true,        // the broker told no id when reading began
        }
    }

    fn name(&self, stream: Stream) -> &str {
        &self.topics.of(stream).name
    }
}
