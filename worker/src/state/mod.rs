//! What the parts of a worker tell each other and the outside.

mod flush_gate;
mod health;
mod partitions;
mod problems;

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
};

use parking_lot::Mutex;
use stockstream_model::{Timestamp, documents::PartitionId};
use tokio::sync::watch;

pub(crate) use self::partitions::{Fetched, Observed};
use self::{flush_gate::FlushGate, partitions::Partitions, problems::Problems};
use crate::{
    metrics::{Metrics, OfPartition},
    partition_status::Told,
};

/// The state that the parts share.
pub(crate) struct WorkerState {
    /// The worker's name, unique per process.
    pub worker: String,
    pub started_at: Timestamp,
    pub metrics: Metrics,
    pub flush: FlushGate,
    pub partitions: Partitions,
    pub problems: Problems,
    /// Notifies when partitions moved, by a flush or a rebalance, or publishing fell to this worker or to another.
    pub moved: watch::Sender<()>,
    /// Whether this worker owns partition 0 of the sales topic, and so publishes.
    pub publisher: AtomicBool,
    pub generation: AtomicI64,
    /// Milliseconds of the last turn of the read loop; 0 before it runs.
    pub last_turn: AtomicI64,
    pub freshness_ms: AtomicI64,
    pub events: AtomicU64,
    pub batches: AtomicU64,
    /// Whether a topic was recreated since the consumer was made.
    stale: AtomicBool,
    /// Whether the read loop waits for positions to read from.
    resolving: AtomicBool,
    /// What the worker waits for before it runs; `None` once it does.
    waiting_for: Mutex<Option<String>>,
    /// Why the database is not this pipeline's any more, from when that was found on.
    disowned: OnceLock<String>,
    /// Held while the metrics' text is made: two scrapes at once must not take each other's lines away.
    scrape: Mutex<()>,
}

impl WorkerState {
    pub fn new(worker: String) -> Self {
        Self {
            worker,
            started_at: Timestamp::now(),
            metrics: Metrics::default(),
            flush: FlushGate::default(),
            partitions: Partitions::default(),
            problems: Problems::default(),
            moved: watch::Sender::new(()),
            publisher: AtomicBool::new(false),
            generation: AtomicI64::new(0),
            last_turn: AtomicI64::new(0),
            freshness_ms: AtomicI64::new(-1),
            events: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            stale: AtomicBool::new(false),
            resolving: AtomicBool::new(false),
            waiting_for: Mutex::new(Some("starting".into())),
            disowned: OnceLock::new(),
            scrape: Mutex::new(()),
        }
    }

    /// The worker waits for something before it runs.
    pub fn wait_for(&self, what: impl Into<String>) {
        *self.waiting_for.lock() = Some(what.into());
    }

    /// The worker runs.
    pub fn runs(&self) {
        *self.waiting_for.lock() = None;
    }

    /// From now on nothing is written: the database is another pipeline's, or another one.
    pub fn disown(&self, why: String) {
        let _ = self.disowned.set(why);
    }

    pub fn is_disowned(&self) -> bool {
        self.disowned.get().is_some()
    }

