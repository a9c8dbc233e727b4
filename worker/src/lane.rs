//! The lane of this worker: acquired before anything is read, released at a clean shutdown.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use stockstream_protocol::{
    claim::choose_lane,
    positions::{LaneId, Positions},
    update::Update,
};
use stockstream_store::{StateStore, StoreError};

use crate::state::WorkerState;

/// More lanes than this are never made. Workers that find all of them held by live workers wait.
const MOST: LaneId = 128;
const PAUSE: Duration = Duration::from_secs(1);
const LANE: &str = "lane";

/// The lane that this worker claims with.
#[derive(Debug)]
pub(crate) struct OwnLane(AtomicU32);

impl OwnLane {
    pub fn new(lane: LaneId) -> Self {
        Self(AtomicU32::new(lane))
    }

    pub fn get(&self) -> LaneId {
        self.0.load(Ordering::SeqCst)
    }

    pub fn set(&self, lane: LaneId) {
        self.0.store(lane, Ordering::SeqCst);
    }
}

/// The positions, which exist once a worker works.
///
/// # Errors
/// That they do not, or what the store answered.
pub(crate) async fn standing<S: StateStore>(store: &S) -> Result<Positions, StoreError> {
    store.load_positions().await?.ok_or_else(|| StoreError::Refused {
        action: "read the positions".into(),
        message: "there are none any more, and without them nobody knows which events are counted: restore the whole \
                  database from one backup, or drop it and start the workers again, which count everything anew"
            .into(),
    })
}

/// Acquires a lane. If a claim is open in it, that is finished before the next one is made.
///
/// # Errors
/// What the store answered.
pub(crate) async fn acquire<S: StateStore>(store: &S, shared: &WorkerState) -> Result<LaneId, StoreError> {
    loop {
        let positions = standing(store).await?;
        let alive: BTreeSet<String> =
            store.progress().await?.workers.into_iter().map(|heartbeat| heartbeat.worker).collect();
        let Some((lane, held_by)) = choose_lane(&positions, &shared.worker, |worker| alive.contains(worker), MOST)
        else {
            let message =
                format!("all {MOST} lanes are held by live workers, or wait for a newer version; run fewer workers");
            tracing::error!("{message}");
            shared.problems.retrying(LANE, message);
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let is_ours = held_by == Some(shared.worker.as_str());
        let expected = held_by.map(str::to_owned);
        let update = Update::AcquireLane { lane, expected, holder: shared.worker.clone() };
        // One that was not acknowledged is found as one's own in the next turn.
        if is_ours || store.update_positions(&update).await? {
            shared.problems.recovered(LANE);
            tracing::info!(lane, "lane acquired");
            return Ok(lane);
        }
    }
}

/// Gives the lane back.
///
/// # Errors
/// What the store answered.
pub(crate) async fn release<S: StateStore>(store: &S, shared: &WorkerState, lane: LaneId) -> Result<(), StoreError> {
    store.update_positions(&Update::ReleaseLane { lane, holder: shared.worker.clone() }).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::settings::Analytics;
    use stockstream_store::{MemoryStore, PositionStore};

    #[tokio::test]
    async fn a_worker_gets_the_lane_that_another_released_and_its_own_again() {
        let store = MemoryStore::new(Analytics::default());
        store.create_positions(&Positions::default()).await.unwrap();
        let [a, b] = ["a", "b"].map(|name| WorkerState::new(name.into()));
        assert_eq!(acquire(&store, &a).await.unwrap(), 0);
        assert_eq!(acquire(&store, &a).await.unwrap(), 0, "it holds one");
        release(&store, &a, 0).await.unwrap();
        assert_eq!(acquire(&store, &b).await.unwrap(), 0);
        let lanes = store.load_positions().await.unwrap().unwrap().lanes;
        assert_eq!(lanes[&0].holder.as_deref(), Some("b"));
    }
}
