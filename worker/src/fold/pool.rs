//! The threads that fold.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{Builder, JoinHandle},
};

use stockstream_model::{Timestamp, documents::PartitionId, settings::Topics};
use tokio::sync::oneshot;

use crate::{
    core::{
        fold::Record,
        memory::{self, Filled},
    },
    fold::{FoldedBatch, Rules, log_throttle::LogThrottle},
};

/// How many chunks wait for a thread before the reading side waits for it.
const WAITING: usize = 8;

type Clock = fn() -> Timestamp;

/// Records of one partition, one behind the other.
#[derive(Debug)]
pub(crate) struct Chunk {
    id: PartitionId,
    incarnation: i64,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    offset: i64,
    produced_at: Option<Timestamp>,
    /// Where its payload ends; it begins where the one before ends.
    end: usize,
}

/// What was folded of a batch so far, over all threads.
#[derive(Debug, Default)]
pub(crate) struct Load {
    records: AtomicUsize,
    /// Bytes of their payloads.
    read: AtomicUsize,
    keys: AtomicUsize,
    bytes: AtomicUsize,
    memory: AtomicUsize,
    days: AtomicUsize,
}

enum Work {
    Fold(Chunk, Arc<Load>),
    /// Gives away what was folded since the last time.
    Finish(oneshot::Sender<FoldedBatch>),
    /// Forgets it.
    Discard,
}

/// Threads that fold. All records of one partition are folded by the same, in the order in which they come.
pub(crate) struct FoldPool {
    queues: Vec<SyncSender<Work>>,
    handles: Vec<JoinHandle<()>>,
}

impl Chunk {
    /// No records yet, of a partition in an incarnation of its log.
    pub fn new(id: PartitionId, incarnation: i64) -> Self {
        Self { id, incarnation, bytes: Vec::new(), entries: Vec::new() }
    }

    /// Adds a record.
    pub fn push(&mut self, offset: i64, produced_at: Option<Timestamp>, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
        self.entries.push(Entry { offset, produced_at, end: self.bytes.len() });
    }

    /// How many bytes of payloads.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many records.
    pub fn records(&self) -> usize {
        self.entries.len()
    }

    /// Takes the records out, leaving room for as many.
    pub fn take(&mut self) -> Self {
        let (bytes, entries) = (Vec::with_capacity(self.bytes.len()), Vec::with_capacity(self.entries.len()));
        std::mem::replace(self, Self { id: self.id, incarnation: self.incarnation, bytes, entries })
    }

    fn each<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = Record<'a>> {
        let mut start = 0;
        self.entries.iter().map(move |Entry { offset, produced_at, end }| {
            let payload = &self.bytes[std::mem::replace(&mut start, *end)..*end];
            let (id, incarnation) = (self.id, self.incarnation);
            Record { id, incarnation, topic, offset: *offset, produced_at: *produced_at, payload }
        })
    }
}

impl Load {
    /// What is in a batch of so many records with so many bytes of payloads. A key or a day that several threads change counts for each, a
    /// record that is not folded yet as a key.
    pub fn filled(&self, records: usize, read: usize) -> Filled {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let (memory, folded) = (of(&self.memory), of(&self.read));
        Filled {
            keys: of(&self.keys) + records.saturating_sub(of(&self.records)),
            bytes: of(&self.bytes),
            memory: memory + memory::of_waiting(read.saturating_sub(folded), memory, folded),
            days: of(&self.days),
        }
    }
}

impl FoldPool {
    /// All batches are folded by these rules. `clock` says when an event was rejected.
    pub fn new(count: usize, topics: &Topics, rules: Rules, clock: Clock) -> io::Result<Self> {
        let (mut queues, mut handles) = (Vec::new(), Vec::new());
        for number in 0..count.max(1) {
            let (queue, work) = sync_channel(WAITING);
            let topics = topics.clone();
            let thread = Builder::new().name(format!("fold-{number}"));
            handles.push(thread.spawn(move || run(&work, &topics, rules, clock))?);
            queues.push(queue);
        }
        Ok(Self { queues, handles })
    }

    /// Has records folded. A thread that is gone has panicked, which [`check`](Self::check) finds.
    pub fn fold(&self, chunk: Chunk, load: &Arc<Load>) {
        let number = chunk.id.partition.unsigned_abs() as usize + chunk.id.stream as usize;
        let _ = self.queues[number % self.queues.len()].send(Work::Fold(chunk, Arc::clone(load)));
    }

    /// Asks for all that was folded since it was asked for last. Each receiver gets a thread's part.
    pub fn finish(&self) -> Vec<oneshot::Receiver<FoldedBatch>> {
        let ask = |queue: &SyncSender<Work>| {
            let (to, folding) = oneshot::channel();
            let _ = queue.send(Work::Finish(to));
            folding
        };
        self.queues.iter().map(ask).collect()
    }

    /// Forgets all that was folded since it was asked for last.
    pub fn discard(&self) {
        self.queues.iter().for_each(|queue| drop(queue.send(Work::Discard)));
    }

