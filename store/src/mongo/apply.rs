//! Applying claimed ranges, guarded, per key for all partitions together: many that change alike by one statement, others by
//! an upsert each; what is refused is split, with one verdict per partition, and what is not there is inserted.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use bson::{Bson, Document, doc};
use futures_util::{StreamExt, TryStreamExt, stream};
use stockstream_model::documents::{Checkpoint, RejectedEvent};

use super::{
    MongoStore, Result, codec,
    kinds::{Clients, Daily, Inventory, Kind, Products},
    names,
    reads::Query,
    rows,
    state::IDS_PER_QUERY,
    update::Keys,
    write::{COMMAND_BYTES, PATIENCE, encoded, foreign_index, parts as parts_by_size},
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

/// One key and the parts (by index) whose changes are to be applied to it.
type Entry<'a, K> = (&'a <K as Kind>::Key, Vec<usize>);

/// Keys by the parts and the shape of their changes.
type ByShape<'e, 'a, K> = BTreeMap<(&'e [usize], Vec<i64>), Vec<&'e Entry<'a, K>>>;

/// The marks of the documents that are there.
type Marks<K> = HashMap<<K as Kind>::Key, Document>;

/// Fewer keys that change alike are not worth a statement of their own.
const WORTH_A_STATEMENT: usize = 8;
/// Each document is looked for among the keys of its statement, so more of them are slower again.
const IN_A_STATEMENT: usize = 200;

/// So many keys are looked for before an upsert of each is sent.
const WORTH_A_LOOK: usize = 64;

/// Keys of one command.
enum Chunk<'a, K: Kind> {
    /// Of the same parts and shape: one statement for all, which makes no documents.
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
        let held = parts.iter().filter(|part| !report.lost.contains(&part.claim.id));
        let rejections: Vec<&RejectedEvent> = held.flat_map(|part| &part.range.rejections).collect();
        // Each may hold a payload of a megabyte: no more of them are copied than one command carries.
        let size = |event: &&RejectedEvent| 1_000 + event.payload.len().min(PAYLOAD_BYTES);
        for part in parts_by_size(rejections.iter().map(size), COMMAND_BYTES) {
            for chunk in rejections[part].chunks(self.updates_per_command) {
                let documents = chunk.iter().map(|event| rows::rejected_document(event)).collect();
                self.insert_absent(names::REJECTED, documents).await?;
            }
        }
        Ok(report)
    }

    async fn apply_kind<K: Kind>(&self, parts: &[Part<'_>], report: &mut ApplyReport) -> Result<()> {
        let mut entries = combine::<K>(parts);
        let (mut patience, mut found) = (PATIENCE, None);
        while !entries.is_empty() {
            entries.retain_mut(|(_, of)| {
                of.retain(|index| !report.lost.contains(&parts[*index].claim.id));
                !of.is_empty()
            });
            let mut commands = Vec::new();
            let (chunks, mut refused) = self.chunks::<K>(parts, &entries, found.as_ref());
            for chunk in chunks {
                commands.push(self.apply_chunk::<K>(parts, chunk));
            }
            let under_way = stream::iter(commands).buffer_unordered(self.write_connections);
            let mut ours = 0;
            for outcome in under_way.try_collect::<Vec<Refused<'_, K>>>().await? {
                ours += outcome.applied;
                refused.extend(outcome.entries);
            }
            report.changed += (changes::<K>(&entries) - changes::<K>(&refused)) as u64;
            let before = report.already;
            let marks = self.marks::<K>(&refused).await?;
            let again = self.judge::<K>(parts, refused, &marks, report).await?;
            // A statement for many does not say which it refused: of those that hold the range, some hold it by now.
            let ours = ours.min(report.already - before);
            report.already -= ours;
            report.changed += ours;
            patience = if again.len() < entries.len() { PATIENCE } else { patience - 1 };
            if patience == 0 {
                return Err(foreign_index(K::COLLECTION));
            }
            entries = again;
            found = Some(marks);
        }
        Ok(())
    }

    /// How many of so many updates one command carries: all connections share the work, also of a small flush.
    fn chunk(&self, updates: usize) -> usize {
        const WORTH_A_COMMAND: usize = 32;
        updates.div_ceil(self.write_connections).max(WORTH_A_COMMAND).min(self.updates_per_command)
    }

    /// What to send, a command each: keys that change alike together, as far as there are enough of them, others one by one.
    /// Of what was refused before, `found` tells which are there. Second: many that do not change alike are looked for before
    /// they are sent, as if they had been refused, since new ones are inserted several times as fast as by an upsert.
    fn chunks<'a, K: Kind>(
        &self,
        parts: &[Part<'a>],
        entries: &[Entry<'a, K>],
        found: Option<&Marks<K>>,
    ) -> (Vec<Chunk<'a, K>>, Vec<Entry<'a, K>>) {
        let mut alike: ByShape<'_, 'a, K> = BTreeMap::new();
        let (mut alone, mut new) = (Vec::new(), Vec::new());
        for entry in entries {
            if let Some(found) = found {
                if found.contains_key(entry.0) {
                    alone.push(entry);
                } else {
                    new.push(entry);
                }
                continue;
            }
            match total::<K>(parts, entry).and_then(|change| K::shape(self, &change)) {
                Some(shape) => alike.entry((&entry.1, shape)).or_default().push(entry),
                None => alone.push(entry),
            }
        }
        let cloned = |entries: &[&Entry<'a, K>]| entries.iter().map(|entry| (*entry).clone()).collect();
        let mut chunks = Vec::new();
        for entries in alike.into_values() {
            if entries.len() < WORTH_A_STATEMENT {
                alone.extend(entries);
                continue;
            }
            let size = self.chunk(entries.len()).min(IN_A_STATEMENT);
            chunks.extend(entries.chunks(size).map(cloned).map(Chunk::Alike));
        }
        alone.sort_unstable();
        if found.is_none() && alone.len() >= WORTH_A_LOOK {
            return (chunks, cloned(&alone));
        }
        chunks.extend(alone.chunks(self.chunk(alone.len())).map(cloned).map(Chunk::Alone));
        chunks.extend(new.chunks(self.chunk(new.len())).map(cloned).map(Chunk::New));
        (chunks, Vec::new())
    }

    /// Sends the updates of some keys; returns those that were refused.
    async fn apply_chunk<'a, K: Kind>(&self, parts: &[Part<'a>], chunk: Chunk<'a, K>) -> Result<Refused<'a, K>> {
        let guards = |of: &[usize]| of.iter().map(|index| parts[*index].guard.clone()).collect::<Vec<_>>();
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
        match chunk {
            Chunk::Alone(entries) => {
                let written = self.update_encoded(K::COLLECTION, &each(&entries, K::update)?).await?;
                fail_point("amid-apply");
                Ok(those(&entries, &written.refused))
            }
            Chunk::New(entries) => {
                let written = self.insert_encoded(K::COLLECTION, &each(&entries, K::fresh)?).await?;
                fail_point("amid-apply");
                Ok(those(&entries, &written.refused))
            }
            Chunk::Alike(entries) => {
                let of = entries.first().map_or(&[][..], |(_, of)| of);
                let totals: Vec<_> = entries.iter().filter_map(|entry| total::<K>(parts, entry)).collect();
                let (ids, changes): (Vec<Bson>, Vec<&K::Change>) =
                    entries.iter().map(|(key, _)| K::id(key)).zip(totals.iter().map(|change| &**change)).unzip();
                let update = K::update_alike(self, &Keys { ids: &ids, changes: &changes }, &guards(of));
                let updates = update.iter().map(encoded).collect::<Result<Vec<_>>>()?;
                let written = self.update_encoded(K::COLLECTION, &updates).await?;
                fail_point("amid-apply");
                if written.n == entries.len() as u64 {
                    return Ok(Refused { entries: Vec::new(), applied: 0 });
                }
                let applied = written.n * of.len() as u64;
                Ok(Refused { entries, applied })
            }
        }
    }

    /// Decides on each partition of what was refused; returns what is to be applied again.
    async fn judge<'a, K: Kind>(
        &self,
        parts: &[Part<'a>],
        refused: Vec<Entry<'a, K>>,
        marks: &Marks<K>,
        report: &mut ApplyReport,
    ) -> Result<Vec<Entry<'a, K>>> {
        if refused.is_empty() {
            return Ok(Vec::new());
        }
        // Only after the documents: a claim that is void now may have been void when the document refused.
        let standing = self.read_checkpoints().await?;
        let mut again: Vec<Entry<'a, K>> = Vec::new();
        for (key, of) in refused {
            let of_key = marks.get(key);
            let mark = |guard: &Guard| of_key.and_then(|marks| codec::maybe_integer(marks, &guard.mark));
            let part = |index: usize| (parts[index].claim, &parts[index].guard);
            let Judgement { again: apply, already, lost, broken } = judge(&of, part, mark, &standing);
            if let Some((index, mark)) = broken {
                let (key, Guard { mark: name, next, end }) =
                    (format!("{} {}", K::COLLECTION, K::id(key)), &parts[index].guard);
                return Err(StoreError::broken(&key, name, Some(mark), *next, *end));
            }
            report.already += already;
            report.lost.extend(lost);
            if !apply.is_empty() {
                again.push((key, apply));
            }
        }
        report.lost.sort_unstable();
        report.lost.dedup();
        again.sort_unstable(); // commands end in any order, keys are sent in theirs
        Ok(again)
    }

    /// The marks of the documents that stand.
    async fn marks<K: Kind>(&self, refused: &[Entry<'_, K>]) -> Result<Marks<K>> {
        let mut marks = HashMap::with_capacity(refused.len());
        for chunk in refused.chunks(IDS_PER_QUERY) {
            let ids: Vec<Bson> = chunk.iter().map(|(key, _)| K::id(key)).collect();
            let query = Query::of(doc! { "_id": { "$in": ids } }).fields(doc! { "o": 1 });
            for mut document in self.find(K::COLLECTION, query).await? {
                let key = document.get("_id").and_then(K::key);
                let key = key.ok_or_else(|| codec::malformed(K::COLLECTION, &document, "its id is no key"))?;
                let of_key = match document.remove("o") {
                    Some(Bson::Document(of_key)) => of_key,
                    _ => Document::new(),
                };
                marks.insert(key, of_key);
            }
        }
        Ok(marks)
    }
}

/// What all parts together change of a key.
fn total<'a, K: Kind>(parts: &[Part<'a>], (key, of): &Entry<'a, K>) -> Option<Cow<'a, K::Change>> {
    let mut changes = of.iter().filter_map(|index| K::changes(parts[*index].range).get(*key));
    let first = changes.next()?;
    let Some(second) = changes.next() else { return Some(Cow::Borrowed(first)) };
    let mut sum = first.clone();
    K::merge(&mut sum, second);
    changes.for_each(|change| K::merge(&mut sum, change));
    Some(Cow::Owned(sum))
}

/// How many changes: one for each key and partition.
fn changes<K: Kind>(entries: &[Entry<'_, K>]) -> usize {
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
