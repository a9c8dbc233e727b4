//! Write commands. They are sent by hand: the driver's own bulk write needs MongoDB 8.

use std::{
    ops::Range,
    sync::atomic::{AtomicU32, Ordering},
};

use bson::{
    Bson, Document, RawArrayBuf, RawDocumentBuf, doc,
    raw::{CStr, cstr},
};

use super::{
    MongoStore, Result, codec,
    failure::DUPLICATE_KEY,
    retry::{failure, within},
};
use crate::StoreError;

/// How many bytes of statements one command carries, unless a single one is longer; the server takes 16 MiB. Until it is answered a
/// command is in memory six times: statements, command, the copy that may be sent again, and what the driver makes of it.
pub(super) const COMMAND_BYTES: usize = 512 << 10;

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
    /// The statements whose documents the server will never take, and why.
    pub invalid: Vec<(usize, String)>,
    /// Whether a command was sent more than once, so that a copy of it may take effect later.
    pub again: bool,
}

/// Statements of a write command.
struct Statements<'a> {
    command: &'a CStr,
    of: &'a CStr,
    collection: &'a str,
    items: &'a [RawDocumentBuf],
}

impl<'a> Statements<'a> {
    fn updates(collection: &'a str, items: &'a [RawDocumentBuf]) -> Self {
        Self { command: cstr!("update"), of: cstr!("updates"), collection, items }
    }

    fn inserts(collection: &'a str, items: &'a [RawDocumentBuf]) -> Self {
        Self { command: cstr!("insert"), of: cstr!("documents"), collection, items }
    }

    fn action(&self) -> String {
        format!("{} {}", self.command.as_str(), self.collection)
    }

    /// The id of the document that a statement is about, as people read it.
    fn key(&self, index: usize) -> String {
        let id = self.items.get(index).and_then(|item| match item.get_document("q") {
            Ok(filter) => filter.get("_id").ok().flatten(),
            Err(_) => item.get("_id").ok().flatten(),
        });
        let id = id.and_then(|id| Bson::try_from(id).ok());
        id.map_or_else(|| "an unknown document".into(), |id| key_text(&id))
    }

    fn invalid(&self, index: usize, message: String) -> StoreError {
        let (collection, key) = (self.collection.to_owned(), self.key(index));
        StoreError::Invalid { collection, key, message }
    }
}

/// A document's id, as people read it.
pub(super) fn key_text(id: &Bson) -> String {
    match id {
        Bson::String(id) => id.clone(),
        id => id.to_string(),
    }
}

impl MongoStore {
    /// Many update statements, unordered, in one command or, when they are long, in several; sent again while that may
    /// help.
    pub(super) async fn update_many(&self, collection: &str, updates: &[Document]) -> Result<Written> {
        self.update_encoded(collection, &updates.iter().map(encoded).collect::<Result<Vec<_>>>()?).await
    }

    /// The same for statements that are encoded already: what a document holds besides its bytes is many times their size.
    async fn update_encoded(&self, collection: &str, updates: &[RawDocumentBuf]) -> Result<Written> {
        self.write_valid(&Statements::updates(collection, updates)).await
    }

    /// Inserts documents, unordered; those that are there already are refused.
    pub(super) async fn insert_encoded(&self, collection: &str, documents: &[RawDocumentBuf]) -> Result<Written> {
        self.write_valid(&Statements::inserts(collection, documents)).await
    }

    /// Like [`update_encoded`](Self::update_encoded), but the caller sees to documents that the server will never take.
    pub(super) async fn try_updates(&self, collection: &str, updates: &[RawDocumentBuf]) -> Result<Written> {
        self.write(&Statements::updates(collection, updates)).await
    }

    /// Like [`insert_encoded`](Self::insert_encoded), but the caller sees to documents that the server will never take.
    pub(super) async fn try_inserts(&self, collection: &str, documents: &[RawDocumentBuf]) -> Result<Written> {
        self.write(&Statements::inserts(collection, documents)).await
    }

    async fn write_valid(&self, statements: &Statements<'_>) -> Result<Written> {
        let mut written = self.write(statements).await?;
        match written.invalid.pop() {
            Some((index, message)) => Err(statements.invalid(index, message)),
            None => Ok(written),
        }
    }

