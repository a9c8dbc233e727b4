//! A worker's sign of life in the database, with its positions and rates.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use stockstream_model::{
    Timestamp,
    documents::{Heartbeat, PartitionStatus},
    settings::Pipeline,
};
use stockstream_store::{StateStore, StoreError};
use tokio_util::sync::CancellationToken;

use crate::state::WorkerState;

/// How long an orderly end waits for the database to forget this worker.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
const HEARTBEAT: &str = "heartbeat";

/// The least time between two signs of life.
const MOMENT: Duration = Duration::from_millis(500);

/// Beats until told to end, or until the database is found to be another pipeline's, or another one: then nothing more may be
/// written, and that is returned.
pub(crate) async fn heartbeats<S: StateStore>(
    store: Arc<S>,
    shared: Arc<WorkerState>,
    pipeline: Pipeline,
    every: Duration,
    shutdown: CancellationToken,
) -> Option<StoreError> {
    let mut before = (Instant::now(), 0);
    loop {
        let heartbeat = heartbeat(&shared, &mut before);
        let written = async {
            let beaten = match store.verify_owner(&pipeline).await {
                Err(error) if error.is_about_ownership() => return Err(error),
                Err(error) => Err(error),
                Ok(()) => store.heartbeat(&heartbeat).await,
            };
            match beaten {
                Ok(()) => shared.problems.recovered(HEARTBEAT),
                Err(error) => {
                    tracing::warn!(%error, "the heartbeat was not written; trying again");
                    shared.problems.retrying(HEARTBEAT, format!("the heartbeat is not written: {error}"));
                }
            }
            // What is wrong is told at once, but not more often than every moment.
            tokio::time::sleep(every.min(MOMENT)).await;
            tokio::select! {
                () = tokio::time::sleep(every.saturating_sub(MOMENT)) => {}
                () = shared.problems.changed.notified() => {}
            }
            Ok(())
        };
        tokio::select! {
            outcome = written => if let Err(error) = outcome {
                shared.disown(error.to_string());
                shutdown.cancel();
                return Some(error);
            },
            () = shutdown.cancelled() => break,
        }
    }
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, store.leave(&shared.worker)).await;
    None
}

fn heartbeat(shared: &WorkerState, before: &mut (Instant, u64)) -> Heartbeat {
    let (now, events) = (Instant::now(), shared.events.load(Ordering::Relaxed));
    let new = events - before.1;
    let seconds = now.duration_since(before.0).as_secs_f64();
    let rate = if seconds > 0.0 { new as f64 / seconds } else { 0.0 };
    *before = (now, events);
    let partitions = shared.partitions.statuses();
    let freshness = shared.freshness_ms.load(Ordering::Relaxed);
    if new > 0 {
        let lag: Option<i64> = partitions.iter().map(PartitionStatus::lag).sum();
        let (documents, batches) = (shared.metrics.documents.get(), shared.batches.load(Ordering::Relaxed));
        tracing::info!(
            events = new,
            total = events,
            batches,
            documents,
            lag,
            freshness_ms = freshness,
            "events applied"
        );
    }
    Heartbeat {
        worker: shared.worker.clone(),
        started_at: shared.started_at,
        at: Timestamp::now(),
        generation: shared.generation.load(Ordering::Relaxed),
        publisher: shared.publisher.load(Ordering::Relaxed),
        events_per_second: rate,
        freshness_ms: (freshness >= 0).then_some(freshness),
        partitions,
        problems: shared.problems.all(),
        stalls: shared.problems.stalls(),
        warnings: shared.problems.warnings(),
    }
}
