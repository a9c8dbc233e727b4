//! Applying claimed ranges, guarded, per key for all partitions together: many that change alike by one statement, others by
//! an upsert each; what is refused is split, with one verdict per partition, and what is not there is inserted.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use bson::{Bson, Document, doc};
use futures_util::{StreamExt, TryStreamExt, stream};
use smallvec::{SmallVec, smallvec};
use stockstream_model::documents::{Checkpoint, PartitionId, RejectedEvent};

use super::{
    MongoStore, Result, codec,
    kinds::{Clients, Daily, Inventory, Kind, Products},
    names,
    reads::Query,
    rows,
    update::Keys,
    write::{COMMAND_BYTES, PATIENCE, Written, encoded, foreign_index, key_text, parts as parts_by_size},
};
use crate::{
    ApplyReport, Batch, Range, StoreError,
    batch::{self, PAYLOAD_BYTES},
    core::verdict::{Guard, Judgement, judge},
    fail_point,
};

/// A claimed range of one partition.
struct Part<'a> {
    claim: &'a Checkpoint,
    range: &'a Range,
    guard: Guard,
}

/// Parts by index; a batch may have many keys of many parts.
type Parts = SmallVec<[u16; 8]>;

/// One key and the parts whose changes are to be applied to it.
type Entry<'a, K> = (&'a <K as Kind>::Key, Parts);

/// The marks of the documents that are there.
type Marks<K> = HashMap<<K as Kind>::Key, Document>;

/// Keys that are to be applied.
struct Open<'a, K: Kind> {
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

/// So many documents' marks are read at once: with many partitions they take ten kilobytes each.
const MARKS_AT_ONCE: usize = 1_000;

