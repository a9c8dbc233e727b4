//! The three steps of a flush: claim, apply, complete.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering, mpsc::Sender},
    time::{Duration, Instant},
};

use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, LeaderEpoch, PartitionId},
    event::Reason,
};
use stockstream_store::{ApplyReport, Batch, Range, StateStore, StoreError, fail_point};
use tokio::sync::mpsc::Receiver;

use crate::{
    core::{
        flight::{Claiming, Landed},
        fold::Held,
        position::Tally,
    },
    duplicates::{Settled, settle},
    folding::{Folding, Handed},
    incarnation::Incarnations,
    metrics::{OfStream, Refusal, Stage},
    persist::persist,
    shared::Shared,
};

/// How often topics are asked for their ids while there is nothing to flush.
const IDLE: Duration = Duration::from_secs(10);

/// What is to be flushed of one partition.
pub(crate) struct FlushPart {
    /// The checkpoint as it stands; its `pending`, if any, is this range's end.
    pub checkpoint: Checkpoint,
    /// What was folded.
    pub range: Range,
    /// The earliest Kafka timestamp in it.
    pub oldest: Option<Timestamp>,
    /// Sales of it that are folded only if they are no copies.
    pub held: Vec<Held>,
    /// The leader's epoch of its last record.
    pub epoch: Option<LeaderEpoch>,
}

impl From<(Checkpoint, Option<LeaderEpoch>, Folding)> for FlushPart {
    fn from((checkpoint, epoch, folding): (Checkpoint, Option<LeaderEpoch>, Folding)) -> Self {
        let Folding { range, oldest, held, .. } = folding;
        Self { checkpoint, range, oldest, held, epoch }
    }
}

/// What became of a flush.
#[derive(Debug, Default)]
pub(crate) struct Flushed {
    /// Completed partitions, with their checkpoints as they stand now.
    pub completed: Vec<Checkpoint>,
    /// Partitions that another worker went on with.
    pub lost: Vec<PartitionId>,
    /// Partitions that must stop, and why.
    pub stopped: Vec<(PartitionId, String)>,
}

/// Does one flush after another until the sender hangs up.
pub(crate) async fn flusher<S: StateStore>(
    store: Arc<S>,
    shared: Arc<Shared>,
    mut incarnations: Incarnations,
    mut jobs: Receiver<Vec<Handed>>,
    done: Sender<Flushed>,
) {
    incarnations.look(&shared);
    loop {
        let handed = match tokio::time::timeout(IDLE, jobs.recv()).await {
            Ok(Some(handed)) => handed,
            Ok(None) => break,
            Err(_) => {
                incarnations.look(&shared);
                continue;
            }
        };
        shared.flush_began.store(Timestamp::now().millis(), Ordering::Relaxed);
        let ids: Vec<PartitionId> = handed.iter().map(|handed| handed.checkpoint().id).collect();
        let Some(parts) = folded(handed).await else { break };
        if shared.is_disowned() {
            break;
        }
        let (parts, gone) = incarnations.split(parts, &shared).await;
        let flushed = match flush(&*store, &shared, parts).await {
            Ok(mut flushed) => {
                flushed.lost.extend(gone.iter().map(|part| part.checkpoint.id));
                flushed
            }
            Err(error) => {
                let reason = error.to_string();
                tracing::error!(error = %reason, "a flush cannot be done; its partitions stop");
                Flushed { stopped: ids.into_iter().map(|id| (id, reason.clone())).collect(), ..Flushed::default() }
            }
        };
        shared.flush_began.store(0, Ordering::Relaxed);
        shared.set_flushing(false);
        if !flushed.completed.is_empty() {
            shared.moved.send_replace(());
        }
        if done.send(flushed).is_err() {
            break;
        }
    }
}

/// Waits for the threads that fold. `None` if one is gone.
pub(crate) async fn folded(handed: Vec<Handed>) -> Option<Vec<FlushPart>> {
    let mut parts = Vec::with_capacity(handed.len());
    for handed in handed {
        parts.push(handed.folded().await?.into());
    }
    Some(parts)
}

