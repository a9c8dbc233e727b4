//! A batch: what the claimed ranges of some partitions change, one change per key and partition.
//!
//! Changes are kept per partition because each is guarded, and may be refused, by its own high-water mark; the store
//! combines the partitions of a key into one update.

use std::collections::HashMap;

use stockstream_model::{
    Day, Timestamp,
    documents::{Checkpoint, ClientChange, DailyChange, InventoryChange, PartitionId, ProductChange, RejectedEvent},
};

use crate::StoreError;

/// The id of a product or client. Nearly all are short enough to lie beside their change, which is where the time goes
/// when many keys are folded.
pub type Key = compact_str::CompactString;

/// Changes by key, one behind the other: a map of them laid out by hash would be twice as large, and finding a change in it
/// is waiting for memory.
pub type FastMap<K, V> = indexmap::IndexMap<K, V, hashbrown::DefaultHashBuilder>;

/// The key of stock: product and batch.
pub type StockKey = (String, Option<String>);

/// What the range `[next, end)` of one partition changes.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// The topic's incarnation.
    pub incarnation: i64,
    /// The first offset.
    pub next: i64,
    /// Behind the last offset.
    pub end: i64,
    /// Events in it, rejected ones included.
    pub events: i64,
    /// Rejected ones in it.
    pub rejected: i64,
    /// The greatest event time in it.
    pub latest_event: Option<Timestamp>,
    /// Changes by product.
    pub products: FastMap<Key, ProductChange>,
    /// Changes by product and batch.
    pub inventory: FastMap<StockKey, InventoryChange>,
    /// Changes by client.
    pub clients: FastMap<Key, ClientChange>,
    /// Changes by day.
    pub daily: FastMap<Day, DailyChange>,
    /// What was refused.
    pub rejections: Vec<RejectedEvent>,
}

impl Range {
    /// How many keys it touches.
    pub fn keys(&self) -> usize {
        self.products.len() + self.inventory.len() + self.clients.len() + self.daily.len() + self.rejections.len()
    }
}

/// Claimed ranges of some partitions, to be applied.
pub type Batch = HashMap<PartitionId, Range>;

/// Payloads of rejected events are kept up to this many bytes.
pub(crate) const PAYLOAD_BYTES: usize = 1 << 20;

/// Checks that every range is the one that its claim claimed. Under a wrong guard a range would count twice or never.
pub(crate) fn check(batch: &Batch, claims: &[Checkpoint]) -> Result<(), StoreError> {
    for (id, range) in batch {
        let Some(claim) = claims.iter().find(|claim| claim.id == *id) else {
            let message = format!("a range of {id} is to be applied without a claim");
            return Err(StoreError::Invariant { message, partitions: vec![*id] });
        };
        let Range { incarnation, next, end, .. } = range;
        if (claim.incarnation, claim.next, claim.pending) != (*incarnation, *next, Some(*end)) {
            let claimed = format!("[{}, {:?}) of incarnation {}", claim.next, claim.pending, claim.incarnation);
            return Err(StoreError::Invariant {
                message: format!("{id} claimed {claimed}, its range is [{next}, {end}) of incarnation {incarnation}"),
                partitions: vec![*id],
            });
        }
    }
    Ok(())
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyReport {
    /// Changes applied, one for each key and partition; about so many where keys of different partitions shared a statement and
    /// others had applied some of them.
    pub changed: u64,
    /// Changes that had been applied before, by whoever claimed the range.
    pub already: u64,
    /// Partitions whose claim somebody else went on with: their part of the batch is void and must be dropped.
    pub lost: Vec<PartitionId>,
}
