use stockstream_protocol::{positions::Positions, update::Update};

use super::MemoryStore;
use crate::{StoreError, position_store::PositionStore};

impl PositionStore for MemoryStore {
    async fn load_positions(&self) -> Result<Option<Positions>, StoreError> {
        Ok(self.lock().positions.clone())
    }

    async fn create_positions(&self, first: &Positions) -> Result<(), StoreError> {
        self.lock().positions.get_or_insert_with(|| first.clone());
        Ok(())
    }

    async fn update_positions(&self, update: &Update) -> Result<bool, StoreError> {
        Ok(self.lock().positions.as_mut().is_some_and(|positions| update.apply(positions)))
    }
}
