//! Applying claimed ranges: one guarded upsert per key for all partitions together; what is refused is split, with one
//! verdict per partition.

use std::collections::HashMap;

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
    update::Guard,
    write::{COMMAND_BYTES, PATIENCE, encoded, foreign_index, parts as parts_by_size},
};
use crate::{
    ApplyReport, Batch, Range, StoreError,
    batch::{self, PAYLOAD_BYTES},
    verdict::{Verdict, stands, verdict},
};

/// A claimed range of one partition.
struct Part<'a> {
    claim: &'a Checkpoint,
    range: &'a Range,
    guard: Guard,
}

/// One key and the parts (by index) whose changes are to be applied to it.
type Entry<'a, K> = (&'a <K as Kind>::Key, Vec<usize>);

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
        let mut patience = PATIENCE;
        while !entries.is_empty() {
            entries.retain_mut(|(_, of)| {
                of.retain(|index| !report.lost.contains(&parts[*index].claim.id));
                !of.is_empty()
            });
            let mut commands = Vec::new();
            for chunk in entries.chunks(self.chunk(entries.len())) {
                commands.push(self.apply_chunk::<K>(parts, chunk));
            }
            let under_way = stream::iter(commands).buffer_unordered(self.write_connections);
            let refused: Vec<Entry<'_, K>> = under_way.try_concat().await?;
            report.changed += (changes::<K>(&entries) - changes::<K>(&refused)) as u64;
            let again = self.judge::<K>(parts, refused, report).await?;
            patience = if again.len() < entries.len() { PATIENCE } else { patience - 1 };
            if patience == 0 {
                return Err(foreign_index(K::COLLECTION));
            }
            entries = again;
        }
        Ok(())
    }

    /// How many of so many updates one command carries: all connections share the work, also of a small flush.
    fn chunk(&self, updates: usize) -> usize {
        const WORTH_A_COMMAND: usize = 32;
        updates.div_ceil(self.write_connections).max(WORTH_A_COMMAND).min(self.updates_per_command)
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
        let updates = chunk.iter().filter_map(update).map(|update| encoded(&update)).collect::<Result<Vec<_>>>()?;
        let written = self.update_encoded(K::COLLECTION, &updates).await?;
        Ok(written.refused.into_iter().filter_map(|index| chunk.get(index).cloned()).collect())
    }

    /// Decides on each partition of what was refused; returns what is to be applied again.
    async fn judge<'a, K: Kind>(
        &self,
        parts: &[Part<'a>],
        refused: Vec<Entry<'a, K>>,
        report: &mut ApplyReport,
    ) -> Result<Vec<Entry<'a, K>>> {
        if refused.is_empty() {
            return Ok(Vec::new());
        }
        let marks = self.marks::<K>(&refused).await?;
        // Only after the documents: a claim that is void now may have been void when the document refused.
        let standing = self.read_checkpoints().await?;
        let mut again: Vec<Entry<'a, K>> = Vec::new();
        for (key, of) in refused {
            let of_key = marks.get(key);
            let mut apply = Vec::new();
            for index in of {
                let Part { claim, guard, .. } = &parts[index];
                let mark = of_key.and_then(|marks| codec::maybe_integer(marks, &guard.mark));
                let holds = stands(claim, standing.iter().find(|checkpoint| checkpoint.id == claim.id));
                match verdict(mark, guard.next, guard.end, holds) {
                    Verdict::Apply => apply.push(index),
                    Verdict::Already => report.already += 1,
                    Verdict::Lost if report.lost.contains(&claim.id) => {}
                    Verdict::Lost => report.lost.push(claim.id),
                    Verdict::Broken => {
                        let key = format!("{} {}", K::COLLECTION, K::id(key));
                        return Err(StoreError::broken(&key, &guard.mark, mark, guard.next, guard.end));
                    }
                }
            }
            if !apply.is_empty() {
                again.push((key, apply));
            }
        }
        again.sort_unstable(); // commands end in any order, keys are sent in theirs
        Ok(again)
    }

    /// The marks of the documents that stand.
    async fn marks<K: Kind>(&self, refused: &[Entry<'_, K>]) -> Result<HashMap<K::Key, Document>> {
        let mut marks = HashMap::with_capacity(refused.len());
        for chunk in refused.chunks(IDS_PER_QUERY) {
            let ids: Vec<Bson> = chunk.iter().map(|(key, _)| K::id(key)).collect();
            let query = Query::of(doc! { "_id": { "$in": ids } }).fields(doc! { "o": 1 });
            for mut document in self.find(K::COLLECTION, query).await? {
                let key = document.get("_id").and_then(K::key);
                let key = key.ok_or_else(|| codec::malformed(K::COLLECTION, &document, "its id is no key"))?;
                if let Some(Bson::Document(of_key)) = document.remove("o") {
                    marks.insert(key, of_key);
                }
            }
        }
        Ok(marks)
    }
}

/// How many changes: one for each key and partition.
fn changes<K: Kind>(entries: &[Entry<'_, K>]) -> usize {
    entries.iter().map(|(_, of)| of.len()).sum()
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
