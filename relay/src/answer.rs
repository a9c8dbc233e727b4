//! What the relay answers instead of the server.

use bson::{Bson, Document, doc};

use crate::message::Request;

/// When the answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// The server never hears of the command.
    Before,
    /// The server carries the command out; what it says to it is lost.
    After,
}

#[derive(Clone, Debug)]
enum Kind {
    Error { code: i32, message: String },
    WriteErrors { code: i32, message: String },
    WriteConcern { code: i32 },
    Close,
}

/// An answer that a command gets instead of the server's own.
#[derive(Clone, Debug)]
pub struct Answer {
    when: When,
    kind: Kind,
    labels: Vec<&'static str>,
}

impl Answer {
    fn new(kind: Kind) -> Self {
        Self { when: When::Before, kind, labels: Vec::new() }
    }

    /// An error of the whole command.
    pub fn code(code: i32) -> Self {
        Self::error(code, "the relay says so")
    }

    /// An error of the whole command with these words.
    pub fn error(code: i32, message: &str) -> Self {
        Self::new(Kind::Error { code, message: message.into() })
    }

    /// A write command that succeeds, with an error for each of its statements.
    pub fn write_errors(code: i32) -> Self {
        Self::write_errors_saying(code, "the relay says so of a statement")
    }

    /// The same with these words.
    pub fn write_errors_saying(code: i32, message: &str) -> Self {
        Self::new(Kind::WriteErrors { code, message: message.into() })
    }

    /// A write command whose statements are done, but not on as many servers as was asked for. Before the command was
    /// carried out: as after a roll-back.
    pub fn write_concern(code: i32) -> Self {
        Self::new(Kind::WriteConcern { code })
    }

    /// The connection is closed.
    pub fn close() -> Self {
        Self::new(Kind::Close)
    }

    /// The server carries the command out first.
    #[must_use]
    pub fn afterwards(self) -> Self {
        self.when(When::After)
    }

    /// Before or after the server carries the command out.
    #[must_use]
    pub fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    /// With these error labels.
    #[must_use]
    pub fn labelled(self, labels: &[&'static str]) -> Self {
        Self { labels: labels.to_vec(), ..self }
    }

    pub(crate) fn comes(&self) -> When {
        self.when
    }

    /// The document to send; nothing where the connection is to be closed.
    pub(crate) fn document(&self, request: &Request) -> Option<Document> {
        let statements = request.statements();
        let mut document = match &self.kind {
            Kind::Close => return None,
            Kind::Error { code, message } => {
                doc! { "ok": 0.0, "code": *code, "codeName": format!("Code{code}"), "errmsg": message }
            }
            Kind::WriteErrors { code, message } => {
                let error = |index: i32| Bson::from(doc! { "index": index, "code": *code, "errmsg": message.clone() });
                let errors: Vec<Bson> = (0..statements as i32).map(error).collect();
                doc! { "ok": 1.0, "n": 0, "nModified": 0, "writeErrors": errors }
            }
            Kind::WriteConcern { code } => {
                let n = statements as i32;
                let error = doc! { "code": *code, "errmsg": "the relay says that too few servers have it" };
                doc! { "ok": 1.0, "n": n, "nModified": n, "writeConcernError": error }
            }
        };
        if !self.labels.is_empty() {
            document.insert("errorLabels", self.labels.clone());
        }
        Some(document)
    }
}
