//! The database that a store talks to, whose password may change while it works.

use std::sync::Arc;

use bson::{Document, doc};
use mongodb::{Database, options::ClientOptions};
use parking_lot::RwLock;
use stockstream_model::{documents::Deployment, settings::MongoDb};

use crate::{
    StoreError,
    mongo::{
        Result, codec,
        connection::{
            address::without_secrets,
            open::{Connection, Proxy, address, open},
        },
        names,
    },
};

/// A database, and how it was opened.
pub(crate) struct Server {
    settings: MongoDb,
    proxy: Option<Proxy>,
    used: RwLock<Connection>,
}

impl Server {
    pub fn new(settings: MongoDb, opened: Connection, proxy: Option<Proxy>) -> Self {
        Self { settings, proxy, used: RwLock::new(opened) }
    }

    pub fn db(&self) -> Database {
        self.connection().0
    }

    /// The database that commands about the server itself are sent to.
    pub fn admin(&self) -> Database {
        self.db().client().database("admin")
    }

    /// How the servers at the address in use stand together, once somebody asked.
    pub fn deployment(&self) -> Option<Deployment> {
        self.used.read().deployment.get().copied()
    }

    /// They were asked.
    pub fn is(&self, deployment: Deployment) {
        let _ = self.used.read().deployment.set(deployment);
    }

    /// The database, and what its client was made with.
    pub fn connection(&self) -> (Database, Arc<ClientOptions>) {
        let used = self.used.read();
        (used.db.clone(), Arc::clone(&used.options))
    }

    /// Reads the address again, if it is in a file. If that holds another one, it is used from now on. Whether it is.
    ///
    /// # Errors
    /// [`StoreError::Address`] when it cannot be used: what was written so far is in the database of before, so it cannot be
    /// another. [`StoreError::OtherDatabase`] when it has that name and another id than this one.
    pub async fn renew(&self, id: Option<&String>) -> Result<bool> {
        if self.settings.uri_file.is_none() {
            return Ok(false);
        }
        let uri = address(&self.settings)?;
        let standing = self.db();
        if self.used.read().uri == uri {
            return Ok(false);
        }
        let opened = open(&self.settings, &uri, &[], self.proxy.as_ref()).await?;
        if opened.db.name() != standing.name() {
            let message = format!(
                "mongodb.uriFile names database {} now and named {} before; start anew to change it",
                opened.db.name(),
                standing.name()
            );
            return Err(StoreError::Address { message });
        }
        if let Some(expected) = id {
            let found = opened.db.collection::<Document>(names::META).find_one(doc! { "_id": names::IDENTITY }).await;
            let found = found.map_err(|error| StoreError::Address {
                message: format!(
                    "mongodb.uriFile was changed, and {} cannot be asked whether it is the same database: {}",
                    opened.place,
                    without_secrets(&error.kind.to_string(), &uri)
                ),
            })?;
            let found = found.as_ref().and_then(|identity| codec::maybe_text(identity, "id"));
            if found.as_ref() != Some(expected) {
                let (database, expected) = (opened.db.name().to_owned(), expected.clone());
                return Err(StoreError::OtherDatabase { database, expected, found });
            }
        }
        *self.used.write() = opened;
        Ok(true)
    }
}
