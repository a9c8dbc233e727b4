//! The database as any reader sees it.

use std::collections::BTreeMap;

use bson::{Document, doc};
use futures_util::TryStreamExt;

/// A database, through the driver alone.
pub struct Database {
    uri: String,
    pub raw: mongodb::Database,
}

impl Database {
    pub async fn new(uri: &str) -> Self {
        let client = mongodb::Client::with_uri_str(uri).await.unwrap();
        Self { uri: uri.to_owned(), raw: client.default_database().unwrap() }
    }

    /// Every document of a collection, by id.
    pub async fn documents(&self, collection: &str) -> Vec<Document> {
        let found = self.raw.collection::<Document>(collection).find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
        found.try_collect().await.unwrap()
    }

    /// Every document of every collection but these.
    pub async fn everything_but(&self, collections: &[&str]) -> BTreeMap<String, Vec<Document>> {
        let mut all = BTreeMap::new();
        for name in self.raw.list_collection_names().await.unwrap() {
            if !collections.contains(&name.as_str()) {
                let documents = self.documents(&name).await;
                all.insert(name, documents);
            }
        }
        all
    }

    /// Removes it; on a connection of its own, because a connection belongs to the runtime that made it.
    pub async fn drop_database(&self) {
        let client = mongodb::Client::with_uri_str(&self.uri).await.unwrap();
        client.default_database().unwrap().drop().await.unwrap();
    }
}
