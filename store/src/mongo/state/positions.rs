//! The positions document in MongoDB: `{_id: "positions", partitions: {"sales/3": …}, lanes: {"0": …}, seen: …}`.
//!
//! An update of the protocol is one filter and one update on it. `null` in a filter also matches a field that is missing.

use std::collections::BTreeMap;

use bson::{Bson, Document, doc};
use stockstream_model::documents::{FoldRules, KafkaIds, LeaderEpoch, LostRange, PartitionId};
use stockstream_protocol::{
    claim::{Applied, Claim, ClaimRequest, Completion},
    positions::{
        Cause, ClaimRules, Counters, Derivation, Frozen, LOST_RANGES, Lane, LaneId, Lost, OffsetRange, Pending,
        Position, Positions,
    },
    update::Update,
};

use crate::{
    StoreError,
    mongo::{
        MongoStore, Result,
        codec::{
            self,
            kafka_ids::{kafka_ids, texts},
        },
        names,
        state::meta::SHAPE,
    },
    position_store::PositionStore,
};

const ID: &str = "positions";

impl PositionStore for MongoStore {
    async fn load_positions(&self) -> Result<Option<Positions>> {
        let Some(found) = self.find_one(names::POSITIONS, doc! { "_id": ID }).await? else { return Ok(None) };
        let shape = codec::integer(&found, "shape");
        if shape > SHAPE {
            return Err(StoreError::Refused {
                action: format!("read the positions in database {}", self.database()),
                message: format!("they have shape {shape}, this version knows {SHAPE}; run a newer Stockstream"),
            });
        }
        positions(&found).map(Some)
    }

    async fn create_positions(&self, first: &Positions) -> Result<()> {
        self.refuse_counted(first).await?;
        self.insert_if_absent(names::POSITIONS, positions_document(first)).await
    }

    async fn update_positions(&self, update: &Update) -> Result<bool> {
        let Statement { mut filter, update } = statement(update);
        filter.insert("_id", ID);
        // A newer version may have taken over since they were read.
        filter.insert("shape", SHAPE);
        Ok(self.update_many(names::POSITIONS, &[doc! { "q": filter, "u": update }]).await?.n > 0)
    }
}

impl MongoStore {
    /// Refuses to begin where documents hold marks of claims: lanes that began anew would take their own changes for applied.
    async fn refuse_counted(&self, first: &Positions) -> Result<()> {
        let mut marked = vec![doc! { "m": { "$exists": true } }];
        if first.partitions.is_empty() {
            // Marks of versions before lanes, whose checkpoints are gone.
            marked.push(doc! { "o": { "$exists": true } });
        }
        for collection in [names::PRODUCTS, names::CLIENTS, names::INVENTORY, names::DAILY] {
            if self.find_one(collection, doc! { "$or": marked.clone() }).await?.is_none() {
                continue;
            }
            // Another worker may have created them meanwhile, and counted.
            if self.load_positions().await?.is_some() {
                return Ok(());
            }
            return Err(StoreError::Refused {
                action: format!("begin in database {}", self.database()),
                message: format!(
                    "documents in {collection} are counted, and the positions that tell up to where are gone: restore the whole \
                     database from one backup, or drop it, to count everything that the topics hold anew"
                ),
            });
        }
        Ok(())
    }
}

/// A filter and an update.
struct Statement {
    filter: Document,
    update: Document,
}

