//! The protocol on trial: any split of the events into batches and over workers, with crashes between and inside the
//! steps, redelivery and zombies, gives the state that one pass over the events gives.
//!
//! Workers may fold by rules of their own, as they do during an upgrade: then it must be the state that one pass gives which
//! folds each event by the rules of the claim that it was completed under.
//!
//! It runs the worker's own parts (slot, fold, claim, apply, complete) on the store in memory; only Kafka is played.

mod answers;
mod copies;
mod rules;

use std::collections::HashMap;

use proptest::prelude::*;
use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, FoldRules, PartitionId},
    event::Stream,
    settings::{Analytics, Span, Topics},
};
use stockstream_store::{
    MemoryStore, Range, StateStore,
    inspect::{Inspect, Snapshot},
};

use crate::{
    core::{
        fold::{Folder, Record},
        position::claim,
    },
    duplicates::settle,
    flush::{FlushPart, flush, folded},
    folding::{Gathering, Rules, Threads},
    shared::Shared,
    source::slot::Slot,
};

const WORKERS: usize = 3;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// A worker is given a partition. Whoever had it does not notice: it is a zombie from now on.
    Assign { worker: usize, partition: usize },
    /// A worker reads on.
    Read { worker: usize, partition: usize, records: usize },
    /// A worker flushes everything it has.
    Flush { worker: usize },
    /// A worker dies in a flush: after its claims, with some of the keys applied, never completed.
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

