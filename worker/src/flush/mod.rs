//! The three steps of a flush: claim, apply, complete; each for the whole batch.

pub(crate) mod deduplicate;
pub(crate) mod topic_identity;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering, mpsc::Sender},
    time::{Duration, Instant},
};

use stockstream_model::{
    Timestamp,
    documents::{KafkaIds, PartitionId},
    settings::Topics,
};
use stockstream_protocol::{
    claim::{Claim, ClaimOutcome, ClaimRequest, ClaimedRange},
    positions::{ClaimRules, Counters, Lane, Position},
    update::Update,
};
use stockstream_store::{ApplyReport, Guard, StateStore, fail_point};
use tokio::sync::{mpsc::Receiver, oneshot};

use crate::{
    flush::{
        deduplicate::{Settled, settle},
        topic_identity::TopicIdentityChecker,
    },
    fold::{FoldedBatch, Rules},
    lane::{OwnLane, acquire, standing},
    metrics::{OfStream, Refusal, Stage},
    read_range::ReadRange,
    retry::persist,
    state::WorkerState,
};

/// How often topics are asked for their ids while there is nothing to flush.
const IDLE: Duration = Duration::from_secs(10);

/// What the flusher is to do.
pub(crate) enum Job {
    Flush(SealedBatch),
    /// Has positions pass these, which hold no event.
    Pass(BTreeMap<PartitionId, ReadRange>),
}

/// A batch that is being folded.
pub(crate) struct SealedBatch {
    pub ranges: BTreeMap<PartitionId, ReadRange>,
    pub rules: Rules,
    /// What each folding thread has of it.
    pub folding: Vec<oneshot::Receiver<FoldedBatch>>,
}

/// A batch to be flushed.
pub(crate) struct Batch {
    pub ranges: BTreeMap<PartitionId, ReadRange>,
    pub rules: Rules,
    pub folding: FoldedBatch,
}

/// What became of a flush.
#[derive(Debug)]
pub(crate) enum Flushed {
    /// Where its partitions stand now.
    Completed(BTreeMap<PartitionId, Reached>),
    /// What positions passed.
    Passed(BTreeMap<PartitionId, ClaimedRange>),
    /// It cannot be claimed, or somebody else finished it: reading starts again from the positions.
    Dropped,
}

/// What was applied of a partition's claimed range.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Applied {
    pub counters: Counters,
    /// Before when invoices are overlooked from now on.
    pub forgotten: Option<Timestamp>,
}

/// Where a partition stands after a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    /// The first offset that is not applied.
    pub next: i64,
    /// Claims overlook invoices from before.
    pub forgotten: Option<Timestamp>,
}

impl Applied {
    /// Of what was folded of a claim.
    pub fn of(id: PartitionId, folding: &FoldedBatch, settled: &BTreeMap<PartitionId, Settled>) -> Self {
        let mut counters = folding.partitions.get(&id).copied().unwrap_or_default().counters;
        let Settled { duplicates, forgotten } = settled.get(&id).copied().unwrap_or_default();
        counters.duplicates = duplicates;
        Self { counters, forgotten }
    }
}

impl SealedBatch {
    /// Waits for the threads that fold. `None` if one is gone.
    pub async fn folded(self) -> Option<Batch> {
        let Self { ranges, rules, folding: parts } = self;
        let mut folding = FoldedBatch::default();
        for part in parts {
            folding.merge(part.await.ok()?);
        }
        Some(Batch { ranges, rules, folding })
    }
}

/// Does one flush after another until the sender hangs up.
pub(crate) async fn run_flushes<S: StateStore>(
    mut flusher: Flusher<S>,
    mut topic_identity: TopicIdentityChecker,
    mut jobs: Receiver<Job>,
    done: Sender<Flushed>,
) {
    let shared = Arc::clone(&flusher.shared);
    topic_identity.look(&shared);
    loop {
        let job = match tokio::time::timeout(IDLE, jobs.recv()).await {
            Ok(Some(job)) => job,
            Ok(None) => break,
            Err(_) => {
                topic_identity.look(&shared);
                continue;
            }
        };
        shared.flush.begin(Timestamp::now());
        let work = match job {
            Job::Flush(handed) => handed.folded().await.map(|batch| (batch.ranges, Some((batch.rules, batch.folding)))),
            Job::Pass(ranges) => Some((ranges, None)),
        };
        let Some((ranges, folded)) = work.filter(|_| !shared.is_disowned()) else { break };
        let flushed = match folded {
            _ if !topic_identity.are_current(&ranges, &shared).await => {
                tracing::info!("a topic was recreated while it was read; the batch is dropped and read again");
                Flushed::Dropped
            }
            Some((rules, folding)) => flusher.flush(Batch { ranges, rules, folding }).await,
            None => flusher.pass(&ranges).await,
        };
        shared.flush.end();
        shared.moved.send_replace(()); // what was dropped was moved by another worker
        if done.send(flushed).is_err() {
            break;
        }
    }
}

