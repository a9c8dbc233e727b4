//! What the worker's parts tell each other and the outside: positions, phases, problems.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, PartitionId, PartitionStatus},
};
use stockstream_store::StateStore;
use tokio::sync::watch;

use crate::{core::position::Stamp, metrics::Metrics};

/// Silence of the reading loop after which it counts as stuck.
const STUCK_MS: i64 = 60_000;
/// A flush that takes longer than this means that the database does not answer.
const SLOW_FLUSH_MS: i64 = 15_000;

/// The state that the parts share.
pub(crate) struct Shared {
    /// The worker's name, unique per process.
    pub worker: String,
    pub started_at: Timestamp,
    pub metrics: Metrics,
    /// Rings when a flush completed, or publishing fell to this worker or to another.
    pub moved: watch::Sender<()>,
    /// Whether this worker owns partition 0 of the sales topic, and so publishes.
    pub publisher: AtomicBool,
    pub generation: AtomicI64,
    /// Whether a topic was made anew since the consumer was made.
    stale: AtomicBool,
    /// Milliseconds of the last turn of the reading loop; 0 before it runs.
    pub last_turn: AtomicI64,
    /// Milliseconds at which the flush under way began; 0 when none is.
    pub flush_began: AtomicI64,
    pub freshness_ms: AtomicI64,
    pub events: AtomicU64,
    pub batches: AtomicU64,
    writes: AtomicU64,
    /// Whether a flush is under way; rings at its end.
    flushing: (Mutex<bool>, Condvar),
    inner: Mutex<Inner>,
    /// Why the database is not this pipeline's any more, from when that was found on.
    disowned: OnceLock<String>,
    /// Tells what keeps the database from being used, once there is one.
    database_trouble: OnceLock<Trouble>,
}

type Trouble = Box<dyn Fn() -> Option<String> + Send + Sync>;

#[derive(Default)]
struct Inner {
    /// What the worker waits for before it runs; `None` once it does.
    waiting_for: Option<String>,
    partitions: BTreeMap<PartitionId, i64>,
    log_ends: BTreeMap<PartitionId, i64>,
    problems: BTreeMap<String, String>,
    /// Brokers that do not let us in, and why.
    barred: BTreeMap<String, String>,
}

