use bson::{Bson, Document, doc};
use stockstream_model::documents::{ClientRow, Field, RiskRow};

use crate::{
    StoreError,
    mongo::{
        MongoStore, Result,
        apply::update::{AT_LIMIT, CROWDED, LAST_CLAIM},
        names,
        views::query::sort_key,
    },
    select::Selectable,
};

/// Heartbeats are forgotten after this.
const WORKER_SECONDS: i64 = 60;

impl MongoStore {
    /// Makes every index that is not there. Safe to repeat, also by several workers at once.
    pub(crate) async fn make_indexes(&self) -> Result<()> {
        for (collection, name, key) in [
            (names::PRODUCTS, "score", doc! { "score": -1, "_id": 1 }),
            (names::PRODUCTS, "generation", doc! { "g": 1 }),
            (names::PRODUCTS, LAST_CLAIM, doc! { LAST_CLAIM: 1, "_id": 1 }),
            (names::CLIENTS, "generation", doc! { "g": 1 }),
            (names::INVENTORY, "product", doc! { "_id.product_id": 1 }),
            (names::CLIENTS, "revenue", doc! { "total_revenue_generated": -1, "_id": 1 }),
            (names::WINNERS, "revision", doc! { "revision": 1, "ranking": 1 }),
            (names::REJECTED, "latest", doc! { "rejected_at": -1, "_id": 1 }),
            (names::RISKS, "loss", doc! { "potential_loss_amount": -1, "_id": 1 }),
            (names::RISKS, "product", doc! { "product_id": 1 }),
            (names::RISKS, "revision", doc! { "revision": 1 }),
        ] {
            self.make_index(collection, name, key, None).await?;
        }
        // Hardly any document is in them.
        for (collection, field) in [
            (names::PRODUCTS, AT_LIMIT),
            (names::CLIENTS, AT_LIMIT),
            (names::DAILY, AT_LIMIT),
            (names::PRODUCTS, CROWDED),
        ] {
            let index = doc! { "key": { field: 1 }, "name": field, "sparse": true };
            let command = doc! { "createIndexes": collection, "indexes": [index], "writeConcern": { "w": "majority" } };
            self.command(&format!("make index {field} on {collection}"), command).await?;
        }
        if self.deduplicates {
            self.make_index(names::INVOICES, "age", doc! { "at": 1 }, None).await?;
        }
        self.make_order_indexes::<RiskRow>(names::RISKS, &[]).await?;
        // With these behind, the figures of the clients are counted without reading one of them.
        self.make_order_indexes::<ClientRow>(names::CLIENTS, &["invoices", "revenue"]).await?;
        let by_age = [
            (names::REJECTED, "age", doc! { "rejected_at": 1 }, self.keep_rejected_seconds),
            (names::WORKERS, "age", doc! { "at": 1 }, WORKER_SECONDS),
        ];
        for (collection, name, key, seconds) in by_age {
            self.make_index(collection, name, key, Some(seconds)).await?;
        }
        Ok(())
    }

    /// The indexes by which readers order and filter a view. In one command: each would wait for the majority.
    async fn make_order_indexes<R: Selectable>(&self, collection: &str, covered: &[&str]) -> Result<()> {
        let index = |field: &'static Field<R>| {
            let mut key = sort_key(field, true);
            if R::is_word(field) {
                key.extend(covered.iter().map(|name| ((*name).to_owned(), Bson::Int32(1))));
            }
            doc! { "key": key, "name": format!("by_{}", field.name) }
        };
        let indexes: Vec<_> = R::INDEXED.iter().filter_map(|name| R::field(name)).map(index).collect();
        let command = doc! { "createIndexes": collection, "indexes": indexes, "writeConcern": { "w": "majority" } };
        self.command(&format!("make the indexes of {collection}"), command).await.map(drop)
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
