//! Reads claimed ranges from Kafka by a client that joins no group.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError as Client,
    types::RDKafkaErrorCode as Code,
};
use stockstream_kafka::{KafkaError, MetadataClientContext, is_about_the_connection, leader_epoch, reading_config};
use stockstream_model::{Timestamp, documents::PartitionId, event::EventKind};
use stockstream_protocol::{
    log::LogState,
    positions::{OffsetRange, Positions},
};

use super::{ClaimReader, Reread, Unfinished};
use crate::{
    consumer::{LogSource, bound},
    core::memory::Budget,
    flush::topic_identity::is_current,
};

/// How long one poll waits for records.
const POLL: Duration = Duration::from_millis(100);
/// So many records are handed on at once, or so many bytes of them as may be fetched ahead.
const AT_ONCE: usize = 10_000;
/// After so long without a record reading is given up, to be begun again from what stands then.
const PATIENCE: Duration = Duration::from_secs(20);

/// Reads claimed ranges.
pub(crate) struct KafkaReader {
    logs: LogSource,
    budget: Budget,
    consumer: Option<BaseConsumer<MetadataClientContext>>,
    /// The ranges of topics that are still to be read, by partition.
    waiting: BTreeMap<EventKind, BTreeMap<i32, OffsetRange>>,
    /// The topic that is being read.
    stream: EventKind,
    /// The ends of what is still to be read of it.
    open: BTreeMap<i32, i64>,
}

impl KafkaReader {
    pub fn new(logs: LogSource, budget: Budget) -> Self {
        Self { logs, budget, consumer: None, waiting: BTreeMap::new(), stream: EventKind::Sales, open: BTreeMap::new() }
    }

    /// Made when it is first needed. librdkafka asks for a group to read at all, and rights depend on it.
    fn consumer(&mut self) -> Result<&BaseConsumer<MetadataClientContext>, KafkaError> {
        if self.consumer.is_none() {
            let settings = &self.logs.settings;
            let mut config = reading_config(&settings.kafka, &settings.group_id())?;
            config.set("enable.partition.eof", "true");
            bound(&mut config, &self.budget);
            let made = config.create_with_context(MetadataClientContext::default());
            self.consumer = Some(made.map_err(|error| KafkaError::settings(&error))?);
        }
        self.consumer.as_ref().ok_or_else(|| KafkaError::Refused {
            action: "read claimed ranges".into(),
            message: "no client was made".into(),
        })
    }

    /// Reads the ranges of the next topic. One topic at a time: that a partition is at its end is told by its number alone.
    fn assign_next(&mut self) -> Result<(), Unfinished> {
        let Some((stream, ranges)) = self.waiting.pop_first() else { return Ok(()) };
        let topic = self.logs.settings.kafka.topics.of(stream).name.clone();
        let mut list = TopicPartitionList::new();
        for (partition, range) in &ranges {
            list.add_partition_offset(&topic, *partition, Offset::Offset(range.start))
                .map_err(|error| failed(&error))?;
        }
        self.consumer()?.assign(&list).map_err(|error| failed(&error))?;
        self.open = ranges.iter().map(|(partition, range)| (*partition, range.end)).collect();
        self.stream = stream;
        Ok(())
    }

