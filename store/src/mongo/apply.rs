//! Applying claimed ranges: one guarded upsert per key for all partitions together; what is refused is split, with one
//! verdict per partition.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::Hash,
};

use bson::{Bson, Document, doc};
use futures_util::{StreamExt, TryStreamExt, stream};
use hashbrown::HashMap as FastMap;
use stockstream_model::{
    Day,
    documents::{Checkpoint, ClientChange, DailyChange, InventoryChange, PartitionId, ProductChange, RejectedEvent},
};

use super::{MongoStore, Result, codec, names, reads::Query, rows, update, update::Guard};
use crate::{
    ApplyReport, Batch, Range, StoreError,
    batch::StockKey,
    verdict::{Verdict, stands, verdict},
};

/// Rejected events go in small commands: each may hold a payload of a megabyte.
const REJECTIONS_PER_COMMAND: usize = 10;

/// A claimed range of one partition.
struct Part<'a> {
    claim: &'a Checkpoint,
    range: &'a Range,
    guard: Guard,
}

/// A kind of document that ranges change.
trait Kind {
    type Key: Ord + Hash + Eq + Sync + 'static;
    type Change: Clone + Sync + 'static;
    const COLLECTION: &'static str;
    fn changes(range: &Range) -> &FastMap<Self::Key, Self::Change>;
    fn merge(into: &mut Self::Change, other: &Self::Change);
    fn id(key: &Self::Key) -> Bson;
    fn update(store: &MongoStore, key: &Self::Key, change: &Self::Change, guards: &[Guard]) -> Document;
}

/// One key and the parts (by index) whose changes are to be applied to it.
type Entry<'a, K> = (&'a <K as Kind>::Key, Vec<usize>);

impl MongoStore {
    pub(super) async fn apply_batch(&self, batch: &Batch, claims: &[Checkpoint]) -> Result<ApplyReport> {
        let parts = parts_of(batch, claims);
        let mut report = ApplyReport::default();
        self.apply_kind::<Products>(&parts, &mut report).await?;
        self.apply_kind::<Inventory>(&parts, &mut report).await?;
        self.apply_kind::<Clients>(&parts, &mut report).await?;
        self.apply_kind::<Daily>(&parts, &mut report).await?;
        let rejections: Vec<&RejectedEvent> = parts.iter().flat_map(|part| &part.range.rejections).collect();
        for chunk in rejections.chunks(REJECTIONS_PER_COMMAND) {
            let keep = |event: &&RejectedEvent| {
                let set = doc! { "$setOnInsert": rows::rejected_document(event) };
                doc! { "q": { "_id": event.id() }, "u": set, "upsert": true }
            };
            let updates: Vec<_> = chunk.iter().map(keep).collect();
            self.update_many(names::REJECTED, &updates).await?;
        }
        Ok(report)
    }

    async fn apply_kind<K: Kind>(&self, parts: &[Part<'_>], report: &mut ApplyReport) -> Result<()> {
        let mut entries = combine::<K>(parts);
        while !entries.is_empty() {
            let lost: HashSet<PartitionId> = report.lost.iter().copied().collect();
            entries.retain_mut(|(_, of)| {
                of.retain(|index| !lost.contains(&parts[*index].claim.id));
                !of.is_empty()
            });
            let mut commands = Vec::new();
            for chunk in entries.chunks(self.updates_per_command) {
                commands.push(self.apply_chunk::<K>(parts, chunk));
            }
            let under_way = stream::iter(commands).buffer_unordered(self.write_connections);
            let refused: Vec<Entry<'_, K>> = under_way.try_concat().await?;
            report.changed += (entries.len() - refused.len()) as u64;
            entries = self.judge::<K>(parts, refused, report).await?;
        }
        Ok(())
    }

    /// Sends the updates of some keys; returns those that were refused.
    async fn apply_chunk<'a, K: Kind>(&self, parts: &[Part<'a>], chunk: &[Entry<'a, K>]) -> Result<Vec<Entry<'a, K>>> {
        let update = |(key, of): &Entry<'a, K>| {
            let guards: Vec<Guard> = of.iter().map(|index| parts[*index].guard.clone()).collect();
            let mut changes = of.iter().filter_map(|index| K::changes(parts[*index].range).get(*key));
            let first = changes.next()?;
            let Some(second) = changes.next() else { return Some(K::update(self, key, first, &guards)) };
            let mut sum = first.clone();
            K::merge(&mut sum, second);
            changes.for_each(|change| K::merge(&mut sum, change));
            Some(K::update(self, key, &sum, &guards))
        };
        let updates: Vec<Document> = chunk.iter().filter_map(update).collect();
        let written = self.update_many(K::COLLECTION, &updates).await?;
        Ok(written.refused.into_iter().filter_map(|index| chunk.get(index).cloned()).collect())
    }