/// Keys of one command.
enum Chunk<'a, K: Kind> {
    /// Of the same shape: one statement for all, which makes no documents.
    Alike(Vec<Entry<'a, K>>),
    /// A statement for each.
    Alone(Vec<Entry<'a, K>>),
    /// That are not there: a document for each.
    New(Vec<Entry<'a, K>>),
}

/// What a command did not do.
struct Refused<'a, K: Kind> {
    /// Keys that may hold their ranges, or not.
    entries: Vec<Entry<'a, K>>,
    /// How many changes of them this command applied all the same.
    applied: u64,
}

impl MongoStore {
    pub(super) async fn apply_batch(&self, batch: &Batch, claims: &[Checkpoint]) -> Result<ApplyReport> {
        batch::check(batch, claims)?;
        let parts = parts_of(batch, claims);
        let mut report = ApplyReport::default();
        self.apply_kind::<Products>(&parts, &mut report).await?;
        self.apply_kind::<Inventory>(&parts, &mut report).await?;
        self.apply_kind::<Clients>(&parts, &mut report).await?;
        self.apply_kind::<Daily>(&parts, &mut report).await?;
        let held = || parts.iter().filter(|part| !report.lost.contains(&part.claim.id));
        let rejections: Vec<&RejectedEvent> = held().flat_map(|part| &part.range.rejections).collect();
        // Each may hold a payload of a megabyte: no more of them are copied than one command carries.
        let size = |event: &&RejectedEvent| 1_000 + event.payload.len().min(PAYLOAD_BYTES);
        for part in parts_by_size(rejections.iter().map(size), COMMAND_BYTES) {
            for chunk in rejections[part].chunks(self.updates_per_command) {
                let documents = chunk.iter().map(|event| rows::rejected_document(event)).collect();
                let inserted = self.insert_absent(names::REJECTED, documents).await;
                inserted.map_err(|error| error.of_partitions(|key| whose(held(), key)))?;
            }
        }
        Ok(report)
    }

    async fn apply_kind<K: Kind>(&self, parts: &[Part<'_>], report: &mut ApplyReport) -> Result<()> {
        let mut open = Open::<K> { unknown: combine::<K>(parts), there: Vec::new(), absent: Vec::new() };
        // Behind `mongos` the count of a statement for many says nothing.
        let by_many = !self.is_sharded().await?;
        let mut patience = PATIENCE;
        while open.keys() > 0 {
            open.without(parts, &report.lost);
            let (keys, all) = (open.keys(), open.changes());
            let (chunks, mut refused) = self.chunks::<K>(parts, open, by_many);
            let mut commands = Vec::new();
            for chunk in chunks {
                commands.push(self.apply_chunk::<K>(parts, chunk));
            }
            let under_way = stream::iter(commands).buffer_unordered(self.write_connections);
            let mut ours = 0;
            for outcome in under_way.try_collect::<Vec<Refused<'_, K>>>().await? {
                ours += outcome.applied;
                refused.extend(outcome.entries);
            }
            report.changed += (all - changes_of::<K>(&refused)) as u64;
            let before = report.already;
            let again = self.judge::<K>(parts, refused, report).await?;
            // A statement for many does not say which it refused: of those that hold the range, some hold it by now.
            let ours = ours.min(report.already - before);
            report.already -= ours;
            report.changed += ours;
            patience = if again.keys() < keys { PATIENCE } else { patience - 1 };
            if patience == 0 {
                return Err(foreign_index(K::COLLECTION));
            }
            open = again;
        }
        Ok(())
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
    fn chunks<'a, K: Kind>(
        &self,
        parts: &[Part<'a>],
        open: Open<'a, K>,
        by_many: bool,
    ) -> (Vec<Chunk<'a, K>>, Vec<Entry<'a, K>>) {
        let Open { unknown, there, absent } = open;
        let (mut chunks, mut alone) = (Vec::new(), Vec::new());
        let mut alike: BTreeMap<Vec<i64>, Vec<Entry<'a, K>>> = BTreeMap::new();
        for entry in unknown {
            let shape = || total::<K>(parts, &entry).and_then(|change| K::shape(self, &change));
            match by_many.then(shape).flatten() {
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
            chunks.extend(cut(entries, size).map(Chunk::Alike));
        }
        alone.sort_unstable();
        let looked = if alone.len() >= WORTH_A_LOOK { std::mem::take(&mut alone) } else { Vec::new() };
        alone.extend(there);
        let (of_alone, of_new) = (self.chunk(alone.len()), self.chunk(absent.len()));
        chunks.extend(cut(alone, of_alone).map(Chunk::Alone));
        chunks.extend(cut(absent, of_new).map(Chunk::New));
        (chunks, looked)
    }

    /// Sends the updates of some keys; returns those that were refused.
    async fn apply_chunk<'a, K: Kind>(&self, parts: &[Part<'a>], chunk: Chunk<'a, K>) -> Result<Refused<'a, K>> {
        let guards = |of: &[u16]| of.iter().map(|index| parts[usize::from(*index)].guard.clone()).collect::<Vec<_>>();
        // One by one: what a document holds besides its bytes is many times their size.
        let each = |entries: &[Entry<'a, K>], statement: fn(&Self, Bson, &K::Change, &[Guard]) -> Document| {
            let one = |entry: &Entry<'a, K>| {
                let change = total::<K>(parts, entry)?;
                Some(encoded(&statement(self, K::id(entry.0), &change, &guards(&entry.1))))
            };
            entries.iter().filter_map(one).collect::<Result<Vec<_>>>()
        };
        let those = |entries: &[Entry<'a, K>], refused: &[usize]| {
            let entries = refused.iter().filter_map(|index| entries.get(*index).cloned()).collect();
            Refused { entries, applied: 0 }
        };
        let valid = |entries: &[Entry<'a, K>], mut written: Written| match written.invalid.pop() {
            Some((index, message)) => Err(invalid::<K>(parts, entries.get(index), message)),
            None => Ok(those(entries, &written.refused)),
        };
        match chunk {
            Chunk::Alone(entries) => {
                let written = self.try_updates(K::COLLECTION, &each(&entries, K::update)?).await?;
                fail_point("amid-apply");
                valid(&entries, written)
            }
            Chunk::New(entries) => {
                let written = self.try_inserts(K::COLLECTION, &each(&entries, K::fresh)?).await?;
                fail_point("amid-apply");
                valid(&entries, written)
            }
            Chunk::Alike(entries) => {
                // A range that changes nothing of a key is applied to it by saying so: all get the marks of all, and keys of
                // many partitions need no statement for each combination of them.
                let of: BTreeSet<u16> = entries.iter().flat_map(|(_, of)| of).copied().collect();
                let of: Vec<u16> = of.into_iter().collect();
                let totals: Vec<_> = entries.iter().filter_map(|entry| total::<K>(parts, entry)).collect();
                let (ids, changes): (Vec<Bson>, Vec<&K::Change>) =
                    entries.iter().map(|(key, _)| K::id(key)).zip(totals.iter().map(|change| &**change)).unzip();
                let update = K::update_alike(self, &Keys { ids: &ids, changes: &changes }, &guards(&of));
                let updates = update.iter().map(encoded).collect::<Result<Vec<_>>>()?;
                let written = self.try_updates(K::COLLECTION, &updates).await?;
                fail_point("amid-apply");
                // Which document it was is told where each has a statement of its own.
                if !written.invalid.is_empty() {
                    return Ok(Refused { entries, applied: 0 });
                }
                if written.n == entries.len() as u64 {
                    return Ok(Refused { entries: Vec::new(), applied: 0 });
                }
                // Exactly so many where all are of the same parts.
                let applied = changes_of::<K>(&entries) as u64 * written.n / entries.len() as u64;
                Ok(Refused { entries, applied })
            }
        }
    }

    /// Decides on each partition of what was refused; returns what is to be applied again. Some keys at a time: marks take
    /// more room than changes.
    async fn judge<'a, K: Kind>(
        &self,
        parts: &[Part<'a>],
        mut refused: Vec<Entry<'a, K>>,
        report: &mut ApplyReport,
    ) -> Result<Open<'a, K>> {
        refused.sort_unstable(); // commands end in any order, keys are sent in theirs
        let mut open = Open { unknown: Vec::new(), there: Vec::new(), absent: Vec::new() };
        for entries in cut(refused, MARKS_AT_ONCE) {
            let marks = self.marks::<K>(&entries).await?;
            // Only after the documents: a claim that is void now may have been void when the document refused.
            let standing = self.read_checkpoints().await?;
            for (key, of) in entries {
                let of_key = marks.get(key);
                let mark = |guard: &Guard| of_key.and_then(|marks| codec::maybe_integer(marks, &guard.mark));
                let part = |index: usize| (parts[index].claim, &parts[index].guard);
                let of: Vec<usize> = of.into_iter().map(usize::from).collect();
                let Judgement { again, already, lost, broken } = judge(&of, part, mark, &standing);
                if let Some((index, mark)) = broken {
                    let (key, Guard { mark: name, next, end }) =
                        (format!("{} {}", K::COLLECTION, K::id(key)), &parts[index].guard);
                    return Err(StoreError::broken(parts[index].claim.id, &key, name, Some(mark), *next, *end));
                }
                report.already += already;
                report.lost.extend(lost);
                if !again.is_empty() {
                    let again = again.into_iter().map(|index| index as u16).collect();
                    let of_its_kind = if of_key.is_some() { &mut open.there } else { &mut open.absent };
                    of_its_kind.push((key, again));
                }
            }
        }
        report.lost.sort_unstable();
        report.lost.dedup();
        Ok(open)
    }

    /// The marks of the documents that stand.
    async fn marks<K: Kind>(&self, refused: &[Entry<'_, K>]) -> Result<Marks<K>> {
        let ids: Vec<Bson> = refused.iter().map(|(key, _)| K::id(key)).collect();
        let query = Query::of(doc! { "_id": { "$in": ids } }).fields(doc! { "o": 1 });
        let mut marks = HashMap::with_capacity(refused.len());
        for mut document in self.find(K::COLLECTION, query).await? {
            let key = document.get("_id").and_then(K::key);
            let key = key.ok_or_else(|| codec::malformed(K::COLLECTION, &document, "its id is no key"))?;
            let of_key = match document.remove("o") {
                Some(Bson::Document(of_key)) => of_key,
                _ => Document::new(),
            };
            marks.insert(key, of_key);
        }
        Ok(marks)
    }
}

impl<K: Kind> Open<'_, K> {
    fn keys(&self) -> usize {
        self.unknown.len() + self.there.len() + self.absent.len()
    }

    fn changes(&self) -> usize {
        changes_of::<K>(&self.unknown) + changes_of::<K>(&self.there) + changes_of::<K>(&self.absent)
    }

    /// Leaves out what was folded of partitions that are lost.
    fn without(&mut self, parts: &[Part<'_>], lost: &[PartitionId]) {
        for entries in [&mut self.unknown, &mut self.there, &mut self.absent] {
            entries.retain_mut(|(_, of)| {
                of.retain(|index| !lost.contains(&parts[usize::from(*index)].claim.id));
                !of.is_empty()
            });
        }
    }
}

/// Parts of a list, of so many each.
fn cut<T>(list: Vec<T>, size: usize) -> impl Iterator<Item = Vec<T>> {
    let mut rest = list.into_iter();
    std::iter::from_fn(move || Some(rest.by_ref().take(size).collect::<Vec<_>>()).filter(|some| !some.is_empty()))
}

/// What all parts together change of a key.
fn total<'a, K: Kind>(parts: &[Part<'a>], (key, of): &Entry<'a, K>) -> Option<Cow<'a, K::Change>> {
    let mut changes = of.iter().filter_map(|index| K::changes(parts[usize::from(*index)].range).get(*key));
    let first = changes.next()?;
    let Some(second) = changes.next() else { return Some(Cow::Borrowed(first)) };
    let mut sum = first.clone();
    K::merge(&mut sum, second);
    changes.for_each(|change| K::merge(&mut sum, change));
    Some(Cow::Owned(sum))
}

