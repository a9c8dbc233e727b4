//! The database that a store talks to, whose password may change while it works.

use std::sync::{PoisonError, RwLock};

use mongodb::Database;
use stockstream_model::settings::MongoDb;

use super::{
    Result,
    connect::{address, open},
};
use crate::StoreError;

/// A database, and the address it was opened with.
pub(super) struct Server {
    settings: MongoDb,
    used: RwLock<(String, Database)>,
}

impl Server {
    pub fn new(settings: MongoDb, uri: String, db: Database) -> Self {
        Self { settings, used: RwLock::new((uri, db)) }
    }

    pub fn db(&self) -> Database {
        self.used.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Reads the address again, if it is in a file. If that holds another one, it is used from now on. Whether it is.
    ///
    /// # Errors
    /// [`StoreError::Address`] when it cannot be used: what was written so far is in the database of before, so it cannot be
    /// another.
    pub async fn renew(&self) -> Result<bool> {
        if self.settings.uri_file.is_none() {
            return Ok(false);
        }
        let uri = address(&self.settings)?;
        let standing = self.db();
        if self.used.read().unwrap_or_else(PoisonError::into_inner).0 == uri {
            return Ok(false);
        }
        let db = open(&self.settings, &uri).await?.db;
        if db.name() != standing.name() {
            let message = format!(
                "mongodb.uriFile names database {} now and named {} before; start anew to change it",
                db.name(),
                standing.name()
            );
            return Err(StoreError::Address { message });
        }
        *self.used.write().unwrap_or_else(PoisonError::into_inner) = (uri, db);
        Ok(true)
    }
}
