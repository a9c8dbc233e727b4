use stockstream_model::documents::{Checkpoint, KafkaIds, PartitionId};

use super::MemoryStore;
use crate::{StoreError, checkpoints::CheckpointStore};

/// Nothing in memory is older than the process.
impl CheckpointStore for MemoryStore {
    async fn old_checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError> {
        Ok(Vec::new())
    }

    async fn old_kafka_ids(&self) -> Result<KafkaIds, StoreError> {
        Ok(KafkaIds::default())
    }

    async fn old_workers(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    async fn write_old_checkpoint(&self, _: &Checkpoint) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn seal_new(&self, _: &[PartitionId]) -> Result<(), StoreError> {
        Ok(())
    }
}
