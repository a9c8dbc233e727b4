//! Write commands. They are sent by hand: the driver's own bulk write needs MongoDB 8.

use std::ops::Range;

use bson::{
    Bson, Document, RawArrayBuf, RawDocumentBuf, doc,
    raw::{CStr, cstr},
};

use super::{MongoStore, Result, codec};
use crate::StoreError;

/// How many bytes of updates one command carries. The server takes 16 MiB with all that is around them.
pub(super) const COMMAND_BYTES: usize = 12 << 20;

/// How often in a row all of a command may lose the race to insert: each lost race should be the last.
pub(super) const PATIENCE: u32 = 20;

/// When it is not the document's own key that is a duplicate.
pub(super) fn foreign_index(collection: &str) -> StoreError {
    StoreError::Refused {
        action: format!("update {collection}"),
        message: "a key that is not there is refused as a duplicate; drop the unique index that somebody made on it"
            .into(),
    }
}

/// What write commands did.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Documents matched or inserted.
    pub n: u64,
    /// The statements that met a duplicate key.
    pub refused: Vec<usize>,
}

impl MongoStore {
    /// Many update statements, unordered, in one command or, when they are long, in several; sent again while that may
    /// help.
    pub(super) async fn update_many(&self, collection: &str, updates: &[Document]) -> Result<Written> {
        self.update_encoded(collection, &updates.iter().map(encoded).collect::<Result<Vec<_>>>()?).await
    }

    /// The same for statements that are encoded already: what a document holds besides its bytes is many times their size.
    pub(super) async fn update_encoded(&self, collection: &str, updates: &[RawDocumentBuf]) -> Result<Written> {
        self.write_encoded((cstr!("update"), cstr!("updates")), collection, updates).await
    }

    /// Inserts documents, unordered; those that are there already are refused.
    pub(super) async fn insert_encoded(&self, collection: &str, documents: &[RawDocumentBuf]) -> Result<Written> {
        self.write_encoded((cstr!("insert"), cstr!("documents")), collection, documents).await
    }

    async fn write_encoded(
        &self,
        command: (&CStr, &CStr),
        collection: &str,
        items: &[RawDocumentBuf],
    ) -> Result<Written> {
        let action = format!("{} {collection}", command.0.as_str());
        let mut all = Written::default();
        for part in parts(items.iter().map(|item| item.as_bytes().len()), COMMAND_BYTES) {
            let command = write_command(command, collection, &items[part.clone()]);
            let written = self
                .retry(&action, || async {
                    let reply = self.server.db().run_raw_command(command.clone()).await;
                    self.written(&action, &reply.map_err(|error| self.explain(&action, &error))?)
                })
                .await?;
            all.n += written.n;
            all.refused.extend(written.refused.into_iter().map(|index| part.start + index));
        }
        Ok(all)
    }

    /// Inserts a document unless one with its `_id` stands.
    pub(super) async fn insert_if_absent(&self, collection: &str, document: Document) -> Result<()> {
        self.insert_absent(collection, vec![document]).await
    }

    /// Inserts the documents of which none with their `_id` stands.
    pub(super) async fn insert_absent(&self, collection: &str, documents: Vec<Document>) -> Result<()> {
        // What is refused is there.
        let documents = documents.iter().map(encoded).collect::<Result<Vec<_>>>()?;
        self.insert_encoded(collection, &documents).await.map(drop)
    }

    /// Deletes what matches. Returns how many.
    pub(super) async fn delete(&self, collection: &str, filter: Document) -> Result<u64> {
        let deletes = doc! { "q": filter, "limit": 0 };
        let command = doc! { "delete": collection, "deletes": [deletes], "writeConcern": { "w": "majority" } };
        let action = format!("delete from {collection}");
        let reply = self.command(&action, command).await?;
        Ok(self.written(&action, &reply)?.n)
    }

    /// Any command, sent again while that may help.
    pub(super) async fn command(&self, action: &str, command: Document) -> Result<Document> {
        self.retry(action, || async {
            self.server.db().run_command(command.clone()).await.map_err(|error| self.explain(action, &error))
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

/// A statement or a document as bytes.
pub(super) fn encoded(update: &Document) -> Result<RawDocumentBuf> {
    let refused = |error: bson::error::Error| StoreError::Refused {
        action: "encode an update".into(),
        message: error.to_string(),
    };
    RawDocumentBuf::try_from(update).map_err(refused)
}

fn write_command((name, of): (&CStr, &CStr), collection: &str, items: &[RawDocumentBuf]) -> RawDocumentBuf {
    let mut statements = RawArrayBuf::new();
    for item in items {
        statements.push(item.as_ref());
    }
    let mut concern = RawDocumentBuf::new();
    concern.append(cstr!("w"), "majority");
    let mut command = RawDocumentBuf::new();
    command.append(name, collection);
    command.append(of, statements);
    command.append(cstr!("ordered"), false);
    command.append(cstr!("writeConcern"), concern);
    command
}

/// Cuts a list of things of these sizes into parts of at most so much, or of one thing.
pub(super) fn parts(sizes: impl Iterator<Item = usize>, most: usize) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut sum = 0;
    for (index, size) in sizes.enumerate() {
        sum += size;
        match parts.last_mut() {
            Some(part) if sum <= most => part.end = index + 1,
            _ => {
                parts.push(index..index + 1);
                sum = size;
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut_by_size_and_nothing_is_left_out() {
        let cut = |sizes: &[usize]| parts(sizes.iter().copied(), 10);
        assert_eq!(cut(&[]), []);
        assert_eq!(cut(&[3, 3, 4, 1, 9, 1]), [0..3, 3..5, 5..6]);
        assert_eq!(cut(&[99, 1, 1, 99, 99]), [0..1, 1..3, 3..4, 4..5]);
    }
}
