//! What the worker's parts tell each other and the outside: positions, phases, problems.

use parking_lot::{Condvar, Mutex, MutexGuard};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use stockstream_model::{
    Timestamp,
    documents::{PartitionId, PartitionStatus},
};
use stockstream_protocol::{log::LogState, positions::Positions};
use stockstream_store::{StateStore, Trouble};
use tokio::sync::{Notify, watch};

use crate::{
    metrics::{Metrics, OfPartition},
    partition_status::{Places, Told},
};

/// Silence of the reading loop after which it counts as stuck.
const STUCK_MS: i64 = 60_000;
/// A flush that takes longer, or something that fails for longer, means that the database cannot be used.
const LASTING_MS: i64 = 15_000;

/// The state that the parts share.
pub(crate) struct WorkerState {
    /// The worker's name, unique per process.
    pub worker: String,
    pub started_at: Timestamp,
    pub metrics: Metrics,
    /// Notifies when partitions moved, by a flush or a rebalance, or publishing fell to this worker or to another.
    pub moved: watch::Sender<()>,
    /// Whether this worker owns partition 0 of the sales topic, and so publishes.
    pub publisher: AtomicBool,
    pub generation: AtomicI64,
    /// Whether a topic was made anew since the consumer was made.
    stale: AtomicBool,
    /// Whether the reading loop waits for positions to read from.
    resolving: AtomicBool,
    /// Milliseconds of the last turn of the reading loop; 0 before it runs.
    pub last_turn: AtomicI64,
    /// Milliseconds at which the flush under way began; 0 when none is.
    pub flush_began: AtomicI64,
    pub freshness_ms: AtomicI64,
    pub events: AtomicU64,
    pub batches: AtomicU64,
    /// Whether a flush is under way; rings at its end.
    flushing: (Mutex<bool>, Condvar),
    inner: Mutex<Inner>,
    /// Why the database is not this pipeline's any more, from when that was found on.
    disowned: OnceLock<String>,
    /// Rings when problems change.
    pub problems_changed: Notify,
    /// Whether there are partitions that the reading loop is to stop.
    has_stops: AtomicBool,
    /// Tells what the database fails at, once there is one.
    of_the_database: OnceLock<Troubles>,
}

type Troubles = Box<dyn Fn() -> Vec<Trouble> + Send + Sync>;

#[derive(Default)]
struct Inner {
    /// What the worker waits for before it runs; `None` once it does.
    waiting_for: Option<String>,
    places: Places,
    /// What the client fetched last of each partition.
    fetched: BTreeMap<PartitionId, Fetched>,
    /// Behind the last event that was read of each partition.
    read: BTreeMap<PartitionId, i64>,
    problems: BTreeMap<String, String>,
    /// Problems that keep nothing from moving.
    warnings: BTreeMap<String, String>,
    /// What does not move, by partition or topic, and why. It moves again when the cause is gone.
    stalls: BTreeMap<String, String>,
    /// Partitions that the reading loop is to stop.
    stops: Vec<PartitionId>,
    /// What fails and is tried again, by what it is.
    troubles: BTreeMap<&'static str, Trouble>,
    /// Brokers that do not let us in, and why.
    barred: BTreeMap<String, String>,
}

/// What the client tells of a partition that it fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fetched {
    /// The next offset to fetch.
    pub position: i64,
    /// The end of the log, as the last fetch told.
    pub end: i64,
    /// What of it may be read: no further than the first transaction that is open.
    pub stable: i64,
    /// The epoch of the partition's leader.
    pub epoch: Option<i32>,
}

/// A partition of ours: the first offset that is not applied, what was read of it and what was fetched.
pub(crate) struct Observed {
    pub id: PartitionId,
    pub applied: i64,
    pub read: i64,
    pub fetched: Option<Fetched>,
}

