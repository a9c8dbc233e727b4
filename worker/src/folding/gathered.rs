//! The reading side of a range: what it gathers, and what a flush gets in the end.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, LeaderEpoch, PartitionId},
};
use tokio::sync::oneshot;

use super::{Folded, Folding, Rules, threads::Threads, told::Told};
use crate::core::fold::Record;

/// How many bytes of payloads are handed to a thread at once: enough that handing over costs little beside folding them,
/// little enough that they are still in its cache.
const CHUNK: usize = 128 << 10;

/// Records of one partition, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Chunk {
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

/// What became of the records of a range so far. Only its partition's thread changes it.
#[derive(Default)]
pub(super) struct Growing {
    folding: Mutex<Folding>,
    records: AtomicUsize,
    keys: AtomicUsize,
    bytes: AtomicUsize,
}

/// A record as it is read.
pub(crate) struct Gathering<'a> {
    pub offset: i64,
    pub produced_at: Option<Timestamp>,
    /// The epoch of the leader that wrote it, where the broker tells it.
    pub epoch: Option<i32>,
    pub payload: &'a [u8],
}

/// A range that is being read.
pub(crate) struct Gathered {
    id: PartitionId,
    end: i64,
    /// That of its last record.
    epoch: Option<LeaderEpoch>,
    records: usize,
    rules: Rules,
    chunk: Chunk,
    growing: Arc<Growing>,
}

/// A range to be flushed, once its last records are folded.
pub(crate) struct Handed {
    checkpoint: Checkpoint,
    epoch: Option<LeaderEpoch>,
    folding: oneshot::Receiver<Folding>,
}

impl Growing {
    pub fn fold(&self, id: PartitionId, topic: &str, chunk: &Chunk, now: Timestamp, told: &mut Told) {
        let mut folding = self.folding.lock().unwrap_or_else(PoisonError::into_inner);
        let mut start = 0;
        let records = chunk.entries.iter().map(|Entry { offset, produced_at, end }| {
            let payload = &chunk.bytes[std::mem::replace(&mut start, *end)..*end];
            Record { id, topic, offset: *offset, produced_at: *produced_at, payload }
        });
        folding.fold(records, now, told);
        self.keys.store(folding.keys(), Ordering::Relaxed);
        self.bytes.store(folding.bytes, Ordering::Relaxed);
        self.records.fetch_add(chunk.entries.len(), Ordering::Relaxed);
    }

    pub fn finish(&self, end: i64) -> Folding {
        let mut folding = std::mem::take(&mut *self.folding.lock().unwrap_or_else(PoisonError::into_inner));
        folding.range.end = end;
        folding
    }
}

impl Folded for Gathered {
    fn after(checkpoint: &Checkpoint, next: i64, rules: Rules) -> Self {
        let folding = Mutex::new(Folding::after(checkpoint, next, rules));
        Self {
            id: checkpoint.id,
            end: next,
            epoch: None,
            records: 0,
            rules,
            chunk: Chunk::default(),
            growing: Arc::new(Growing { folding, ..Growing::default() }),
        }
    }

    fn end(&self) -> i64 {
        self.end
    }

    fn end_at(&mut self, end: i64) {
        self.end = end;
    }

    fn is_empty(&self) -> bool {
        self.records == 0
    }
}

impl Gathered {
    pub fn push(&mut self, record: &Gathering<'_>, threads: &Threads) {
        let Gathering { offset, produced_at, epoch, payload } = *record;
        self.end = offset + 1;
        self.epoch = epoch.map(|value| LeaderEpoch { at: self.end, value });
        self.records += 1;
        let Chunk { bytes, entries } = &mut self.chunk;
        bytes.extend_from_slice(payload);
        entries.push(Entry { offset, produced_at, end: bytes.len() });
        if bytes.len() >= CHUNK {
            self.send(threads);
        }
    }

    /// Has what is gathered folded.
    pub fn send(&mut self, threads: &Threads) {
        if self.chunk.entries.is_empty() {
            return;
        }
        let (bytes, entries) = (self.chunk.bytes.len(), self.chunk.entries.len());
        let next = Chunk { bytes: Vec::with_capacity(bytes.min(CHUNK)), entries: Vec::with_capacity(entries) };
        threads.fold(self.id, &self.growing, std::mem::replace(&mut self.chunk, next));
    }

    /// Hands the range over as it is, to be flushed behind its checkpoint.
    pub fn hand(mut self, checkpoint: Checkpoint, threads: &Threads) -> Handed {
        self.send(threads);
        let folding = threads.finish(self.id, &self.growing, self.end);
        Handed { checkpoint: self.rules.on(checkpoint), epoch: self.epoch, folding }
    }

    /// How many keys it has changed; a record that is not folded yet counts as one.
    pub fn keys(&self) -> usize {
        let waiting = self.records.saturating_sub(self.growing.records.load(Ordering::Relaxed));
        self.growing.keys.load(Ordering::Relaxed) + waiting
    }

    /// How many bytes of events it stands for, as far as they are folded.
    pub fn bytes(&self) -> usize {
        self.growing.bytes.load(Ordering::Relaxed)
    }
}

impl Handed {
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Waits until everything is folded. `None` if its thread is gone.
    pub async fn folded(self) -> Option<(Checkpoint, Option<LeaderEpoch>, Folding)> {
        Some((self.checkpoint, self.epoch, self.folding.await.ok()?))
    }
}
