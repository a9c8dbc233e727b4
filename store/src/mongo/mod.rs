//! The store on MongoDB 4.4 and later, or a server compatible with it. Needs no transactions, no change streams and no
//! `bulkWrite`: guarded updates of single documents only.

pub mod address;
mod apply;
mod checkpoints;
mod codec;
mod connect;
mod deployment;
mod details;
mod failure;
mod figures;
mod form;
mod fresh;
mod identity;
mod indexes;
mod inspect;
mod invoices;
mod kafka_ids;
mod kinds;
mod meta;
mod positions;
mod product_days;
mod reads;
mod refusal;
mod rejected;
mod retry;
mod rights;
mod risk;
mod rows;
mod select;
mod server;
mod state;
mod totals;
mod troubles;
mod update;
mod views;
mod window;
mod write;

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use bson::Document;
pub use connect::Proxy;
use mongodb::Collection;
use server::Server;
use stockstream_model::settings::Analytics;
use troubles::Troubles;

use crate::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// The collections.
mod names {
    pub const META: &str = "meta";
    pub const CHECKPOINTS: &str = "checkpoints";
    pub const POSITIONS: &str = "positions";
    pub const PRODUCTS: &str = "products";
    pub const PRODUCT_DAYS: &str = "product_days";
    pub const INVENTORY: &str = "inventory";
    pub const CLIENTS: &str = "clients";
    pub const DAILY: &str = "sales_daily";
    pub const INVOICES: &str = "invoices";
    pub const REJECTED: &str = "rejected_events";
    pub const VIEWS: &str = "views";
    pub const WINNERS: &str = "product_winners";
    pub const RISKS: &str = "loss_risk_products";
    pub const WORKERS: &str = "workers";

    /// Those that hold what a pipeline counted.
    pub const OF_A_PIPELINE: [&str; 11] =
        [CHECKPOINTS, POSITIONS, PRODUCTS, PRODUCT_DAYS, INVENTORY, CLIENTS, DAILY, INVOICES, REJECTED, WINNERS, RISKS];
}

/// A store on MongoDB. One pooled client; share it with an `Arc`.
pub struct MongoStore {
    server: Server,
    /// The name of the database.
    name: String,
    /// Host and port, for messages; never credentials.
    place: String,
    /// Whether connections are encrypted.
    tls: bool,
    /// Whether the server has ever let us in.
    let_in: AtomicBool,
    /// What fails now and is tried again.
    troubles: Troubles,
    /// Whether it leaves it to the caller to try again.
    asks_once: bool,
    analytics: Analytics,
    /// The database's id, once it was claimed.
    id: OnceLock<String>,
    /// The stamp of derived fields, settled by `prepare`.
    generation: AtomicI64,
    write_connections: usize,
    updates_per_command: usize,
    keep_rejected_seconds: i64,
    /// Whether invoices are told from their copies.
    deduplicates: bool,
}

impl MongoStore {
    /// The same store, but what the server does not answer is an error at once, not waited for: for a caller who has
    /// others to look after, and comes again.
    #[must_use]
    pub fn asking_once(self) -> Self {
        Self { asks_once: true, ..self }
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        &self.name
    }

    /// Host and port of the server, without credentials.
    pub fn place(&self) -> &str {
        &self.place
    }

    fn collection(&self, name: &str) -> Collection<Document> {
        self.server.db().collection(name)
    }

    fn stamp(&self) -> i64 {
        self.generation.load(Ordering::Relaxed)
    }
}
