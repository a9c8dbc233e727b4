//! References to Secrets of the pipeline's namespace.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// A Secret, whose keys have fixed names.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A key of a Secret.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key.
    #[schemars(length(min = 1, max = 253))]
    #[serde(default = "uri_key")]
    pub key: String,
}

/// A key of a Secret that holds certificates of authorities, as PEM.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key.
    #[schemars(length(min = 1, max = 253))]
    #[serde(default = "ca_key")]
    pub key: String,
}

fn uri_key() -> String {
    "uri".into()
}

fn ca_key() -> String {
    "ca.crt".into()
}
