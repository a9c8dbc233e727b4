//! What a database can answer besides what was asked.

use snafu::Snafu;
use stockstream_model::Refusal;

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
    /// The server does not let us in.
    #[snafu(display("{message}"))]
    Barred {
        /// Why.
        refusal: Refusal,
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
    /// The server answered with an error that another try will not mend.
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
    /// What should never be; the partition stops rather than count wrongly.
    #[snafu(display("invariant broken: {message}"))]
    Invariant {
        /// What was found.
        message: String,
    },
}

impl StoreError {
    pub(crate) fn broken(key: &str, name: &str, mark: Option<i64>, next: i64, end: i64) -> Self {
        let mark = mark.unwrap_or_default();
        Self::Invariant {
            message: format!("{key} has mark {name} = {mark}, beyond the standing claim of [{next}, {end})"),
        }
    }

    /// Whether trying again may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Barred { refusal, .. } => refusal.is_transient(),
            _ => false,
        }
    }

    /// A name for programs; it never changes.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "DatabaseUnreachable",
            Self::Barred { refusal, .. } => refusal.name(),
            Self::Address { .. } => "DatabaseAddressRefused",
            Self::Forbidden { .. } => "DatabaseForbidden",
            Self::Owned { .. } => "DatabaseOwned",
            Self::Refused { .. } => "DatabaseRefused",
            Self::Malformed { .. } => "DocumentMalformed",
            Self::Invariant { .. } => "InvariantBroken",
        }
    }
}
