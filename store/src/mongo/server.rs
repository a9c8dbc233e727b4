//! The database that a store talks to, whose password may change while it works.

use std::sync::{Arc, PoisonError, RwLock};

use mongodb::{Database, options::ClientOptions};
use stockstream_model::settings::MongoDb;

use super::{
    Result,
    connect::{Opened, address, open},
};
use crate::StoreError;

/// A database, and how it was opened.
pub(super) struct Server {
    settings: MongoDb,
    used: RwLock<Opened>,
}

impl Server {
    pub fn new(settings: MongoDb, opened: Opened) -> Self {
        Self { settings, used: RwLock::new(opened) }
    }

    pub fn db(&self) -> Database {
        self.connection().0
    }

    /// The database, and what its client was made with.
    pub fn connection(&self) -> (Database, Arc<ClientOptions>) {
        let used = self.used.read().unwrap_or_else(PoisonError::into_inner);
        (used.db.clone(), Arc::clone(&used.options))
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
        if self.used.read().unwrap_or_else(PoisonError::into_inner).uri == uri {
            return Ok(false);
        }
        let opened = open(&self.settings, &uri, &[]).await?;
        if opened.db.name() != standing.name() {
            let message = format!(
                "mongodb.uriFile names database {} now and named {} before; start anew to change it",
                opened.db.name(),
                standing.name()
            );
            return Err(StoreError::Address { message });
        }
        *self.used.write().unwrap_or_else(PoisonError::into_inner) = opened;
        Ok(true)
    }
}
