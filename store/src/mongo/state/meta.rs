//! Whose database this is, and which generation of settings derived fields follow.

use std::sync::atomic::Ordering;

use bson::{Document, doc};
use stockstream_model::{Timestamp, analytics::DERIVATION, settings::Pipeline};
use stockstream_protocol::{
    generation::{ActiveSettings, GenerationDecision, OUTDATED, settle},
    owner::{Owner, Ownership, SignsOfLife, ownership},
};

use crate::{
    StoreError,
    mongo::{MongoStore, Result, codec, command::find::FindQuery, names},
    ownership::{check_id, foreign},
};

/// The version of the state's shape; a worker refuses a database of a newer one.
///
/// 2: a claim names the rules that its range is folded by. An older worker would finish it by its own.
/// 3: positions and claims are in one document, and documents carry marks of lanes. An older worker knows neither.
pub(crate) const SHAPE: i64 = 3;
/// The shape of a database that no worker has prepared yet.
const FIRST_SHAPE: i64 = 1;
/// When the owner showed last that it is alive.
const OWNER_AT: &str = "owner_at";

/// Whose database it is, as `meta` says it.
pub(crate) fn owner(meta: &Document) -> Owner {
    Owner { name: codec::text(meta, "name"), uid: codec::maybe_text(meta, "uid") }
}

impl MongoStore {
    /// Claims the database and settles the generation.
    pub(crate) async fn claim_and_resolve_generation(&self, pipeline: &Pipeline) -> Result<i64> {
        let meta = self.claim_database(pipeline).await?;
        if codec::integer(&meta, "shape") < SHAPE {
            let update = doc! { "q": { "_id": "pipeline" }, "u": { "$max": { "shape": SHAPE } } };
            self.update_many(names::META, &[update]).await?;
        }
        let standing = meta.get_document("settings").ok().cloned();
        let generation = self.settle_generation(pipeline, meta).await?;
        if generation != OUTDATED {
            self.publish_settings(generation, standing).await?;
        }
        self.generation.store(generation, Ordering::Relaxed);
        Ok(generation)
    }

    /// Checks that the server answers and that the user may write, and claims the database. Returns what stands of it.
    pub(crate) async fn claim_database(&self, pipeline: &Pipeline) -> Result<Document> {
        if pipeline.database_id.is_some() {
            // Before anything is written: it may be a database that nobody meant.
            check_id(self.database(), self.read_id().await?.as_deref(), pipeline)?;
        }
        self.refuse_what_nobody_owns().await?;
        let uid = &pipeline.uid;
        let first =
            doc! { "_id": "pipeline", "name": &pipeline.name, "uid": uid, "shape": FIRST_SHAPE, "generation": 0_i64 };
        self.insert_if_absent(names::META, first).await?;
        let meta = loop {
            let meta = self.meta("pipeline").await?.unwrap_or_default();
            let owner = owner(&meta);
            match ownership(&owner, pipeline) {
                Ownership::Ours => break meta,
                Ownership::Foreign => return Err(foreign(self.database(), owner, pipeline)),
                Ownership::Adopt => {
                    let nobody = doc! { "_id": "pipeline", "name": &pipeline.name, "uid": null };
                    let adopt = doc! { "q": nobody, "u": { "$set": { "uid": uid } } };
                    self.update_many(names::META, &[adopt]).await?;
                }
            }
        };
        let shape = codec::integer(&meta, "shape");
        if shape > SHAPE {
            return Err(StoreError::Refused {
                action: format!("use database {}", self.database()),
                message: format!("its state has shape {shape}, this worker knows {SHAPE}; run a newer Stockstream"),
            });
        }
        let id = match self.read_id().await? {
            Some(id) => id,
            None => {
                let new = doc! { "_id": names::IDENTITY, "id": bson::Uuid::new().to_string() };
                self.insert_if_absent(names::META, new).await?;
                self.read_id().await?.unwrap_or_default()
            }
        };
        let _ = self.id.set(id); // claimed before, and then the same
        Ok(meta)
    }

    /// Refuses a database that holds documents and does not say whose they are: they would be changed, or counted on.
    async fn refuse_what_nobody_owns(&self) -> Result<()> {
        if self.meta("pipeline").await?.is_some() {
            return Ok(());
        }
        for collection in names::OF_A_PIPELINE {
            if self.find_one(collection, Document::new()).await?.is_none() {
                continue;
            }
            // Another worker may have claimed the database since.
            if self.meta("pipeline").await?.is_some() {
                return Ok(());
            }
            return Err(StoreError::Refused {
                action: format!("use database {}", self.database()),
                message: format!(
                    "its collection {collection} holds documents, and the database does not say which pipeline they belong to; \
                     name an empty database in mongodb.uri, or restore this one whole from a backup"
                ),
            });
        }
        Ok(())
    }

    /// The database's id.
    pub(crate) async fn read_id(&self) -> Result<Option<String>> {
        Ok(self.meta(names::IDENTITY).await?.as_ref().and_then(|identity| codec::maybe_text(identity, "id")))
    }

