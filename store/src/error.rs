//! What a database can answer besides what was asked.

use snafu::Snafu;
use stockstream_model::AuthError;

/// Why the database did not do what was asked.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
pub enum StoreError {
    /// Nobody answers, or not in time. Worth another try.
    #[snafu(display(
        "failed to reach MongoDB at {place}: {message}; check that it runs and that mongodb.uri is right"
    ))]
    Unreachable {
        /// Host and port, without credentials.
        place: String,
        /// The driver's words.
        message: String,
    },
    /// The server answered with an error that may pass. Worth another try.
    #[snafu(display(
        "failed to {action} in MongoDB at {place}: {message}; this may pass by itself: if it lasts, look at the server's own log"
    ))]
    Unavailable {
        /// Host and port, without credentials.
        place: String,
        /// What was tried.
        action: String,
        /// The server's words.
        message: String,
    },
    /// The server does not let us in.
    #[snafu(display("{message}"))]
    Barred {
        /// Why.
        refusal: AuthError,
        /// What happened, where, and what to do.
        message: String,
    },
    /// The address cannot be used.
    #[snafu(display("the MongoDB address cannot be used: {message}"))]
    Address {
        /// What is wrong and what to write.
        message: String,
    },
    /// The user may not do that.
    #[snafu(display(
        "MongoDB refuses {action}: {message}; give the user of mongodb.uri the role readWrite on the database"
    ))]
    Forbidden {
        /// What was tried.
        action: String,
        /// The server's words.
        message: String,
    },
    /// The database belongs to another pipeline.
    #[snafu(display(
        "database {database} belongs to pipeline {owner:?}, not to {pipeline:?}; name another database in mongodb.uri, or give this pipeline that name"
    ))]
    Owned {
        /// The database.
        database: String,
        /// Whose it is.
        owner: String,
        /// Who asked.
        pipeline: String,
    },
    /// The database belongs to a pipeline of the same name, with another uid.
    #[snafu(display(
        "database {database} belongs to another pipeline of the name {pipeline:?}, with uid {owner} and not {uid}: one of \
         another cluster, or one that was deleted and applied again; name another database in mongodb.uri, or delete the \
         other pipeline"
    ))]
    OwnedByNamesake {
        /// The database.
        database: String,
        /// The name of both.
        pipeline: String,
        /// The uid of whose it is.
        owner: String,
        /// The uid of who asked.
        uid: String,
    },
    /// The database is another one than the pipeline works in.
    #[snafu(display(
        "database {database} is not the one that this pipeline works in: {}, and {expected} is expected; put the address of \
         that one back into mongodb.uri, or, to go on in this one, change pipeline.databaseId (on Kubernetes: \
         spec.mongodb.acceptDatabaseId)",
        found.as_ref().map_or_else(|| "it has no id".to_owned(), |found| format!("its id is {found}"))
    ))]
    OtherDatabase {
        /// The database.
        database: String,
        /// The id that it should have.
        expected: String,
        /// The id that it has; `None` where no pipeline worked in it yet.
        found: Option<String>,
    },
    /// The database is one of MongoDB's own.
    #[snafu(display(
        "database {database} is one that MongoDB keeps for itself (admin, local and config are): name another one in \
         mongodb.uri, as in mongodb://host:27017/stock_management"
    ))]
    Reserved {
        /// The database.
        database: String,
    },
    /// The server answered with an error that another try alone will not mend.
    #[snafu(display("failed to {action} in MongoDB: {message}"))]
    Refused {
        /// What was tried.
        action: String,
        /// The server's words.
        message: String,
    },
    /// A document is not what Stockstream writes.
    #[snafu(display("document {id} in {collection} is not as Stockstream writes it: {message}"))]
    Malformed {
        /// Where.
        collection: String,
        /// Which.
        id: String,
        /// What is wrong with it.
        message: String,
    },
    /// A document that the server calls invalid, now and always; the claim waits rather than leave it out.
    #[snafu(display(
        "MongoDB calls what {key} in {collection} would become invalid: {message}; correct that document in the database: it is sent again until the server takes it"
    ))]
    Invalid {
        /// Where.
        collection: String,
        /// Which.
        key: String,
        /// The server's words.
        message: String,
    },
}

impl StoreError {
    /// Whether no further try can help, whatever anybody does to server, rights or settings. Everything else is tried again
    /// by a worker that is at work.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Invalid { .. })
    }

    /// Whether a pipeline must stop working in the database: it is another's, or another one.
    pub const fn is_about_ownership(&self) -> bool {
        matches!(self, Self::Owned { .. } | Self::OwnedByNamesake { .. } | Self::OtherDatabase { .. })
    }

    /// Whether trying again may help, also where nobody changes anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Unavailable { .. } => true,
            Self::Barred { refusal, .. } => refusal.is_transient(),
            _ => false,
        }
    }

    /// A name for programs; it never changes.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "DatabaseUnreachable",
            Self::Unavailable { .. } => "DatabaseUnavailable",
            Self::Barred { refusal, .. } => refusal.name(),
            Self::Address { .. } => "DatabaseAddressRefused",
            Self::Forbidden { .. } => "DatabaseForbidden",
            Self::Owned { .. } | Self::OwnedByNamesake { .. } => "DatabaseOwned",
            Self::OtherDatabase { .. } => "DatabaseChanged",
            Self::Reserved { .. } => "DatabaseReserved",
            Self::Refused { .. } => "DatabaseRefused",
            Self::Malformed { .. } => "DocumentMalformed",
            Self::Invalid { .. } => "DocumentInvalid",
        }
    }
}
