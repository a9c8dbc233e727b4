//! A server that looks like a MongoDB, agrees to everything, and keeps what it is sent.

use std::sync::{Arc, Mutex};

use bson::{Bson, Document, doc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// The server; it ends with the test's runtime.
pub struct Recorder {
    /// Host and port.
    pub address: String,
    sent: Arc<Mutex<Vec<u8>>>,
}

const OP_REPLY: i32 = 1;
const OP_QUERY: i32 = 2004;
const OP_MSG: i32 = 2013;

impl Recorder {
    /// One that agrees to everything.
    pub async fn start() -> Self {
        Self::with(false).await
    }

    /// One that lets nobody change anything, as MongoDB does with users of the role `read`.
    pub async fn for_readers() -> Self {
        Self::with(true).await
    }

    async fn with(reads_only: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let sent = Arc::default();
        let all = Arc::clone(&sent);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(answer(connection, Arc::clone(&all), reads_only));
            }
        });
        Self { address, sent }
    }

    /// Whether these bytes were sent by anybody.
    pub fn got(&self, bytes: &[u8]) -> bool {
        self.sent.lock().unwrap().windows(bytes.len()).any(|window| window == bytes)
    }

    /// Whether anything was sent.
    pub fn got_anything(&self) -> bool {
        !self.sent.lock().unwrap().is_empty()
    }
}

async fn answer(mut connection: TcpStream, sent: Arc<Mutex<Vec<u8>>>, reads_only: bool) {
    while let Ok(length) = connection.read_i32_le().await {
        let mut rest = vec![0; usize::try_from(length).unwrap() - 4];
        if connection.read_exact(&mut rest).await.is_err() {
            return;
        }
        sent.lock().unwrap().extend_from_slice(&rest);
        let number = |at: usize| i32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        let (request, kind) = (number(0), number(8));
        let mut reply = match kind {
            OP_QUERY => [0_i32, 0, 0, 0, 1].iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>(),
            // No flags, and one section of kind 0.
            _ => vec![0; 5],
        };
        // In a message the command follows the rest of the header, the flags and the kind of the section.
        let command = rest.get(12 + 4 + 1..).filter(|_| kind == OP_MSG);
        let command = command.and_then(|bytes| Document::from_reader(bytes).ok()).unwrap_or_default();
        let name = command.keys().next().map(String::as_str).unwrap_or_default();
        let said = match name {
            "update" | "delete" | "insert" if reads_only => {
                doc! { "ok": 0.0, "code": 13, "codeName": "Unauthorized", "errmsg": "not authorized on x" }
            }
            "find" => doc! { "ok": 1.0, "cursor": { "id": 0_i64, "ns": "x.views", "firstBatch": [] } },
            _ => agreed(),
        };
        reply.extend(said.to_vec().unwrap());
        let kind = if kind == OP_QUERY { OP_REPLY } else { OP_MSG };
        let header = [16 + reply.len() as i32, 1, request, kind];
        let header: Vec<u8> = header.iter().flat_map(|number| number.to_le_bytes()).collect();
        if connection.write_all(&[header, reply].concat()).await.is_err() {
            return;
        }
    }
}

/// What other commands are answered with.
fn agreed() -> Document {
    doc! {
        "ok": 1.0, "isWritablePrimary": true, "ismaster": true, "helloOk": true, "minWireVersion": 0, "maxWireVersion": 21,
        "maxBsonObjectSize": 16_777_216, "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000,
        "logicalSessionTimeoutMinutes": 30, "conversationId": 1, "done": true, "payload": Bson::Binary(bson::Binary {
            subtype: bson::spec::BinarySubtype::Generic, bytes: Vec::new(),
        }),
    }
}