    /// Panics as a folding thread did, if one did.
    pub fn check(&mut self) {
        if let Some(gone) = self.handles.iter().position(JoinHandle::is_finished)
            && let Err(panic) = self.handles.swap_remove(gone).join()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

fn run(work: &Receiver<Work>, topics: &Topics, rules: Rules, clock: Clock) {
    let (mut told, mut folding) = (LogThrottle::default(), FoldedBatch::default());
    for work in work {
        match work {
            Work::Fold(chunk, load) => {
                let (keys, bytes, memory) = (folding.keys(), folding.bytes, folding.memory());
                let days = folding.changes.daily.len();
                let topic = &topics.of(chunk.id.stream).name;
                folding.fold(chunk.id, chunk.each(topic), rules, clock(), &mut told);
                load.keys.fetch_add(folding.keys() - keys, Ordering::Relaxed);
                load.bytes.fetch_add(folding.bytes - bytes, Ordering::Relaxed);
                load.days.fetch_add(folding.changes.daily.len() - days, Ordering::Relaxed);
                // It is an estimate, which may fall: adding wraps.
                load.memory.fetch_add(folding.memory().wrapping_sub(memory), Ordering::Relaxed);
                load.read.fetch_add(chunk.bytes(), Ordering::Relaxed);
                load.records.fetch_add(chunk.records(), Ordering::Relaxed);
            }
            Work::Finish(to) => drop(to.send(std::mem::take(&mut folding))),
            Work::Discard => folding = FoldedBatch::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use stockstream_model::event::EventKind;

    use super::*;

    fn threads(count: usize) -> FoldPool {
        FoldPool::new(count, &Topics::default(), Rules::default(), Timestamp::default).unwrap()
    }

    fn chunk(partition: i32) -> Chunk {
        Chunk::new(PartitionId { stream: EventKind::Sales, partition }, 0)
    }

    fn sale(product: usize) -> String {
        format!(
            r#"{{"invoice_id":1,"timestamp":"2026-01-01","items":[{{"product_id":{product},"quantity":1,"unit_price":1}}]}}"#
        )
    }

    async fn merged(threads: &FoldPool) -> FoldedBatch {
        let mut all = FoldedBatch::default();
        for part in threads.finish() {
            all.merge(part.await.unwrap());
        }
        all
    }

    #[tokio::test]
    async fn what_many_partitions_gather_in_many_chunks_is_one_change_a_key_and_whole() {
        let (threads, load) = (threads(2), Arc::default());
        for first in (0..3_000).step_by(100) {
            for partition in 0..5 {
                let mut chunk = chunk(partition);
                (first..first + 100).for_each(|n| chunk.push(n as i64, None, sale(n % 1_000).as_bytes()));
                threads.fold(chunk, &load);
            }
        }
        let all = merged(&threads).await;
        assert_eq!((load.records.load(Ordering::Relaxed), all.changes.products.len()), (15_000, 1_000));
        let filled = load.filled(15_000, load.read.load(Ordering::Relaxed));
        assert!(filled.keys >= all.keys() && filled.memory >= all.memory(), "{filled:?}");
        assert!(all.changes.products.values().all(|product| product.sold().units == 15));
        assert!(all.partitions.len() == 5 && all.partitions.values().all(|of| of.counters.events == 3_000));
        assert!(merged(&threads).await.changes.is_empty(), "it was given away");
    }

    #[tokio::test]
    async fn days_on_which_something_was_sold_are_counted() {
        let (threads, load) = (threads(2), Arc::default());
        for partition in 0..2 {
            let mut chunk = chunk(partition);
            for n in 0..40 {
                let day = format!("2026-01-{:02}", n % 20 + 1);
                chunk.push(n, None, sale(1).replace("2026-01-01", &day).as_bytes());
            }
            threads.fold(chunk, &load);
        }
        let all = merged(&threads).await;
        assert_eq!((load.filled(80, 0).days, all.changes.daily.len()), (40, 20), "each thread counts its own");
    }

    #[tokio::test]
    async fn what_is_discarded_is_gone_and_what_comes_behind_it_is_not() {
        let (threads, load) = (threads(1), Arc::default());
        let fold = |product| {
            let mut chunk = chunk(0);
            chunk.push(0, None, sale(product).as_bytes());
            threads.fold(chunk, &load);
        };
        fold(1);
        threads.discard();
        fold(2);
        let all = merged(&threads).await;
        assert_eq!(all.changes.products.keys().map(|key| key.as_str()).collect::<Vec<_>>(), ["2"]);
        assert_eq!(all.partitions.values().map(|of| of.counters.events).sum::<i64>(), 1);
    }

    #[tokio::test]
    async fn a_thread_that_is_gone_is_no_silence() {
        fn broken() -> Timestamp {
            panic!("the clock is broken")
        }
        let mut threads = FoldPool::new(2, &Topics::default(), Rules::default(), broken).unwrap();
        let mut chunk = chunk(0);
        chunk.push(0, None, b"{}");
        threads.fold(chunk, &Arc::default());
        let mut parts = Vec::new();
        for part in threads.finish() {
            parts.push(part.await.is_ok());
        }
        assert!(parts.contains(&false), "{parts:?}");
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            while threads.handles.iter().all(|thread| !thread.is_finished()) {
                std::thread::yield_now();
            }
            threads.check();
        }));
        assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"the clock is broken"));
    }
}
