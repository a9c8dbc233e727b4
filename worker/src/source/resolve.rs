//! Where reading starts: checkpoints from the store against the log as it is.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::consumer::BaseConsumer;
use stockstream_kafka::{check_epochs, cluster_id, log_bounds, topic_ids};
use stockstream_model::{
    documents::{Checkpoint, KafkaIds, PartitionId, StartPositions},
    event::Stream,
    settings::{Kafka, Settings},
};
use stockstream_store::StateStore;
use tokio::{runtime::Handle, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::context::Context;
use crate::{
    core::{
        duplicates::inherited,
        position::{LogFacts, Policy, Resume, Stop, beginning, resume, seems_truncated, successor},
    },
    shared::Shared,
};

/// From partitions to what is to be done with them.
pub(crate) type Resolve = Arc<dyn Fn(&BaseConsumer<Context>, &[PartitionId]) -> Resolved + Send + Sync>;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const PAUSE: Duration = Duration::from_millis(500);
/// After so long it is a problem that partitions wait for their positions.
const PATIENCE: Duration = Duration::from_secs(10);
/// That problem's name.
const WAITING: &str = "positions";
/// How long one look may ask for logs.
const LOOK: Duration = Duration::from_secs(15);
/// How long it is looked again whether a log really does not fit: what a broker says first may be old.
const DOUBT: Duration = Duration::from_secs(5);

/// A partition to be read.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub checkpoint: Checkpoint,
    /// Where to read from.
    pub position: i64,
    /// Where what is left of a claimed range ends, if the log no longer holds all of it.
    pub until: Option<i64>,
}

/// What is to be done with partitions; those that their topic lacks are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    pub reading: Vec<Reading>,
    /// Those that must not be read as things stand.
    pub stopped: Vec<PartitionId>,
}

/// What decides where reading starts.
pub(crate) struct Positions<S> {
    pub store: Arc<S>,
    pub settings: Settings,
    pub start: StartPositions,
    pub shared: Arc<Shared>,
    /// The id of a cluster that has no controller to be asked for ids.
    pub own_cluster: Option<String>,
}