impl WorkerState {
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
            resolving: AtomicBool::new(false),
            last_turn: AtomicI64::new(0),
            flush_began: AtomicI64::new(0),
            freshness_ms: AtomicI64::new(-1),
            events: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            flushing: (Mutex::new(false), Condvar::new()),
            inner: Mutex::new(waiting),
            disowned: OnceLock::new(),
            problems_changed: Notify::new(),
            has_stops: AtomicBool::new(false),
            of_the_database: OnceLock::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    pub fn set_flushing(&self, flushing: bool) {
        *self.flushing.0.lock() = flushing;
        self.flushing.1.notify_all();
    }

    /// Whether a flush is under way.
    pub fn is_flushing(&self) -> bool {
        *self.flushing.0.lock()
    }

    /// Waits for the end of the flush under way, but not for ever.
    pub fn wait_for_flush(&self, at_most: Duration) {
        let (flushing, ended) = &self.flushing;
        ended.wait_while_for(&mut flushing.lock(), |flushing| *flushing, at_most);
    }

    pub fn wait_for(&self, what: impl Into<String>) {
        self.lock().waiting_for = Some(what.into());
    }

    /// From now on what the database fails at keeps the worker from being ready, if it lasts.
    pub fn depends_on<S: StateStore>(&self, store: Arc<S>) {
        let _ = self.of_the_database.set(Box::new(move || store.troubles()));
    }

    /// Notes that something fails and is tried again.
    pub fn trouble(&self, what: &'static str, message: String) {
        let mut inner = self.lock();
        let since = inner.troubles.get(what).map_or_else(Timestamp::now, |known| known.since);
        inner.troubles.insert(what, Trouble { since, message });
    }

    /// It does not fail any more.
    pub fn settled(&self, what: &str) {
        self.lock().troubles.remove(what);
    }

    /// What fails now, what fails for longest first.
    fn troubles(&self) -> Vec<Trouble> {
        let mut all: Vec<Trouble> = self.of_the_database.get().map(|troubles| troubles()).unwrap_or_default();
        all.extend(self.lock().troubles.values().cloned());
        all.sort_by_key(|trouble| trouble.since);
        all
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

    /// Notes whether the reading loop waits for positions to read from.
    pub fn set_resolving(&self, resolving: bool) {
        self.resolving.store(resolving, Ordering::Relaxed);
    }

    pub fn is_resolving(&self) -> bool {
        self.resolving.load(Ordering::Relaxed)
    }

    pub fn turn(&self) {
        self.last_turn.store(Timestamp::now().millis(), Ordering::Relaxed);
    }

    /// The reading loop waits for what goes on elsewhere, if it runs already.
    pub fn turn_if_running(&self) {
        if self.last_turn.load(Ordering::Relaxed) > 0 {
            self.turn();
        }
    }

    /// A partition is ours, and is read from that offset.
    pub fn reads_from(&self, id: PartitionId, next: i64) {
        self.lock().places.reads_from(id, next);
    }

    /// Notes the first offset that is not applied, if the partition is ours.
    pub fn applied(&self, id: PartitionId, next: i64) {
        self.lock().places.applied(id, next);
    }

    /// Notes positions as they were read from the store, and the logs that belong to them.
    pub fn found<'a>(
        &self,
        positions: &Positions,
        ids: impl IntoIterator<Item = (&'a PartitionId, Option<&'a LogState>)>,
    ) {
        self.lock().places.found(positions, ids);
    }

    /// Only these are read from now on. Of the others of ours, those that are left out are where they were found; those that are
    /// closed since stay where they are.
    pub fn assigned(
        &self,
        ids: &[PartitionId],
        left_out: &BTreeSet<PartitionId>,
        closed: impl Iterator<Item = PartitionId>,
    ) {
        self.lock().places.assigned(ids, left_out, closed);
    }

    /// A partition is not read any more, and stays where it is.
    pub fn closed(&self, id: PartitionId) {
        self.lock().places.closed(id);
    }

    /// Partitions of ours that are not read.
    pub fn stopped(&self) -> Vec<PartitionId> {
        self.lock().places.stopped()
    }

    /// Partitions that are not ours any more, nor are their problems.
    pub fn revoked(&self, ids: &[PartitionId]) {
        ids.iter().for_each(|id| self.solved(&id.to_string()));
    }