impl Shared {
    pub fn new(worker: String) -> Self {
        let waiting = Inner { waiting_for: Some("starting".into()), ..Inner::default() };
        Self {
            worker,
            started_at: Timestamp::now(),
            metrics: Metrics::default(),
            moved: watch::Sender::new(()),
            publisher: AtomicBool::new(false),
            generation: AtomicI64::new(0),
            stale: AtomicBool::new(false),
            last_turn: AtomicI64::new(0),
            flush_began: AtomicI64::new(0),
            freshness_ms: AtomicI64::new(-1),
            events: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            flushing: (Mutex::new(false), Condvar::new()),
            inner: Mutex::new(waiting),
            disowned: OnceLock::new(),
            database_trouble: OnceLock::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What identifies this worker's next write of a checkpoint: no other write has its name.
    pub fn stamp(&self) -> Stamp {
        let writer = format!("{}#{}", self.worker, self.writes.fetch_add(1, Ordering::Relaxed));
        Stamp { writer, generation: self.generation.load(Ordering::Relaxed), at: Timestamp::now() }
    }

    pub fn set_flushing(&self, flushing: bool) {
        *self.flushing.0.lock().unwrap_or_else(PoisonError::into_inner) = flushing;
        self.flushing.1.notify_all();
    }

    /// Waits for the end of the flush under way, but not for ever.
    pub fn wait_for_flush(&self, at_most: Duration) {
        let flushing = self.flushing.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.flushing.1.wait_timeout_while(flushing, at_most, |flushing| *flushing));
    }

    pub fn wait_for(&self, what: impl Into<String>) {
        self.lock().waiting_for = Some(what.into());
    }

    /// From now on the database's trouble keeps the worker from being ready.
    pub fn depends_on<S: StateStore>(&self, store: Arc<S>) {
        let _ = self.database_trouble.set(Box::new(move || store.trouble()));
    }

    /// From now on nothing is written: the database is another pipeline's, or another one.
    pub fn disown(&self, why: String) {
        let _ = self.disowned.set(why);
    }

    pub fn is_disowned(&self) -> bool {
        self.disowned.get().is_some()
    }

    pub fn runs(&self) {
        self.lock().waiting_for = None;
    }

    /// From now on the consumer is not to be used any more.
    pub fn set_stale(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    pub fn take_stale(&self) -> bool {
        self.stale.swap(false, Ordering::Relaxed)
    }

    pub fn turn(&self) {
        self.last_turn.store(Timestamp::now().millis(), Ordering::Relaxed);
    }

    /// Notes the position of a partition of ours.
    pub fn position(&self, checkpoint: &Checkpoint) {
        self.lock().partitions.insert(checkpoint.id, checkpoint.next);
    }

    /// Only these are read from now on. A partition of ours that is not may have a problem all the same.
    pub fn assigned(&self, ids: &[PartitionId]) {
        self.lock().partitions.retain(|id, _| ids.contains(id));
    }

    /// Partitions that are not ours any more, nor are their problems.
    pub fn revoked(&self, ids: &[PartitionId]) {
        ids.iter().for_each(|id| self.solved(&id.to_string()));
    }

    pub fn log_ends(&self, ends: impl IntoIterator<Item = (PartitionId, i64)>) {
        self.lock().log_ends.extend(ends);
    }

    /// How many events there are behind these offsets, as far as is known.
    pub fn behind(&self, ends: impl Iterator<Item = (PartitionId, i64)>) -> i64 {
        let inner = self.lock();
        ends.filter_map(|(id, end)| Some((inner.log_ends.get(&id)? - end).max(0))).sum()
    }

    pub fn partitions(&self) -> Vec<PartitionStatus> {
        let inner = self.lock();
        let status = |(id, next): (&PartitionId, &i64)| PartitionStatus {
            id: *id,
            next: *next,
            log_end: inner.log_ends.get(id).copied(),
        };
        inner.partitions.iter().map(status).collect()
    }

    pub fn problem(&self, key: impl Into<String>, what: impl Into<String>) {
        self.lock().problems.insert(key.into(), what.into());
    }

    pub fn solved(&self, key: &str) {
        self.lock().problems.remove(key);
    }

    pub fn problems(&self) -> Vec<String> {
        let inner = self.lock();
        inner.problems.values().chain(inner.barred.values()).cloned().collect()
    }

    /// Notes that a broker does not let us in, or something else that only a person can mend while we go on trying.
    pub fn bar(&self, by: impl Into<String>, why: impl Into<String>) {
        self.lock().barred.insert(by.into(), why.into());
    }

    pub fn let_in(&self, by: &str) {
        self.lock().barred.remove(by);
    }

    pub fn is_barred(&self) -> bool {
        !self.lock().barred.is_empty()
    }

    /// Why the worker is not healthy, if it is not: only its restart would help.
    pub fn unhealthy(&self, now: Timestamp) -> Option<String> {
        let last = self.last_turn.load(Ordering::Relaxed);
        let silence = now.millis() - last;
        (last > 0 && silence > STUCK_MS).then(|| format!("the reading loop has not turned for {} s", silence / 1_000))
    }

    /// Why the worker is not ready, if it is not.
    pub fn not_ready(&self, now: Timestamp) -> Option<String> {
        if let Some(why) = self.disowned.get() {
            return Some(why.clone());
        }
        let trouble = || self.database_trouble.get().and_then(|trouble| trouble());
        let barred = self.lock().barred.values().next().cloned();
        if let Some(what) = barred.or_else(trouble).or_else(|| self.lock().waiting_for.clone()) {
            return Some(what);
        }
        let began = self.flush_began.load(Ordering::Relaxed);
        let slow = began > 0 && now.millis() - began > SLOW_FLUSH_MS;
        slow.then(|| format!("a flush to the database is under way since {} s", (now.millis() - began) / 1_000))
    }
}
