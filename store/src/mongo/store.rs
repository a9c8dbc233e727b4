//! The store itself: what it keeps in memory.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use bson::Document;
use mongodb::Collection;
use stockstream_model::settings::Analytics;

use crate::mongo::connection::{last_errors::Troubles, server::Server};

/// A store on MongoDB. One pooled client; share it with an `Arc`.
pub struct MongoStore {
    pub(super) server: Server,
    /// The name of the database.
    pub(super) name: String,
    /// Host and port, for messages; never credentials.
    pub(super) place: String,
    /// Whether connections are encrypted.
    pub(super) tls: bool,
    /// Whether the server has ever let us in.
    pub(super) has_authenticated: AtomicBool,
    /// What fails now and is tried again.
    pub(super) troubles: Troubles,
    /// Whether it leaves it to the caller to try again.
    pub(super) asks_once: bool,
    pub(super) analytics: Analytics,
    /// The database's id, once it was claimed.
    pub(super) id: OnceLock<String>,
    /// The stamp of derived fields, settled by `prepare`.
    pub(super) generation: AtomicI64,
    pub(super) write_connections: usize,
    pub(super) updates_per_command: usize,
    pub(super) keep_rejected_seconds: i64,
    /// Whether invoices are told from their copies.
    pub(super) deduplicates: bool,
}

impl MongoStore {
    /// The same store, but what the server does not answer is an error at once, not waited for: for a caller who has
    /// others to look after, and comes again.
    #[must_use]
    pub fn without_retry(self) -> Self {
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

    pub(super) fn collection(&self, name: &str) -> Collection<Document> {
        self.server.db().collection(name)
    }

    pub(super) fn stamp(&self) -> i64 {
        self.generation.load(Ordering::Relaxed)
    }
}
