//! What all clients and all stock at risk amount to, for readers: counted anew some time after events came, and rarely where that is dear.

use std::time::Duration;

use stockstream_store::StateStore;
use tokio::{
    sync::{Mutex, Notify},
    time::{Instant, sleep_until},
};

/// Counting takes no more than one part in so many of the time.
const SHARE: u32 = 20;
/// Nor is it done more often than this.
const LEAST: Duration = Duration::from_millis(500);

/// For how long what was counted stands, from when the counting began, that took so long.
fn stands(took: Duration) -> Duration {
    (took * SHARE).max(LEAST)
}

/// Counts whenever something changed, it is time, and nothing else that is dear goes on. Never ends.
pub(super) async fn keep<S: StateStore>(store: &S, changed: &Notify, dear: &Mutex<()>) {
    loop {
        changed.notified().await;
        let alone = dear.lock().await;
        let began = Instant::now();
        if let Err(error) = store.publish_totals().await {
            tracing::error!(%error, "the totals of clients and stock at risk were not counted; trying again");
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
        assert_eq!((stands(1), stands(200)), (500, 4_000));
    }
}
