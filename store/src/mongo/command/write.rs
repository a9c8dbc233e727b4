//! Write commands. They are sent by hand: the driver's own bulk write needs MongoDB 8.

use std::{
    iter::Peekable,
    sync::atomic::{AtomicU32, Ordering},
};

use bson::{
    Bson, Document, RawArrayBuf, RawDocumentBuf, doc,
    raw::{CStr, cstr},
};

use crate::{
    StoreError,
    mongo::{
        MongoStore, Result, codec,
        connection::{
            failure::{DUPLICATE_KEY, Failure},
            retry::{failure, within},
        },
    },
};

/// How many bytes of statements one command carries, unless a single one is longer; the server takes 16 MiB. Until it is answered a
/// command is in memory six times: statements, command, the copy that may be sent again, and what the driver makes of it.
pub(crate) const COMMAND_BYTES: usize = 512 << 10;

/// How often in a row all of a command may lose the race to insert: each lost race should be the last.
pub(crate) const PATIENCE: u32 = 20;

/// When it is not the document's own key that is a duplicate.
pub(crate) fn foreign_index(collection: &str) -> StoreError {
    StoreError::Refused {
        action: format!("update {collection}"),
        message: "a key that is not there is refused as a duplicate; drop the unique index that somebody made on it"
            .into(),
    }
}

/// What write commands did.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Documents matched or inserted.
    pub n: u64,
    /// The statements that met a duplicate key.
    pub refused: Vec<usize>,
    /// A document that the server will never take.
    pub invalid: Option<StoreError>,
    /// Whether a command was sent more than once, so that a copy of it may take effect later.
    pub again: bool,
}

/// Statements, each made when it is asked for.
pub(crate) type Encoded<'a> = dyn Iterator<Item = Result<RawDocumentBuf>> + Send + 'a;

/// A write command, and what it calls the list of its statements.
#[derive(Clone, Copy)]
struct Verb {
    command: &'static CStr,
    of: &'static CStr,
}

const UPDATE: Verb = Verb { command: cstr!("update"), of: cstr!("updates") };
const INSERT: Verb = Verb { command: cstr!("insert"), of: cstr!("documents") };
const DELETE: Verb = Verb { command: cstr!("delete"), of: cstr!("deletes") };

/// The statements of one command.
struct Statements<'a> {
    verb: Verb,
    collection: &'a str,
    items: &'a [RawDocumentBuf],
}

impl Statements<'_> {
    fn action(&self) -> String {
        format!("{} {}", self.verb.command.as_str(), self.collection)
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

    fn invalid(&self, index: usize, failure: &Failure) -> StoreError {
        let (collection, key) = (self.collection.to_owned(), self.key(index));
        StoreError::Invalid { collection, key, message: failure.to_string() }
    }

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
        command.append(self.verb.command, self.collection);
        command.append(self.verb.of, statements);
        command.append(cstr!("ordered"), false);
        command.append(cstr!("writeConcern"), concern);
        command
    }
}

/// A document's id, as people read it.
pub(crate) fn key_text(id: &Bson) -> String {
    match id {
        Bson::String(id) => id.clone(),
        id => id.to_string(),
    }
}

impl MongoStore {
    /// Updates, unordered, in as few commands as carry them; sent again while that may help.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] where the server will never take a document.
    pub(crate) async fn update_many(&self, collection: &str, updates: &[Document]) -> Result<Written> {
        self.update_encoded(collection, &mut updates.iter().map(encoded)).await
    }

    /// The same for updates that are made and encoded when their command is: what a document holds besides its bytes is many times
    /// their size.
    pub(crate) async fn update_encoded(&self, collection: &str, updates: &mut Encoded<'_>) -> Result<Written> {
        self.try_updates(collection, updates).await?.valid()
    }

    /// Like [`update_encoded`](Self::update_encoded), but the caller sees to a document that the server will never take.
    pub(crate) async fn try_updates(&self, collection: &str, updates: &mut Encoded<'_>) -> Result<Written> {
        self.write(UPDATE, collection, updates).await
    }

    /// Inserts documents like [`update_encoded`](Self::update_encoded); those that are there already are refused.
    pub(crate) async fn insert_encoded(&self, collection: &str, documents: &mut Encoded<'_>) -> Result<Written> {
        self.write(INSERT, collection, documents).await?.valid()
    }

