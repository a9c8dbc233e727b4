//! Whose database this is, and which generation of settings derived fields follow.

use std::sync::atomic::Ordering;

use bson::{Document, doc};
use stockstream_model::settings::Pipeline;

use super::{MongoStore, Result, codec, names};
use crate::{
    StoreError,
    core::generation::{InForce, OUTDATED, Settled, settle},
};

/// The version of the state's shape; a worker refuses a database of a newer one.
const SHAPE: i64 = 1;

impl MongoStore {
    /// Claims the database and settles the generation.
    pub(super) async fn claim_and_settle(&self, pipeline: &Pipeline) -> Result<i64> {
        let meta = self.claim_database(pipeline).await?;
        let standing = meta.get_document("settings").ok().cloned();
        let generation = self.settle_generation(pipeline, meta).await?;
        if generation != OUTDATED {
            self.tell_settings(generation, standing).await?;
        }
        self.generation.store(generation, Ordering::Relaxed);
        Ok(generation)
    }

    /// Checks that the server answers and that the user may write, and claims the database. Returns what stands of it.
    pub(super) async fn claim_database(&self, pipeline: &Pipeline) -> Result<Document> {
        let first = doc! { "_id": "pipeline", "name": &pipeline.name, "shape": SHAPE, "generation": 0_i64 };
        self.insert_if_absent(names::META, first).await?;
        let meta = self.meta("pipeline").await?.unwrap_or_default();
        let owner = meta.get_str("name").unwrap_or_default();
        if owner != pipeline.name {
            let (database, owner, pipeline) = (self.database().into(), owner.into(), pipeline.name.clone());
            return Err(StoreError::Owned { database, owner, pipeline });
        }
        let shape = codec::integer(&meta, "shape");
        if shape > SHAPE {
            return Err(StoreError::Refused {
                action: format!("use database {}", self.database()),
                message: format!("its state has shape {shape}, this worker knows {SHAPE}; run a newer Stockstream"),
            });
        }
        Ok(meta)
    }

    /// Brings these settings in force where they come last. Returns their stamp.
    async fn settle_generation(&self, pipeline: &Pipeline, mut meta: Document) -> Result<i64> {
        let rules = self.rules_text();
        loop {
            let standing = InForce {
                generation: codec::integer(&meta, "generation"),
                resource: codec::maybe_integer(&meta, "resource_generation"),
            };
            let same_rules = meta.get_str("rules").is_ok_and(|standing| standing == rules);
            let new = match settle(standing, pipeline.generation, same_rules) {
                Settled::Stamp(stamp) => return Ok(stamp),
                Settled::Write(new) => new,
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
    async fn tell_settings(&self, generation: i64, standing: Option<Document>) -> Result<()> {
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
            "weights {}/{}/{} tiers {}/{}/{}",
            weights.profit, weights.velocity, weights.idle_days, tiers.silver, tiers.gold, tiers.promo
        )
    }

    pub(super) async fn newest(&self) -> Result<i64> {
        Ok(self.meta("pipeline").await?.map_or(0, |meta| codec::integer(&meta, "generation")))
    }

    pub(super) async fn meta(&self, id: &str) -> Result<Option<Document>> {
        self.find_one(names::META, doc! { "_id": id }).await
    }
}
