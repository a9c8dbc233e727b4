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
const WAITING: usize = 16;

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
