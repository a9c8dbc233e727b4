//! Where the partitions of this worker stand: those that are read, and those that are not until their log fits again or a person
//! decides.

use std::collections::{BTreeMap, BTreeSet};

use stockstream_model::documents::{PartitionId, PartitionStatus};
use stockstream_protocol::{
    log::LogState,
    positions::{Lost, Position, Positions},
};

/// What is known of the partitions.
#[derive(Default)]
pub(crate) struct Places {
    /// Those that are read, each with the first offset that is not applied.
    read: BTreeMap<PartitionId, i64>,
    /// Those of ours that are not read.
    stopped: BTreeMap<PartitionId, Place>,
    /// Where each stood when its position was read last, and what was lost of it.
    found: BTreeMap<PartitionId, (Place, Lost)>,
    log_ends: BTreeMap<PartitionId, i64>,
}

/// Where a partition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// The first offset that is not applied.
    next: i64,
    /// From which offset on nothing of its log is applied: another one, where its log is not the one that was counted.
    from: i64,
}

/// A partition of ours as the outside is told of it.
pub(crate) struct Told {
    pub status: PartitionStatus,
    /// How many offsets are not applied, when known.
    pub lag: Option<i64>,
    /// Whether it is not read.
    pub is_stopped: bool,
    /// What Kafka lost of it.
    pub lost: Lost,
}

impl Place {
    /// In the log that is counted.
    const fn at(next: i64) -> Self {
        Self { next, from: next }
    }
}

impl Places {
    pub fn reads_from(&mut self, id: PartitionId, next: i64) {
        self.read.insert(id, next);
    }

    pub fn applied(&mut self, id: PartitionId, next: i64) {
        if let Some(position) = self.read.get_mut(&id) {
            *position = next;
        }
        if let Some(place) = self.stopped.get_mut(&id) {
            *place = Place::at(next);
        }
    }

    /// Notes positions as they were read from the store, and the logs that belong to them.
    pub fn found<'a>(
        &mut self,
        positions: &Positions,
        ids: impl IntoIterator<Item = (&'a PartitionId, Option<&'a LogState>)>,
    ) {
        for (id, log) in ids {
            let found = match (positions.partitions.get(id), log) {
                (Some(position), log) => {
                    let from = log.filter(|log| is_another(position, log)).map_or(position.next, |log| log.first);
                    (Place { next: position.next, from }, position.lost.clone())
                }
                // Nothing of it was read yet.
                (None, Some(log)) => (Place::at(log.first), Lost::default()),
                (None, None) => continue,
            };
            self.found.insert(*id, found);
        }
    }

    /// Only these are read from now on. Of the others of ours, those that are left out are where they were found; those that are
    /// closed since stay where they are.
    pub fn assigned(
        &mut self,
        ids: &[PartitionId],
        left_out: &BTreeSet<PartitionId>,
        closed: impl Iterator<Item = PartitionId>,
    ) {
        let mut stopped: BTreeMap<PartitionId, Place> = closed.filter_map(|id| Some((id, self.place(id)?))).collect();
        stopped.extend(left_out.iter().filter_map(|id| Some((*id, self.found.get(id)?.0))));
        self.stopped = stopped;
        self.read.retain(|id, _| ids.contains(id));
    }

    /// A partition is not read any more, and stays where it is.
    pub fn closed(&mut self, id: PartitionId) {
        if let Some(place) = self.place(id) {
            self.stopped.insert(id, place);
        }
    }

    fn place(&self, id: PartitionId) -> Option<Place> {
        self.stopped.get(&id).copied().or_else(|| self.read.get(&id).copied().map(Place::at))
    }

    /// The first offset that is not applied of a partition that is read.
    pub fn next(&self, id: PartitionId) -> Option<i64> {
        self.read.get(&id).copied()
    }

    pub fn stopped(&self) -> Vec<PartitionId> {
        self.stopped.keys().copied().collect()
    }

    pub fn log_ends(&mut self, ends: impl IntoIterator<Item = (PartitionId, i64)>) {
        self.log_ends.extend(ends);
    }

    pub fn log_end(&self, id: PartitionId) -> Option<i64> {
        self.log_ends.get(&id).copied()
    }

    /// Those that are read.
    pub fn read(&self) -> Vec<PartitionStatus> {
        self.read.iter().map(|(id, next)| self.status(*id, *next)).collect()
    }

    /// All of ours.
    pub fn told(&self) -> Vec<Told> {
        let told = |id: PartitionId, place: Place, is_stopped| {
            let status = self.status(id, place.next);
            let lag = status.log_end.map(|end| (end - place.from).max(0));
            let lost = self.found.get(&id).map(|(_, lost)| lost.clone()).unwrap_or_default();
            Told { status, lag, is_stopped, lost }
        };
        let read = self.read.iter().filter(|(id, _)| !self.stopped.contains_key(id));
        let read = read.map(|(id, next)| told(*id, Place::at(*next), false));
        let mut all: Vec<_> = read.chain(self.stopped.iter().map(|(id, place)| told(*id, *place, true))).collect();
        all.sort_by_key(|told| told.status.id);
        all
    }

    fn status(&self, id: PartitionId, next: i64) -> PartitionStatus {
        PartitionStatus { id, next, log_end: self.log_end(id) }
    }
}

/// Whether a log is of another topic or cluster than its position, as far as both are known.
fn is_another(position: &Position, log: &LogState) -> bool {
    let differ = |one: &Option<String>, other: &Option<String>| one.is_some() && other.is_some() && one != other;
    differ(&position.topic_id, &log.topic_id) || differ(&position.cluster_id, &log.cluster_id)
}