/// An update of the protocol as MongoDB takes it.
fn statement(update: &Update) -> Statement {
    match update {
        Update::AcquireLane { lane, expected, holder } => Statement {
            filter: doc! { of_lane(*lane, "holder"): expected },
            // What a new lane begins with.
            update: doc! {
                "$set": { of_lane(*lane, "holder"): holder },
                "$max": { of_lane(*lane, "seq"): 0_i64, of_lane(*lane, "open"): false },
            },
        },
        Update::ReleaseLane { lane, holder } => Statement {
            filter: doc! { of_lane(*lane, "holder"): holder },
            update: doc! { "$set": { of_lane(*lane, "holder"): Bson::Null } },
        },
        Update::AddPartition { id, position } => Statement {
            filter: doc! { partition(*id): { "$exists": false } },
            update: doc! { "$set": { partition(*id): position_document(position) } },
        },
        Update::Claim(request) => claimed(request),
        Update::LoseClaimed { lane, seq, id, incarnation, range, cause, freeze } => {
            let OffsetRange { start, end } = *range;
            let lost = LostRange { incarnation: *incarnation, from: start, to: end, cause: Some(*cause) };
            // Whatever cause another named it for, or a version that notes none.
            let named = doc! { "incarnation": incarnation, "start": start, "end": end };
            let mut update = doc! {
                "$push": { of_partition(*id, "lost.ranges"): { "$each": [lost_range(&lost)], "$slice": -(LOST_RANGES as i32) } },
                "$inc": { of_partition(*id, "lost.offsets"): range.end - range.start },
            };
            if let Some(freeze) = freeze {
                update.insert("$set", doc! { of_partition(*id, "frozen"): frozen_document(freeze) });
            }
            Statement {
                filter: doc! {
                    of_lane(*lane, "seq"): seq,
                    of_lane(*lane, "open"): true,
                    of_partition(*id, "pending.lane"): *lane,
                    of_partition(*id, "pending.seq"): seq,
                    of_partition(*id, "incarnation"): incarnation,
                    of_partition(*id, "lost.ranges"): { "$not": { "$elemMatch": named } },
                },
                update,
            }
        }
        Update::Complete(completion) => completed(completion),
        Update::Move { id, expected, position, ids } => moved(*id, expected, position, ids),
    }
}

fn claimed(request: &ClaimRequest) -> Statement {
    let ClaimRequest { holder, claim: Claim { lane, seq, rules, derivation, partitions } } = request;
    let mut filter = doc! {
        of_lane(*lane, "holder"): holder,
        of_lane(*lane, "seq"): seq - 1,
        of_lane(*lane, "open"): { "$ne": true },
    };
    let mut set = doc! {
        of_lane(*lane, "seq"): seq,
        of_lane(*lane, "open"): true,
        of_lane(*lane, "rules"): rules_document(rules),
        of_lane(*lane, "derivation"): derivation_document(*derivation),
    };
    for (id, range) in partitions {
        filter.insert(of_partition(*id, "incarnation"), range.incarnation);
        filter.insert(of_partition(*id, "next"), range.start);
        filter.insert(of_partition(*id, "pending"), Bson::Null);
        filter.insert(of_partition(*id, "frozen"), Bson::Null);
        filter.insert(of_partition(*id, "forgotten"), codec::maybe_date(range.forgotten));
        let pending = Pending { end: range.end, epoch: range.epoch, lane: *lane, seq: *seq };
        set.insert(of_partition(*id, "pending"), pending_document(&pending));
    }
    Statement { filter, update: doc! { "$set": set } }
}

fn completed(completion: &Completion) -> Statement {
    let Completion { lane, seq, derivation, partitions } = completion;
    let mut filter = doc! { of_lane(*lane, "seq"): seq, of_lane(*lane, "open"): true };
    let mut set =
        doc! { of_lane(*lane, "open"): false, of_lane(*lane, "derivation"): derivation_document(*derivation) };
    let (mut inc, mut max) = (Document::new(), Document::new());
    for (id, Applied { end, epoch, counters, forgotten }) in partitions {
        filter.insert(of_partition(*id, "pending.lane"), *lane);
        filter.insert(of_partition(*id, "pending.seq"), seq);
        filter.insert(of_partition(*id, "pending.end"), end);
        set.insert(of_partition(*id, "next"), end);
        set.insert(of_partition(*id, "epoch"), epoch.map(epoch_document));
        set.insert(of_partition(*id, "pending"), Bson::Null);
        let Counters { events, rejected, duplicates, latest_event } = counters;
        for (field, value) in [("events", events), ("rejected", rejected), ("duplicates", duplicates)] {
            inc.insert(of_partition(*id, field), *value);
        }
        for (field, at) in [("latest_event", latest_event), ("forgotten", forgotten)] {
            max.extend(at.map(|at| (of_partition(*id, field), codec::date(at))));
        }
    }
    let mut update = doc! { "$set": set };
    for (operator, fields) in [("$inc", inc), ("$max", max)] {
        if !fields.is_empty() {
            update.insert(operator, fields);
        }
    }
    Statement { filter, update }
}

