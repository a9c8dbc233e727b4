//! What the server of a database is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the servers of a database stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deployment {
    /// None: the database is in the memory of this process.
    Memory,
    /// A server alone.
    Standalone,
    /// Members of a replica set.
    ReplicaSet,
    /// Shards, behind `mongos`.
    Sharded,
}

/// The server of a database, as far as it and a worker's rights tell.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseServer {
    /// How it stands together with others.
    pub deployment: Deployment,
    /// The name of its replica set.
    pub set: Option<String>,
    /// Its version, unless the worker may not know it.
    pub version: Option<String>,
    /// Whether it keeps on disk what it acknowledges, unless the worker may not know that.
    pub durable: Option<bool>,
}

impl DatabaseServer {
    /// The database in memory.
    pub const MEMORY: Self = Self { deployment: Deployment::Memory, set: None, version: None, durable: Some(false) };
}