    /// That the database is still this pipeline's.
    pub(crate) async fn verify(&self, pipeline: &Pipeline) -> Result<()> {
        let (mut owner_found, mut id) = (None, None);
        let of = doc! { "_id": { "$in": ["pipeline", names::IDENTITY] } };
        for document in self.find(names::META, FindQuery::of(of)).await? {
            match document.get_str("_id") {
                Ok(names::IDENTITY) => id = codec::maybe_text(&document, "id"),
                _ => owner_found = Some(owner(&document)),
            }
        }
        check_id(self.database(), id.as_deref(), pipeline)?;
        match owner_found {
            Some(owner) if ownership(&owner, pipeline) == Ownership::Foreign => {
                Err(foreign(self.database(), owner, pipeline))
            }
            _ => Ok(()),
        }
    }

    /// What the owner shows of being alive.
    pub(crate) async fn signs(&self) -> Result<SignsOfLife> {
        let meta = self.meta("pipeline").await?.unwrap_or_default();
        let workers =
            self.find(names::WORKERS, FindQuery::all().fields(doc! { "at": 1 }).sort(doc! { "_id": 1 })).await?;
        let beat = |worker: &Document| Some((codec::text(worker, "_id"), codec::maybe_time(worker, "at")?));
        Ok(SignsOfLife {
            owner: owner(&meta),
            owner_at: codec::maybe_time(&meta, OWNER_AT),
            workers: workers.iter().filter_map(beat).collect(),
        })
    }

    /// Notes that the owner is alive.
    pub(crate) async fn beat(&self, pipeline: &Pipeline) -> Result<()> {
        let ours = doc! { "_id": "pipeline", "name": &pipeline.name, "uid": &pipeline.uid };
        let update = doc! { "q": ours, "u": { "$set": { OWNER_AT: codec::date(Timestamp::now()) } } };
        self.update_many(names::META, &[update]).await.map(drop)
    }

    /// Takes the database over by compare-and-set on the owner's uid and last heartbeat.
    pub(crate) async fn take_from(&self, pipeline: &Pipeline, seen: &SignsOfLife) -> Result<bool> {
        check_id(self.database(), self.read_id().await?.as_deref(), pipeline)?;
        if seen.owner.name != pipeline.name || self.signs().await? != *seen {
            return Ok(false);
        }
        let as_seen = doc! {
            "_id": "pipeline",
            "name": &seen.owner.name,
            "uid": &seen.owner.uid,
            OWNER_AT: codec::maybe_date(seen.owner_at),
        };
        let ours = doc! { "uid": &pipeline.uid, OWNER_AT: codec::date(Timestamp::now()) };
        self.update_many(names::META, &[doc! { "q": as_seen, "u": { "$set": ours } }]).await?;
        let stands = self.meta("pipeline").await?.unwrap_or_default();
        Ok(ownership(&owner(&stands), pipeline) == Ownership::Ours)
    }

    /// Brings these settings in force where they come last. Returns their stamp.
    async fn settle_generation(&self, pipeline: &Pipeline, mut meta: Document) -> Result<i64> {
        let rules = self.rules_text();
        loop {
            let standing = ActiveSettings {
                generation: codec::integer(&meta, "generation"),
                resource: codec::maybe_integer(&meta, "resource_generation"),
            };
            let same_rules = meta.get_str("rules").is_ok_and(|standing| standing == rules);
            let new = match settle(standing, pipeline.generation, same_rules) {
                GenerationDecision::Stamp(stamp) => return Ok(stamp),
                GenerationDecision::Write(new) => new,
            };
            let update = doc! {
                "q": { "_id": "pipeline", "generation": standing.generation, "resource_generation": standing.resource },
                "u": { "$set": { "generation": new.generation, "rules": &rules, "resource_generation": new.resource } },
            };
            if self.update_many(names::META, &[update]).await?.n == 1 {
                return Ok(new.generation);
            }
            meta = self.meta("pipeline").await?.unwrap_or_default();
        }
    }

    /// Tells readers which settings hold. Of two workers of one generation the later to start tells it.
    async fn publish_settings(&self, generation: i64, standing: Option<Document>) -> Result<()> {
        let Ok(settings) = bson::serialize_to_document(&self.analytics) else { return Ok(()) };
        if standing.as_ref() != Some(&settings) {
            let update = doc! {
                "q": { "_id": "pipeline", "generation": generation },
                "u": { "$set": { "settings": settings } },
            };
            self.update_many(names::META, &[update]).await?;
        }
        Ok(())
    }

    /// What derived fields depend on, as text to compare.
    fn rules_text(&self) -> String {
        let (weights, tiers) = (&self.analytics.product_winners.weights, &self.analytics.clients);
        format!(
            "weights {}/{}/{} tiers {}/{}/{} derivation {DERIVATION}",
            weights.profit, weights.velocity, weights.idle_days, tiers.silver, tiers.gold, tiers.promo
        )
    }

    pub(crate) async fn newest(&self) -> Result<i64> {
        Ok(self.meta("pipeline").await?.map_or(0, |meta| codec::integer(&meta, "generation")))
    }

    pub(crate) async fn meta(&self, id: &str) -> Result<Option<Document>> {
        self.find_one(names::META, doc! { "_id": id }).await
    }
}
