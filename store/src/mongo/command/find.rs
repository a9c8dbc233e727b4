use bson::Document;

use crate::mongo::{MongoStore, Result, codec::malformed};

/// How many ids one query names.
pub(crate) const IDS_PER_QUERY: usize = 5_000;

/// Up to how many documents of a collection are counted one by one.
const COUNTED_EXACTLY: u64 = 10_000;

/// A query: what, in which order, which fields, which part.
#[derive(Clone, Default)]
pub(crate) struct FindQuery {
    pub filter: Document,
    pub sort: Option<Document>,
    pub fields: Option<Document>,
    pub skip: u64,
    pub limit: Option<i64>,
    pub most_bytes: Option<usize>,
}

impl FindQuery {
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

    /// So many documents behind so many. None is none, where the server would take 0 for all.
    pub fn part(self, skip: u64, limit: u64) -> Self {
        Self { skip, limit: Some(limit.try_into().unwrap_or(i64::MAX)), ..self }
    }

    /// Refuses to read more than so many bytes: for whoever reads what a stranger may have written.
    pub fn within(self, bytes: usize) -> Self {
        Self { most_bytes: Some(bytes), ..self }
    }

    /// Whether there cannot be an answer: no document wanted, or behind more than the server counts.
    fn is_void(&self) -> bool {
        self.limit == Some(0) || i64::try_from(self.skip).is_err()
    }
}

impl MongoStore {
    pub(crate) async fn find(&self, collection: &str, query: FindQuery) -> Result<Vec<Document>> {
        if query.is_void() {
            return Ok(Vec::new());
        }
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
            let mut cursor = find.await.map_err(|error| self.explain(&action, &error))?;
            let (mut documents, mut bytes) = (Vec::new(), 0);
            while cursor.advance().await.map_err(|error| self.explain(&action, &error))? {
                bytes += cursor.current().as_bytes().len();
                let document = cursor.deserialize_current().map_err(|error| self.explain(&action, &error))?;
                if let Some(most) = query.most_bytes.filter(|most| bytes > *most) {
                    let message = format!(
                        "with it there are more than {} MiB in that collection, and Stockstream never needs so much \
                         there; remove what it did not write",
                        most >> 20
                    );
                    return Err(malformed(collection, &document, &message));
                }
                documents.push(document);
            }
            Ok(documents)
        })
        .await
    }

    pub(crate) async fn find_one(&self, collection: &str, filter: Document) -> Result<Option<Document>> {
        Ok(self.find(collection, FindQuery::of(filter).part(0, 1)).await?.pop())
    }

    /// How many documents are so, up to that many.
    pub(crate) async fn count_some(&self, collection: &str, filter: Document, limit: u64) -> Result<u64> {
        let action = format!("count {collection}");
        let limit = limit.min(i64::MAX as u64);
        self.retry(&action, || async {
            let counted = self.collection(collection).count_documents(filter.clone()).limit(limit).await;
            counted.map_err(|error| self.explain(&action, &error))
        })
        .await
    }

    /// How many documents a collection has: exactly while they are few, else as the server keeps count without reading
    /// them (MongoDB exactly, the compatible server up to a second late).
    pub(crate) async fn count(&self, collection: &str) -> Result<u64> {
        let few = self.count_some(collection, Document::new(), COUNTED_EXACTLY).await?;
        if few < COUNTED_EXACTLY { Ok(few) } else { Ok(self.estimate(collection).await?.max(few)) }
    }

    /// About how many documents a collection has, as the server keeps count.
    pub(crate) async fn estimate(&self, collection: &str) -> Result<u64> {
        let action = format!("count {collection}");
        self.retry(&action, || async {
            let many = self.collection(collection).estimated_document_count().await;
            many.map_err(|error| self.explain(&action, &error))
        })
        .await
    }
}
