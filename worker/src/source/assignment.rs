//! Where reading starts: checkpoints from the store against the log as it is.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use stockstream_kafka::{log_bounds, topic_ids};
use stockstream_model::{
    documents::{Checkpoint, PartitionId, StartPositions},
    event::Stream,
    settings::{Settings, Topics},
};
use stockstream_store::StateStore;
use tokio::{runtime::Handle, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{
    GROUP,
    context::{Context, News},
    positions,
    slot::{Slot, Slots},
};
use crate::{
    core::{
        duplicates::inherited,
        position::{LogFacts, Resume, beginning, resume, successor},
    },
    shared::Shared,
};

/// From partitions to their checkpoints and the offsets to read from; partitions that must not be read are left out.
pub(crate) type Resolve = Arc<dyn Fn(&BaseConsumer<Context>, &[PartitionId]) -> Vec<(Checkpoint, i64)> + Send + Sync>;

const PAUSE: Duration = Duration::from_millis(500);

/// Takes in what rebalances changed.
pub(super) fn take(consumer: &BaseConsumer<Context>, slots: &mut Slots, settings: &Settings, shared: &Shared) {
    for news in consumer.context().take_news() {
        match news {
            News::Assigned(checkpoints) => {
                shared.let_in(GROUP);
                tracing::info!(positions = positions(&checkpoints), "reading");
                for checkpoint in checkpoints {
                    shared.position(&checkpoint);
                    let deduplicate = settings.sales.deduplicate.filter(|_| checkpoint.id.stream == Stream::Sales);
                    slots.insert(checkpoint.id, Slot::new(checkpoint, deduplicate.map(|copies| copies.within)));
                }
            }
            News::Revoked(ids) => ids.iter().for_each(|id| drop(slots.remove(id))),
        }
    }
    let assigned = consumer.assignment().map(|list| ids(&list, &settings.kafka.topics)).unwrap_or_default();
    shared.assigned(&assigned);
    let publisher = slots.contains_key(&PartitionId { stream: Stream::Sales, partition: 0 });
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
    let resumed = context.resolve(consumer, ids);
    let positions = list(&settings.kafka.topics, &resumed);
    let outcome = context.remove(consumer, &away).and_then(|()| context.add(consumer, &positions));
    match outcome {
        Ok(()) => {
            let checkpoints = resumed.into_iter().map(|(checkpoint, _)| checkpoint).collect();
            context.add_news(News::Assigned(checkpoints));
        }
        // Revoked in the meantime: the rebalance that did it decides.
        Err(error) => tracing::debug!(%error, "partitions are not read again"),
    }
}

/// Partitions with the offsets to read from.
pub(super) fn list(topics: &Topics, resumed: &[(Checkpoint, i64)]) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (checkpoint, position) in resumed {
        let topic = &topics.of(checkpoint.id.stream).name;
        let _ = list.add_partition_offset(topic, checkpoint.id.partition, Offset::Offset(*position));
    }
    list
}

/// What decides where reading starts.
pub(crate) struct Positions<S> {
    pub store: Arc<S>,
    pub settings: Settings,
    pub start: StartPositions,
    pub shared: Arc<Shared>,
    /// Whether the cluster has a controller to ask for topic ids.
    pub has_controller: bool,
}

/// The resolver on a store. It runs inside `poll` and waits for the store as long as it takes: without positions there is
/// nothing to read.
pub(crate) fn resolver<S: StateStore>(
    positions: Positions<S>,
    runtime: Handle,
    shutdown: CancellationToken,
) -> Resolve {
    Arc::new(move |consumer, ids| {
        let work = async {
            loop {
                match positions.resolve(consumer, ids).await {
                    Ok(resumed) => return resumed,
                    Err(error) => {
                        tracing::warn!(%error, "cannot find out where to read on; trying again");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        };
        let alive = async {
            let mut turns = tokio::time::interval(Duration::from_secs(5));
            turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                turns.tick().await;
                positions.shared.turn(); // waiting for the database is no reason to be restarted
            }
        };
        runtime.block_on(async {
            tokio::select! {
                resumed = work => resumed,
                () = shutdown.cancelled() => Vec::new(),
                () = alive => Vec::new(),
            }
        })
    })
}

impl<S: StateStore> Positions<S> {
    async fn resolve(
        &self,
        consumer: &BaseConsumer<Context>,
        ids: &[PartitionId],
    ) -> Result<Vec<(Checkpoint, i64)>, Box<dyn std::error::Error + Send + Sync>> {
        let Self { store, settings, start, shared, .. } = self;
        let mut resumed = Vec::new();
        let mut open = ids.to_vec();
        while !open.is_empty() {
            // The log after the checkpoints, every time: another worker may be moving them.
            let standing = store.checkpoints().await?;
            let logs = self.logs(consumer, &open)?;
            let (mut new, mut again) = (Vec::new(), Vec::new());
            for id in open {
                let Some(log) = logs.get(&id) else { continue };
                let Some(checkpoint) = standing.iter().find(|checkpoint| checkpoint.id == id) else {
                    let pinned = start.next.get(&id).copied();
                    let forgotten = inherited(id, pinned.is_some(), &standing);
                    new.push(Checkpoint { forgotten, ..beginning(id, pinned, log) });
                    again.push(id);
                    continue;
                };
                match resume(checkpoint, log, settings.kafka.on_lost_offsets) {
                    Resume::Read { position, note } => {
                        note.iter().for_each(|note| tracing::warn!(partition = %id, "{note}"));
                        shared.solved(&id.to_string());
                        resumed.push((checkpoint.clone(), position));
                    }
                    Resume::Stop { reason } => {
                        tracing::error!(partition = %id, "{reason}");
                        shared.problem(id.to_string(), reason);
                    }
                    // Whoever wins, it is decided anew from what stands.
                    Resume::Rewrite { checkpoint, note } => {
                        if store.swap_checkpoints(&[successor(&checkpoint, shared.stamp())]).await? == [true] {
                            tracing::warn!(partition = %id, "{note}");
                        }
                        again.push(id);
                    }
                }
            }
            if !new.is_empty() {
                // Where positions are missing, the database may not be the one that this worker claimed.
                store.verify_owner(&settings.pipeline).await?;
                store.create_checkpoints(&new).await?;
            }
            open = again;
        }
        Ok(resumed)
    }

    /// What Kafka says of the partitions now.
    fn logs(
        &self,
        consumer: &BaseConsumer<Context>,
        ids: &[PartitionId],
    ) -> Result<HashMap<PartitionId, LogFacts>, Box<dyn std::error::Error + Send + Sync>> {
        let topics = &self.settings.kafka.topics;
        let names: Vec<&str> = Stream::ALL.iter().map(|stream| topics.of(*stream).name.as_str()).collect();
        let topic_ids =
            if self.has_controller { topic_ids(consumer, &self.settings.kafka, &names)? } else { BTreeMap::new() };
        let mut logs = HashMap::new();
        for id in ids {
            let Some((first, end)) = log_bounds(consumer, &self.settings.kafka, *id)? else {
                // Whoever assigned it knew an older topic, and assigns anew when that is noticed.
                tracing::warn!(partition = %id, "the topic has no such partition any more: it is not read");
                continue;
            };
            let topic_id = topic_ids.get(&topics.of(id.stream).name).cloned();
            logs.insert(*id, LogFacts { first, end, topic_id });
        }
        Ok(logs)
    }
}