    /// Records that come within a poll.
    fn poll(&mut self, records: &mut Vec<Reread>) -> Result<(), Unfinished> {
        let Self { consumer: Some(consumer), open, stream, logs, budget, .. } = self else { return Ok(()) };
        let mut bytes = 0;
        let topic = &logs.settings.kafka.topics.of(*stream).name;
        let mut wait = POLL;
        while records.len() < AT_ONCE && bytes < budget.fetched_ahead && !open.is_empty() {
            match consumer.poll(wait) {
                None => break,
                Some(Ok(message)) => {
                    let (partition, offset) = (message.partition(), message.offset());
                    let Some(end) = open.get(&partition).copied().filter(|_| message.topic() == topic) else {
                        continue;
                    };
                    if offset < end {
                        bytes += message.payload_len() as u64;
                        records.push(Reread {
                            id: PartitionId { stream: *stream, partition },
                            offset,
                            produced_at: message.timestamp().to_millis().map(Timestamp::from_millis),
                            epoch: leader_epoch(&message),
                            payload: message.payload().unwrap_or_default().to_vec(),
                        });
                    }
                    // Offsets may have gaps: what comes behind the end ends the range too.
                    if offset + 1 >= end {
                        open.remove(&partition);
                    }
                }
                // Behind the last event of a log there may be markers of transactions, of which nothing comes.
                Some(Err(Client::PartitionEOF(partition))) => drop(open.remove(&partition)),
                Some(Err(error)) => match error.rdkafka_error_code() {
                    Some(code) if is_about_the_connection(code) => {}
                    _ => return Err(failed(&error)),
                },
            }
            wait = Duration::ZERO;
        }
        Ok(())
    }
}

fn failed(error: &Client) -> Unfinished {
    let code = error.rdkafka_error_code();
    let reason = match code {
        Some(Code::OffsetOutOfRange | Code::AutoOffsetReset) => "a claimed range is not in its log any more".to_owned(),
        _ => format!("a claimed range cannot be read: {error}"),
    };
    Unfinished::Logs { reason: format!("{reason}; it is looked at again") }
}

impl ClaimReader for KafkaReader {
    async fn logs(
        &mut self,
        positions: &Positions,
        ids: &[PartitionId],
    ) -> Result<BTreeMap<PartitionId, LogState>, Unfinished> {
        let source = self.logs.clone();
        let consumer = self.consumer()?;
        let logs = tokio::task::block_in_place(|| source.ask(consumer, ids, positions))?;
        let known = |(id, log): (PartitionId, Result<LogState, crate::consumer::Unknown>)| match log {
            Ok(log) => Ok((id, log)),
            Err(unknown) => Err(Unfinished::Logs { reason: unknown.reason }),
        };
        logs.into_iter().map(known).collect()
    }

    async fn begin(&mut self, ranges: &BTreeMap<PartitionId, OffsetRange>) -> Result<(), Unfinished> {
        self.waiting.clear();
        self.open.clear();
        for (id, range) in ranges {
            self.waiting.entry(id.stream).or_default().insert(id.partition, *range);
        }
        Ok(())
    }

    async fn more(&mut self) -> Result<Option<Vec<Reread>>, Unfinished> {
        if self.open.is_empty() {
            self.assign_next()?;
        }
        if self.open.is_empty() {
            return Ok(None);
        }
        let (mut records, began) = (Vec::new(), Instant::now());
        while records.is_empty() && !self.open.is_empty() {
            tokio::task::block_in_place(|| self.poll(&mut records))?;
            tokio::task::yield_now().await;
            if records.is_empty() && began.elapsed() >= PATIENCE {
                let of = |partition: &i32| PartitionId { stream: self.stream, partition: *partition }.to_string();
                let ids = self.open.keys().map(of).collect::<Vec<_>>().join(", ");
                self.consumer = None; // a new client knows nothing that is old
                return Err(Unfinished::Logs {
                    reason: format!(
                        "nothing came of {ids} for {} s, where a claim is to be finished; check that the brokers answer",
                        PATIENCE.as_secs()
                    ),
                });
            }
        }
        Ok(Some(records))
    }

    async fn are_current(&mut self, positions: &Positions, ids: &[PartitionId]) -> Result<bool, Unfinished> {
        let source = self.logs.clone();
        if source.own_cluster.is_some() {
            return Ok(true);
        }
        let consumer = self.consumer()?;
        let now = tokio::task::block_in_place(|| source.topic_ids(consumer))?;
        let topics = &source.settings.kafka.topics;
        Ok(ids.iter().all(|id| {
            let read_from = positions.partitions.get(id).and_then(|position| position.topic_id.as_ref());
            is_current(read_from, now.get(&topics.of(id.stream).name))
        }))
    }
}
