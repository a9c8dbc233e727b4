//! The worker simulated: any split of the events into batches and over workers, with crashes between and inside the
//! steps, redelivery and zombies, gives the state that one pass over the events gives.
//!
//! Workers may fold by rules of their own, as they do during an upgrade: then it must be the state that one pass gives which
//! folds each event by the rules of the claim that it was completed under.
//!
//! It runs the worker's own parts (intake, fold, claim, apply, complete, recovery) on the store in memory; only Kafka is played.

mod answers;
mod deduplication;
mod risk;
mod rules;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use proptest::prelude::*;
use stockstream_model::{
    Timestamp,
    documents::{FoldRules, Heartbeat, PartitionId},
    event::EventKind,
    settings::{Analytics, HumanDuration, Settings, Topics},
};
use stockstream_protocol::{
    claim::{Claim, blocking_lanes},
    log::LogState,
    positions::{OffsetRange, Position, Positions},
    update::Update,
};
use stockstream_store::{
    Changes, Guard, MemoryStore, PositionStore, StateStore,
    inspect::{Inspect, Snapshot},
};

use crate::{
    consumer::intake::{Intake, ReadRecord},
    core::{fold::Record, memory::Budget},
    flush::{Batch, Flushed, Flusher, deduplicate::settle},
    fold::{FoldPool, FoldedBatch, LogThrottle, Rules},
    lane::{OwnLane, acquire},
    recovery::{ClaimReader, Reread, Terms, Unfinished},
    state::WorkerState,
};

const WORKERS: usize = 3;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// A worker is given a partition, once no claim is in its way. Whoever had it does not notice: it is a zombie from now on.
    Assign { worker: usize, partition: usize },
    /// A worker reads on.
    Read { worker: usize, partition: usize, records: usize },
    /// A worker flushes everything it has.
    Flush { worker: usize },
    /// A worker dies in a flush: after its claim, with some of the keys applied, never completed. Another takes its place.
    Die { worker: usize, keys: usize },
}

fn step(partitions: usize) -> impl Strategy<Value = Step> {
    let (worker, partition) = (0..WORKERS, 0..partitions);
    prop_oneof![
        2 => (worker.clone(), partition.clone()).prop_map(|(worker, partition)| Step::Assign { worker, partition }),
        5 => (worker.clone(), partition, 1..8_usize).prop_map(|(worker, partition, records)| Step::Read { worker, partition, records }),
        4 => worker.clone().prop_map(|worker| Step::Flush { worker }),
        2 => (worker, 0..12_usize).prop_map(|(worker, keys)| Step::Die { worker, keys }),
    ]
}

/// When events are produced: in the midst of what they tell of, so that some are from the future.
const PRODUCED: i64 = 1_768_435_200_000; // 2026-01-15

/// The partitions' logs, with gaps between offsets.
type Logs = Vec<(PartitionId, Vec<Entry>)>;

/// An event in a log.
#[derive(Clone, Debug)]
struct Entry {
    offset: i64,
    /// Its Kafka timestamp.
    at: i64,
    payload: String,
}

