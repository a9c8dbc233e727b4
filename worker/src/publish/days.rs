//! Keeps products small: days that are not among a product's latest are moved out of what every sale rewrites.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use stockstream_store::{StateStore, StoreError};
use tokio::time::sleep;

use crate::state::WorkerState;

/// It is not looked for such days more often than this.
const LOOK: Duration = Duration::from_secs(2);
/// How long after an error it is tried again, though nothing moved.
const AGAIN: Duration = Duration::from_secs(10);
/// The days of how many products are moved at once: all of them are in memory then, some 100 KiB for one that was sold on 200 days.
const AT_ONCE: u32 = 50;
/// Moving takes one part in so many of the time: the events need the database too.
const SHARE: u32 = 4;
/// A command may have waited for a database that was away.
const LONGEST_REST: Duration = Duration::from_secs(10);
const MOVING: &str = "moving days";

/// Moves days while this worker publishes, after events came. Never ends.
pub(super) async fn keep<S: StateStore>(store: &S, shared: &WorkerState) {
    let mut moved = shared.moved.subscribe();
    let mut failed = false;
    loop {
        if failed {
            sleep(AGAIN).await;
        } else {
            let _ = moved.changed().await; // the role comes with a notification
        }
        if !shared.publisher.load(Ordering::Relaxed) {
            failed = false;
            shared.problems.recovered(MOVING);
            continue;
        }
        sleep(LOOK).await;
        drop(moved.borrow_and_update());
        let outcome = move_all(store).await;
        failed = outcome.is_err();
        match outcome {
            Ok(()) => shared.problems.recovered(MOVING),
            Err(error) => {
                tracing::warn!(%error, "older days of products were not moved; trying again");
                shared.problems.retrying(MOVING, format!("older days of products are not moved: {error}"));
            }
        }
    }
}

/// Moves all that are to be moved now.
async fn move_all<S: StateStore>(store: &S) -> Result<(), StoreError> {
    loop {
        let began = Instant::now();
        let products = store.move_days(AT_ONCE).await?;
        if products > 0 {
            tracing::debug!(products, "older days moved");
        }
        if products < AT_ONCE.into() {
            return Ok(());
        }
        sleep((began.elapsed() * (SHARE - 1)).min(LONGEST_REST)).await;
    }
}