    async fn write(&self, statements: &Statements<'_>) -> Result<Written> {
        let action = statements.action();
        let mut all = Written::default();
        for part in parts(statements.items.iter().map(|item| item.as_bytes().len()), COMMAND_BYTES) {
            let statements = Statements { items: &statements.items[part.clone()], ..*statements };
            let command = statements.encoded();
            let attempts = AtomicU32::new(0);
            let attempt = || async {
                attempts.fetch_add(1, Ordering::Relaxed);
                match self.server.db().run_raw_command(command.clone()).await {
                    Ok(reply) => self.written(&action, &statements, &reply),
                    Err(error) => match failure(&error) {
                        Some(failure) if failure.is_of_the_only_document() && statements.items.len() == 1 => {
                            Ok(Written { invalid: vec![(0, failure.to_string())], ..Written::default() })
                        }
                        _ => Err(self.explain(&action, &error)),
                    },
                }
            };
            let written = self.retry(&action, attempt).await?;
            all.n += written.n;
            all.again |= attempts.into_inner() > 1;
            all.refused.extend(written.refused.into_iter().map(|index| part.start + index));
            all.invalid.extend(written.invalid.into_iter().map(|(index, why)| (part.start + index, why)));
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
        Ok(self.delete_all(collection, filter).await?.n)
    }

    /// Deletes what matches.
    pub(super) async fn delete_all(&self, collection: &str, filter: Document) -> Result<Written> {
        let delete = [encoded(&doc! { "q": filter.clone(), "limit": 0 })?];
        let deletes = Statements { command: cstr!("delete"), of: cstr!("deletes"), collection, items: &delete };
        let mut all = Written::default();
        loop {
            let written = self.write_valid(&deletes).await?;
            all.n += written.n;
            all.again |= written.again;
            // There, a document that moves to another shard meanwhile may be passed by.
            if !self.is_sharded().await? || self.find_one(collection, filter.clone()).await?.is_none() {
                return Ok(all);
            }
        }
    }

    /// Any command but a write, sent again while that may help.
    pub(super) async fn command(&self, action: &str, command: Document) -> Result<Document> {
        self.retry(action, || async {
            let reply = self.server.db().run_command(command.clone()).await;
            let reply = reply.map_err(|error| self.explain(action, &error))?;
            self.check_concern(action, &reply)?;
            Ok(reply)
        })
        .await
    }

    /// What a write command did. An error of a statement that may pass is one of the whole command: all of it is done again.
    fn written(&self, action: &str, statements: &Statements<'_>, reply: &Document) -> Result<Written> {
        let mut written = Written { n: codec::integer(reply, "n") as u64, ..Written::default() };
        for error in reply.get_array("writeErrors").into_iter().flatten().filter_map(Bson::as_document) {
            let (failure, index) = (within(error, reply), codec::integer(error, "index") as usize);
            if failure.code == DUPLICATE_KEY {
                written.refused.push(index);
            } else if failure.is_of_the_document() {
                written.invalid.push((index, failure.to_string()));
            } else {
                return Err(match self.explain_failure(action, &failure) {
                    // Of a statement nothing but this is known to be wrong for good.
                    StoreError::Unavailable { message, .. } | StoreError::Refused { message, .. } => {
                        self.passing(action, format!("{}: {message}", statements.key(index)))
                    }
                    error => error,
                });
            }
        }
        self.check_concern(action, reply)?;
        Ok(written)
    }
}

impl Statements<'_> {
    /// As the server takes them.
    fn encoded(&self) -> RawDocumentBuf {
        let mut statements = RawArrayBuf::new();
        for item in self.items {
            statements.push(item.as_ref());
        }
        let mut concern = RawDocumentBuf::new();
        concern.append(cstr!("w"), "majority");
        concern.append(cstr!("j"), true);
        let mut command = RawDocumentBuf::new();
        command.append(self.command, self.collection);
        command.append(self.of, statements);
        command.append(cstr!("ordered"), false);
        command.append(cstr!("writeConcern"), concern);
        command
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