/// The resolver on a store. It runs inside `poll` and waits for the store as long as it takes: without positions there is
/// nothing to read.
pub(crate) fn resolver<S: StateStore>(
    positions: Positions<S>,
    runtime: Handle,
    shutdown: CancellationToken,
) -> Resolve {
    Arc::new(move |consumer, ids| {
        let last_error = Mutex::new(None);
        let work = async {
            loop {
                match positions.resolve(consumer, ids).await {
                    Ok(resolved) => return resolved,
                    Err(error) => {
                        tracing::warn!(%error, "cannot find out where to read on; trying again");
                        *last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
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
                positions.shared.turn(); // waiting for the database is no reason to be restarted
                if began.elapsed() >= PATIENCE {
                    let told = last_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    let why = told.or_else(|| positions.shared.database_trouble());
                    let ids = ids.iter().map(PartitionId::to_string).collect::<Vec<_>>().join(", ");
                    let why = why.unwrap_or_else(|| "check that the database answers".into());
                    positions.shared.problem(WAITING, format!("{ids} wait for the positions to read from: {why}"));
                }
            }
        };
        let resolved = runtime.block_on(async {
            tokio::select! {
                resolved = work => resolved,
                () = shutdown.cancelled() => Resolved::default(),
                () = alive => Resolved::default(),
            }
        });
        positions.shared.solved(WAITING);
        resolved
    })
}

/// What is known in one look at some partitions.
struct Look {
    standing: Vec<Checkpoint>,
    ids: KafkaIds,
    logs: Logs,
}

/// What Kafka says of logs, or why it does not.
type Logs = HashMap<PartitionId, Result<LogFacts, Stop>>;

impl<S: StateStore> Positions<S> {
    async fn resolve(&self, consumer: &BaseConsumer<Context>, ids: &[PartitionId]) -> Result<Resolved, Failure> {
        let mut doubt: Option<Instant> = None;
        let mut resolved = Resolved::default();
        let mut open = ids.to_vec();
        while !open.is_empty() {
            let look = self.look(consumer, &open).await?;
            let is_sure = doubt.is_some_and(|began| began.elapsed() >= DOUBT);
            let (mut again, mut doubtful, mut new) = (Vec::new(), Vec::new(), Vec::new());
            for id in open {
                let log = match look.logs.get(&id) {
                    Some(Ok(log)) => log,
                    Some(Err(stop)) if self.is_final(id, stop, is_sure) => {
                        self.stop(id, stop, &mut resolved);
                        continue;
                    }
                    Some(Err(_)) | None => {
                        doubtful.push(id);
                        continue;
                    }
                };
                let policy = self.policy(&look.ids);
                let Some(checkpoint) = look.standing.iter().find(|checkpoint| checkpoint.id == id) else {
                    match self.begin(id, log, &look.standing, &policy) {
                        Ok(checkpoint) => {
                            new.push(checkpoint);
                            again.push(id);
                        }
                        Err(stop) if self.is_final(id, &stop, is_sure) => self.stop(id, &stop, &mut resolved),
                        Err(_) => doubtful.push(id),
                    }
                    continue;
                };
                let decided = resume(checkpoint, log, &policy);
                let may_be_old = !matches!(decided, Resume::Stop(_)) && seems_truncated(checkpoint, log, &policy);
                match decided {
                    Resume::Stop(stop) if self.is_final(id, &stop, is_sure) => self.stop(id, &stop, &mut resolved),
                    Resume::Stop(_) => doubtful.push(id),
                    _ if may_be_old && !is_sure => doubtful.push(id),
                    Resume::Read { position, until, note } => {
                        note.iter().for_each(|note| tracing::warn!(partition = %id, "{note}"));
                        self.shared.solved(&id.to_string());
                        resolved.reading.push(Reading { checkpoint: checkpoint.clone(), position, until });
                    }
                    // Whoever wins, it is decided again from what stands.
                    Resume::Rewrite { checkpoint, ids, note } => {
                        self.rewrite(&checkpoint, &ids, note).await?;
                        again.push(id);
                    }
                }
            }
            self.create(&new, &look).await?;
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

    fn policy<'a>(&self, ids: &'a KafkaIds) -> Policy<'a> {
        let kafka = &self.settings.kafka;
        Policy { on_lost_offsets: kafka.on_lost_offsets, on_recreated_topic: kafka.on_recreated_topic, ids }
    }

    fn begin(
        &self,
        id: PartitionId,
        log: &LogFacts,
        standing: &[Checkpoint],
        policy: &Policy<'_>,
    ) -> Result<Checkpoint, Stop> {
        let pinned = self.start.next.get(&id).copied();
        let checkpoint = beginning(id, pinned, log, standing, policy)?;
        Ok(Checkpoint { forgotten: inherited(id, pinned.is_some(), standing), ..checkpoint })
    }

    async fn create(&self, new: &[Checkpoint], look: &Look) -> Result<(), Failure> {
        let Some(first) = new.first() else { return Ok(()) };
        // Where positions are missing, the database may not be the one that this worker claimed.
        self.store.verify_owner(&self.settings.pipeline).await?;
        if look.ids.cluster.is_none() && first.cluster_id.is_some() {
            let ids = KafkaIds { cluster: first.cluster_id.clone(), ..KafkaIds::default() };
            self.store.note_kafka_ids(&ids).await?;
        }
        Ok(self.store.create_checkpoints(new).await?)
    }

    async fn rewrite(&self, checkpoint: &Checkpoint, ids: &KafkaIds, note: Option<String>) -> Result<(), Failure> {
        if *ids != KafkaIds::default() {
            self.store.note_kafka_ids(ids).await?;
        }
        let written = self.store.swap_checkpoints(&[successor(checkpoint, self.shared.stamp())]).await?;
        if written == [true] {
            note.iter().for_each(|note| tracing::warn!(partition = %checkpoint.id, "{note}"));
        }
        Ok(())
    }

    /// Whether a partition stands still. What may be otherwise in a moment is looked at again, unless it was told before.
    fn is_final(&self, id: PartitionId, stop: &Stop, is_sure: bool) -> bool {
        is_sure || !stop.is_doubtful || self.shared.has_problem(&id.to_string())
    }

    fn stop(&self, id: PartitionId, stop: &Stop, resolved: &mut Resolved) {
        if self.shared.problem(id.to_string(), stop.reason.clone()) {
            tracing::error!(partition = %id, "{}", stop.reason);
        }
        resolved.stopped.push(id);
    }

    /// The log after the checkpoints, every time: another worker may be moving them. What was replaced in between: whoever
    /// moves a checkpoint to another topic notes it first.
    async fn look(&self, consumer: &BaseConsumer<Context>, open: &[PartitionId]) -> Result<Look, Failure> {
        let standing = self.store.checkpoints().await?;
        let ids = self.store.kafka_ids().await?;
        let logs = self.logs(consumer, open, &standing)?;
        Ok(Look { standing, ids, logs })
    }

    /// What Kafka says of the partitions now. One without a leader keeps no other from being read.
    ///
    /// # Errors
    /// Why Kafka answers nothing at all.
    fn logs(
        &self,
        consumer: &BaseConsumer<Context>,
        ids: &[PartitionId],
        standing: &[Checkpoint],
    ) -> Result<Logs, Failure> {
        let kafka = &self.settings.kafka;
        let names: Vec<&str> = Stream::ALL.iter().map(|stream| kafka.topics.of(*stream).name.as_str()).collect();
        let (cluster_id, topic_ids) = match &self.own_cluster {
            Some(own) => (Some(own.clone()), BTreeMap::new()),
            None => (cluster_id(consumer, kafka)?, topic_ids(consumer, kafka, &names)?),
        };
        let (mut logs, began) = (HashMap::new(), Instant::now());
        for id in ids {
            let facts = |(first, end)| {
                let topic_id = topic_ids.get(&kafka.topics.of(id.stream).name).cloned();
                LogFacts { first, end, topic_id, cluster_id: cluster_id.clone(), ..LogFacts::default() }
            };
            // Each of many that do not answer would be waited for.
            let found = if began.elapsed() < LOOK { bounds(consumer, kafka, *id) } else { Err(not_asked(*id)) };
            logs.insert(*id, found.map(facts));
        }
        if self.own_cluster.is_none() {
            let known = |checkpoint: &Checkpoint| {
                let log = logs.get(&checkpoint.id)?.as_ref().ok()?;
                // Of another topic, epochs mean nothing.
                let ids = checkpoint.topic_id.as_ref().zip(log.topic_id.as_ref());
                Some((checkpoint.id, checkpoint.known_epoch().filter(|_| ids.is_none_or(|(old, new)| old == new))?))
            };
            let asked: Vec<_> = standing.iter().filter_map(known).collect();
            let checks = check_epochs(kafka, &self.settings.group_id(), &asked)?;
            for (id, _) in asked {
                let Some(log) = logs.get_mut(&id) else { continue };
                match (&mut *log, checks.get(&id)) {
                    (Ok(facts), Some(check)) => facts.epoch = *check,
                    _ => {
                        *log = Err(Stop::doubtful(format!(
                            "the leader of {id} does not say whether its log still holds what was counted; check that its \
                             broker answers. Nothing of it is read until then"
                        )));
                    }
                }
            }
        }
        Ok(logs)
    }
}

/// The first offset of a log and the one behind its last event; or why the partition stands still.
fn bounds(consumer: &BaseConsumer<Context>, kafka: &Kafka, id: PartitionId) -> Result<(i64, i64), Stop> {
    match log_bounds(consumer, kafka, id) {
        Ok(Some(bounds)) => Ok(bounds),
        // Whoever assigned it knew another state of the topic, and assigns anew when that is noticed.
        Ok(None) => Err(Stop::certain(format!(
            "the topic {} has no partition {} as far as its broker knows; it is looked for again",
            kafka.topics.of(id.stream).name,
            id.partition
        ))),
        Err(error) => Err(Stop::doubtful(format!("{error}. {id} is not read until its leader answers"))),
    }
}

fn not_asked(id: PartitionId) -> Stop {
    Stop::doubtful(format!(
        "Kafka was not asked for the log of {id}, as it did not answer for others; it is asked again"
    ))
}
