//! The threads that fold.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{Builder, JoinHandle},
};

use stockstream_model::{Timestamp, documents::PartitionId, settings::Topics};
use tokio::sync::oneshot;

use super::{
    Folding,
    gathered::{Chunk, Growing},
    told::Told,
};

/// How many chunks wait for a thread before the reading side waits for it.
const WAITING: usize = 8;

type Clock = fn() -> Timestamp;

enum Work {
    Fold { id: PartitionId, growing: Arc<Growing>, chunk: Chunk },
    Finish { growing: Arc<Growing>, end: i64, to: oneshot::Sender<Folding> },
}

/// Threads that fold. All work for one partition is done by the same, in the order in which it comes.
pub(crate) struct Threads {
    queues: Vec<SyncSender<Work>>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    /// `clock` says when an event was rejected.
    pub fn new(count: usize, topics: &Topics, clock: Clock) -> io::Result<Self> {
        let (mut queues, mut handles) = (Vec::new(), Vec::new());
        for number in 0..count.max(1) {
            let (queue, work) = sync_channel(WAITING);
            let topics = topics.clone();
            handles.push(Builder::new().name(format!("fold-{number}")).spawn(move || run(&work, &topics, clock))?);
            queues.push(queue);
        }
        Ok(Self { queues, handles })
    }

    pub(super) fn fold(&self, id: PartitionId, growing: &Arc<Growing>, chunk: Chunk) {
        self.give(id, Work::Fold { id, growing: Arc::clone(growing), chunk });
    }

    pub(super) fn finish(&self, id: PartitionId, growing: &Arc<Growing>, end: i64) -> oneshot::Receiver<Folding> {
        let (to, folding) = oneshot::channel();
        self.give(id, Work::Finish { growing: Arc::clone(growing), end, to });
        folding
    }

    /// A thread that is gone has panicked, which `check` finds.
    fn give(&self, id: PartitionId, work: Work) {
        let number = id.partition.unsigned_abs() as usize + id.stream as usize;
        let _ = self.queues[number % self.queues.len()].send(work);
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

fn run(work: &Receiver<Work>, topics: &Topics, clock: Clock) {
    let mut told = Told::default();
    for work in work {
        match work {
            Work::Fold { id, growing, chunk } => {
                growing.fold(id, &topics.of(id.stream).name, &chunk, clock(), &mut told);
            }
            Work::Finish { growing, end, to } => drop(to.send(growing.finish(end))),
        }
    }
}

#[cfg(test)]
mod tests {
    use stockstream_model::{documents::Checkpoint, event::Stream};

    use super::*;
    use crate::folding::{Folded, Gathered, Gathering, Rules};

    fn range(partition: i32) -> Gathered {
        Gathered::after(
            &Checkpoint::new(PartitionId { stream: Stream::Sales, partition }, 0, None),
            0,
            Rules::default(),
        )
    }

    fn record(offset: i64, payload: &[u8]) -> Gathering<'_> {
        Gathering { offset, produced_at: None, epoch: None, payload }
    }

    fn sale(product: usize) -> String {
        format!(
            r#"{{"invoice_id":1,"timestamp":"2026-01-01","items":[{{"product_id":{product},"quantity":1,"unit_price":1}}]}}"#
        )
    }

    #[tokio::test]
    async fn what_is_gathered_in_many_chunks_is_folded_in_order_and_whole() {
        let threads = Threads::new(2, &Topics::default(), Timestamp::default).unwrap();
        let mut ranges: Vec<Gathered> = (0..5).map(range).collect();
        for offset in 0..3_000 {
            for range in &mut ranges {
                range.push(&record(offset, sale(offset as usize % 1_000).as_bytes()), &threads);
            }
        }
        for (range, partition) in ranges.into_iter().zip(0..) {
            assert!(range.keys() >= 1_000);
            let checkpoint = Checkpoint::new(PartitionId { stream: Stream::Sales, partition }, 0, None);
            let (_, _, folding) = range.hand(checkpoint, &threads).folded().await.unwrap();
            assert_eq!((folding.range.events, folding.range.end, folding.range.products.len()), (3_000, 3_000, 1_000));
            assert!(folding.range.products.values().all(|product| product.sold().units == 3));
        }
    }

    #[tokio::test]
    async fn a_record_that_is_not_folded_yet_counts_as_a_key() {
        let threads = Threads::new(1, &Topics::default(), Timestamp::default).unwrap();
        let mut range = range(0);
        (0..10).for_each(|offset| range.push(&record(offset, sale(1).as_bytes()), &threads));
        assert_eq!(range.keys(), 10);
    }

    #[tokio::test]
    async fn a_thread_that_is_gone_is_no_silence() {
        fn broken() -> Timestamp {
            panic!("the clock is broken")
        }
        let mut threads = Threads::new(2, &Topics::default(), broken).unwrap();
        let mut range = range(0);
        range.push(&record(0, b"{}"), &threads);
        let handed =
            range.hand(Checkpoint::new(PartitionId { stream: Stream::Sales, partition: 0 }, 0, None), &threads);
        assert!(handed.folded().await.is_none());
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            while threads.handles.iter().all(|thread| !thread.is_finished()) {
                std::thread::yield_now();
            }
            threads.check();
        }));
        assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"the clock is broken"));
    }
}
