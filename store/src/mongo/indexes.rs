use bson::{Bson, Document, doc};

use super::{MongoStore, Result, names};
use crate::StoreError;

/// Heartbeats are forgotten after this.
const WORKER_SECONDS: i64 = 60;

impl MongoStore {
    /// Makes every index that is not there. Safe to repeat, also by several workers at once.
    pub(super) async fn make_indexes(&self) -> Result<()> {
        for (collection, name, key) in [
            (names::PRODUCTS, "score", doc! { "score": -1, "_id": 1 }),
            (names::PRODUCTS, "generation", doc! { "g": 1 }),
            (names::CLIENTS, "generation", doc! { "g": 1 }),
            (names::INVENTORY, "expiry", doc! { "rec.expiry_date": 1 }),
            (names::INVENTORY, "movement", doc! { "rec.movement": 1 }),
            (names::CLIENTS, "revenue", doc! { "total_revenue_generated": -1, "_id": 1 }),
            (names::WINNERS, "revision", doc! { "revision": 1, "ranking": 1 }),
            (names::RISKS, "loss", doc! { "potential_loss_amount": -1, "_id": 1 }),
        ] {
            self.make_index(collection, name, key, None).await?;
        }
        let by_age = [
            (names::REJECTED, "age", doc! { "rejected_at": 1 }, self.keep_rejected_seconds),
            (names::WORKERS, "age", doc! { "at": 1 }, WORKER_SECONDS),
        ];
        for (collection, name, key, seconds) in by_age {
            self.make_index(collection, name, key, Some(seconds)).await?;
        }
        Ok(())
    }

    async fn make_index(&self, collection: &str, name: &str, key: Document, expire: Option<i64>) -> Result<()> {
        let mut index = doc! { "key": key, "name": name };
        if let Some(seconds) = expire {
            index.insert("expireAfterSeconds", Bson::Int64(seconds));
        }
        let action = format!("make index {name} on {collection}");
        let command = doc! { "createIndexes": collection, "indexes": [index], "writeConcern": { "w": "majority" } };
        let made = self.command(&action, command).await;
        match (made, expire) {
            // It is there with another age: the setting changed.
            (Err(StoreError::Refused { .. }), Some(seconds)) => {
                let index = doc! { "name": name, "expireAfterSeconds": Bson::Int64(seconds) };
                self.command(&action, doc! { "collMod": collection, "index": index }).await?;
            }
            (made, _) => {
                made?;
            }
        }
        Ok(())
    }
}
