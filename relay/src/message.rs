//! MongoDB's messages: `OP_MSG`, and `OP_QUERY` by which a client says hello.

use std::io;

use bson::{Document, RawDocument, RawDocumentBuf};
use tokio::io::{AsyncRead, AsyncReadExt};

const HEADER: usize = 16;
const OP_REPLY: i32 = 1;
const OP_QUERY: i32 = 2_004;
const OP_MSG: i32 = 2_013;
const CHECKSUM: u32 = 1;
const MORE_TO_COME: u32 = 1 << 1;
/// The largest that a server takes is 48 MB.
const LARGEST: usize = 64 << 20;

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn int(bytes: &[u8], at: usize) -> io::Result<i32> {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    four.map(i32::from_le_bytes).ok_or_else(|| bad("a message is too short"))
}

/// Reads a whole message; nothing where the connection ended between two.
pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    };
    let whole = usize::try_from(i32::from_le_bytes(length)).unwrap_or_default();
    if !(HEADER..=LARGEST).contains(&whole) {
        return Err(bad("this is no message of MongoDB"));
    }
    let mut message = vec![0; whole];
    message[..4].copy_from_slice(&length);
    from.read_exact(&mut message[4..]).await?;
    Ok(Some(message))
}

/// The document that begins there, and where it ends.
fn document(bytes: &[u8], at: usize) -> io::Result<(&RawDocument, usize)> {
    let length = usize::try_from(int(bytes, at)?).unwrap_or_default();
    let part = bytes.get(at..at + length).ok_or_else(|| bad("a document is too short"))?;
    let document = RawDocument::from_bytes(part).map_err(|error| bad(&error.to_string()))?;
    Ok((document, at + length))
}

/// A message's documents: the body, and how many statements stand beside it.
struct Parts<'a> {
    body: &'a RawDocument,
    /// Where the body is in the message.
    at: std::ops::Range<usize>,
    statements: usize,
}

fn parts(message: &[u8]) -> io::Result<Parts<'_>> {
    match int(message, 12)? {
        OP_MSG => {
            let flags = int(message, HEADER)? as u32;
            let end = message.len() - if flags & CHECKSUM == 0 { 0 } else { 4 };
            let (mut at, mut body, mut statements) = (HEADER + 4, None, 0);
            while at < end {
                match message[at] {
                    0 => {
                        let (found, behind) = document(message, at + 1)?;
                        body = Some((found, at + 1..behind));
                        at = behind;
                    }
                    1 => {
                        let behind = at + 1 + int(message, at + 1)? as usize;
                        let name = message[at + 5..].iter().position(|byte| *byte == 0);
                        let mut next = at + 5 + name.ok_or_else(|| bad("a section has no name"))? + 1;
                        while next < behind {
                            next = document(message, next)?.1;
                            statements += 1;
                        }
                        at = behind;
                    }
                    _ => return Err(bad("a section is of an unknown kind")),
                }
            }
            let (body, at) = body.ok_or_else(|| bad("a message has no body"))?;
            Ok(Parts { body, at, statements })
        }
        OP_QUERY => {
            let name = message[HEADER + 4..].iter().position(|byte| *byte == 0);
            let start = HEADER + 4 + name.ok_or_else(|| bad("a query has no name"))? + 1 + 8;
            let (body, end) = document(message, start)?;
            Ok(Parts { body, at: start..end, statements: 0 })
        }
        OP_REPLY => {
            let start = HEADER + 20;
            let (body, end) = document(message, start)?;
            Ok(Parts { body, at: start..end, statements: 0 })
        }
        _ => Err(bad("this is no message that the relay reads")),
    }
}

/// A command that a client sends.
#[derive(Clone, Debug)]
pub struct Request {
    id: i32,
    legacy: bool,
    unanswered: bool,
    command: String,
    collection: String,
    body: RawDocumentBuf,
    beside: usize,
}

