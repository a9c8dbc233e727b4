//! The partitions of a worker: those that it reads, how far, and those that it leaves alone.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use stockstream_model::documents::{PartitionId, PartitionStatus};
use stockstream_protocol::{log::LogState, positions::Positions};

use crate::partition_status::{Places, Told};

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

/// The partitions of a worker.
#[derive(Default)]
pub(crate) struct Partitions(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    places: Places,
    /// What the client fetched last of each partition.
    fetched: BTreeMap<PartitionId, Fetched>,
    /// Behind the last event that was read of each partition.
    read: BTreeMap<PartitionId, i64>,
    /// Those that the consumer is to stop.
    stops: Vec<PartitionId>,
}

impl Partitions {
    /// A partition is ours, and is read from that offset.
    pub fn reads_from(&self, id: PartitionId, next: i64) {
        self.0.lock().places.reads_from(id, next);
    }

    /// Notes the first offset that is not applied, if the partition is ours.
    pub fn applied(&self, id: PartitionId, next: i64) {
        self.0.lock().places.applied(id, next);
    }

    /// Notes positions as they were read from the store, and the logs that belong to them.
    pub fn found<'a>(
        &self,
        positions: &Positions,
        ids: impl IntoIterator<Item = (&'a PartitionId, Option<&'a LogState>)>,
    ) {
        self.0.lock().places.found(positions, ids);
    }

    /// Only these are read from now on. Of the others of ours, those that are left out are where they were found; those that are
    /// closed since stay where they are.
    pub fn assigned(
        &self,
        ids: &[PartitionId],
        left_out: &BTreeSet<PartitionId>,
        closed: impl Iterator<Item = PartitionId>,
    ) {
        self.0.lock().places.assigned(ids, left_out, closed);
    }

    /// A partition is not read any more, and stays where it is.
    pub fn closed(&self, id: PartitionId) {
        self.0.lock().places.closed(id);
    }

    /// Partitions of ours that are not read.
    pub fn stopped(&self) -> Vec<PartitionId> {
        self.0.lock().places.stopped()
    }

    /// Notes the ends of logs.
    pub fn log_ends(&self, ends: impl IntoIterator<Item = (PartitionId, i64)>) {
        self.0.lock().places.log_ends(ends);
    }

    /// Notes what was fetched of partitions.
    pub fn fetched(&self, of: impl IntoIterator<Item = (PartitionId, Fetched)>) {
        self.0.lock().fetched.extend(of);
    }

    /// Notes how far partitions are read. Of all others nothing is known any more.
    pub fn read(&self, ends: impl Iterator<Item = (PartitionId, i64)>) {
        let mut inner = self.0.lock();
        inner.read = ends.collect();
        let Inner { fetched, read, .. } = &mut *inner;
        fetched.retain(|id, _| read.contains_key(id));
    }

    /// The partitions that are being read.
    pub fn observed(&self) -> Vec<Observed> {
        let inner = self.0.lock();
        let observed = |(id, read): (&PartitionId, &i64)| {
            let applied = inner.places.next(*id)?;
            Some(Observed { id: *id, applied, read: *read, fetched: inner.fetched.get(id).copied() })
        };
        inner.read.iter().filter_map(observed).collect()
    }

    /// What was fetched of a partition, as far as is known.
    pub fn fetched_of(&self, id: PartitionId) -> Option<Fetched> {
        self.0.lock().fetched.get(&id).copied()
    }

    /// How many events there are behind these offsets, as far as is known.
    pub fn lag(&self, ends: impl Iterator<Item = (PartitionId, i64)>) -> i64 {
        let inner = self.0.lock();
        ends.filter_map(|(id, end)| Some((inner.places.log_end(id)? - end).max(0))).sum()
    }

    /// Those that are read, as a heartbeat has them.
    pub fn statuses(&self) -> Vec<PartitionStatus> {
        self.0.lock().places.read()
    }

    /// All partitions of ours, also those that are not read.
    pub fn all(&self) -> Vec<Told> {
        self.0.lock().places.told()
    }

    /// Has the consumer stop a partition.
    pub fn stop(&self, id: PartitionId) {
        self.0.lock().stops.push(id);
    }

    /// Those that the consumer is to stop; each is told once.
    pub fn take_stops(&self) -> Vec<PartitionId> {
        std::mem::take(&mut self.0.lock().stops)
    }
}