/// Claims, applies and completes batches with the worker's lane.
pub(crate) struct Flusher<S> {
    store: Arc<S>,
    shared: Arc<WorkerState>,
    lane: Arc<OwnLane>,
    topics: Topics,
    /// The lane as its last update left it; `None` where it has to be read.
    known: Option<Lane>,
}

impl<S: StateStore> Flusher<S> {
    pub fn new(store: Arc<S>, shared: Arc<WorkerState>, lane: Arc<OwnLane>, topics: Topics) -> Self {
        Self { store, shared, lane, topics, known: None }
    }

    /// Flushes a batch.
    pub async fn flush(&mut self, batch: Batch) -> Flushed {
        fail_point("before-claim");
        let Batch { ranges, rules, folding } = batch;
        let began = Instant::now();
        let Some(claim) = self.claim(&ranges, rules).await else {
            self.shared.metrics.lost_claims.inc();
            return Flushed::Dropped;
        };
        self.observe("claim", began);
        fail_point("after-claim");
        self.carry_out(claim, folding).await
    }

    /// Has positions pass ranges without an event. No claim is needed: nothing but the position changes, and only if nobody went on
    /// with the partition.
    pub async fn pass(&self, ranges: &BTreeMap<PartitionId, ReadRange>) -> Flushed {
        let (store, shared) = (&*self.store, &*self.shared);
        let positions = persist(shared, "positions", || standing(store)).await;
        let mut passed = BTreeMap::new();
        for (id, ReadRange { range, .. }) in ranges {
            let Some(position) = positions.partitions.get(id).filter(|position| range.may_be_claimed(position)) else {
                continue; // somebody did, which the next claim finds
            };
            let to = Position { next: range.end, epoch: range.epoch, ..position.clone() };
            let (expected, ids) = (Box::new(position.clone()), KafkaIds::default());
            let update = Update::Move { id: *id, expected, position: Box::new(to), ids };
            if persist(shared, "positions", || store.update_positions(&update)).await {
                shared.partitions.applied(*id, range.end);
                passed.insert(*id, *range);
            }
        }
        Flushed::Passed(passed)
    }

    /// Applies and completes a claim.
    pub async fn carry_out(&mut self, claim: Claim, mut folding: FoldedBatch) -> Flushed {
        let began = Instant::now();
        let settled = settle(&*self.store, &self.shared, &mut folding, &claim).await;
        if claim.rules.deduplicate.is_some() {
            self.observe("deduplicate", began);
        }
        if !settled.is_empty() {
            let positions = persist(&self.shared, "deduplicate", || standing(&*self.store)).await;
            if !claim.is_open_in(&positions) {
                tracing::info!(lane = claim.lane, seq = claim.seq, "another worker finished the batch");
                self.shared.metrics.lost_claims.inc();
                return Flushed::Dropped;
            }
        }
        fail_point("after-invoices");

        let began = Instant::now();
        let guard = Guard::of_claim(claim.lane, claim.seq);
        let report = persist(&self.shared, "apply", || self.store.apply(&folding.changes, &guard)).await;
        self.observe("apply", began);
        if report.superseded {
            tracing::info!(lane = claim.lane, seq = claim.seq, "another worker finished the batch and took the lane");
            self.shared.metrics.lost_claims.inc();
            self.known = None;
            return Flushed::Dropped;
        }
        fail_point("after-apply");

        let began = Instant::now();
        let reached = self.complete(&claim, &folding, &settled).await;
        self.observe("complete", began);
        fail_point("after-complete");
        self.record(&claim, &folding, &settled, report);
        Flushed::Completed(reached)
    }

