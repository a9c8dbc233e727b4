//! References to Secrets of the pipeline's namespace: there is no field for another namespace, and names are what Kubernetes
//! takes for one, since they become parts of paths.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What Kubernetes takes for the name of a Secret: no slash, so no path.
pub(super) const SECRET_NAME: &str = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$";
/// And for a key in it, which is not made of dots alone.
pub(super) const SECRET_KEY: &str = "^[-_a-zA-Z0-9.]*[-_a-zA-Z0-9][-_a-zA-Z0-9.]*$";

/// A Secret, whose keys have fixed names.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_NAME))]
    pub name: String,
}

/// A key of a Secret.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_NAME))]
    pub name: String,
    /// The key.
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_KEY))]
    #[serde(default = "uri_key")]
    pub key: String,
}

/// A key of a Secret that holds certificates of authorities, as PEM.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_NAME))]
    pub name: String,
    /// The key.
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_KEY))]
    #[serde(default = "ca_key")]
    pub key: String,
}

fn uri_key() -> String {
    "uri".into()
}

fn ca_key() -> String {
    "ca.crt".into()
}