fn payload(stream: EventKind) -> BoxedStrategy<String> {
    let (id, day) = (0..5, 1..28);
    match stream {
        EventKind::Sales => (id, day, 1..4_i64, 0..9_i64, any::<(bool, bool)>())
            .prop_map(|(id, day, quantity, price, (back, too))| {
                let (quantity, other) = (if back { -quantity } else { quantity }, if too { -1 } else { 1 });
                let lines = format!(r#"{{"product_id":"p{id}","quantity":{quantity},"unit_price":"{price}.05"}},{{"product_id":"p{}","quantity":{other}}}"#, id / 2);
                format!(r#"{{"invoice_id":1,"client_id":"c{id}","timestamp":"2026-01-{day:02}","total_amount":{price},"items":[{lines}]}}"#)
            })
            .boxed(),
        EventKind::Inventory => (id, day, -3..9_i64)
            .prop_map(|(id, day, quantity)| format!(r#"{{"product_id":"p{id}","batch_no":{day},"quantity":{quantity},"updated_at":"2026-01-{:02}","name":"n{quantity}"}}"#, day / 3 + 1))
            .boxed(),
        EventKind::Clients => prop_oneof![
            (id, day).prop_map(|(id, day)| format!(r#"{{"client_id":"c{id}","updated_at":"2026-01-{:02}","name":"n{day}"}}"#, day / 3 + 1)),
            Just("not an event".to_owned()),
        ]
        .boxed(),
    }
}

fn logs() -> impl Strategy<Value = Logs> {
    let log = |stream, partition| {
        let id = PartitionId { stream, partition };
        prop::collection::vec((1..3_i64, payload(stream)), 0..25).prop_map(move |records| {
            let mut offset = 0;
            let placed = records.into_iter().map(|(gap, payload)| {
                offset += gap;
                Entry { offset, at: PRODUCED + offset, payload }
            });
            (id, placed.collect::<Vec<_>>())
        })
    };
    (log(EventKind::Sales, 0), log(EventKind::Sales, 1), log(EventKind::Inventory, 0), log(EventKind::Clients, 0))
        .prop_map(|(a, b, c, d)| vec![a, b, c, d])
}

fn record<'a>(id: PartitionId, topic: &'a str, entry: &'a Entry) -> Record<'a> {
    let Entry { offset, at, payload } = entry;
    let produced_at = Some(Timestamp::from_millis(*at));
    Record { id, incarnation: 0, topic, offset: *offset, produced_at, payload: payload.as_bytes() }
}

/// Reads claimed ranges from the logs, a few records at a time.
struct LogReader<'a> {
    logs: &'a Logs,
    waiting: Vec<Reread>,
}

impl ClaimReader for LogReader<'_> {
    async fn logs(
        &mut self,
        _: &Positions,
        ids: &[PartitionId],
    ) -> Result<BTreeMap<PartitionId, LogState>, Unfinished> {
        let of = |id: &PartitionId| {
            let log = &self.logs.iter().find(|(of, _)| of == id).unwrap().1;
            let end = log.last().map_or(0, |entry| entry.offset + 1);
            (*id, LogState { end, ..LogState::default() })
        };
        Ok(ids.iter().map(of).collect())
    }

    async fn begin(&mut self, ranges: &BTreeMap<PartitionId, OffsetRange>) -> Result<(), Unfinished> {
        self.waiting.clear();
        for (id, log) in self.logs {
            let Some(range) = ranges.get(id) else { continue };
            let claimed = log.iter().filter(|entry| (range.start..range.end).contains(&entry.offset));
            self.waiting.extend(claimed.map(|Entry { offset, at, payload }| Reread {
                id: *id,
                offset: *offset,
                produced_at: Some(Timestamp::from_millis(*at)),
                epoch: Some(*offset as i32 / 8),
                payload: payload.clone().into_bytes(),
            }));
        }
        Ok(())
    }

    async fn more(&mut self) -> Result<Option<Vec<Reread>>, Unfinished> {
        let some = self.waiting.len().min(3);
        Ok((some > 0).then(|| self.waiting.drain(..some).collect()))
    }

    async fn are_current(&mut self, _: &Positions, _: &[PartitionId]) -> Result<bool, Unfinished> {
        Ok(true)
    }
}

/// A worker of the trial.
struct Worker {
    shared: Arc<WorkerState>,
    lane: Arc<OwnLane>,
    flusher: Flusher<MemoryStore>,
    intake: Intake,
    rules: Rules,
}

impl Worker {
    /// A worker that is alive, with a lane of its own.
    async fn start(store: &Arc<MemoryStore>, name: String, rules: Rules) -> Self {
        let shared = Arc::new(WorkerState::new(name));
        store.heartbeat(&heartbeat(&shared.worker)).await.unwrap();
        let lane = Arc::new(OwnLane::new(acquire(&**store, &shared).await.unwrap()));
        let flusher = Flusher::new(Arc::clone(store), Arc::clone(&shared), Arc::clone(&lane), Topics::default());
        let threads = FoldPool::new(2, &Topics::default(), rules, Timestamp::default).unwrap();
        Self { shared, lane, flusher, intake: Intake::new(threads, rules), rules }
    }
}

fn heartbeat(worker: &str) -> Heartbeat {
    Heartbeat {
        worker: worker.into(),
        started_at: Timestamp::now(),
        at: Timestamp::now(),
        generation: 1,
        publisher: true,
        ..Heartbeat::default()
    }
}

struct Simulation {
    store: Arc<MemoryStore>,
    settings: Settings,
    logs: Logs,
    workers: Vec<Worker>,
    lives: usize,
    /// Completed ranges in order: where each ends, and by which rules it was claimed.
    completed: HashMap<PartitionId, Vec<(i64, FoldRules)>>,
    /// How far each worker has read each partition.
    read: HashMap<(usize, PartitionId), i64>,
}

impl Simulation {
    async fn new(logs: Logs, rules: [Rules; WORKERS]) -> Self {
        let store = Arc::new(MemoryStore::new(Analytics::default()));
        let partitions = logs.iter().map(|(id, _)| (*id, Position::default())).collect();
        store.create_positions(&Positions { partitions, ..Positions::default() }).await.unwrap();
        let mut workers = Vec::new();
        for rules in rules {
            workers.push(Worker::start(&store, format!("w{}", workers.len()), rules).await);
        }
        let mut settings = Settings::default();
        // Finishing a claim takes several passes over its keys.
        settings.limits.batch_keys = 20;
        let (completed, read) = (HashMap::new(), HashMap::new());
        Self { store, settings, logs, workers, lives: WORKERS, completed, read }
    }

    async fn positions(&self) -> Positions {
        self.store.load_positions().await.unwrap().unwrap()
    }

    /// Finishes what is in the way of a worker that is to read these partitions.
    async fn unblock(&mut self, worker: usize, ids: &[PartitionId]) {
        loop {
            let positions = self.positions().await;
            let own = self.workers[worker].lane.get();
            let blocking = blocking_lanes(&positions, own, ids);
            let Some(claim) = blocking.first().and_then(|lane| Claim::open_in(&positions, *lane)) else { return };
            self.finish(worker, &positions, &claim).await;
            self.note(claim.partitions.iter().map(|(id, range)| (*id, range.end)).collect(), claim.rules.fold);
        }
    }

    /// A worker finishes a claim that it found open in these positions.
    async fn finish(&self, worker: usize, positions: &Positions, claim: &Claim) {
        // So little that most claims are finished in slices.
        let budget = Budget { memory: Some(2_000), ..Budget::new(&self.settings.limits, None) };
        let shared = &self.workers[worker].shared;
        let terms = Terms { store: &*self.store, shared, settings: &self.settings, budget };
        let mut reader = LogReader { logs: &self.logs, waiting: Vec::new() };
        terms.finish(&mut reader, positions, claim).await.unwrap();
    }

    /// Notes ranges that are complete, and by which rules they were claimed.
    fn note(&mut self, ends: BTreeMap<PartitionId, i64>, rules: FoldRules) {
        for (id, end) in ends {
            let completed = self.completed.entry(id).or_default();
            if completed.last().is_none_or(|(last, _)| *last < end) {
                completed.push((end, rules));
            }
        }
    }

    async fn assign(&mut self, worker: usize, id: PartitionId) {
        let mut ids = BTreeSet::from([id]);
        if self.workers[worker].intake.holds_any(&ids) {
            ids.extend(self.workers[worker].intake.ids());
            self.workers[worker].intake.clear();
        }
        self.read_from_positions(worker, ids).await;
    }

    async fn read_from_positions(&mut self, worker: usize, ids: BTreeSet<PartitionId>) {
        self.unblock(worker, &ids.iter().copied().collect::<Vec<_>>()).await;
        let positions = self.positions().await;
        for id in ids {
            let position = &positions.partitions[&id];
            self.read.insert((worker, id), position.next);
            self.workers[worker].intake.assign(id, position);
        }
    }

    fn read(&mut self, worker: usize, partition: usize, records: usize) {
        let (id, log) = &self.logs[partition];
        let intake = &mut self.workers[worker].intake;
        if !intake.is_ours(*id) {
            return;
        }
        let position = self.read.entry((worker, *id)).or_default();
        for entry in log.iter().filter(|entry| entry.offset >= *position).take(records) {
            let produced_at = Some(Timestamp::from_millis(entry.at));
            let (offset, payload) = (entry.offset, entry.payload.as_bytes());
            let record = ReadRecord { offset, produced_at, epoch: Some(offset as i32 / 8), payload };
            intake.gather(*id, &record, || None).unwrap();
        }
        if let Some(last) = log.iter().filter(|entry| entry.offset >= *position).take(records).last() {
            *position = last.offset + 1;
        }
    }

    /// What a worker has read and folded.
    async fn batch(&mut self, worker: usize) -> Option<Batch> {
        self.workers[worker].intake.hand()?.folded().await
    }

    /// Returns whether anything was flushed.
    async fn flush(&mut self, worker: usize) -> bool {
        let Some(batch) = self.batch(worker).await else { return false };
        let rules = batch.rules.fold;
        let flushed = self.workers[worker].flusher.flush(batch).await;
        self.flushed(worker, flushed, rules).await;
        true
    }

    async fn flushed(&mut self, worker: usize, flushed: Flushed, rules: FoldRules) {
        match flushed {
            Flushed::Completed(reached) => {
                self.workers[worker].intake.completed(&reached);
                self.note(reached.iter().map(|(id, reached)| (*id, reached.next)).collect(), rules);
            }
            Flushed::Passed(_) => {}
            Flushed::Dropped => {
                let ids = self.workers[worker].intake.ids().into_iter().collect();
                self.workers[worker].intake.clear();
                self.read_from_positions(worker, ids).await;
            }
        }
    }

    /// A worker claims what it has and forgets all of it. What it claimed.
    async fn claim(&mut self, worker: usize) -> Option<(Claim, FoldedBatch)> {
        let batch = self.batch(worker).await;
        self.workers[worker].intake.clear();
        let Batch { ranges, rules, folding } = batch?;
        let claim = self.workers[worker].flusher.claim(&ranges, rules).await?;
        Some((claim, folding))
    }

    async fn die(&mut self, worker: usize, mut keys: usize) {
        if let Some((claim, mut folding)) = self.claim(worker).await {
            let asked = folding.held.len().min(keys);
            let all_asked = asked == folding.held.len();
            folding.held.truncate(asked);
            settle(&*self.store, &self.workers[worker].shared, &mut folding, &claim).await;
            if all_asked {
                let part = some_keys(&folding.changes, &mut keys);
                self.store.apply(&part, &Guard::of_claim(claim.lane, claim.seq)).await.unwrap();
            }
        }
        let (dead, rules) = (self.workers[worker].shared.worker.clone(), self.workers[worker].rules);
        self.store.leave(&dead).await.unwrap();
        self.lives += 1;
        self.workers[worker] = Worker::start(&self.store, format!("w{}", self.lives), rules).await;
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Assign { worker, partition } => self.assign(worker, self.logs[partition].0).await,
            Step::Read { worker, partition, records } => self.read(worker, partition, records),
            Step::Flush { worker } => {
                self.flush(worker).await;
            }
            Step::Die { worker, keys } => self.die(worker, keys).await,
        }
    }

    /// One worker takes over everything and reads to the end.
    async fn end(&mut self) {
        for partition in 0..self.logs.len() {
            self.assign(0, self.logs[partition].0).await;
        }
        for _ in 0..4 {
            for partition in 0..self.logs.len() {
                self.read(0, partition, usize::MAX);
            }
            self.flush(0).await;
        }
        assert!(!self.flush(0).await, "everything is applied");
        let positions = self.positions().await;
        let ends = |(id, log): &(PartitionId, Vec<Entry>)| {
            let position = &positions.partitions[id];
            position.pending.is_none() && log.last().is_none_or(|entry| position.next == entry.offset + 1)
        };
        assert!(self.logs.iter().all(ends), "{positions:?}");
    }
}

/// The same changes with only so many of their keys: a product only with all of its batches, as they are changed before.
fn some_keys(changes: &Changes, keys: &mut usize) -> Changes {
    let mut left = || {
        let some = *keys > 0;
        *keys = keys.saturating_sub(1);
        some
    };
    let mut part = changes.clone();
    part.inventory.retain(|_, _| left());
    part.products.retain(|_, _| left());
    part.clients.retain(|_, _| left());
    part.daily.retain(|_, _| left());
    part.rejections.clear();
    part
}

/// One pass over each log, applied in one batch: what must come out.
async fn plainly(logs: &Logs) -> Snapshot {
    plainly_by(logs, |_, _| FoldRules::default()).await
}

/// The same, each event by rules of its own: a batch of each.
async fn plainly_by(logs: &Logs, rules: impl Fn(PartitionId, i64) -> FoldRules) -> Snapshot {
    plain(logs, &Analytics::default(), rules).await.snapshot().await.unwrap()
}

/// A store that saw one pass over each log.
async fn plain(logs: &Logs, analytics: &Analytics, rules: impl Fn(PartitionId, i64) -> FoldRules) -> MemoryStore {
    let store = MemoryStore::new(analytics.clone());
    let partitions = logs.iter().map(|(id, _)| (*id, Position::default())).collect();
    store.create_positions(&Positions { partitions, ..Positions::default() }).await.unwrap();
    let (topics, mut seq) = (Topics::default(), 0);
    for (id, log) in logs {
        let alike = |a: &Entry, b: &Entry| rules(*id, a.offset) == rules(*id, b.offset);
        for entries in log.chunk_by(alike) {
            let of = Rules { fold: rules(*id, entries[0].offset), deduplicate: None };
            let (mut folding, mut told) = (FoldedBatch::default(), LogThrottle::default());
            let records = entries.iter().map(|entry| record(*id, &topics.of(id.stream).name, entry));
            folding.fold(*id, records, of, Timestamp::default(), &mut told);
            seq += 1;
            store.apply(&folding.changes, &Guard::of_claim(0, seq)).await.unwrap();
            let standing = store.load_positions().await.unwrap().unwrap().partitions.remove(id).unwrap();
            let mut moved = Position { next: entries.last().unwrap().offset + 1, ..standing.clone() };
            moved.counters.add(&folding.partitions[id].counters);
            let (expected, position) = (Box::new(standing), Box::new(moved));
            let update = Update::Move { id: *id, expected, position, ids: <_>::default() };
            assert!(store.update_positions(&update).await.unwrap());
        }
    }
    store
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn crashes_zombies_and_batches_leave_no_trace(logs in logs(), steps in prop::collection::vec(step(4), 0..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (expected, found) = runtime.block_on(async {
            let expected = plainly(&logs).await;
            let mut simulation = Simulation::new(logs, [Rules::default(); WORKERS]).await;
            for step in steps {
                simulation.step(step).await;
            }
            simulation.end().await;
            (expected, simulation.store.snapshot().await.unwrap())
        });
        prop_assert_eq!(found, expected);
    }
}
