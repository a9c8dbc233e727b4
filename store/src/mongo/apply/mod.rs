//! Applying a claim's changes, guarded by its lane's mark: many keys that change alike by one statement, others by an upsert each;
//! of what is refused the marks are read, and what is not there is inserted.

pub(crate) mod collections;
pub(crate) mod insert;
pub(crate) mod update;

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicBool, Ordering},
};

use bson::{Bson, doc};
use futures_util::{StreamExt, TryStreamExt, stream};
use stockstream_protocol::claim::MarkVerdict;
use tokio::sync::Semaphore;

use super::{MongoStore, Result, names};
use crate::{
    ApplyReport, Changes, Guard, fail_point,
    mongo::{
        apply::{
            collections::{Clients, Daily, Inventory, Kind, Products},
            update::Keys,
        },
        codec::{self, views},
        command::{
            find::FindQuery,
            write::{PATIENCE, encoded, foreign_index},
        },
    },
};

/// A key and its change.
type Entry<'a, K> = (&'a <K as Kind>::Key, &'a <K as Kind>::Change);

/// The marks of the documents that are there.
type Marks<K> = HashMap<<K as Kind>::Key, Option<i64>>;

/// Keys that are to be applied.
struct PendingKeys<'a, K: Kind> {
    /// Nobody looked whether they are there.
    unknown: Vec<Entry<'a, K>>,
    /// Their documents are there.
    there: Vec<Entry<'a, K>>,
    /// They are not.
    absent: Vec<Entry<'a, K>>,
}

/// Fewer keys that change alike are not worth a statement of their own.
const WORTH_A_STATEMENT: usize = 8;
/// Each document is looked for among the keys of its statement, so more of them are slower again.
const IN_A_STATEMENT: usize = 200;

/// So many keys are looked for before an upsert of each is sent.
const WORTH_A_LOOK: usize = 64;

/// So many documents' marks are read at once.
const MARKS_AT_ONCE: usize = 5_000;