    /// Splits what was refused by partition and decides on each; returns what is to be applied again.
    async fn judge<'a, K: Kind>(
        &self,
        parts: &[Part<'a>],
        refused: Vec<Entry<'a, K>>,
        report: &mut ApplyReport,
    ) -> Result<Vec<Entry<'a, K>>> {
        if refused.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Bson> = refused.iter().map(|(key, _)| K::id(key)).collect();
        let marks = self.marks(K::COLLECTION, ids).await?;
        // Only after the documents: a claim that is void now may have been void when the document refused.
        let standing = self.read_checkpoints().await?;
        let mut again: Vec<Entry<'a, K>> = Vec::new();
        for (key, of) in refused {
            let of_key = marks.get(&K::id(key).to_string());
            for index in of {
                let Part { claim, guard, .. } = &parts[index];
                let mark = of_key.and_then(|marks| marks.get(&guard.mark).copied());
                let holds = stands(claim, standing.iter().find(|checkpoint| checkpoint.id == claim.id));
                match verdict(mark, guard.next, guard.end, holds) {
                    Verdict::Apply => again.push((key, vec![index])),
                    Verdict::Already => report.already += 1,
                    Verdict::Lost if report.lost.contains(&claim.id) => {}
                    Verdict::Lost => report.lost.push(claim.id),
                    Verdict::Broken => {
                        let key = format!("{} {}", K::COLLECTION, K::id(key));
                        return Err(StoreError::broken(&key, &guard.mark, mark, guard.next, guard.end));
                    }
                }
            }
        }
        // One key at most once in a command: a split key's second part waits for the next round.
        let mut seen = HashSet::new();
        again.sort_by(|a, b| a.0.cmp(b.0));
        let (now, later): (Vec<_>, Vec<_>) = again.into_iter().partition(|(key, _)| seen.insert(*key));
        Ok(now.into_iter().chain(later).collect())
    }

    async fn marks(&self, collection: &str, ids: Vec<Bson>) -> Result<HashMap<String, BTreeMap<String, i64>>> {
        let query = Query::of(doc! { "_id": { "$in": ids } }).fields(doc! { "o": 1 });
        let documents = self.find(collection, query).await?;
        let of = |document: &Document| {
            let marks = document.get_document("o").ok()?;
            let pairs = marks.keys().map(|name| (name.clone(), codec::integer(marks, name)));
            Some((document.get("_id")?.to_string(), pairs.collect()))
        };
        Ok(documents.iter().filter_map(of).collect())
    }
}

fn parts_of<'a>(batch: &'a Batch, claims: &'a [Checkpoint]) -> Vec<Part<'a>> {
    let mut parts = Vec::with_capacity(claims.len());
    for claim in claims {
        let Some(range) = batch.get(&claim.id) else { continue };
        let guard = Guard { mark: claim.id.mark(range.incarnation), next: range.next, end: range.end };
        parts.push(Part { claim, range, guard });
    }
    parts
}

/// Every key of all parts once, in the order of keys: workers that update the same documents lock them in one order.
fn combine<'a, K: Kind>(parts: &[Part<'a>]) -> Vec<Entry<'a, K>> {
    let pairs = parts.iter().enumerate();
    let mut pairs: Vec<_> =
        pairs.flat_map(|(index, part)| K::changes(part.range).keys().map(move |key| (key, index))).collect();
    pairs.sort_unstable();
    let mut entries: Vec<Entry<'a, K>> = Vec::with_capacity(pairs.len());
    for (key, index) in pairs {
        match entries.last_mut() {
            Some((last, of)) if *last == key => of.push(index),
            _ => entries.push((key, vec![index])),
        }
    }
    entries
}

struct Products;
struct Inventory;
struct Clients;
struct Daily;

impl Kind for Products {
    type Key = String;
    type Change = ProductChange;
    const COLLECTION: &'static str = names::PRODUCTS;
    fn changes(range: &Range) -> &FastMap<String, ProductChange> {
        &range.products
    }
    fn merge(into: &mut ProductChange, other: &ProductChange) {
        into.merge(other);
    }
    fn id(key: &String) -> Bson {
        Bson::String(key.clone())
    }
    fn update(store: &MongoStore, key: &String, change: &ProductChange, guards: &[Guard]) -> Document {
        update::product(key, change, guards, &store.analytics, store.stamp())
    }
}

impl Kind for Inventory {
    type Key = StockKey;
    type Change = InventoryChange;
    const COLLECTION: &'static str = names::INVENTORY;
    fn changes(range: &Range) -> &FastMap<StockKey, InventoryChange> {
        &range.inventory
    }
    fn merge(into: &mut InventoryChange, other: &InventoryChange) {
        into.merge(other);
    }
    fn id((product, batch): &StockKey) -> Bson {
        codec::stock_id(product, batch.as_deref()).into()
    }
    fn update(_: &MongoStore, (product, batch): &StockKey, change: &InventoryChange, guards: &[Guard]) -> Document {
        update::inventory(codec::stock_id(product, batch.as_deref()), change, guards)
    }
}

impl Kind for Clients {
    type Key = String;
    type Change = ClientChange;
    const COLLECTION: &'static str = names::CLIENTS;
    fn changes(range: &Range) -> &FastMap<String, ClientChange> {
        &range.clients
    }
    fn merge(into: &mut ClientChange, other: &ClientChange) {
        into.merge(other);
    }
    fn id(key: &String) -> Bson {
        Bson::String(key.clone())
    }
    fn update(store: &MongoStore, key: &String, change: &ClientChange, guards: &[Guard]) -> Document {
        update::client(key, change, guards, &store.analytics.clients, store.stamp())
    }
}

impl Kind for Daily {
    type Key = Day;
    type Change = DailyChange;
    const COLLECTION: &'static str = names::DAILY;
    fn changes(range: &Range) -> &FastMap<Day, DailyChange> {
        &range.daily
    }
    fn merge(into: &mut DailyChange, other: &DailyChange) {
        into.merge(other);
    }
    fn id(key: &Day) -> Bson {
        Bson::String(key.to_string())
    }
    fn update(_: &MongoStore, key: &Day, change: &DailyChange, guards: &[Guard]) -> Document {
        update::daily(key.to_string(), change, guards)
    }
}