    /// The consumer must be replaced: a topic was recreated.
    pub fn set_stale(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    pub fn take_stale(&self) -> bool {
        self.stale.swap(false, Ordering::Relaxed)
    }

    /// Notes whether the read loop waits for positions to read from.
    pub fn set_resolving(&self, resolving: bool) {
        self.resolving.store(resolving, Ordering::Relaxed);
    }

    pub fn is_resolving(&self) -> bool {
        self.resolving.load(Ordering::Relaxed)
    }

    /// The read loop turns.
    pub fn tick(&self) {
        self.last_turn.store(Timestamp::now().millis(), Ordering::Relaxed);
    }

    /// The read loop waits for what goes on elsewhere, if it runs already.
    pub fn tick_if_running(&self) {
        if self.last_turn.load(Ordering::Relaxed) > 0 {
            self.tick();
        }
    }

    /// Partitions that are not ours any more, nor are their problems.
    pub fn revoked(&self, ids: &[PartitionId]) {
        ids.iter().for_each(|id| self.problems.remove(&id.to_string()));
    }

    /// Has the read loop stop a partition, for a reason that another try does not mend.
    pub fn stop(&self, id: PartitionId, why: impl Into<String>) {
        self.problems.add(id.to_string(), why);
        self.partitions.stop(id);
    }

    /// The metrics' text, with what holds of each partition of ours now and nothing of others.
    pub fn metrics_text(&self) -> String {
        let _alone = self.scrape.lock();
        let Metrics { position, lag, stalled, stopped, .. } = &self.metrics;
        for gauge in [position, lag, stalled, stopped] {
            gauge.clear();
        }
        let label = |id: PartitionId| OfPartition { stream: id.stream.name(), partition: id.partition };
        for Told { status, lag: behind, is_stopped, .. } in self.partitions.all() {
            let label = label(status.id);
            position.get_or_create(&label).set(status.next);
            stalled.get_or_create(&label).set(0);
            stopped.get_or_create(&label).set(is_stopped.into());
            if let Some(behind) = behind {
                lag.get_or_create(&label).set(behind);
            }
        }
        for id in self.problems.of_partitions() {
            stalled.get_or_create(&label(id)).set(1);
        }
        self.metrics.text()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use stockstream_model::{documents::Cause, event::EventKind};
    use stockstream_protocol::{
        log::LogState,
        positions::{OffsetRange, Position, Positions},
    };

    use super::*;

    const ID: PartitionId = PartitionId { stream: EventKind::Sales, partition: 3 };

    #[test]
    fn a_partition_that_is_not_read_has_its_lag_and_says_so_until_it_is_read_or_is_not_ours() {
        let state = WorkerState::new("worker".into());
        let mut position = Position::starting_at(10, Some("A".into()), None);
        position.lost.add(0, OffsetRange { start: 4, end: 6 }, Cause::Deleted);
        let positions = Positions { partitions: [(ID, position)].into(), ..Positions::default() };
        let log = |topic: &str| LogState { first: 2, topic_id: Some(topic.into()), ..LogState::default() };
        state.partitions.log_ends([(ID, 17)]);
        let has = |metric: &str, value: i64| {
            let line = format!("stockstream_{metric}{{stream=\"sales\",partition=\"3\"}} {value}");
            assert!(state.metrics_text().lines().any(|found| found == line), "{line}: {}", state.metrics_text());
        };
        let (left_out, none) = (BTreeSet::from([ID]), BTreeSet::new());
        // Of another topic nothing is applied.
        for (topic, lag) in [("A", 7), ("B", 15)] {
            state.partitions.found(&positions, [(&ID, Some(&log(topic)))]);
            state.partitions.assigned(&[], &left_out, std::iter::empty());
            [("stopped", 1), ("lag", lag), ("position", 10)].into_iter().for_each(|(metric, value)| has(metric, value));
            assert_eq!((state.partitions.all()[0].lost.offsets, state.partitions.statuses()), (2, vec![]));
        }
        state.partitions.reads_from(ID, 12);
        state.partitions.assigned(&[ID], &none, std::iter::empty());
        [("stopped", 0), ("lag", 5), ("position", 12)].into_iter().for_each(|(metric, value)| has(metric, value));
        // One that is found unreadable stays where it was applied to.
        state.partitions.closed(ID);
        state.partitions.assigned(&[], &none, [ID].into_iter());
        state.partitions.applied(ID, 13);
        [("stopped", 1), ("lag", 4), ("position", 13)].into_iter().for_each(|(metric, value)| has(metric, value));
        state.partitions.assigned(&[], &none, std::iter::empty());
        assert!(!state.metrics_text().contains("partition=\"3\""), "another worker tells of it");
    }
}