    /// Claims what was read. `None` where that is impossible: the batch has to be dropped.
    pub async fn claim(&mut self, ranges: &BTreeMap<PartitionId, ReadRange>, rules: Rules) -> Option<Claim> {
        let (store, shared) = (&*self.store, &*self.shared);
        let own = self.lane.get();
        let known = match self.known.take() {
            Some(known) => known,
            None => persist(shared, "claim", || standing(store)).await.lanes.remove(&own).unwrap_or_default(),
        };
        let Rules { fold, deduplicate } = rules;
        let rules = ClaimRules { fold, deduplicate, claimed_at: Timestamp::now() };
        let rules = (rules, shared.generation.load(Ordering::Relaxed));
        let claimed = ranges.iter().map(|(id, read)| (*id, read.range)).collect();
        let request = ClaimRequest::next(own, &known, &shared.worker, rules, claimed);
        let update = Update::Claim(request.clone());
        loop {
            if persist(shared, "claim", || store.update_positions(&update)).await {
                return Some(request.claim);
            }
            let positions = persist(shared, "claim", || standing(store)).await;
            match request.outcome(&positions) {
                ClaimOutcome::Open => return Some(request.claim),
                ClaimOutcome::Retry => {}
                ClaimOutcome::Blocked(_) | ClaimOutcome::Rejected => {
                    tracing::info!(lane = own, "the batch cannot be claimed, as somebody went on with its partitions");
                    let holder = positions.lanes.get(&own).and_then(|lane| lane.holder.as_ref());
                    if holder != Some(&shared.worker) {
                        tracing::warn!(lane = own, ?holder, "another worker took the lane of this one");
                        self.lane.set(persist(shared, "lane", || acquire(store, shared)).await);
                    }
                    return None;
                }
            }
        }
    }

    /// Completes the claim, all of which is applied.
    async fn complete(
        &mut self,
        claim: &Claim,
        folding: &FoldedBatch,
        settled: &BTreeMap<PartitionId, Settled>,
    ) -> BTreeMap<PartitionId, Reached> {
        let generation = self.shared.generation.load(Ordering::Relaxed);
        let completion = claim.completion(generation, |id| {
            let Applied { counters, forgotten } = Applied::of(*id, folding, settled);
            (counters, forgotten)
        });
        let (seq, derivation) = (completion.seq, completion.derivation);
        let reached = |(id, range): (&PartitionId, &ClaimedRange)| {
            let forgotten = range.forgotten.max(settled.get(id).and_then(|settled| settled.forgotten));
            (*id, Reached { next: range.end, forgotten })
        };
        let reached = claim.partitions.iter().map(reached).collect();
        let update = Update::Complete(completion);
        // Otherwise it was completed before: by another worker, or without an acknowledgement. Either way all of it is applied.
        if persist(&self.shared, "complete", || self.store.update_positions(&update)).await {
            let holder = Some(self.shared.worker.clone());
            self.known = Some(Lane { holder, seq, open: false, rules: claim.rules, derivation });
        }
        reached
    }

    fn observe(&self, stage: &'static str, began: Instant) {
        self.shared.metrics.flush_seconds.get_or_create(&Stage { stage }).observe(began.elapsed().as_secs_f64());
    }

    fn record(
        &self,
        claim: &Claim,
        folding: &FoldedBatch,
        settled: &BTreeMap<PartitionId, Settled>,
        report: ApplyReport,
    ) {
        let (shared, metrics) = (&self.shared, &self.shared.metrics);
        let ApplyReport { changed, already, .. } = report;
        let mut all = 0;
        for (id, range) in &claim.partitions {
            let events = folding.partitions.get(id).map_or(0, |of| of.counters.events) as u64;
            shared.partitions.applied(*id, range.end);
            metrics.events.get_or_create(&OfStream { stream: id.stream.name() }).inc_by(events);
            all += events;
        }
        for event in &folding.changes.rejections {
            let stream = self.topics.stream(&event.topic).map_or("", |stream| stream.name());
            metrics.rejected.get_or_create(&Refusal { stream, reason: event.reason.name() }).inc();
        }
        if let Some(oldest) = folding.partitions.values().filter_map(|of| of.oldest).min() {
            let age = (Timestamp::now().millis() - oldest.millis()).max(0);
            shared.freshness_ms.store(age, Ordering::Relaxed);
            metrics.freshness.set(age as f64 / 1_000.0);
        }
        let (keys, rejected) = (folding.changes.keys(), folding.changes.rejections.len());
        shared.events.fetch_add(all, Ordering::Relaxed);
        shared.batches.fetch_add(1, Ordering::Relaxed);
        metrics.duplicates.inc_by(settled.values().map(|settled| settled.duplicates as u64).sum());
        metrics.batch_events.observe(all as f64);
        metrics.batch_keys.observe(keys as f64);
        metrics.documents.inc_by(changed);
        metrics.already.inc_by(already);
        let partitions = claim.partitions.len();
        tracing::debug!(events = all, keys, changed, already, rejected, partitions, "batch written");
    }
}