fn moved(id: PartitionId, expected: &Position, position: &Position, ids: &KafkaIds) -> Statement {
    let mut filter = doc! {
        of_partition(id, "incarnation"): expected.incarnation,
        of_partition(id, "next"): expected.next,
        of_partition(id, "pending"): Bson::Null,
        of_partition(id, "forgotten"): codec::maybe_date(expected.forgotten),
    };
    match &expected.frozen {
        None => drop(filter.insert(of_partition(id, "frozen"), Bson::Null)),
        Some(frozen) => {
            for (field, value) in frozen_document(frozen) {
                filter.insert(of_partition(id, &format!("frozen.{field}")), value);
            }
        }
    }
    let mut set = doc! { partition(id): position_document(position) };
    if let Some(cluster) = &ids.cluster {
        set.insert("seen.cluster", cluster);
    }
    let mut update = doc! { "$set": set };
    let added: Document = [("replaced_topics", &ids.replaced_topics), ("replaced_clusters", &ids.replaced_clusters)]
        .into_iter()
        .filter(|(_, ids)| !ids.is_empty())
        .map(|(field, ids)| (format!("seen.{field}"), doc! { "$each": texts(ids) }.into()))
        .collect();
    if !added.is_empty() {
        update.insert("$addToSet", added);
    }
    Statement { filter, update }
}

fn of_lane(lane: LaneId, field: &str) -> String {
    format!("lanes.{lane}.{field}")
}

fn partition(id: PartitionId) -> String {
    format!("partitions.{id}")
}

fn of_partition(id: PartitionId, field: &str) -> String {
    format!("partitions.{id}.{field}")
}

fn positions_document(positions: &Positions) -> Document {
    let Positions { partitions, lanes, seen } = positions;
    let partitions: Document =
        partitions.iter().map(|(id, position)| (id.to_string(), position_document(position).into())).collect();
    let lanes: Document = lanes.iter().map(|(id, lane)| (id.to_string(), lane_document(lane).into())).collect();
    let KafkaIds { cluster, replaced_clusters, replaced_topics } = seen;
    let seen = doc! {
        "cluster": cluster,
        "replaced_clusters": texts(replaced_clusters),
        "replaced_topics": texts(replaced_topics),
    };
    doc! { "_id": ID, "shape": SHAPE, "partitions": partitions, "lanes": lanes, "seen": seen }
}

fn lane_document(lane: &Lane) -> Document {
    doc! {
        "holder": &lane.holder,
        "seq": lane.seq,
        "open": lane.open,
        "rules": rules_document(&lane.rules),
        "derivation": derivation_document(lane.derivation),
    }
}

fn derivation_document(derivation: Derivation) -> Document {
    doc! { "generation": derivation.generation, "since": derivation.since }
}

fn rules_document(rules: &ClaimRules) -> Document {
    doc! {
        "fold": rules.fold.version,
        "future_tolerance": codec::span(rules.fold.future_tolerance),
        "deduplicate": codec::span(rules.deduplicate),
        "claimed_at": codec::date(rules.claimed_at),
    }
}

fn position_document(position: &Position) -> Document {
    let Position { lost, counters, .. } = position;
    let ranges: Vec<Document> = lost.ranges.iter().map(lost_range).collect();
    doc! {
        "topic_id": &position.topic_id,
        "cluster_id": &position.cluster_id,
        "incarnation": position.incarnation,
        "next": position.next,
        "epoch": position.epoch.map(epoch_document),
        "pending": position.pending.as_ref().map(pending_document),
        "frozen": position.frozen.as_ref().map(frozen_document),
        "lost": { "ranges": ranges, "offsets": lost.offsets },
        "events": counters.events,
        "rejected": counters.rejected,
        "duplicates": counters.duplicates,
        "latest_event": codec::maybe_date(counters.latest_event),
        "forgotten": codec::maybe_date(position.forgotten),
    }
}

fn epoch_document(epoch: LeaderEpoch) -> Document {
    doc! { "at": epoch.at, "value": epoch.value }
}

fn pending_document(pending: &Pending) -> Document {
    doc! { "end": pending.end, "epoch": pending.epoch.map(epoch_document), "lane": pending.lane, "seq": pending.seq }
}

fn frozen_document(frozen: &Frozen) -> Document {
    let Frozen { cause, range, since } = frozen;
    doc! { "cause": cause.name(), "start": range.start, "end": range.end, "since": codec::date(*since) }
}

fn lost_range(of: &LostRange) -> Document {
    let LostRange { incarnation, from, to, cause } = of;
    doc! { "incarnation": incarnation, "start": from, "end": to, "cause": cause.map(Cause::name) }
}

