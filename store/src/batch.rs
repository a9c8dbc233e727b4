//! What a claim changes: one change per key, over all of its partitions.

use std::hash::{BuildHasher, Hash};

use stockstream_model::{
    Day,
    documents::{ClientChange, DailyChange, InventoryChange, ProductChange, RejectedEvent},
};
use stockstream_protocol::risk::StockKey;

/// The id of a product or client. Nearly all are short enough to lie beside their change, which is where the time goes
/// when many keys are folded.
pub type Key = compact_str::CompactString;

/// Changes by key, one behind the other: a map of them laid out by hash would be twice as large, and finding a change in it
/// is waiting for memory.
pub type FastMap<K, V> = indexmap::IndexMap<K, V, hashbrown::DefaultHashBuilder>;

/// The changes of a claim, or of a part of it.
#[derive(Clone, Debug, Default)]
pub struct Changes {
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

/// A part of all keys: those whose hash leaves `index` when it is divided by `of`. All slices of one `of` are all keys. A product
/// and its batches of stock are in one, as a claim changes a product only once it changed those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Which part, from 0.
    pub index: u64,
    /// Of how many.
    pub of: u64,
}

impl Changes {
    /// How many keys it touches.
    pub fn keys(&self) -> usize {
        self.products.len() + self.inventory.len() + self.clients.len() + self.daily.len() + self.rejections.len()
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.keys() == 0
    }

    /// Adds the changes of other events.
    pub fn merge(&mut self, other: Self) {
        let Self { products, inventory, clients, daily, rejections } = other;
        merge(&mut self.products, products, |into, other| into.merge(&other));
        merge(&mut self.inventory, inventory, |into, other| into.merge(&other));
        merge(&mut self.clients, clients, |into, other| into.merge(&other));
        merge(&mut self.daily, daily, |into, other| into.merge(&other));
        self.rejections.extend(rejections);
    }

    /// Keeps the keys of a slice alone. What was refused belongs to the first.
    pub fn keep(&mut self, slice: Slice) {
        self.products.retain(|key, _| slice.contains(key));
        self.inventory.retain(|(product, _), _| slice.contains(product));
        self.clients.retain(|key, _| slice.contains(key));
        self.daily.retain(|day, _| slice.contains(day));
        if slice.index != 0 {
            self.rejections.clear();
        }
    }
}

/// Merges the smaller map into the larger one: every change has the same effect from either side.
fn merge<K: Hash + Eq, C>(into: &mut FastMap<K, C>, mut other: FastMap<K, C>, add: impl Fn(&mut C, C)) {
    if other.len() > into.len() {
        std::mem::swap(into, &mut other);
    }
    for (key, change) in other {
        match into.entry(key) {
            indexmap::map::Entry::Occupied(mut standing) => add(standing.get_mut(), change),
            indexmap::map::Entry::Vacant(vacant) => {
                vacant.insert(change);
            }
        }
    }
}

impl Slice {
    fn contains(self, key: &impl Hash) -> bool {
        self.of <= 1 || FIXED.hash_one(key) % self.of == self.index
    }
}

/// The same in every pass, whatever process makes it.
const FIXED: std::hash::BuildHasherDefault<std::hash::DefaultHasher> = std::hash::BuildHasherDefault::new();

/// Payloads of rejected events are kept up to this many bytes.
pub(crate) const PAYLOAD_BYTES: usize = 1 << 20;

/// What became of changes that were applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApplyReport {
    /// Keys whose change was applied.
    pub changed: u64,
    /// Keys whose change had been applied before, by whoever works on the same claim.
    pub already: u64,
    /// Whether a later claim of the lane was met: this one is complete, and what was left of it was not looked at.
    pub superseded: bool,
}

impl ApplyReport {
    /// What became of both, where each applied other keys of the same claim.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            changed: self.changed + other.changed,
            already: self.already + other.already,
            superseded: self.superseded || other.superseded,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use stockstream_model::documents::InventoryState;

    fn changes(clients: impl IntoIterator<Item = usize>, invoices: i64) -> Changes {
        let change = ClientChange { invoices, ..ClientChange::default() };
        let clients = clients.into_iter().map(|client| (Key::from(format!("c{client}")), change.clone())).collect();
        Changes { clients, ..Changes::default() }
    }

    #[test]
    fn a_key_that_both_change_is_changed_once_by_the_sum_from_either_side() {
        for (a, b) in [(0..5, 3..4), (3..4, 0..5)] {
            let mut sum = changes(a, 1);
            sum.merge(changes(b, 2));
            let mut found: Vec<_> = sum.clients.iter().map(|(key, change)| (key.as_str(), change.invoices)).collect();
            found.sort_unstable();
            assert_eq!(found.iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["c0", "c1", "c2", "c3", "c4"]);
            assert_eq!(found[3].1, 3);
        }
    }

    #[test]
    fn a_product_is_in_the_slice_of_its_batches() {
        let record = |product: String, batch| InventoryChange {
            record: InventoryState { product_id: product, batch_number: batch, ..InventoryState::default() },
        };
        let products: Vec<_> = (0..100).map(|product| format!("p{product}")).collect();
        let batches = |product: &String| [None, Some("b".to_owned())].map(|batch| (product.clone(), batch));
        let all = Changes {
            products: products.iter().map(|product| (Key::from(product), ProductChange::default())).collect(),
            inventory: products.iter().flat_map(batches).map(|key| (key.clone(), record(key.0, key.1))).collect(),
            ..Changes::default()
        };
        for index in 0..3 {
            let mut part = all.clone();
            part.keep(Slice { index, of: 3 });
            let of_stock: BTreeSet<_> = part.inventory.keys().map(|(product, _)| product.as_str()).collect();
            assert_eq!(of_stock, part.products.keys().map(Key::as_str).collect::<BTreeSet<_>>());
            assert!((10..60).contains(&of_stock.len()) && part.inventory.len() == 2 * of_stock.len());
        }
    }

    #[test]
    fn every_key_is_in_one_slice() {
        let all = changes(0..100, 1);
        let of = 3;
        let slices: Vec<Changes> = (0..of)
            .map(|index| {
                let mut part = all.clone();
                part.keep(Slice { index, of });
                part
            })
            .collect();
        assert!(slices.iter().all(|slice| slice.keys() > 10));
        assert_eq!(slices.iter().map(Changes::keys).sum::<usize>(), 100);
        let mut sum = Changes::default();
        slices.into_iter().for_each(|slice| sum.merge(slice));
        assert!(sum.keys() == 100 && sum.clients.values().all(|change| change.invoices == 1));
    }
}