/// A document that the server will never take, with the partitions that change it.
fn invalid<K: Kind>(parts: &[Part<'_>], entry: Option<&Entry<'_, K>>, message: String) -> StoreError {
    let key = entry.map_or_else(|| "an unknown document".into(), |(key, _)| key_text(&K::id(key)));
    let of = entry.into_iter().flat_map(|(_, of)| of);
    let partitions = of.map(|index| parts[usize::from(*index)].claim.id).collect();
    StoreError::Invalid { collection: K::COLLECTION.into(), key, message, partitions }
}

/// Whose rejected event it is.
fn whose<'a>(parts: impl Iterator<Item = &'a Part<'a>>, key: &str) -> Vec<PartitionId> {
    let of = |part: &&Part<'_>| part.range.rejections.iter().any(|event| event.id() == key);
    parts.filter(of).map(|part| part.claim.id).collect()
}

/// How many changes: one for each key and partition.
fn changes_of<K: Kind>(entries: &[Entry<'_, K>]) -> usize {
    entries.iter().map(|(_, of)| of.len()).sum()
}

fn parts_of<'a>(batch: &'a Batch, claims: &'a [Checkpoint]) -> Vec<Part<'a>> {
    let mut parts = Vec::with_capacity(claims.len());
    for claim in claims {
        let Some(range) = batch.get(&claim.id) else { continue };
        parts.push(Part { claim, range, guard: Guard::of(claim) });
    }
    parts
}

/// Every key of all parts once, in the order of keys: workers that update the same documents lock them in one order.
fn combine<'a, K: Kind>(parts: &[Part<'a>]) -> Vec<Entry<'a, K>> {
    let pairs = parts.iter().enumerate();
    let mut pairs: Vec<_> =
        pairs.flat_map(|(index, part)| K::changes(part.range).keys().map(move |key| (key, index as u16))).collect();
    pairs.sort_unstable();
    let mut entries: Vec<Entry<'a, K>> = Vec::with_capacity(pairs.len());
    for (key, index) in pairs {
        match entries.last_mut() {
            Some((last, of)) if *last == key => of.push(index),
            _ => entries.push((key, smallvec![index])),
        }
    }
    entries
}
