//! Where every partition stands: its checkpoint, and what its worker tells of the log behind it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use stockstream_model::{
    documents::{Checkpoint, Heartbeat, LostRange, PartitionId},
    event::EventKind,
};

/// Where a partition stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Partition {
    pub(crate) stream: EventKind,
    pub(crate) partition: i32,
    /// The first offset that is not applied.
    pub(crate) next: i64,
    /// The end of the range that is being applied.
    pub(crate) pending: Option<i64>,
    /// The offset behind the last event, as a worker saw it; null when no worker tells.
    pub(crate) log_end: Option<i64>,
    /// Offsets not applied yet; null when no worker tells.
    pub(crate) lag: Option<i64>,
    pub(crate) incarnation: i64,
    /// Events of it, refused ones and copies included.
    pub(crate) events: i64,
    pub(crate) rejected: i64,
    pub(crate) duplicates: i64,
    /// The last ranges of offsets that Kafka lost before they were applied, or while they were; newest last.
    pub(crate) lost: Vec<LostRange>,
    /// Offsets in all ranges that were ever lost.
    pub(crate) lost_offsets: i64,
    /// The worker that reads it.
    pub(crate) worker: Option<String>,
}

/// All partitions that a checkpoint or a worker tells of.
pub(crate) fn of(checkpoints: &[Checkpoint], workers: &[Heartbeat]) -> Vec<Partition> {
    // After a rebalance two workers may still tell of the same partition: the later word counts.
    let mut told = BTreeMap::new();
    let mut by_time: Vec<_> = workers.iter().collect();
    by_time.sort_by_key(|heartbeat| heartbeat.at);
    for heartbeat in by_time {
        told.extend(heartbeat.partitions.iter().map(|partition| (partition.id, (heartbeat, partition))));
    }
    // A partition that had no event yet has no checkpoint, only a place in the start positions.
    let mut all: BTreeMap<PartitionId, Checkpoint> =
        told.iter().map(|(id, (_, partition))| (*id, Checkpoint::new(*id, partition.next, None))).collect();
    all.extend(checkpoints.iter().map(|checkpoint| (checkpoint.id, checkpoint.clone())));
    let row = |(id, checkpoint): (PartitionId, Checkpoint)| {
        let (worker, log_end) = match told.get(&id) {
            // What was told of the log may be older than the position, which is never beyond its end.
            Some((heartbeat, partition)) => {
                (Some(heartbeat.worker.clone()), partition.log_end.map(|end| end.max(checkpoint.next)))
            }
            None => (None, None),
        };
        Partition {
            stream: id.stream,
            partition: id.partition,
            next: checkpoint.next,
            pending: checkpoint.pending,
            log_end,
            // The checkpoint is newer than the heartbeat and may be ahead of the log end that it tells.
            lag: log_end.map(|end| end.saturating_sub(checkpoint.next)),
            incarnation: checkpoint.incarnation,
            events: checkpoint.events,
            rejected: checkpoint.rejected,
            duplicates: checkpoint.duplicates,
            lost: checkpoint.lost,
            lost_offsets: checkpoint.lost_offsets,
            worker,
        }
    };
    all.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use stockstream_model::{Timestamp, documents::PartitionStatus};
    use stockstream_store::Status;

    use super::*;
    use crate::data::overview::Overview;

    fn id(partition: i32) -> PartitionId {
        PartitionId { stream: EventKind::Sales, partition }
    }

    fn heartbeat(worker: &str, at: i64, partitions: Vec<PartitionStatus>) -> Heartbeat {
        Heartbeat {
            worker: worker.into(),
            at: Timestamp::from_millis(at),
            generation: 1,
            publisher: false,
            events_per_second: 2.5,
            partitions,
            ..Heartbeat::default()
        }
    }

    fn overview(checkpoints: Vec<Checkpoint>, workers: Vec<Heartbeat>) -> Overview {
        Overview::new(Status { checkpoints, workers, ..Status::default() })
    }

    #[test]
    fn the_later_of_two_heartbeats_tells_of_a_partition() {
        let old = heartbeat("old", 1, vec![PartitionStatus { id: id(0), next: 3, log_end: Some(4) }]);
        let new = heartbeat("new", 2, vec![PartitionStatus { id: id(0), next: 5, log_end: Some(9) }]);
        let overview = overview(vec![Checkpoint::new(id(0), 6, None)], vec![new, old]);
        let partition = &overview.partitions[0];
        assert_eq!((partition.worker.as_deref(), partition.log_end, partition.lag), (Some("new"), Some(9), Some(3)));
        assert_eq!(overview.rate(), Some(5.0));
    }

    #[test]
    fn lag_is_unknown_when_one_partition_is_told_of_by_nobody() {
        let told = heartbeat("a", 1, vec![PartitionStatus { id: id(0), next: 3, log_end: Some(7) }]);
        let known = overview(vec![Checkpoint::new(id(0), 3, None)], vec![told.clone()]);
        assert_eq!(known.lag(), Some(4));
        let unknown = overview(vec![Checkpoint::new(id(0), 3, None), Checkpoint::new(id(1), 3, None)], vec![told]);
        assert_eq!((unknown.lag(), unknown.partitions[1].lag), (None, None));
    }

    #[test]
    fn a_partition_without_a_checkpoint_is_shown_where_its_worker_stands() {
        let told = heartbeat("a", 1, vec![PartitionStatus { id: id(2), next: 8, log_end: None }]);
        let overview = overview(Vec::new(), vec![told]);
        assert_eq!((overview.partitions[0].next, overview.partitions[0].lag, overview.has_events()), (8, None, false));
    }

    #[test]
    fn applied_events_are_those_that_were_not_rejected_and_no_copies() {
        let checkpoint = Checkpoint { events: 10, rejected: 3, duplicates: 2, ..Checkpoint::new(id(0), 10, None) };
        let events = overview(vec![checkpoint], Vec::new()).events;
        assert_eq!((events.applied, events.rejected, events.duplicates), (5, 3, 2));
    }
}
