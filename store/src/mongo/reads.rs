use bson::Document;
use futures_util::TryStreamExt;

use super::{MongoStore, Result};

/// A query: what, in which order, which fields, which part.
#[derive(Clone, Default)]
pub(super) struct Query {
    pub filter: Document,
    pub sort: Option<Document>,
    pub fields: Option<Document>,
    pub skip: u64,
    pub limit: Option<i64>,
}

impl Query {
    pub fn all() -> Self {
        Self::default()
    }

    pub fn of(filter: Document) -> Self {
        Self { filter, ..Self::default() }
    }

    pub fn sort(self, sort: Document) -> Self {
        Self { sort: Some(sort), ..self }
    }

    pub fn fields(self, fields: Document) -> Self {
        Self { fields: Some(fields), ..self }
    }

    pub fn part(self, skip: u64, limit: u64) -> Self {
        Self { skip, limit: Some(limit as i64), ..self }
    }
}

impl MongoStore {
    pub(super) async fn find(&self, collection: &str, query: Query) -> Result<Vec<Document>> {
        let action = format!("read {collection}");
        self.retry(&action, || async {
            let from = self.collection(collection);
            let mut find = from.find(query.filter.clone()).skip(query.skip).batch_size(5_000);
            if let Some(sort) = query.sort.clone() {
                find = find.sort(sort);
            }
            if let Some(fields) = query.fields.clone() {
                find = find.projection(fields);
            }
            if let Some(limit) = query.limit {
                find = find.limit(limit);
            }
            let cursor = find.await.map_err(|error| self.explain(&action, &error))?;
            cursor.try_collect().await.map_err(|error| self.explain(&action, &error))
        })
        .await
    }

    pub(super) async fn find_one(&self, collection: &str, filter: Document) -> Result<Option<Document>> {
        Ok(self.find(collection, Query::of(filter).part(0, 1)).await?.pop())
    }

    /// The count of a whole collection as the server keeps it, without reading it.
    pub(super) async fn estimate(&self, collection: &str) -> Result<u64> {
        let action = format!("count {collection}");
        self.retry(&action, || async {
            let counted = self.collection(collection).estimated_document_count().await;
            counted.map_err(|error| self.explain(&action, &error))
        })
        .await
    }
}
