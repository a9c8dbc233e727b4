//! The store on MongoDB 4.4 and later, or a server compatible with it. Needs no transactions, no change streams and no
//! `bulkWrite`: guarded updates of single documents only.

mod apply;
mod codec;
mod connect;
mod indexes;
mod inspect;
mod meta;
mod reads;
mod retry;
mod rows;
mod state;
mod update;
mod views;

use std::sync::atomic::{AtomicI64, Ordering};

use bson::{Bson, Document, doc};
use mongodb::{Collection, Database};
use stockstream_model::settings::Analytics;

use crate::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// The collections.
mod names {
    pub const META: &str = "meta";
    pub const CHECKPOINTS: &str = "checkpoints";
    pub const PRODUCTS: &str = "products";
    pub const INVENTORY: &str = "inventory";
    pub const CLIENTS: &str = "clients";
    pub const DAILY: &str = "sales_daily";
    pub const REJECTED: &str = "rejected_events";
    pub const VIEWS: &str = "views";
    pub const WINNERS: &str = "product_winners";
    pub const RISKS: &str = "loss_risk_products";
    pub const WORKERS: &str = "workers";
}

/// A store on MongoDB. One pooled client; share it with an `Arc`.
pub struct MongoStore {
    db: Database,
    /// Host and port, for messages; never credentials.
    place: String,
    analytics: Analytics,
    /// The stamp of derived fields, settled by `prepare`.
    generation: AtomicI64,
    write_connections: usize,
    updates_per_command: usize,
    keep_rejected_seconds: i64,
}

/// What one write command did.
#[derive(Debug, Default)]
struct Written {
    /// Documents matched or inserted.
    n: u64,
    /// The statements that met a duplicate key.
    refused: Vec<usize>,
}

impl MongoStore {
    /// The name of the database.
    pub fn database(&self) -> &str {
        self.db.name()
    }

    /// Host and port of the server, without credentials.
    pub fn place(&self) -> &str {
        &self.place
    }

    fn collection(&self, name: &str) -> Collection<Document> {
        self.db.collection(name)
    }

    fn stamp(&self) -> i64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// One `update` command of many statements, unordered; sent again while that may help.
    async fn update_many(&self, collection: &str, updates: &[Document]) -> Result<Written> {
        if updates.is_empty() {
            return Ok(Written::default());
        }
        let command = doc! {
            "update": collection,
            "updates": updates,
            "ordered": false,
            "writeConcern": { "w": "majority" },
        };
        let action = format!("update {collection}");
        self.retry(&action, || async {
            let reply = self.db.run_command(command.clone()).await.map_err(|error| self.explain(&action, &error))?;
            self.written(&action, &reply)
        })
        .await
    }

    fn written(&self, action: &str, reply: &Document) -> Result<Written> {
        const DUPLICATE_KEY: i64 = 11_000;
        let mut refused = Vec::new();
        for error in reply.get_array("writeErrors").into_iter().flatten().filter_map(Bson::as_document) {
            let (code, index) = (codec::integer(error, "code"), codec::integer(error, "index"));
            if code != DUPLICATE_KEY {
                return Err(self.explain_code(action, code, error.get_str("errmsg").unwrap_or("no message")));
            }
            refused.push(index as usize);
        }
        if let Ok(concern) = reply.get_document("writeConcernError") {
            let message = concern.get_str("errmsg").unwrap_or("the write concern was not met").to_owned();
            return Err(StoreError::Unreachable { place: self.place.clone(), message });
        }
        Ok(Written { n: codec::integer(reply, "n") as u64, refused })
    }
}
