//! Which partitions are read: what a rebalance changes, and what is begun again.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use stockstream_kafka::set_leader_epoch;
use stockstream_model::{
    documents::{Checkpoint, PartitionId},
    event::Stream,
    settings::{Settings, Topics},
};

use super::{
    GROUP,
    context::{Context, News},
    positions,
    resolve::{Reading, Resolved},
    slot::{Slot, Slots},
};
use crate::{folding::Rules, shared::Shared};

/// Takes in what rebalances changed. `stopped` are those of our partitions that stand still.
pub(super) fn take(
    consumer: &BaseConsumer<Context>,
    slots: &mut Slots,
    stopped: &mut BTreeSet<PartitionId>,
    settings: &Settings,
    shared: &Shared,
) {
    for news in consumer.context().take_news() {
        match news {
            News::Assigned(Resolved { reading, stopped: left_out }) => {
                shared.let_in(GROUP);
                stopped.extend(left_out);
                if !reading.is_empty() {
                    tracing::info!(positions = positions(reading.iter().map(|reading| &reading.checkpoint)), "reading");
                }
                for Reading { checkpoint, until, .. } in reading {
                    shared.position(&checkpoint);
                    stopped.remove(&checkpoint.id);
                    let rules = Rules::of(checkpoint.id.stream, &settings.sales);
                    slots.insert(checkpoint.id, Slot::new(checkpoint, until, rules));
                }
            }
            News::Revoked(ids) => {
                for id in &ids {
                    slots.remove(id);
                    stopped.remove(id);
                }
            }
        }
    }
    let assigned = consumer.assignment().map(|list| ids(&list, &settings.kafka.topics)).unwrap_or_default();
    shared.assigned(&assigned);
    // Also while it stands still: others go on, and what they count is to be seen.
    let first = PartitionId { stream: Stream::Sales, partition: 0 };
    let publisher = slots.contains_key(&first) || stopped.contains(&first);
    if shared.publisher.swap(publisher, Ordering::Relaxed) != publisher {
        tracing::info!(
            publisher,
            "{}",
            if publisher { "this worker publishes the views" } else { "another worker publishes the views" }
        );
        shared.moved.send_replace(());
    }
}

fn ids(list: &TopicPartitionList, topics: &Topics) -> Vec<PartitionId> {
    let id = |topic: &str, partition| Some(PartitionId { stream: topics.stream(topic)?, partition });
    list.elements().iter().filter_map(|element| id(element.topic(), element.partition())).collect()
}

/// Reads partitions of ours again from where the store says: another worker went on with them, or the log changed.
pub(super) fn start_over(consumer: &BaseConsumer<Context>, settings: &Settings, ids: &[PartitionId]) {
    if ids.is_empty() {
        return;
    }
    let mut away = TopicPartitionList::new();
    for id in ids {
        away.add_partition(&settings.kafka.topics.of(id.stream).name, id.partition);
    }
    let context = consumer.context();
    let resolved = context.resolve(consumer, ids);
    let positions = list(&settings.kafka.topics, &resolved.reading);
    let mut outcome = context.remove(consumer, &away);
    if positions.count() > 0 {
        outcome = outcome.and_then(|()| context.add(consumer, &positions));
    }
    match outcome {
        Ok(()) => context.add_news(News::Assigned(resolved)),
        // Revoked in the meantime: the rebalance that did it decides.
        Err(error) => tracing::debug!(%error, "partitions are not read again"),
    }
}

/// Partitions with the offsets to read from, and the leader's epoch of the record in front of each, where it is known.
pub(super) fn list(topics: &Topics, reading: &[Reading]) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for Reading { checkpoint: Checkpoint { id, epoch, .. }, position, .. } in reading {
        let topic = &topics.of(id.stream).name;
        let _ = list.add_partition_offset(topic, id.partition, Offset::Offset(*position));
        if let Some(epoch) = epoch.filter(|epoch| epoch.at == *position) {
            set_leader_epoch(&mut list, topic, id.partition, epoch.value);
        }
    }
    list
}