    async fn write(&self, verb: Verb, collection: &str, items: &mut Encoded<'_>) -> Result<Written> {
        let mut items = items.peekable();
        let (mut all, mut first) = (Written::default(), 0);
        while items.peek().is_some() {
            let part = next_part(&mut items, self.updates_per_command, COMMAND_BYTES)?;
            let written = self.send(&Statements { verb, collection, items: &part }).await?;
            all.n += written.n;
            all.again |= written.again;
            all.refused.extend(written.refused.into_iter().map(|index| first + index));
            all.invalid = all.invalid.or(written.invalid);
            first += part.len();
        }
        Ok(all)
    }

    /// One command.
    async fn send(&self, statements: &Statements<'_>) -> Result<Written> {
        let (action, command) = (statements.action(), statements.encoded());
        let attempts = AtomicU32::new(0);
        let attempt = || async {
            attempts.fetch_add(1, Ordering::Relaxed);
            match self.server.db().run_raw_command(command.clone()).await {
                Ok(reply) => self.written(&action, statements, &reply),
                Err(error) => match failure(&error) {
                    Some(failure) if failure.is_of_the_only_document() && statements.items.len() == 1 => {
                        Ok(Written { invalid: Some(statements.invalid(0, &failure)), ..Written::default() })
                    }
                    _ => Err(self.explain(&action, &error)),
                },
            }
        };
        let written = self.retry(&action, attempt).await?;
        Ok(Written { again: attempts.into_inner() > 1, ..written })
    }

    /// Inserts a document unless one with its `_id` stands.
    pub(crate) async fn insert_if_absent(&self, collection: &str, document: Document) -> Result<()> {
        let mut document = std::iter::once(encoded(&document));
        self.insert_encoded(collection, &mut document).await.map(drop) // what is refused is there
    }

    /// Deletes what matches. Returns how many.
    pub(crate) async fn delete(&self, collection: &str, filter: Document) -> Result<u64> {
        Ok(self.delete_all(collection, filter).await?.n)
    }

    /// Deletes what matches.
    pub(crate) async fn delete_all(&self, collection: &str, filter: Document) -> Result<Written> {
        let delete = doc! { "q": filter.clone(), "limit": 0 };
        let mut all = Written::default();
        loop {
            let written = self.write(DELETE, collection, &mut std::iter::once(encoded(&delete))).await?.valid()?;
            all.n += written.n;
            all.again |= written.again;
            // There, a document that moves to another shard meanwhile may be passed by.
            if !self.is_sharded().await? || self.find_one(collection, filter.clone()).await?.is_none() {
                return Ok(all);
            }
        }
    }

    /// Any command but a write, sent again while that may help.
    pub(crate) async fn command(&self, action: &str, command: Document) -> Result<Document> {
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
                written.invalid.get_or_insert_with(|| statements.invalid(index, &failure));
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

impl Written {
    fn valid(self) -> Result<Self> {
        match self.invalid {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }
}

/// A statement or a document as bytes.
pub(crate) fn encoded(update: &Document) -> Result<RawDocumentBuf> {
    let refused = |error: bson::error::Error| StoreError::Refused {
        action: "encode an update".into(),
        message: error.to_string(),
    };
    RawDocumentBuf::try_from(update).map_err(refused)
}

/// The statements of the next command: so many at most, and so many bytes of them, or one.
fn next_part(
    items: &mut Peekable<impl Iterator<Item = Result<RawDocumentBuf>>>,
    most: usize,
    most_bytes: usize,
) -> Result<Vec<RawDocumentBuf>> {
    let (mut part, mut bytes) = (Vec::new(), 0);
    let size = |item: &Result<RawDocumentBuf>| item.as_ref().map_or(0, |item| item.as_bytes().len());
    while let Some(item) =
        items.next_if(|item| part.is_empty() || (part.len() < most && bytes + size(item) <= most_bytes))
    {
        bytes += size(&item);
        part.push(item?);
    }
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut_by_size_and_number_and_nothing_is_left_out() {
        let empty = encoded(&doc! { "a": "" }).unwrap().as_bytes().len();
        let cut = |lengths: &[usize], most: usize| {
            let of_length = |length: &usize| encoded(&doc! { "a": "x".repeat(*length) });
            let mut items = lengths.iter().map(of_length).peekable();
            let mut parts = Vec::new();
            while items.peek().is_some() {
                parts.push(next_part(&mut items, most, 3 * empty + 10).unwrap().len());
            }
            parts
        };
        assert!(cut(&[], 9).is_empty());
        assert_eq!(cut(&[3, 3, 4, 1, 9, 1], 9), [3, 2, 1]);
        assert_eq!(cut(&[3, 3, 4, 1, 9, 1], 2), [2, 2, 2]);
        assert_eq!(cut(&[99, 1, 1, 99, 99], 9), [1, 2, 1, 1]);
    }
}