/// Keys of one command.
enum Chunk<'a, K: Kind> {
    /// Of the same shape: one statement for all, which makes no documents.
    SameShape(Vec<Entry<'a, K>>),
    /// A statement for each.
    Individual(Vec<Entry<'a, K>>),
    /// That are not there: a document for each.
    New(Vec<Entry<'a, K>>),
}

/// What a command did not do.
struct Refused<'a, K: Kind> {
    /// Keys that may hold the change, or not.
    entries: Vec<Entry<'a, K>>,
    /// How many of them this command changed all the same.
    applied: u64,
}

impl MongoStore {
    pub(crate) async fn apply_changes(&self, changes: &Changes, guard: &Guard) -> Result<ApplyReport> {
        // At once, over the same connections: a small batch is a round trip for each kind.
        let free = Semaphore::new(self.write_connections);
        let (products, clients, daily) = tokio::try_join!(
            self.apply_stock(changes, guard, &free),
            self.apply_kind::<Clients>(changes, guard, &free),
            self.apply_kind::<Daily>(changes, guard, &free),
        )?;
        let report = products.and(clients).and(daily);
        if report.superseded {
            return Ok(report);
        }
        let mut rejections = changes.rejections.iter().map(|event| encoded(&views::rejected_document(event)));
        self.insert_encoded(names::REJECTED, &mut rejections).await?; // what is refused is there
        Ok(report)
    }

    /// Batches of stock before products: a product names the claim that changed it last, and whoever finds it by that finds its
    /// batches changed, too. The other way round, another claim may change the product in between; what it names then says nothing
    /// of this one (docs/protocol.md, Stock at risk).
    async fn apply_stock(&self, changes: &Changes, guard: &Guard, free: &Semaphore) -> Result<ApplyReport> {
        let inventory = self.apply_kind::<Inventory>(changes, guard, free).await?;
        if inventory.superseded {
            return Ok(inventory);
        }
        fail_point("stock-applied");
        Ok(inventory.and(self.apply_kind::<Products>(changes, guard, free).await?))
    }

    /// `free`: one permit for each command that may be under way.
    async fn apply_kind<K: Kind>(&self, changes: &Changes, guard: &Guard, free: &Semaphore) -> Result<ApplyReport> {
        let mut report = ApplyReport::default();
        let mut keys: Vec<Entry<'_, K>> = K::changes(changes).iter().collect();
        // Workers that update the same documents lock those of a command in one order.
        keys.sort_unstable_by_key(|(key, _)| *key);
        let mut open = PendingKeys::<K> { unknown: keys, there: Vec::new(), absent: Vec::new() };
        // Behind `mongos` the count of a statement for many says nothing.
        let by_many = guard.is_of_lane() && !self.is_sharded().await?;
        let mut patience = PATIENCE;
        let are_made_elsewhere = AtomicBool::new(false);
        while open.keys() > 0 && !report.superseded {
            let keys = open.keys();
            let (mut chunks, mut refused) = self.chunks::<K>(open, by_many);
            let first = guard.first_of(chunks.len());
            chunks.rotate_left(first);
            let mut commands = Vec::new();
            for chunk in chunks {
                let are_made_elsewhere = &are_made_elsewhere;
                commands.push(async move {
                    let _permit = free.acquire().await;
                    self.apply_chunk::<K>(guard, chunk, are_made_elsewhere).await
                });
            }
            let under_way = stream::iter(commands).buffer_unordered(self.write_connections);
            let mut ours = 0;
            for outcome in under_way.try_collect::<Vec<Refused<'_, K>>>().await? {
                ours += outcome.applied;
                refused.extend(outcome.entries);
            }
            report.changed += (keys - refused.len()) as u64;
            let before = report.already;
            let again = self.judge::<K>(guard, refused, &mut report).await?;
            // A statement for many does not say which it refused: of those that hold the change, some hold it by now.
            let ours = ours.min(report.already - before);
            report.already -= ours;
            report.changed += ours;
            patience = if again.keys() < keys { PATIENCE } else { patience - 1 };
            if patience == 0 {
                return Err(foreign_index(K::COLLECTION));
            }
            open = again;
        }
        Ok(report)
    }

    /// How many of so many updates one command carries: all connections share the work, also of a small flush.
    fn chunk(&self, updates: usize) -> usize {
        const WORTH_A_COMMAND: usize = 32;
        updates.div_ceil(self.write_connections).max(WORTH_A_COMMAND).min(self.updates_per_command)
    }

    /// What to send, a command each: keys that change alike together, as far as there are enough of them and a statement may be
    /// for many, others one by one.
    /// Second: many that do not change alike are looked for before they are sent, as if they had been refused, since new ones
    /// are inserted several times as fast as by an upsert.
    fn chunks<'a, K: Kind>(&self, open: PendingKeys<'a, K>, by_many: bool) -> (Vec<Chunk<'a, K>>, Vec<Entry<'a, K>>) {
        let PendingKeys { unknown, there, absent } = open;
        let (mut chunks, mut alone) = (Vec::new(), Vec::new());
        let mut alike: BTreeMap<Vec<i64>, Vec<Entry<'a, K>>> = BTreeMap::new();
        for entry in unknown {
            match by_many.then(|| K::shape(entry.1)).flatten() {
                Some(shape) => alike.entry(shape).or_default().push(entry),
                None => alone.push(entry),
            }
        }
        for entries in alike.into_values() {
            if entries.len() < WORTH_A_STATEMENT {
                alone.extend(entries);
                continue;
            }
            let size = self.chunk(entries.len()).min(IN_A_STATEMENT);
            chunks.extend(cut(entries, size).map(Chunk::SameShape));
        }
        alone.sort_unstable_by_key(|(key, _)| *key);
        let looked = if alone.len() >= WORTH_A_LOOK { std::mem::take(&mut alone) } else { Vec::new() };
        alone.extend(there);
        let (of_alone, of_new) = (self.chunk(alone.len()), self.chunk(absent.len()));
        chunks.extend(cut(alone, of_alone).map(Chunk::Individual));
        chunks.extend(cut(absent, of_new).map(Chunk::New));
        (chunks, looked)
    }

    /// Sends the updates of some keys; returns those that were refused. `are_made_elsewhere` tells, from when that was seen on, that
    /// another worker makes the same documents.
    async fn apply_chunk<'a, K: Kind>(
        &self,
        guard: &Guard,
        chunk: Chunk<'a, K>,
        are_made_elsewhere: &AtomicBool,
    ) -> Result<Refused<'a, K>> {
        match chunk {
            Chunk::Individual(entries) => {
                let update = |(key, change): &Entry<'a, K>| encoded(&K::update(self, K::id(key), change, guard));
                let written = self.update_encoded(K::COLLECTION, &mut entries.iter().map(update)).await?;
                fail_point("amid-apply");
                Ok(Refused { entries: picked(&entries, &written.refused), applied: 0 })
            }
            Chunk::New(entries) => {
                // A server may undo a command for one document that is there, and insert the others one by one.
                let known = match are_made_elsewhere.load(Ordering::Relaxed) {
                    true => self.marks::<K>(&entries, guard).await?,
                    false => Marks::<K>::new(),
                };
                let (there, absent): (Vec<_>, Vec<_>) =
                    entries.into_iter().partition(|(key, _)| known.contains_key(*key));
                let document = |(key, change): &Entry<'a, K>| encoded(&K::fresh(self, K::id(key), change, guard));
                let written = self.insert_encoded(K::COLLECTION, &mut absent.iter().map(document)).await?;
                fail_point("amid-apply");
                let mut refused = picked(&absent, &written.refused);
                refused.extend(there);
                if !refused.is_empty() {
                    are_made_elsewhere.store(true, Ordering::Relaxed);
                }
                Ok(Refused { entries: refused, applied: 0 })
            }
            Chunk::SameShape(entries) => {
                let (ids, changes): (Vec<Bson>, Vec<&K::Change>) =
                    entries.iter().map(|(key, change)| (K::id(key), *change)).unzip();
                let update = K::update_alike(self, &Keys { ids: &ids, changes: &changes }, guard);
                let written = self.try_updates(K::COLLECTION, &mut update.iter().map(encoded)).await?;
                fail_point("amid-apply");
                // Which document is invalid is told where each has a statement of its own.
                let applied = if written.invalid.is_none() { written.n } else { 0 };
                let is_done = applied == entries.len() as u64;
                Ok(if is_done { Refused { entries: Vec::new(), applied: 0 } } else { Refused { entries, applied } })
            }
        }
    }

    /// Reads the marks of what was refused; returns what is to be applied again.
    async fn judge<'a, K: Kind>(
        &self,
        guard: &Guard,
        mut refused: Vec<Entry<'a, K>>,
        report: &mut ApplyReport,
    ) -> Result<PendingKeys<'a, K>> {
        refused.sort_unstable_by_key(|(key, _)| *key); // commands end in any order, keys are sent in theirs
        let mut open = PendingKeys { unknown: Vec::new(), there: Vec::new(), absent: Vec::new() };
        for entries in cut(refused, MARKS_AT_ONCE) {
            let marks = self.marks::<K>(&entries, guard).await?;
            for entry in entries {
                let Some(mark) = marks.get(entry.0) else {
                    open.absent.push(entry);
                    continue;
                };
                match guard.judge(*mark) {
                    MarkVerdict::Applied => report.already += 1,
                    MarkVerdict::Retry => open.there.push(entry),
                    MarkVerdict::Superseded => report.superseded = true,
                }
            }
        }
        Ok(open)
    }

    /// The marks of the documents that are there.
    async fn marks<K: Kind>(&self, refused: &[Entry<'_, K>], guard: &Guard) -> Result<Marks<K>> {
        let ids: Vec<Bson> = refused.iter().map(|(key, _)| K::id(key)).collect();
        let query = FindQuery::of(doc! { "_id": { "$in": ids } }).fields(doc! { guard.path(): 1 });
        let mut marks = HashMap::with_capacity(refused.len());
        for document in self.find(K::COLLECTION, query).await? {
            let key = document.get("_id").and_then(K::key);
            let key = key.ok_or_else(|| codec::malformed(K::COLLECTION, &document, "its id is no key"))?;
            let of_key = document.get_document(guard.group).ok();
            marks.insert(key, of_key.and_then(|marks| codec::maybe_integer(marks, &guard.name)));
        }
        Ok(marks)
    }
}

impl<K: Kind> PendingKeys<'_, K> {
    fn keys(&self) -> usize {
        self.unknown.len() + self.there.len() + self.absent.len()
    }
}

/// Parts of a list, of so many each.
fn cut<T>(list: Vec<T>, size: usize) -> impl Iterator<Item = Vec<T>> {
    let mut rest = list.into_iter();
    std::iter::from_fn(move || Some(rest.by_ref().take(size).collect::<Vec<_>>()).filter(|some| !some.is_empty()))
}

/// Those of these numbers.
fn picked<T: Copy>(list: &[T], numbers: &[usize]) -> Vec<T> {
    numbers.iter().filter_map(|number| list.get(*number).copied()).collect()
}