fn positions(document: &Document) -> Result<Positions> {
    let wrong = |what: &str| codec::malformed(names::POSITIONS, document, what);
    let part = |name: &str| document.get_document(name).into_iter().flatten();
    let mut partitions = BTreeMap::new();
    for (id, position) in part("partitions") {
        let id = PartitionId::from_text(id).ok_or_else(|| wrong("the name of a partition is not like sales/3"))?;
        let of = position.as_document().ok_or_else(|| wrong("a partition is not a document"))?;
        let read = position_of(of).ok_or_else(|| wrong("a partition's claim or freeze is incomplete"))?;
        partitions.insert(id, read);
    }
    let mut lanes = BTreeMap::new();
    for (id, lane) in part("lanes") {
        let id = id.parse().map_err(|_| wrong("the name of a lane is not a number"))?;
        lanes.insert(id, lane.as_document().map(lane_of).ok_or_else(|| wrong("a lane is not a document"))?);
    }
    let seen = document.get_document("seen").map(kafka_ids).unwrap_or_default();
    Ok(Positions { partitions, lanes, seen })
}

fn lane_of(document: &Document) -> Lane {
    let rules = document.get_document("rules").map_or_else(
        |_| ClaimRules::default(),
        |rules| {
            let fold = FoldRules {
                version: codec::integer(rules, "fold"),
                future_tolerance: codec::maybe_span(rules, "future_tolerance"),
            };
            let claimed_at = codec::maybe_time(rules, "claimed_at").unwrap_or_default();
            ClaimRules { fold, deduplicate: codec::maybe_span(rules, "deduplicate"), claimed_at }
        },
    );
    Lane {
        holder: codec::maybe_text(document, "holder"),
        seq: codec::integer(document, "seq"),
        open: document.get_bool("open").unwrap_or_default(),
        rules,
        derivation: document.get_document("derivation").map_or_else(
            |_| Derivation::default(),
            |of| Derivation { generation: codec::integer(of, "generation"), since: codec::integer(of, "since") },
        ),
    }
}

/// `None` where what keeps others from claiming cannot be read: it must not be taken for nothing.
fn position_of(document: &Document) -> Option<Position> {
    let part = |name: &str| document.get_document(name).ok();
    let pending = match part("pending") {
        None => None,
        Some(pending) => Some(Pending {
            end: codec::maybe_integer(pending, "end")?,
            epoch: pending.get_document("epoch").ok().and_then(codec::leader_epoch),
            lane: LaneId::try_from(codec::maybe_integer(pending, "lane")?).ok()?,
            seq: codec::maybe_integer(pending, "seq")?,
        }),
    };
    let range = |of: &Document| {
        Some(OffsetRange { start: codec::maybe_integer(of, "start")?, end: codec::maybe_integer(of, "end")? })
    };
    let frozen = match part("frozen") {
        None => None,
        Some(frozen) => Some(Frozen {
            cause: Cause::from_name(frozen.get_str("cause").ok()?)?,
            range: range(frozen)?,
            since: codec::maybe_time(frozen, "since")?,
        }),
    };
    let lost = part("lost").map(|lost| {
        let ranges = lost.get_array("ranges").into_iter().flatten().filter_map(Bson::as_document);
        let lost_range = |of: &Document| {
            let OffsetRange { start, end } = range(of)?;
            let cause = of.get_str("cause").ok().and_then(Cause::from_name);
            Some(LostRange { incarnation: codec::maybe_integer(of, "incarnation")?, from: start, to: end, cause })
        };
        let ranges = ranges.filter_map(lost_range).collect();
        Lost { ranges, offsets: codec::integer(lost, "offsets") }
    });
    Some(Position {
        topic_id: codec::maybe_text(document, "topic_id"),
        cluster_id: codec::maybe_text(document, "cluster_id"),
        incarnation: codec::integer(document, "incarnation"),
        next: codec::integer(document, "next"),
        epoch: part("epoch").and_then(codec::leader_epoch),
        pending,
        frozen,
        lost: lost.unwrap_or_default(),
        counters: Counters {
            events: codec::integer(document, "events"),
            rejected: codec::integer(document, "rejected"),
            duplicates: codec::integer(document, "duplicates"),
            latest_event: codec::maybe_time(document, "latest_event"),
        },
        forgotten: codec::maybe_time(document, "forgotten"),
    })
}