impl Request {
    pub(crate) fn read(message: &[u8]) -> io::Result<Self> {
        let Parts { body, statements, .. } = parts(message)?;
        let first = body.iter().next().transpose().map_err(|error| bad(&error.to_string()))?;
        let (command, value) = first.ok_or_else(|| bad("a command is empty"))?;
        let legacy = int(message, 12)? == OP_QUERY;
        let text = |value: bson::RawBsonRef<'_>| value.as_str().map(str::to_owned);
        let collection = match command.as_str() {
            "getMore" => body.get("collection").ok().flatten().and_then(text),
            _ => text(value),
        };
        Ok(Self {
            id: int(message, 4)?,
            legacy,
            unanswered: !legacy && int(message, HEADER)? as u32 & MORE_TO_COME != 0,
            command: command.as_str().to_owned(),
            collection: collection.unwrap_or_default(),
            body: body.to_owned(),
            beside: statements,
        })
    }

    /// Its name, as `update`.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// The collection, where it is one's.
    pub fn collection(&self) -> &str {
        &self.collection
    }

    /// Whether it is that command on that collection.
    pub fn is(&self, command: &str, collection: &str) -> bool {
        self.command == command && self.collection == collection
    }

    /// Whether the client asks what the server is.
    pub fn is_hello(&self) -> bool {
        ["hello", "isMaster", "ismaster"].contains(&self.command.as_str())
    }

    /// The whole command, but statements that stand beside it.
    pub fn body(&self) -> Document {
        Document::try_from(self.body.clone()).unwrap_or_default()
    }

    /// How many statements a write command has.
    pub fn statements(&self) -> usize {
        let list = match self.command.as_str() {
            "update" => "updates",
            "delete" => "deletes",
            "insert" => "documents",
            _ => return 0,
        };
        let within = self.body.get_array(list).map_or(0, |list| list.into_iter().count());
        within + self.beside
    }

    /// Whether the client waits for no answer.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.unanswered
    }

    /// A message that answers it.
    pub(crate) fn answer(&self, document: &Document) -> io::Result<Vec<u8>> {
        let body = document.to_vec().map_err(|error| bad(&error.to_string()))?;
        let mut rest = Vec::new();
        if self.legacy {
            rest.extend([0; 4 + 8 + 4]); // flags, cursor, first
            rest.extend(1_i32.to_le_bytes());
        } else {
            rest.extend([0; 4 + 1]); // flags, a body
        }
        let code = if self.legacy { OP_REPLY } else { OP_MSG };
        let length = (HEADER + rest.len() + body.len()) as i32;
        let header = [length, i32::MAX, self.id, code].map(i32::to_le_bytes).concat();
        Ok([header, rest, body].concat())
    }
}

/// Whether the server sends more answers behind this one without being asked.
pub(crate) fn has_more_to_come(answer: &[u8]) -> bool {
    let flags = || int(answer, HEADER).map(|flags| flags as u32);
    int(answer, 12).is_ok_and(|code| code == OP_MSG) && flags().is_ok_and(|flags| flags & MORE_TO_COME != 0)
}

/// Changes the document of a server's answer.
pub(crate) fn rewrite(answer: Vec<u8>, change: impl FnOnce(&mut Document)) -> io::Result<Vec<u8>> {
    let Parts { body, at, .. } = parts(&answer)?;
    let mut document = Document::try_from(body).map_err(|error| bad(&error.to_string()))?;
    let before = document.clone();
    change(&mut document);
    if document == before {
        return Ok(answer);
    }
    let body = document.to_vec().map_err(|error| bad(&error.to_string()))?;
    let mut rewritten = [&answer[..at.start], &body, &answer[at.end..]].concat();
    let length = rewritten.len() as i32;
    rewritten[..4].copy_from_slice(&length.to_le_bytes());
    if int(&rewritten, 12)? == OP_MSG {
        rewritten[HEADER] &= !(CHECKSUM as u8);
    }
    Ok(rewritten)
}
