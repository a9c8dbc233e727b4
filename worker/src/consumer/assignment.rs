//! Which partitions are read: what a rebalance changes, and what is begun again.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use stockstream_model::{
    documents::PartitionId,
    event::EventKind,
    settings::{Settings, Topics},
};

use crate::{
    consumer::{
        intake::Intake,
        rebalance::{Context, GROUP, RebalanceEvent},
        resolved::{Reading, Resolved, start_offsets},
        revocation::GivingBack,
    },
    state::WorkerState,
};

/// Partitions of ours that are not read.
#[derive(Default)]
pub(crate) struct NotRead {
    /// They stand still.
    pub stopped: BTreeSet<PartitionId>,
    /// A worker that lives has a claim on them.
    pub claimed: BTreeSet<PartitionId>,
    /// The group asks for them.
    pub asked: GivingBack,
}

impl NotRead {
    pub fn remove(&mut self, id: PartitionId) {
        self.stopped.remove(&id);
        self.claimed.remove(&id);
    }

    fn contains(&self, id: PartitionId) -> bool {
        self.stopped.contains(&id) || self.claimed.contains(&id) || self.asked.contains(id)
    }
}

/// Takes in what rebalances changed.
pub(crate) fn take(
    consumer: &BaseConsumer<Context>,
    intake: &mut Intake,
    not_read: &mut NotRead,
    settings: &Settings,
    shared: &WorkerState,
) {
    for news in consumer.context().take_news() {
        match news {
            RebalanceEvent::Assigned(Resolved { reading, stopped, claimed }) => {
                shared.problems.clear_blocked(GROUP);
                stopped.iter().chain(&claimed).for_each(|id| not_read.remove(*id));
                not_read.stopped.extend(stopped);
                not_read.claimed.extend(claimed);
                let assigned: BTreeSet<PartitionId> = reading.iter().map(|reading| reading.id).collect();
                if intake.holds_any(&assigned) {
                    // What the batch holds of them would count a second time.
                    let all: BTreeSet<PartitionId> = intake.ids().into_iter().chain(assigned).collect();
                    intake.clear();
                    reassign(consumer, settings, &all.into_iter().collect::<Vec<_>>());
                    continue;
                }
                if !reading.is_empty() {
                    tracing::info!(positions = offsets(&reading), "reading");
                }
                for Reading { id, position } in reading {
                    shared.partitions.reads_from(id, position.next);
                    not_read.remove(id);
                    intake.assign(id, &position);
                }
            }
            RebalanceEvent::Asked(ids) => {
                tracing::info!(
                    partitions = ids.len(),
                    "the group asks for partitions; what was read of them is flushed first"
                );
                revoke(&ids, intake, not_read);
                not_read.asked.add(ids);
            }
            RebalanceEvent::Revoked(ids) => {
                revoke(&ids, intake, not_read);
                not_read.asked.remove(&ids);
            }
        }
    }
    let assigned = consumer.assignment().map(|list| ids(&list, &settings.kafka.topics)).unwrap_or_default();
    shared.partitions.assigned(&assigned, &not_read.stopped, intake.closed());
    // Also while it stands still: others go on, and what they count is to be seen.
    let first = PartitionId { stream: EventKind::Sales, partition: 0 };
    let publisher = intake.is_ours(first) || not_read.contains(first);
    if shared.publisher.swap(publisher, Ordering::Relaxed) != publisher {
        tracing::info!(
            publisher,
            "{}",
            if publisher { "this worker publishes the views" } else { "another worker publishes the views" }
        );
    }
    // Also where the role stays: what others did with partitions that are ours now, nobody else tells.
    shared.moved.send_replace(());
}

fn revoke(ids: &[PartitionId], intake: &mut Intake, not_read: &mut NotRead) {
    for id in ids {
        intake.revoke(*id);
        not_read.remove(*id);
    }
}

fn ids(list: &TopicPartitionList, topics: &Topics) -> Vec<PartitionId> {
    let id = |topic: &str, partition| Some(PartitionId { stream: topics.stream(topic)?, partition });
    list.elements().iter().filter_map(|element| id(element.topic(), element.partition())).collect()
}

/// Reads partitions of ours again from where the store says: another worker went on with them, or the log changed.
pub(crate) fn reassign(consumer: &BaseConsumer<Context>, settings: &Settings, ids: &[PartitionId]) {
    if ids.is_empty() {
        return;
    }
    let mut away = TopicPartitionList::new();
    for id in ids {
        away.add_partition(&settings.kafka.topics.of(id.stream).name, id.partition);
    }
    let context = consumer.context();
    let resolved = context.resolve(consumer, ids);
    let positions = start_offsets(&settings.kafka.topics, &resolved.reading);
    let mut outcome = context.remove(consumer, &away);
    if positions.count() > 0 {
        outcome = outcome.and_then(|()| context.add(consumer, &positions));
    }
    match outcome {
        Ok(()) => context.add_news(RebalanceEvent::Assigned(resolved)),
        // Revoked in the meantime: the rebalance that did it decides.
        Err(error) => tracing::debug!(%error, "partitions are not read again"),
    }
}

/// The next offset to read of every partition, for the log.
fn offsets(reading: &[Reading]) -> String {
    reading.iter().map(|Reading { id, position }| format!("{id}@{}", position.next)).collect::<Vec<_>>().join(" ")
}
