//! Whether logs still hold what was read from them (KIP-320): their leaders are asked where an epoch ends.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    types::RDKafkaErrorCode as Code,
};
use stockstream_model::{
    documents::{EpochCheck, LeaderEpoch, PartitionId},
    settings::Kafka,
};

use crate::{
    HasBrokerErrors, KafkaError, MetadataClientContext, client_config,
    closing::close,
    error::REQUEST_TIMEOUT,
    explain::{failed, not_connected},
    leader_epochs::{Event, next_event, set_leader_epoch},
};

/// A partition that is not fetched from yet cannot be sought in; it is within milliseconds.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks the leaders of some partitions whether their logs still hold the record in front of an offset, written in an epoch.
/// By a client of its own, in no group: a client keeps what it knows of a topic after that was recreated. librdkafka wants
/// the name of a group all the same. Blocks for some seconds at most.
///
/// Leaders that do not answer in time are left out.
///
/// # Errors
/// Why not all could be asked, or none answered in time.
pub fn check_epochs(
    settings: &Kafka,
    group: &str,
    asked: &[(PartitionId, LeaderEpoch)],
) -> Result<BTreeMap<PartitionId, EpochCheck>, KafkaError> {
    if asked.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut config = client_config(settings)?;
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("allow.auto.create.topics", "false")
        .set("isolation.level", "read_uncommitted")
        .set("enable.partition.eof", "true")
        .set("queued.min.messages", "1");
    let consumer: BaseConsumer<MetadataClientContext> =
        config.create_with_context(MetadataClientContext::default()).map_err(|error| KafkaError::settings(&error))?;
    let deadline = Instant::now() + REQUEST_TIMEOUT;
    let found = seek(&consumer, settings, asked, deadline).and_then(|()| listen(&consumer, settings, asked, deadline));
    close(consumer, REQUEST_TIMEOUT);
    found
}

/// Has the client ask. An assignment alone does so only if the leader becomes known after it.
fn seek(
    consumer: &BaseConsumer<MetadataClientContext>,
    settings: &Kafka,
    asked: &[(PartitionId, LeaderEpoch)],
    deadline: Instant,
) -> Result<(), KafkaError> {
    let failed = |error| failed(consumer, settings, "ask whether the logs still hold what was counted", &error);
    let mut positions = TopicPartitionList::with_capacity(asked.len());
    for (id, epoch) in asked {
        let topic = &settings.topics.of(id.stream).name;
        positions.add_partition_offset(topic, id.partition, Offset::Offset(epoch.at)).map_err(failed)?;
        set_leader_epoch(&mut positions, topic, id.partition, epoch.value);
    }
    consumer.assign(&positions).map_err(failed)?;
    loop {
        let sought = consumer.seek_partitions(positions, REQUEST_TIMEOUT).map_err(failed)?;
        if sought.elements().iter().all(|element| element.error().is_ok()) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(not_connected(settings, no_answer(), consumer.context().heard()));
        }
        std::thread::sleep(PAUSE);
        positions = sought;
    }
}

fn listen(
    consumer: &BaseConsumer<MetadataClientContext>,
    settings: &Kafka,
    asked: &[(PartitionId, LeaderEpoch)],
    deadline: Instant,
) -> Result<BTreeMap<PartitionId, EpochCheck>, KafkaError> {
    let mut found = BTreeMap::new();
    while found.len() < asked.len() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() && !found.is_empty() {
            break;
        }
        if left.is_zero() {
            return Err(not_connected(settings, no_answer(), consumer.context().heard()));
        }
        let (topic, partition, check) = match next_event(consumer, left.min(REQUEST_TIMEOUT / 10)) {
            Some(Event::Record { topic, partition }) => (topic, partition, EpochCheck::Fits),
            Some(Event::OfPartition { topic, partition, code, words }) => (topic, partition, meaning(code, &words)),
            Some(Event::OfClient { words }) => {
                consumer.context().heard().take(&words);
                continue;
            }
            Some(Event::Other) | None => continue,
        };
        let id = settings.topics.stream(&topic).map(|stream| PartitionId { stream, partition });
        if let Some(id) = id.filter(|id| asked.iter().any(|(asked, _)| asked == id)) {
            found.entry(id).or_insert(check);
            // Its answer is known: what else it holds must not keep the others waiting.
            pause(consumer, settings, id);
        }
    }
    Ok(found)
}

fn pause(consumer: &BaseConsumer<MetadataClientContext>, settings: &Kafka, id: PartitionId) {
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition(&settings.topics.of(id.stream).name, id.partition);
    // A partition that goes on costs time and nothing else.
    let _ = consumer.pause(&list);
}

fn no_answer() -> String {
    format!("no answer within {} ms", REQUEST_TIMEOUT.as_millis())
}

/// What comes before a record is the answer about the epoch; anything but that one comes of fetching, after it.
fn meaning(code: Code, words: &str) -> EpochCheck {
    match code {
        Code::PartitionEOF => EpochCheck::Fits,
        Code::AutoOffsetReset if words.contains("No epoch found") => EpochCheck::Cut(0),
        Code::AutoOffsetReset => end_offset(words).map_or(EpochCheck::Unknown, EpochCheck::Cut),
        _ => EpochCheck::Unknown,
    }
}

/// Out of librdkafka's words, which say it nowhere else.
fn end_offset(words: &str) -> Option<i64> {
    let (_, end) = words.split_once("log truncation detected")?;
    let (_, end) = end.split_once("broker end offset is ")?;
    let digits = end.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(end.len());
    end[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_words_tell_where_an_epoch_ends() {
        let cut = "Partition log truncation detected at offset 9 (leader epoch 3): broker end offset is 5 (offset leader \
                   epoch 2). Reset to INVALID.: Local: Partition log truncation detected (broker 1)";
        assert_eq!(meaning(Code::AutoOffsetReset, cut), EpochCheck::Cut(5));
        let none = "No epoch found less or equal to offset 9 (leader epoch 7): broker end offset is -1 (offset leader epoch \
                    -1). Reset using configured policy.: Local: Partition log truncation detected (broker 1)";
        assert_eq!(meaning(Code::AutoOffsetReset, none), EpochCheck::Cut(0));
        let range =
            "fetch failed due to requested offset not available on the broker: Broker: Offset out of range (broker 1)";
        assert_eq!(meaning(Code::AutoOffsetReset, range), EpochCheck::Unknown);
        assert_eq!(meaning(Code::PartitionEOF, ""), EpochCheck::Fits);
    }
}