    pub fn log_ends(&self, ends: impl IntoIterator<Item = (PartitionId, i64)>) {
        self.lock().places.log_ends(ends);
    }

    /// Notes what was fetched of partitions.
    pub fn fetched(&self, of: impl IntoIterator<Item = (PartitionId, Fetched)>) {
        self.lock().fetched.extend(of);
    }

    /// Notes how far partitions are read. Of all others nothing is known any more.
    pub fn read(&self, ends: impl Iterator<Item = (PartitionId, i64)>) {
        let mut inner = self.lock();
        inner.read = ends.collect();
        let Inner { fetched, read, .. } = &mut *inner;
        fetched.retain(|id, _| read.contains_key(id));
    }

    /// The partitions that are being read.
    pub fn observed(&self) -> Vec<Observed> {
        let inner = self.lock();
        let observed = |(id, read): (&PartitionId, &i64)| {
            let applied = inner.places.next(*id)?;
            Some(Observed { id: *id, applied, read: *read, fetched: inner.fetched.get(id).copied() })
        };
        inner.read.iter().filter_map(observed).collect()
    }

    /// What was fetched of a partition, as far as is known.
    pub fn fetched_of(&self, id: PartitionId) -> Option<Fetched> {
        self.lock().fetched.get(&id).copied()
    }

    /// Has the reading loop stop a partition, for a reason that another try does not mend.
    pub fn stop(&self, id: PartitionId, why: impl Into<String>) {
        self.problem(id.to_string(), why);
        self.lock().stops.push(id);
        self.has_stops.store(true, Ordering::Relaxed);
    }

    pub fn take_stops(&self) -> Vec<PartitionId> {
        if !self.has_stops.swap(false, Ordering::Relaxed) {
            return Vec::new();
        }
        std::mem::take(&mut self.lock().stops)
    }

    /// What does not move now, by partition or topic.
    pub fn set_stalls(&self, stalls: BTreeMap<String, String>) {
        let mut inner = self.lock();
        for (what, why) in stalls.iter().filter(|(what, why)| inner.stalls.get(*what) != Some(why)) {
            tracing::warn!(what, "{why}");
        }
        for what in inner.stalls.keys().filter(|what| !stalls.contains_key(*what)) {
            tracing::info!(what, "moves again, or is not ours any more");
        }
        if inner.stalls != stalls {
            inner.stalls = stalls;
            self.problems_changed.notify_one();
        }
    }

    /// The stalls alone: those problems that are over when their cause is.
    pub fn stalls(&self) -> Vec<String> {
        let inner = self.lock();
        inner
            .stalls
            .iter()
            .filter(|(what, _)| !inner.problems.contains_key(*what))
            .map(|(_, why)| why.clone())
            .collect()
    }

    /// The metrics' text, with what holds of each partition of ours now and nothing of others.
    pub fn metrics_text(&self) -> String {
        // Held until the text is made: two scrapes at once must not take each other's lines away.
        let inner = self.lock();
        let Metrics { position, lag, stalled, stopped, .. } = &self.metrics;
        for gauge in [position, lag, stalled, stopped] {
            gauge.clear();
        }
        let label = |id: PartitionId| OfPartition { stream: id.stream.name(), partition: id.partition };
        for Told { status, lag: behind, is_stopped, .. } in inner.places.told() {
            let label = label(status.id);
            position.get_or_create(&label).set(status.next);
            stalled.get_or_create(&label).set(0);
            stopped.get_or_create(&label).set(is_stopped.into());
            if let Some(behind) = behind {
                lag.get_or_create(&label).set(behind);
            }
        }
        for id in inner.problems.keys().chain(inner.stalls.keys()).filter_map(|what| PartitionId::from_text(what)) {
            stalled.get_or_create(&label(id)).set(1);
        }
        self.metrics.text()
    }

    /// How many events there are behind these offsets, as far as is known.
    pub fn behind(&self, ends: impl Iterator<Item = (PartitionId, i64)>) -> i64 {
        let inner = self.lock();
        ends.filter_map(|(id, end)| Some((inner.places.log_end(id)? - end).max(0))).sum()
    }

