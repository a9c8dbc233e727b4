//! The state of versions before lanes: a checkpoint for each partition. It is read for migration, and sealed.

use std::future::Future;

use stockstream_model::documents::{Checkpoint, FoldRules, KafkaIds, PartitionId};

use crate::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// The version of the fold that a sealed checkpoint names. A version before lanes stops at a claim by a version that it does not
/// know, and tells a person to run a newer one.
const SEALED: i64 = 1_000_000;

/// The checkpoints that versions before lanes left. Once all are sealed, no such version claims anything.
pub trait CheckpointStore: Send + Sync + 'static {
    /// The checkpoints, in the order of their partitions.
    fn old_checkpoints(&self) -> impl Future<Output = Result<Vec<Checkpoint>>> + Send;

    /// Ids that Kafka gave to what is counted, as those versions noted them.
    fn old_kafka_ids(&self) -> impl Future<Output = Result<KafkaIds>> + Send;

    /// Workers of those versions that gave a sign of life lately.
    fn old_workers(&self) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// Writes a checkpoint where the standing version is one below its own, and tells whether it stands now. A write whose
    /// acknowledgement was lost is recognised by its `writer`.
    fn write_old_checkpoint(&self, new: &Checkpoint) -> impl Future<Output = Result<bool>> + Send;

    /// Makes sealed checkpoints for those partitions that have none.
    fn seal_new(&self, new: &[PartitionId]) -> impl Future<Output = Result<()>> + Send;
}

/// Whether a checkpoint is sealed: nothing can be claimed behind it.
pub fn is_sealed(checkpoint: &Checkpoint) -> bool {
    checkpoint.fold.version >= SEALED
}

/// The checkpoint that seals one behind which nothing is claimed, to be written by compare-and-set.
pub fn sealed(checkpoint: &Checkpoint, writer: String) -> Checkpoint {
    let fold = FoldRules { version: SEALED, ..checkpoint.fold };
    // The claim is of no event: its end is where it begins.
    let pending = Some(checkpoint.next);
    Checkpoint { pending, fold, writer, version: checkpoint.version + 1, ..checkpoint.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::event::EventKind;

    #[test]
    fn a_sealed_checkpoint_keeps_its_position_and_stops_every_version_before() {
        let id = PartitionId { stream: EventKind::Sales, partition: 0 };
        let before = Checkpoint { events: 7, version: 4, ..Checkpoint::new(id, 9, None) };
        let sealed = sealed(&before, "w".into());
        assert!(is_sealed(&sealed) && !is_sealed(&before));
        assert_eq!((sealed.next, sealed.events, sealed.version, sealed.pending), (9, 7, 5, Some(9)));
        assert!(!sealed.fold.are_known(), "a version that knows it would finish the claim");
    }
}
