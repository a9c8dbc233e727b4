//! Partitions that the group asks for: they are given back once what was read of them is flushed.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use stockstream_model::{documents::PartitionId, settings::Settings};

use crate::{
    consumer::rebalance::{Context, RebalanceEvent},
    state::WorkerState,
};

/// How long the group waits at most. Its other members go on meanwhile, and only partitions that are on the move are not read.
const AT_MOST: Duration = Duration::from_secs(30);

/// Partitions that the group asks for, and since when.
#[derive(Default)]
pub(crate) struct GivingBack {
    ids: BTreeSet<PartitionId>,
    since: Option<Instant>,
}

impl GivingBack {
    pub fn contains(&self, id: PartitionId) -> bool {
        self.ids.contains(&id)
    }

    /// The group asks for these. It waits for an answer also where they are none.
    pub fn add(&mut self, ids: Vec<PartitionId>) {
        self.ids.extend(ids);
        self.since.get_or_insert_with(Instant::now);
    }

    /// These are gone.
    pub fn remove(&mut self, ids: &[PartitionId]) {
        self.ids.retain(|id| !ids.contains(id));
        if self.ids.is_empty() {
            self.since = None;
        }
    }

    /// Whether they are to be given back now: they are not waited for, or not any longer.
    pub fn is_due(&self, are_waited_for: impl Fn(&BTreeSet<PartitionId>) -> bool) -> bool {
        self.since.is_some_and(|since| !are_waited_for(&self.ids) || since.elapsed() >= AT_MOST)
    }

    /// Gives them back.
    pub fn give_back(&mut self, consumer: &BaseConsumer<Context>, settings: &Settings, shared: &WorkerState) {
        let Some(since) = self.since.take() else { return };
        let ids: Vec<PartitionId> = std::mem::take(&mut self.ids).into_iter().collect();
        let mut list = TopicPartitionList::new();
        for id in &ids {
            list.add_partition(&settings.kafka.topics.of(id.stream).name, id.partition);
        }
        tracing::info!(partitions = ids.len(), after_ms = since.elapsed().as_millis(), "partitions given back");
        shared.revoked(&ids);
        let context = consumer.context();
        if let Err(error) = context.remove(consumer, &list) {
            tracing::error!(%error, "the assignment cannot be changed");
        }
        context.add_news(RebalanceEvent::Revoked(ids));
    }
}

#[cfg(test)]
mod tests {
    use stockstream_model::event::EventKind;

    use super::*;

    #[test]
    fn they_are_due_once_nothing_of_them_is_waited_for_and_the_group_is_answered_though_it_asks_for_none() {
        let id = PartitionId { stream: EventKind::Sales, partition: 0 };
        let mut asked = GivingBack::default();
        assert!(!asked.is_due(|_| false), "nothing is asked for");
        asked.add(vec![id]);
        assert!(asked.contains(id) && !asked.is_due(|ids| ids.contains(&id)) && asked.is_due(|ids| ids.is_empty()));
        asked.remove(&[id]);
        assert!(!asked.is_due(|_| false), "it was lost meanwhile");
        asked.add(Vec::new());
        assert!(asked.is_due(|_| false));
    }
}