    pub fn partitions(&self) -> Vec<PartitionStatus> {
        self.lock().places.read()
    }

    /// All partitions of ours, also those that are not read.
    pub fn told(&self) -> Vec<Told> {
        self.lock().places.told()
    }

    /// Notes a problem. Whether it is news.
    pub fn problem(&self, key: impl Into<String>, what: impl Into<String>) -> bool {
        let what = what.into();
        let is_news = self.lock().problems.insert(key.into(), what.clone()) != Some(what);
        self.problems_changed.notify_one();
        is_news
    }

    /// Whether something of that key is a problem.
    pub fn has_problem(&self, key: &str) -> bool {
        self.lock().problems.contains_key(key)
    }

    pub fn solved(&self, key: &str) {
        self.lock().problems.remove(key);
    }

    /// Notes a problem that keeps nothing from moving. Whether it is news.
    pub fn warn(&self, key: impl Into<String>, what: impl Into<String>) -> bool {
        let what = what.into();
        let is_news = self.lock().warnings.insert(key.into(), what.clone()) != Some(what);
        if is_news {
            self.problems_changed.notify_one();
        }
        is_news
    }

    pub fn unwarn(&self, key: &str) {
        self.lock().warnings.remove(key);
    }

    /// The problems that keep nothing from moving.
    pub fn warnings(&self) -> Vec<String> {
        self.lock().warnings.values().cloned().collect()
    }

    /// All problems, also those that keep nothing from moving.
    pub fn problems(&self) -> Vec<String> {
        self.hindrances().into_iter().chain(self.warnings()).collect()
    }

    fn hindrances(&self) -> Vec<String> {
        let troubles = self.troubles();
        let inner = self.lock();
        // What is stopped does not move either, and why is told already.
        let stalls = inner.stalls.iter().filter(|(what, _)| !inner.problems.contains_key(*what)).map(|(_, why)| why);
        let known = inner.problems.values().chain(stalls).chain(inner.barred.values()).cloned();
        known.chain(troubles.into_iter().map(|trouble| trouble.message)).collect()
    }

    /// Notes that a broker does not let us in, or something else that only a person can mend while we go on trying.
    pub fn set_blocked(&self, by: impl Into<String>, why: impl Into<String>) {
        self.lock().barred.insert(by.into(), why.into());
        self.problems_changed.notify_one();
    }

    pub fn clear_blocked(&self, by: &str) {
        self.lock().barred.remove(by);
    }

    pub fn is_barred(&self) -> bool {
        !self.lock().barred.is_empty()
    }

    /// Since when a flush is under way, if one is.
    pub fn flush_since(&self) -> Option<Timestamp> {
        let began = self.flush_began.load(Ordering::Relaxed);
        (began > 0).then(|| Timestamp::from_millis(began))
    }

    /// What keeps the database from being used, if something does.
    pub fn database_trouble(&self) -> Option<String> {
        self.troubles().into_iter().next().map(|trouble| trouble.message)
    }

    /// Why not everything of this worker's moves, if it does not.
    pub fn no_progress(&self, now: Timestamp) -> Option<String> {
        let hindrances = self.hindrances();
        (!hindrances.is_empty()).then(|| hindrances.join("\n")).or_else(|| self.not_ready(now))
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
        let (barred, waiting_for) = {
            let inner = self.lock();
            (inner.barred.values().next().cloned(), inner.waiting_for.clone())
        };
        let trouble = self.troubles().into_iter().next();
        // Before there is work nothing has to last; later what is over in a moment is none of a probe's business.
        let counts = |trouble: &Trouble| waiting_for.is_some() || now.millis() - trouble.since.millis() > LASTING_MS;
        let lasting = trouble.filter(counts).map(|trouble| trouble.message);
        if let Some(what) = barred.or(lasting).or(waiting_for) {
            return Some(what);
        }
        let began = self.flush_began.load(Ordering::Relaxed);
        let slow = began > 0 && now.millis() - began > LASTING_MS;
        slow.then(|| format!("a flush to the database is under way since {} s", (now.millis() - began) / 1_000))
    }
}

