//! What all clients and all stock at risk amount to, for readers: counted anew some time after events came, and rarely where that is dear.

use std::{sync::atomic::Ordering, time::Duration};

use stockstream_store::StateStore;
use tokio::{
    sync::{Mutex, Notify},
    time::{Instant, sleep_until, timeout},
};

use super::limits::Limits;
use crate::{publish::heavy_query_lock::COURTESY, state::WorkerState};

/// Counting takes no more than one part in so many of the time.
const SHARE: u32 = 20;
/// Nor is it done more often than this.
const LEAST: Duration = Duration::from_millis(500);
/// Nor less often: what took longer waited for a database that was away.
const LONGEST: Duration = Duration::from_secs(300);
const TOTALS: &str = "totals";

/// For how long what was counted stands, from when the counting began, that took so long.
fn stands(took: Duration) -> Duration {
    (took * SHARE).clamp(LEAST, LONGEST)
}

/// Counts whenever something changed, it is time, and nothing else that is dear goes on; and looks for sums that are at their
/// limit. Never ends.
pub(super) async fn keep<S: StateStore>(
    store: &S,
    shared: &WorkerState,
    changed: &Notify,
    heavy_query_lock: &Mutex<()>,
) {
    let mut limits = Limits::default();
    loop {
        changed.notified().await;
        if !shared.publisher.load(Ordering::Relaxed) {
            limits.forget(shared);
            shared.problems.recovered(TOTALS);
            continue;
        }
        let alone = timeout(COURTESY, heavy_query_lock.lock()).await;
        let began = Instant::now();
        match store.publish_totals().await {
            Ok(()) => shared.problems.recovered(TOTALS),
            Err(error) => {
                tracing::error!(%error, "the totals of clients and stock at risk were not counted; trying again");
                shared
                    .problems
                    .retrying(TOTALS, format!("the totals of clients and stock at risk are not counted: {error}"));
                changed.notify_one();
            }
        }
        if let Err(error) = limits.look(store, shared).await {
            tracing::warn!(%error, "sums at their limit were not looked for; trying again");
            changed.notify_one();
        }
        drop(alone);
        sleep_until(began + stands(began.elapsed())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dear_to_count_stands_longer() {
        let stands = |took| stands(Duration::from_millis(took)).as_millis();
        assert_eq!((stands(1), stands(200), stands(3_600_000)), (500, 4_000, 300_000));
    }
}
