//! The collection `checkpoints`, which versions before lanes wrote: a document for each partition.

use bson::{Document, doc};
use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, FoldRules, KafkaIds, PartitionId},
    event::EventKind,
};

use crate::{
    checkpoints::{CheckpointStore, sealed},
    mongo::{
        MongoStore, Result,
        codec::{
            date, integer, kafka_ids::kafka_ids, leader_epoch, malformed, maybe_date, maybe_integer, maybe_span,
            maybe_text, maybe_time, span, text, views::IS_OF_LANES,
        },
        command::{find::FindQuery, write::encoded},
        names,
    },
    view_store::alive_since,
};

/// The document in `meta` that held the ids.
const KAFKA_IDS: &str = "kafka";

impl CheckpointStore for MongoStore {
    async fn old_checkpoints(&self) -> Result<Vec<Checkpoint>> {
        self.read_old_checkpoints(FindQuery::all()).await
    }

    async fn old_kafka_ids(&self) -> Result<KafkaIds> {
        Ok(self.meta(KAFKA_IDS).await?.as_ref().map(kafka_ids).unwrap_or_default())
    }

    async fn old_workers(&self) -> Result<Vec<String>> {
        let alive = doc! { "at": { "$gte": date(alive_since(Timestamp::now())) }, IS_OF_LANES: { "$ne": true } };
        let found =
            self.find(names::WORKERS, FindQuery::of(alive).sort(doc! { "_id": 1 }).fields(doc! { "_id": 1 })).await?;
        Ok(found.iter().map(|worker| text(worker, "_id")).collect())
    }

    async fn write_old_checkpoint(&self, new: &Checkpoint) -> Result<bool> {
        let mut fields = checkpoint_document(new);
        fields.remove("_id");
        let filter = doc! { "_id": new.id.to_string(), "version": new.version - 1 };
        if self.update_many(names::CHECKPOINTS, &[doc! { "q": filter, "u": { "$set": fields } }]).await?.n > 0 {
            return Ok(true);
        }
        let of = FindQuery::of(doc! { "_id": new.id.to_string() });
        let standing = self.read_old_checkpoints(of).await?.pop();
        Ok(standing.is_some_and(|standing| (standing.version, &standing.writer) == (new.version, &new.writer)))
    }

    async fn seal_new(&self, new: &[PartitionId]) -> Result<()> {
        let seal =
            |id: &PartitionId| encoded(&checkpoint_document(&sealed(&Checkpoint::new(*id, 0, None), String::new())));
        self.insert_encoded(names::CHECKPOINTS, &mut new.iter().map(seal)).await.map(drop) // what is refused is there
    }
}

impl MongoStore {
    pub(crate) async fn read_old_checkpoints(&self, query: FindQuery) -> Result<Vec<Checkpoint>> {
        let documents = self.find(names::CHECKPOINTS, query).await?;
        let mut checkpoints = documents.iter().map(checkpoint).collect::<Result<Vec<_>>>()?;
        checkpoints.sort_by_key(|checkpoint| checkpoint.id);
        Ok(checkpoints)
    }
}

fn checkpoint_document(checkpoint: &Checkpoint) -> Document {
    let mut document = doc! {
        "_id": checkpoint.id.to_string(),
        "incarnation": checkpoint.incarnation,
        "topic_id": checkpoint.topic_id.clone(),
        "cluster_id": checkpoint.cluster_id.clone(),
        "next": checkpoint.next,
        "pending": checkpoint.pending,
        "epoch": checkpoint.epoch.map(|epoch| doc! { "at": epoch.at, "value": epoch.value }),
        "version": checkpoint.version,
        "writer": &checkpoint.writer,
        "events": checkpoint.events,
        "rejected": checkpoint.rejected,
        "latest_event": maybe_date(checkpoint.latest_event),
        "generation": checkpoint.generation,
        "since": checkpoint.since,
        "updated_at": date(checkpoint.updated_at),
        "fold": fold_document(checkpoint),
    };
    if checkpoint.id.stream == EventKind::Sales {
        document.extend(doc! {
            "duplicates": checkpoint.duplicates,
            "deduplicate": span(checkpoint.deduplicate),
            "forgotten": maybe_date(checkpoint.forgotten),
        });
    }
    document
}

/// The rules hold for this write alone: a worker that does not know them leaves the field as it is, and claims by the first.
fn fold_document(checkpoint: &Checkpoint) -> Document {
    let FoldRules { version, future_tolerance } = checkpoint.fold;
    doc! { "of": checkpoint.version, "version": version, "future_tolerance": span(future_tolerance) }
}

fn fold_rules(checkpoint: &Document) -> FoldRules {
    let of_this_write = |fold: &&Document| integer(fold, "of") == integer(checkpoint, "version");
    checkpoint.get_document("fold").ok().filter(of_this_write).map_or(FoldRules::FIRST, |fold| FoldRules {
        version: integer(fold, "version"),
        future_tolerance: maybe_span(fold, "future_tolerance"),
    })
}

fn checkpoint(document: &Document) -> Result<Checkpoint> {
    let id = document.get_str("_id").ok().and_then(PartitionId::from_text);
    Ok(Checkpoint {
        id: id.ok_or_else(|| malformed(names::CHECKPOINTS, document, "its id is no partition"))?,
        incarnation: integer(document, "incarnation"),
        topic_id: maybe_text(document, "topic_id"),
        cluster_id: maybe_text(document, "cluster_id"),
        next: integer(document, "next"),
        pending: maybe_integer(document, "pending"),
        epoch: document.get_document("epoch").ok().and_then(leader_epoch),
        version: integer(document, "version"),
        writer: text(document, "writer"),
        events: integer(document, "events"),
        rejected: integer(document, "rejected"),
        duplicates: integer(document, "duplicates"),
        lost: Vec::new(),
        lost_offsets: 0,
        deduplicate: maybe_span(document, "deduplicate"),
        fold: fold_rules(document),
        forgotten: maybe_time(document, "forgotten"),
        latest_event: maybe_time(document, "latest_event"),
        generation: integer(document, "generation"),
        since: integer(document, "since"),
        updated_at: maybe_time(document, "updated_at").unwrap_or_default(),
    })
}
