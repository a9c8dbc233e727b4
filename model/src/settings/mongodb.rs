//! Where answers are kept.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Secret;

/// Where answers are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MongoDb {
    /// The connection string; it names the database, as in `mongodb://host:27017/stock_management`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<Secret>,
    /// A file that holds the connection string; wins over `uri`, and is read again when the server refuses the sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri_file: Option<PathBuf>,
    /// Certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<MongoTls>,
}

/// Whether MongoDB keeps a database of that name for itself: users and roles, replication, sharding. Names differ by more
/// than case.
pub fn is_reserved_database(name: &str) -> bool {
    ["admin", "local", "config"].iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
}

/// Certificates for MongoDB, as PEM files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MongoTls {
    /// Authorities to trust instead of the built-in ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}