#[cfg(test)]
mod tests {
    use stockstream_model::{documents::Cause, event::EventKind};
    use stockstream_protocol::positions::{OffsetRange, Position};

    use super::*;

    const ID: PartitionId = PartitionId { stream: EventKind::Sales, partition: 3 };

    #[test]
    fn a_partition_that_is_not_read_has_its_lag_and_says_so_until_it_is_read_or_is_not_ours() {
        let shared = WorkerState::new("worker".into());
        let mut position = Position::starting_at(10, Some("A".into()), None);
        position.lost.add(0, OffsetRange { start: 4, end: 6 }, Cause::Deleted);
        let positions = Positions { partitions: [(ID, position)].into(), ..Positions::default() };
        let log = |topic: &str| LogState { first: 2, topic_id: Some(topic.into()), ..LogState::default() };
        shared.log_ends([(ID, 17)]);
        let has = |metric: &str, value: i64| {
            let line = format!("stockstream_{metric}{{stream=\"sales\",partition=\"3\"}} {value}");
            assert!(shared.metrics_text().lines().any(|found| found == line), "{line}: {}", shared.metrics_text());
        };
        let (left_out, none) = (BTreeSet::from([ID]), BTreeSet::new());
        // Of another topic nothing is applied.
        for (topic, lag) in [("A", 7), ("B", 15)] {
            shared.found(&positions, [(&ID, Some(&log(topic)))]);
            shared.assigned(&[], &left_out, std::iter::empty());
            [("stopped", 1), ("lag", lag), ("position", 10)].into_iter().for_each(|(metric, value)| has(metric, value));
            assert_eq!((shared.told()[0].lost.offsets, shared.partitions()), (2, vec![]));
        }
        shared.reads_from(ID, 12);
        shared.assigned(&[ID], &none, std::iter::empty());
        [("stopped", 0), ("lag", 5), ("position", 12)].into_iter().for_each(|(metric, value)| has(metric, value));
        // One that is found unreadable stays where it was applied to.
        shared.closed(ID);
        shared.assigned(&[], &none, [ID].into_iter());
        shared.applied(ID, 13);
        [("stopped", 1), ("lag", 4), ("position", 13)].into_iter().for_each(|(metric, value)| has(metric, value));
        shared.assigned(&[], &none, std::iter::empty());
        assert!(!shared.metrics_text().contains("partition=\"3\""), "another worker tells of it");
    }

    #[test]
    fn what_keeps_nothing_from_moving_is_a_problem_and_progress_is_there() {
        let shared = WorkerState::new("worker".into());
        shared.runs();
        assert!(
            shared.warn("sums of client ann", "revenue of client ann")
                && !shared.warn("sums of client ann", "revenue of client ann")
        );
        assert_eq!(
            (shared.problems(), shared.no_progress(Timestamp::now())),
            (vec!["revenue of client ann".to_owned()], None)
        );
        shared.problem("sales/3", "sales/3 stopped");
        assert_eq!(shared.no_progress(Timestamp::now()).as_deref(), Some("sales/3 stopped"));
        shared.solved("sales/3");
        shared.unwarn("sums of client ann");
        assert_eq!(shared.problems(), Vec::<String>::new());
    }

    #[test]
    fn what_fails_is_a_problem_at_once_and_keeps_from_being_ready_if_it_lasts() {
        let shared = WorkerState::new("worker".into());
        shared.trouble("apply", "code 365".into());
        let after = |seconds: i64| shared.not_ready(Timestamp::now().plus_millis(seconds * 1_000));
        assert_eq!(after(0).as_deref(), Some("code 365"), "before there is work nothing has to last");
        shared.runs();
        assert_eq!((shared.problems(), after(0)), (vec!["code 365".to_owned()], None));
        // Another step that works says nothing of this one; another word about it is not another trouble.
        shared.settled("heartbeat");
        shared.trouble("apply", "code 13".into());
        assert_eq!(after(16).as_deref(), Some("code 13"));
        shared.settled("apply");
        assert_eq!((shared.problems(), after(16)), (vec![], None));
    }
}