/// Claims, applies and completes ranges of some partitions.
pub(crate) async fn flush<S: StateStore>(
    store: &S,
    shared: &Shared,
    mut parts: Vec<FlushPart>,
) -> Result<Flushed, StoreError> {
    if parts.is_empty() {
        return Ok(Flushed::default());
    }
    let began = Instant::now();
    fail_point("before-claim");
    let wanted = parts.iter().map(|part| (&part.checkpoint, part.range.end, part.epoch));
    let claiming = Claiming::begin(wanted, || shared.stamp());
    let won = if claiming.wanted().is_empty() {
        Vec::new()
    } else {
        persist(shared, "claim", || store.swap_checkpoints(claiming.wanted())).await?
    };
    let applying = claiming.claimed(&won);
    observe(shared, "claim", began);
    fail_point("after-claim");

    let began = Instant::now();
    parts.retain(|part| applying.held().iter().any(|claimed| claimed.id == part.checkpoint.id));
    let (settled, mut stopped) = settle(store, shared, &mut parts, applying.held()).await?;
    if !settled.is_empty() {
        observe(shared, "deduplicate", began);
    }
    fail_point("after-invoices");

    let began = Instant::now();
    let oldest: HashMap<PartitionId, Option<Timestamp>> =
        parts.iter().map(|part| (part.checkpoint.id, part.oldest)).collect();
    let mut batch: Batch = parts.into_iter().map(|part| (part.checkpoint.id, part.range)).collect();
    let report = loop {
        let applied = persist(shared, "apply", || store.apply(&batch, applying.held())).await;
        match applied {
            Ok(report) => break report,
            Err(error) => {
                let unfit = stop(error, |id| batch.contains_key(id))?;
                unfit.iter().for_each(|(id, _)| drop(batch.remove(id)));
                stopped.extend(unfit);
            }
        }
    };
    observe(shared, "apply", began);
    fail_point("after-apply");

    let began = Instant::now();
    let left_out: Vec<PartitionId> = report.lost.iter().copied().chain(stopped.iter().map(|(id, _)| *id)).collect();
    let completing = applying.applied(&left_out, |id| tally(batch.get(id), settled.get(id)), || shared.stamp());
    let stands = persist(shared, "complete", || store.swap_checkpoints(completing.done())).await?;
    let Landed { completed, mut lost } = completing.completed(&stands);
    lost.retain(|id| !stopped.iter().any(|(stopped, _)| stopped == id));
    observe(shared, "complete", began);
    fail_point("after-complete");
    for checkpoint in &completed {
        let Some(range) = batch.get(&checkpoint.id) else { continue };
        record(shared, checkpoint, range, oldest.get(&checkpoint.id).copied().flatten());
        if let Some(Settled { duplicates, .. }) = settled.get(&checkpoint.id) {
            shared.metrics.duplicates.inc_by(*duplicates as u64);
        }
    }
    let outcome = Flushed { completed, lost, stopped };
    tell(shared, &batch, &report, &outcome);
    Ok(outcome)
}

/// Which of these partitions an error stops; the others go on without them.
///
/// # Errors
/// The error, where it is about none of them in particular.
pub(crate) fn stop(
    error: StoreError,
    is_one: impl Fn(&PartitionId) -> bool,
) -> Result<Vec<(PartitionId, String)>, StoreError> {
    let these: Vec<PartitionId> = error.partitions().iter().filter(|id| is_one(id)).copied().collect();
    if these.is_empty() {
        return Err(error);
    }
    let reason = error.to_string();
    tracing::error!(partitions = ?these.iter().map(ToString::to_string).collect::<Vec<_>>(), error = %reason, "partitions stop");
    Ok(these.into_iter().map(|id| (id, reason.clone())).collect())
}

fn tally(range: Option<&Range>, settled: Option<&Settled>) -> Tally {
    let Some(Range { end, events, rejected, latest_event, .. }) = range else { return Tally::default() };
    let Settled { duplicates, forgotten } = settled.copied().unwrap_or_default();
    let (end, events, rejected, latest_event) = (*end, *events, *rejected, *latest_event);
    Tally { end, events, rejected, duplicates, forgotten, latest_event }
}

fn observe(shared: &Shared, stage: &'static str, began: Instant) {
    shared.metrics.flush_seconds.get_or_create(&Stage { stage }).observe(began.elapsed().as_secs_f64());
}

fn record(shared: &Shared, checkpoint: &Checkpoint, range: &Range, oldest: Option<Timestamp>) {
    let stream = checkpoint.id.stream.name();
    shared.position(checkpoint);
    shared.events.fetch_add(range.events as u64, Ordering::Relaxed);
    shared.metrics.events.get_or_create(&OfStream { stream }).inc_by(range.events as u64);
    for reason in Reason::ALL {
        let count = range.rejections.iter().filter(|rejected| rejected.reason == reason).count() as u64;
        if count > 0 {
            shared.metrics.rejected.get_or_create(&Refusal { stream, reason: reason.name() }).inc_by(count);
        }
    }
    if let Some(oldest) = oldest {
        let age = (Timestamp::now().millis() - oldest.millis()).max(0);
        shared.freshness_ms.store(age, Ordering::Relaxed);
        shared.metrics.freshness.set(age as f64 / 1_000.0);
    }
}

fn tell(shared: &Shared, batch: &Batch, report: &ApplyReport, outcome: &Flushed) {
    let sum = |of: fn(&Range) -> usize| batch.values().map(of).sum::<usize>();
    let (events, keys) = (sum(|range| range.events as usize), sum(Range::keys));
    shared.batches.fetch_add(1, Ordering::Relaxed);
    shared.metrics.batch_events.observe(events as f64);
    shared.metrics.batch_keys.observe(keys as f64);
    shared.metrics.documents.inc_by(report.changed);
    shared.metrics.already.inc_by(report.already);
    shared.metrics.lost_claims.inc_by(outcome.lost.len() as u64);
    let (changed, already, rejected) = (report.changed, report.already, sum(|range| range.rejections.len()));
    tracing::debug!(events, keys, changed, already, rejected, partitions = batch.len(), "batch written");
    for id in &outcome.lost {
        tracing::info!(partition = %id, "another worker went on with the partition; this batch of it is dropped");
    }
}
