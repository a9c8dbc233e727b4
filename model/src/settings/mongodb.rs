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
    /// Whether the connection string may name files (`tlsCAFile`, `tlsCertificateKeyFile`, a socket): `Allow`, which holds
    /// when nobody says so, or `Refuse`, which the operator sets on Kubernetes, where the string comes from a resource.
    #[serde(skip_serializing_if = "FilesInUri::is_allow")]
    pub files_in_uri: FilesInUri,
    /// Certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<MongoTls>,
}

/// Whether MongoDB keeps a database of that name for itself: users and roles, replication, sharding. Names differ by more
/// than case.
pub fn is_reserved_database(name: &str) -> bool {
    ["admin", "local", "config"].iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
}

/// Whether the connection string may name files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FilesInUri {
    /// Whoever wrote it may read the files of this machine.
    #[default]
    Allow,
    /// It comes from somebody who may not.
    Refuse,
}

impl FilesInUri {
    fn is_allow(&self) -> bool {
        *self == Self::Allow
    }
}

/// Certificates for MongoDB, as PEM files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MongoTls {
    /// Authorities to trust instead of the built-in ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The client's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<PathBuf>,
    /// The client's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}
