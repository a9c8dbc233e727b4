//! Where reading starts: positions from the store against the logs as they are, once no claim is in the way.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rdkafka::consumer::BaseConsumer;
use stockstream_model::{
    Timestamp,
    documents::{FoldRules, KafkaIds, PartitionId, StartPositions},
};
use stockstream_protocol::{
    claim::{Claim, blocking_lanes},
    dedup_expiry::initial_dedup_watermark,
    log::{Decision, LogState, Notice, Policy, beginning, decide},
    positions::{Cause, LaneId, Position, Positions},
    update::Update,
};
use stockstream_store::StateStore;
use tokio::{runtime::Handle, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    consumer::{
        log_source::{LogSource, Logs, Unknown},
        rebalance::{Context, Resolve},
        resolved::{Reading, Resolved},
    },
    core::{
        memory::Budget,
        notices::{not_begun, sentence},
    },
    lane::{OwnLane, standing},
    migration::seal,
    recovery::{DOUBT, KafkaReader, Terms, Unfinished, policy},
    state::WorkerState,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const PAUSE: Duration = Duration::from_millis(500);
/// After so long it is a problem that partitions wait for their positions.
const PATIENCE: Duration = Duration::from_secs(10);
/// That problem's name.
const WAITING: &str = "positions";
/// How long the flush under way is waited for.
const FLUSH: Duration = Duration::from_secs(3);
/// How long a claim of a worker that lives is waited for before it is finished here too: two that write the same documents are slower
/// than one, so only one that stands still is helped.
const COURTESY: Duration = Duration::from_secs(60);

/// What decides where reading starts.
pub(crate) struct Resolver<S> {
    pub store: Arc<S>,
    pub logs: LogSource,
    pub start: StartPositions,
    pub shared: Arc<WorkerState>,
    pub lane: Arc<OwnLane>,
    pub budget: Budget,
    pub awaited: Awaited,
    pub finishing: Finishing,
}

/// The claim that is being finished, in words.
#[derive(Default)]
pub(crate) struct Finishing(Mutex<Option<String>>);

impl Finishing {
    fn begin(&self, claim: &Claim) {
        let events: i64 = claim.partitions.values().map(|range| range.end - range.start).sum();
        let text = format!(
            "an open claim of {events} offsets is being finished (lane {}, seq {}), as often read as limits.batchKeys and the \
             memory limit ask for",
            claim.lane, claim.seq
        );
        *self.0.lock() = Some(text);
    }

    fn end(&self) {
        *self.0.lock() = None;
    }

    fn told(&self) -> Option<String> {
        self.0.lock().clone()
    }
}

/// Claims of workers that live, and since when each is waited for.
#[derive(Default)]
pub(crate) struct Awaited(Mutex<BTreeMap<(LaneId, i64), Instant>>);

impl Awaited {
    fn since(&self, claim: &Claim) -> Instant {
        let mut all = self.0.lock();
        all.retain(|_, since| since.elapsed() < 2 * COURTESY);
        *all.entry((claim.lane, claim.seq)).or_insert_with(Instant::now)
    }
}

/// The resolver on a store. It runs inside `poll` and waits for the store as long as it takes: without positions there is
/// nothing to read.
pub(crate) fn resolver<S: StateStore>(resolver: Resolver<S>, runtime: Handle, shutdown: CancellationToken) -> Resolve {
    Arc::new(move |consumer, ids| {
        let last_error = Mutex::new(None);
        let work = async {
            loop {
                match resolver.resolve(consumer, ids).await {
                    Ok(resolved) => return resolved,
                    Err(error) => {
                        tracing::warn!(%error, "cannot find out where to read on; trying again");
                        *last_error.lock() = Some(error.to_string());
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        };
        let alive = async {
            let mut turns = tokio::time::interval(Duration::from_secs(5));
            turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let began = tokio::time::Instant::now();
            loop {
                turns.tick().await;
                resolver.shared.tick(); // waiting for the database is no reason to be restarted
                if began.elapsed() >= PATIENCE {
                    let told = || last_error.lock().clone();
                    let why =
                        resolver.finishing.told().or_else(told).or_else(|| resolver.shared.problems.database_error());
                    let ids = ids.iter().map(PartitionId::to_string).collect::<Vec<_>>().join(", ");
                    let why = why.unwrap_or_else(|| "check that the database answers".into());
                    resolver.shared.problems.add(WAITING, format!("{ids} wait for the positions to read from: {why}"));
                }
            }
        };
        resolver.shared.set_resolving(true);
        let resolved = runtime.block_on(async {
            tokio::select! {
                resolved = work => resolved,
                () = shutdown.cancelled() => Resolved::default(),
                () = alive => Resolved::default(),
            }
        });
        resolver.shared.set_resolving(false);
        resolver.shared.problems.remove(WAITING);
        resolved
    })
}

/// What is known in one look at some partitions.
struct Look {
    positions: Positions,
    logs: Logs,
}

/// What becomes of a partition that is looked at.
enum Next {
    /// It is read, or stopped.
    Settled,
    /// It is decided again, from what stands then.
    Again,
    /// The same, after some time.
    Doubtful,
}

impl<S: StateStore> Resolver<S> {
    async fn resolve(&self, consumer: &BaseConsumer<Context>, ids: &[PartitionId]) -> Result<Resolved, Failure> {
        // Nothing is handed to the flusher meanwhile: this runs on the thread that reads.
        self.shared.flush.wait(FLUSH);
        let mut resolved = Resolved::default();
        let (mut open, mut doubt) = (ids.to_vec(), None::<Instant>);
        while !open.is_empty() {
            open = self.unblocked(open, &mut resolved).await?;
            let look = self.look(consumer, &open).await?;
            let is_sure = doubt.is_some_and(|began| began.elapsed() >= DOUBT);
            let (mut again, mut doubtful, mut new) = (Vec::new(), Vec::new(), Vec::new());
            for id in open {
                let next = match look.logs.get(&id) {
                    Some(Ok(log)) => match look.positions.partitions.get(&id) {
                        Some(position) => self.go_on(id, position, log, &look, is_sure, &mut resolved).await?,
                        None => self.begin(id, log, &look, is_sure, &mut new, &mut resolved),
                    },
                    Some(Err(unknown)) => self.unknown(id, unknown, is_sure, &mut resolved),
                    None => Next::Doubtful,
                };
                match next {
                    Next::Settled => {}
                    Next::Again => again.push(id),
                    Next::Doubtful => doubtful.push(id),
                }
            }
            self.add(new).await?;
            if !doubtful.is_empty() {
                // From the end of the first look on, so that there is always a second one.
                doubt.get_or_insert_with(Instant::now);
                tokio::time::sleep(PAUSE).await;
            }
            again.append(&mut doubtful);
            open = again;
        }
        Ok(resolved)
    }

    /// Waits until no claim is open on these partitions, nor in the worker's own lane, and finishes those of workers that do not.
    /// Returns the partitions but those whose claim only another version can finish.
    async fn unblocked(
        &self,
        mut open: Vec<PartitionId>,
        resolved: &mut Resolved,
    ) -> Result<Vec<PartitionId>, Failure> {
        let began = Instant::now();
        // A client for each time: claims of others are rare.
        let mut reader = KafkaReader::new(self.logs.clone(), self.budget);
        loop {
            let positions = standing(&*self.store).await?;
            self.shared.partitions.found(&positions, open.iter().map(|id| (id, None)));
            let own = self.lane.get();
            let mut blocking = blocking_lanes(&positions, own, &open);
            if self.shared.flush.is_running() {
                blocking.remove(&own); // that of the flush under way, which goes on
            }
            let Some(claim) = blocking.first().and_then(|lane| Claim::open_in(&positions, *lane)) else {
                return Ok(open);
            };
            if !claim.rules.fold.are_known() {
                for id in take_out(&mut open, &claim) {
                    self.stop(id, &unknown_rules(id, &claim), resolved);
                }
                if claim.lane == own {
                    return Err(unknown_rules_of_lane(&claim).into());
                }
                continue;
            }
            if claim.lane != own {
                let waited = self.awaited.since(&claim).elapsed();
                if waited < COURTESY
                    && let Some(holder) = self.live_holder(&positions, &claim).await?
                {
                    for id in take_out(&mut open, &claim) {
                        let why = (waited >= PATIENCE).then(|| flushed_elsewhere(id, &claim, &holder));
                        self.wait(id, why, resolved);
                    }
                    continue;
                }
            }
            let terms =
                Terms { store: &*self.store, shared: &self.shared, settings: &self.logs.settings, budget: self.budget };
            self.finishing.begin(&claim);
            let finished = terms.finish(&mut reader, &positions, &claim).await;
            self.finishing.end();
            match finished {
                Ok(()) => {}
                // What is open in the own lane keeps everything from being claimed.
                Err(error) if claim.lane == own => return Err(error.into()),
                Err(error) if began.elapsed() < PATIENCE => {
                    tracing::warn!(lane = claim.lane, seq = claim.seq, %error, "an open claim is not finished yet");
                    tokio::time::sleep(PAUSE).await;
                }
                // Others need not wait for these.
                Err(error) => {
                    for id in take_out(&mut open, &claim) {
                        self.stop(id, &waits_for(id, &claim, &error), resolved);
                    }
                }
            }
        }
    }

    /// The worker that holds a claim's lane, if it showed lately that it is alive.
    async fn live_holder(&self, positions: &Positions, claim: &Claim) -> Result<Option<String>, Failure> {
        let Some(holder) = positions.lanes.get(&claim.lane).and_then(|lane| lane.holder.as_ref()) else {
            return Ok(None);
        };
        let late = 2 * self.logs.settings.limits.heartbeat_every.millis() as i64;
        let since = Timestamp::now().plus_millis(-late);
        let workers = self.store.progress().await?.workers;
        let is_alive = workers.iter().any(|worker| &worker.worker == holder && worker.at >= since);
        Ok(is_alive.then(|| holder.clone()))
    }

    /// Leaves a partition to the worker that has a claim on it; a problem once that takes long.
    fn wait(&self, id: PartitionId, why: Option<String>, resolved: &mut Resolved) {
        match why {
            Some(why) if self.shared.problems.add(id.to_string(), &*why) => tracing::warn!(partition = %id, "{why}"),
            Some(_) => {}
            None => tracing::debug!(partition = %id, "another worker flushes what it read of the partition"),
        }
        resolved.claimed.push(id);
    }

    /// Decides how to go on with a partition that has a position.
    async fn go_on(
        &self,
        id: PartitionId,
        position: &Position,
        log: &LogState,
        look: &Look,
        is_sure: bool,
        resolved: &mut Resolved,
    ) -> Result<Next, Failure> {
        if position.pending.is_some() {
            return Ok(Next::Again); // another worker claimed it since
        }
        let policy = policy(&self.logs.settings, &look.positions.seen);
        let say = |notice: &Notice, moved| sentence(id, position, log, &policy, notice, moved);
        match decide(position, log, &policy) {
            Decision::Read => {
                self.shared.problems.remove(&id.to_string());
                resolved.reading.push(Reading { id, position: position.clone() });
                Ok(Next::Settled)
            }
            Decision::Wait(notice) if is_sure || !is_doubtful(notice.cause) || self.is_told(id) => {
                self.stop(id, &say(&notice, false), resolved);
                Ok(Next::Settled)
            }
            Decision::Wait(_) => Ok(Next::Doubtful),
            Decision::Move { position: to, ids, notice } => {
                let restarts = to.incarnation > position.incarnation;
                let may_be_old = notice.is_some_and(|notice| is_doubtful(notice.cause)) && !restarts;
                if may_be_old && !is_sure && !self.is_told(id) {
                    return Ok(Next::Doubtful);
                }
                let said = notice.filter(|_| to.frozen.is_none()).map(|notice| say(&notice, true));
                let update = Update::Move { id, expected: Box::new(position.clone()), position: to, ids };
                // Whoever wins, it is decided again from what stands.
                if self.store.update_positions(&update).await? {
                    said.iter().for_each(|said| tracing::warn!(partition = %id, "{said}"));
                }
                Ok(Next::Again)
            }
        }
    }

    /// Decides where a partition begins that has no position.
    fn begin(
        &self,
        id: PartitionId,
        log: &LogState,
        look: &Look,
        is_sure: bool,
        new: &mut Vec<(PartitionId, Position)>,
        resolved: &mut Resolved,
    ) -> Next {
        let pinned = self.start.next.get(&id).copied();
        let standing: Vec<_> = look.positions.partitions.iter().map(|(id, position)| (*id, position)).collect();
        let policy = policy(&self.logs.settings, &look.positions.seen);
        match beginning(id, pinned, log, &standing, &policy) {
            Ok(position) => {
                let forgotten = initial_dedup_watermark(id, pinned.is_some(), &look.positions);
                new.push((id, Position { forgotten, ..position }));
                Next::Again
            }
            Err(cause) if is_sure || self.is_told(id) => {
                let said = not_begun(id, log, is_of_another_cluster(log, look, &policy), cause);
                self.stop(id, &said, resolved);
                Next::Settled
            }
            Err(_) => Next::Doubtful,
        }
    }

    async fn add(&self, new: Vec<(PartitionId, Position)>) -> Result<(), Failure> {
        if new.is_empty() {
            return Ok(());
        }
        // Where positions are missing, the database may not be the one that this worker claimed.
        self.store.verify_owner(&self.logs.settings.pipeline).await?;
        seal(&*self.store, &new.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await?;
        for (id, position) in new {
            self.store.update_positions(&Update::AddPartition { id, position }).await?;
        }
        Ok(())
    }

    fn unknown(&self, id: PartitionId, unknown: &Unknown, is_sure: bool, resolved: &mut Resolved) -> Next {
        if !is_sure && unknown.is_doubtful && !self.is_told(id) {
            return Next::Doubtful;
        }
        self.stop(id, &unknown.reason, resolved);
        Next::Settled
    }

    /// Whether something is told of the partition: that is not doubted again.
    fn is_told(&self, id: PartitionId) -> bool {
        self.shared.problems.contains(&id.to_string())
    }

    fn stop(&self, id: PartitionId, reason: &str, resolved: &mut Resolved) {
        if self.shared.problems.add(id.to_string(), reason) {
            tracing::error!(partition = %id, "{reason}");
        }
        resolved.stopped.push(id);
    }

    /// The logs after the positions, every time: another worker may be moving them.
    async fn look(&self, consumer: &BaseConsumer<Context>, open: &[PartitionId]) -> Result<Look, Failure> {
        let positions = standing(&*self.store).await?;
        let logs = self.logs.ask(consumer, open, &positions)?;
        self.shared
            .partitions
            .found(&positions, open.iter().map(|id| (id, logs.get(id).and_then(|log| log.as_ref().ok()))));
        Ok(Look { positions, logs })
    }
}

/// Whether a notice of that cause may be otherwise in a moment.
fn is_doubtful(cause: Cause) -> bool {
    cause != Cause::Deleted
}

fn is_of_another_cluster(log: &LogState, look: &Look, policy: &Policy<'_>) -> bool {
    let KafkaIds { cluster, .. } = policy.ids;
    let counted: BTreeSet<&String> = look
        .positions
        .partitions
        .values()
        .filter_map(|position| position.cluster_id.as_ref())
        .chain(cluster.as_ref())
        .collect();
    log.cluster_id.as_ref().is_some_and(|id| !counted.is_empty() && !counted.contains(id))
}

/// Takes the partitions of a claim out of those that are open.
fn take_out(open: &mut Vec<PartitionId>, claim: &Claim) -> Vec<PartitionId> {
    let (of_it, rest) = open.drain(..).partition(|id| claim.partitions.contains_key(id));
    *open = rest;
    of_it
}

/// What is claimed of a partition.
fn part(id: PartitionId, claim: &Claim) -> (i64, i64) {
    claim.partitions.get(&id).map_or((0, 0), |range| (range.start, range.end))
}

fn waits_for(id: PartitionId, claim: &Claim, error: &Unfinished) -> String {
    let (start, end) = part(id, claim);
    format!(
        "{id} waits for the claim {} of lane {}, of which [{start}, {end}) is its part and which a worker left open: {error}; it is \
         tried again every 10 s",
        claim.seq, claim.lane
    )
}

fn flushed_elsewhere(id: PartitionId, claim: &Claim, holder: &str) -> String {
    let (start, end) = part(id, claim);
    format!(
        "{id} waits for worker {holder}, which flushes [{start}, {end}) of it and lives; if it is not done within {} s, this worker \
         finishes its claim. Look at the log and the status of that worker",
        COURTESY.as_secs()
    )
}

fn unknown_rules(id: PartitionId, claim: &Claim) -> String {
    let (start, end) = part(id, claim);
    format!(
        "[{start}, {end}) of {id} is claimed to be folded by version {}, and this worker knows {} and older; run the version of \
         Stockstream that claimed it, or a newer one: it finishes the claim, and the partition goes on",
        claim.rules.fold.version,
        FoldRules::VERSION
    )
}

fn unknown_rules_of_lane(claim: &Claim) -> String {
    format!(
        "the claim {} of lane {} is to be folded by version {}, and this worker knows {} and older; run a newer Stockstream",
        claim.seq,
        claim.lane,
        claim.rules.fold.version,
        FoldRules::VERSION
    )
}