fn payload(stream: Stream) -> BoxedStrategy<String> {
    let (id, day) = (0..5, 1..28);
    match stream {
        Stream::Sales => (id, day, 1..4_i64, 0..9_i64, any::<(bool, bool)>())
            .prop_map(|(id, day, quantity, price, (back, too))| {
                let (quantity, other) = (if back { -quantity } else { quantity }, if too { -1 } else { 1 });
                let lines = format!(r#"{{"product_id":"p{id}","quantity":{quantity},"unit_price":"{price}.05"}},{{"product_id":"p{}","quantity":{other}}}"#, id / 2);
                format!(r#"{{"invoice_id":1,"client_id":"c{id}","timestamp":"2026-01-{day:02}","total_amount":{price},"items":[{lines}]}}"#)
            })
            .boxed(),
        Stream::Inventory => (id, day, -3..9_i64)
            .prop_map(|(id, day, quantity)| format!(r#"{{"product_id":"p{id}","batch_no":{day},"quantity":{quantity},"updated_at":"2026-01-{:02}","name":"n{quantity}"}}"#, day / 3 + 1))
            .boxed(),
        Stream::Clients => prop_oneof![
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
    (log(Stream::Sales, 0), log(Stream::Sales, 1), log(Stream::Inventory, 0), log(Stream::Clients, 0))
        .prop_map(|(a, b, c, d)| vec![a, b, c, d])
}

fn record<'a>(id: PartitionId, topic: &'a str, entry: &'a Entry) -> Record<'a> {
    let Entry { offset, at, payload } = entry;
    let produced_at = Some(Timestamp::from_millis(*at));
    Record { id, topic, offset: *offset, produced_at, payload: payload.as_bytes() }
}

struct Trial {
    store: MemoryStore,
    logs: Logs,
    workers: Vec<(Shared, HashMap<PartitionId, Slot>)>,
    threads: Threads,
    /// By which settings each worker tells copies of invoices.
    deduplicate: [Option<Span>; WORKERS],
    /// By which rules each worker folds what it claims.
    fold: [FoldRules; WORKERS],
    /// Completed ranges in order: where each ends, and by which rules it was claimed.
    completed: HashMap<PartitionId, Vec<(i64, FoldRules)>>,
    /// How far each worker has read each partition.
    read: HashMap<(usize, PartitionId), i64>,
}

impl Trial {
    fn new(logs: Logs) -> Self {
        let workers = (0..WORKERS).map(|n| (Shared::new(format!("w{n}")), HashMap::new())).collect();
        Self {
            store: MemoryStore::new(Analytics::default()),
            logs,
            workers,
            threads: Threads::new(2, &Topics::default(), Timestamp::default).unwrap(),
            deduplicate: [None; WORKERS],
            fold: [FoldRules::default(); WORKERS],
            completed: HashMap::new(),
            read: HashMap::new(),
        }
    }

    async fn assign(&mut self, worker: usize, id: PartitionId) {
        self.store.create_checkpoints(&[Checkpoint::new(id, 0, None)]).await.unwrap();
        let checkpoint = self.store.checkpoints().await.unwrap().into_iter().find(|c| c.id == id).unwrap();
        self.read.insert((worker, id), checkpoint.next);
        let deduplicate = self.deduplicate[worker].filter(|_| id.stream == Stream::Sales);
        let rules = Rules { fold: self.fold[worker], deduplicate };
        self.workers[worker].1.insert(id, Slot::new(checkpoint, None, rules));
    }

    fn read(&mut self, worker: usize, partition: usize, records: usize) {
        let (id, log) = &self.logs[partition];
        let Some(slot) = self.workers[worker].1.get_mut(id) else { return };
        let position = self.read.entry((worker, *id)).or_default();
        for entry in log.iter().filter(|entry| entry.offset >= *position).take(records).collect::<Vec<_>>() {
            let produced_at = Some(Timestamp::from_millis(entry.at));
            let (offset, payload) = (entry.offset, entry.payload.as_bytes());
            slot.gather(&Gathering { offset, produced_at, epoch: Some(offset as i32 / 8), payload }, &self.threads);
            *position = entry.offset + 1;
        }
    }

    async fn parts(&mut self, worker: usize) -> Vec<FlushPart> {
        let slots = self.workers[worker].1.values_mut();
        folded(slots.filter_map(|slot| slot.hand(&self.threads)).collect()).await.unwrap()
    }

    /// Returns how many partitions were completed.
    async fn flush(&mut self, worker: usize) -> usize {
        let parts = self.parts(worker).await;
        let flushed = flush(&self.store, &self.workers[worker].0, parts).await.unwrap();
        let completed = flushed.completed.len();
        for checkpoint in flushed.completed {
            self.completed.entry(checkpoint.id).or_default().push((checkpoint.next, checkpoint.fold));
            if let Some(slot) = self.workers[worker].1.get_mut(&checkpoint.id) {
                slot.completed(checkpoint);
            }
        }
        for id in flushed.lost {
            self.assign(worker, id).await; // a worker that lost a partition looks where it stands
        }
        completed
    }

    async fn die(&mut self, worker: usize, mut keys: usize) {
        for mut part in self.claim(worker).await {
            let claimed = part.checkpoint.clone();
            let asked = part.held.len().min(keys);
            let all_asked = asked == part.held.len();
            part.held.truncate(asked);
            let mut parts = vec![part];
            settle(&self.store, &self.workers[worker].0, &mut parts, std::slice::from_ref(&claimed)).await.unwrap();
            if all_asked {
                let part = some_keys(&parts[0].range, &mut keys);
                self.store.apply(&HashMap::from([(claimed.id, part)]), &[claimed]).await.unwrap();
            }
        }
    }

    /// A worker claims what it has and forgets all of it. The parts, behind their claims.
    async fn claim(&mut self, worker: usize) -> Vec<FlushPart> {
        let mut parts = Vec::new();
        for mut part in self.parts(worker).await {
            if let Some(claimed) = claim(&part.checkpoint, part.range.end, part.epoch, self.workers[worker].0.stamp()) {
                if !self.store.swap_checkpoints(std::slice::from_ref(&claimed)).await.unwrap()[0] {
                    continue;
                }
                part.checkpoint = claimed;
            }
            parts.push(part);
        }
        self.workers[worker].1.clear();
        parts
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
        assert_eq!(self.flush(0).await, 0, "everything is applied");
    }
}

/// The same range with only so many of its keys.
fn some_keys(range: &Range, keys: &mut usize) -> Range {
    let mut left = || {
        let some = *keys > 0;
        *keys = keys.saturating_sub(1);
        some
    };
    let mut part = range.clone();
    part.products.retain(|_, _| left());
    part.inventory.retain(|_, _| left());
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
    let (shared, topics) = (Shared::new("plain".into()), Topics::default());
    for (id, log) in logs {
        let mut checkpoint = Checkpoint::new(*id, 0, None);
        store.create_checkpoints(std::slice::from_ref(&checkpoint)).await.unwrap();
        let alike = |a: &Entry, b: &Entry| rules(*id, a.offset) == rules(*id, b.offset);
        for entries in log.chunk_by(alike) {
            let mut range = Range { next: checkpoint.next, ..Range::default() };
            let mut folder = Folder::new(&mut range, rules(*id, entries[0].offset));
            for entry in entries {
                folder.fold(&record(*id, &topics.of(id.stream).name, entry), Timestamp::default());
            }
            drop(folder);
            let part = FlushPart { checkpoint, range, oldest: None, held: Vec::new(), epoch: None };
            checkpoint = flush(&store, &shared, vec![part]).await.unwrap().completed.swap_remove(0);
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
            let mut trial = Trial::new(logs);
            for step in steps {
                trial.step(step).await;
            }
            trial.end().await;
            (expected, trial.store.snapshot().await.unwrap())
        });
        prop_assert_eq!(found, expected);
    }
}
