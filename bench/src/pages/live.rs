use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use http_body_util::BodyExt;
use tokio::task::JoinSet;

use super::client::Client;
use crate::Result;

/// Connections that are kept new.
pub(super) struct Live {
    connections: JoinSet<()>,
    open: Arc<AtomicUsize>,
    heard: Arc<AtomicU64>,
}

impl Live {
    /// Opens so many.
    pub(super) async fn open(client: &Client, count: usize) -> Result<Self> {
        let (mut connections, open, heard) =
            (JoinSet::new(), Arc::<AtomicUsize>::default(), Arc::<AtomicU64>::default());
        for _ in 0..count {
            let mut response = client.send("/live", "text/event-stream").await?;
            if response.status() != 200 {
                return Err(format!("/live was answered with {}", response.status()).into());
            }
            open.fetch_add(1, Ordering::Relaxed);
            let (open, heard) = (Arc::clone(&open), Arc::clone(&heard));
            connections.spawn(async move {
                while let Some(Ok(frame)) = response.frame().await {
                    let is_change =
                        frame.data_ref().is_some_and(|data| data.windows(13).any(|part| part == b"event: change"));
                    heard.fetch_add(is_change.into(), Ordering::Relaxed);
                }
                open.fetch_sub(1, Ordering::Relaxed);
            });
        }
        Ok(Self { connections, open, heard })
    }

    /// How many are still open, and how many changes all of them heard.
    pub(super) fn told(&self) -> (usize, u64) {
        (self.open.load(Ordering::Relaxed), self.heard.load(Ordering::Relaxed))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.connections.abort_all();
    }
}
