//! Folding, on threads of its own: the reading side gathers records by partition, the partition's thread folds them into the changes
//! of the batch, and the flush merges what the threads have.

mod log_throttle;
mod pool;

use std::collections::BTreeMap;

pub(crate) use log_throttle::LogThrottle;
pub(crate) use pool::{Chunk, FoldPool, Load};
use stockstream_model::{
    Timestamp,
    documents::{FoldRules, PartitionId},
    event::EventKind,
    settings::{HumanDuration, Sales},
};
use stockstream_protocol::positions::Counters;
use stockstream_store::Changes;

use crate::core::{
    fold::{DeferredSale, Folder, Record},
    memory,
};

/// By which rules a batch is folded. Its claim carries them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Rules {
    pub fold: FoldRules,
    /// How far duplicates of an invoice lie apart at most; `None` where every sale counts.
    pub deduplicate: Option<HumanDuration>,
}

impl Rules {
    /// Those of the settings.
    pub fn of(sales: &Sales) -> Self {
        let deduplicate = sales.deduplicate.map(|duplicates| duplicates.within);
        Self { fold: FoldRules::checking(sales.future_tolerance), deduplicate }
    }
}

/// A payload that is kept counts so many times: of others only their sums take memory.
const KEPT: usize = 8;

/// What a thread folded of a batch, or all threads together.
#[derive(Debug, Default)]
pub(crate) struct FoldedBatch {
    pub changes: Changes,
    pub partitions: BTreeMap<PartitionId, Counted>,
    /// Sales that may be duplicates.
    pub held: Vec<DeferredSale>,
    /// How many bytes of events it stands for.
    pub bytes: usize,
    /// Bytes of text that are kept of the events: payloads of rejected and held ones, names in records.
    kept: usize,
}

/// What the records of a partition amount to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub counters: Counters,
    /// The earliest Kafka timestamp.
    pub oldest: Option<Timestamp>,
}

impl FoldedBatch {
    /// Folds records of one partition.
    pub fn fold<'a>(
        &mut self,
        id: PartitionId,
        records: impl Iterator<Item = Record<'a>>,
        rules: Rules,
        now: Timestamp,
        told: &mut LogThrottle,
    ) {
        let Self { changes, partitions, held, bytes, kept } = self;
        let Counted { counters, oldest } = partitions.entry(id).or_default();
        let holds = rules.deduplicate.is_some() && id.stream == EventKind::Sales;
        let mut folder = Folder::new(changes, rules.fold);
        for record in records {
            *oldest = match (*oldest, record.produced_at) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            let rejection =
                if holds { folder.hold(held, &record, counters, now) } else { folder.fold(&record, counters, now) };
            let is_kept = holds || rejection.is_some();
            *bytes += record.payload.len() * if is_kept { KEPT } else { 1 };
            *kept += record.payload.len()
                * match id.stream {
                    EventKind::Sales => usize::from(is_kept),
                    EventKind::Inventory => 2, // of the batch, and of the product
                    EventKind::Clients => 1,
                };
            if let Some(rejection) = rejection {
                told.rejected(&record, &rejection);
            }
        }
        folder.finish();
    }

    /// Adds what another thread folded. No partition is of both.
    pub fn merge(&mut self, other: Self) {
        self.changes.merge(other.changes);
        self.partitions.extend(other.partitions);
        self.held.extend(other.held);
        self.bytes += other.bytes;
        self.kept += other.kept;
    }

    /// How many keys it changes, a held sale counted as one.
    pub fn keys(&self) -> usize {
        self.changes.keys() + self.held.len()
    }

    /// How many bytes of memory it takes, about.
    fn memory(&self) -> usize {
        memory::of_changes(&self.changes) + memory::of_held(&self.held) + self.kept
    }
}
