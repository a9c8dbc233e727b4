//! Sign-in to the dashboard by OpenID Connect, as the resource says it.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{
    CaRef, GroupRole, SessionKeyRef,
    refs::{SECRET_KEY, SECRET_NAME},
};

/// The provider that readers sign in with, and which of its groups have which role.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OidcAuth {
    /// The provider's address, exactly as it says it itself: `https://id.example.com/realms/shop`.
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^https://[A-Za-z0-9.:\[\]_-]+(/[A-Za-z0-9._~%/-]*)?$"))]
    pub issuer: String,
    /// What the provider knows the dashboard by.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[!-~]+$"))]
    pub client_id: String,
    /// The secret's key that holds the client's secret.
    pub client_secret_ref: ClientSecretRef,
    /// The address under which readers reach the dashboard, without a path. The provider must let readers go back to
    /// `/sign-in/callback` there. Plain `http` is for a port-forward only.
    #[schemars(
        length(min = 1, max = 512),
        regex(pattern = r"^(https://[A-Za-z0-9.:\[\]-]+|http://(localhost|127[.]0[.]0[.]1)(:[0-9]{1,5})?)/?$")
    )]
    pub public_url: String,
    /// What is asked for; `openid` must be among it. Left out: `openid` and `profile`.
    #[schemars(length(max = 16), inner(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9._:/-]+$")))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// The claim that says what a reader is called, unlike any other.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9._:/-]+$"))]
    #[serde(default = "name_claim")]
    pub name_claim: String,
    /// The claim that lists a reader's groups.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9._:/-]+$"))]
    #[serde(default = "groups_claim")]
    pub groups_claim: String,
    /// Which groups have which role; of several the greatest counts.
    #[schemars(length(min = 1, max = 64))]
    pub roles: Vec<GroupRole>,
    /// Authorities that the provider's certificate is held against instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<CaRef>,
    /// The secret's key whose content, 32 bytes or more, signs sessions. Left out: sessions end with the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key_secret_ref: Option<SessionKeyRef>,
}

/// A key of a Secret that holds the secret of a client.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientSecretRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_NAME))]
    pub name: String,
    /// The key.
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_KEY))]
    #[serde(default = "client_secret")]
    pub key: String,
}

impl OidcAuth {
    /// The Secrets' keys that it names: Secret, key, what is in it.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (&String, &String, &'static str)> {
        let client = (&self.client_secret_ref.name, &self.client_secret_ref.key, "the dashboard's client secret");
        let key = self.session_key_secret_ref.as_ref().map(SessionKeyRef::secret);
        let ca = self.ca_secret_ref.as_ref().map(|ca| (&ca.name, &ca.key, "the authorities of the provider"));
        [Some(client), key, ca].into_iter().flatten()
    }

    /// The port at which the provider is reached.
    pub(crate) fn port(&self) -> Option<u16> {
        let authority = self.issuer.strip_prefix("https://")?.split('/').next()?;
        match authority.rsplit_once(':') {
            Some((host, port)) if !host.starts_with('[') || host.ends_with(']') => port.parse().ok(),
            _ => Some(443),
        }
    }
}

fn client_secret() -> String {
    "client-secret".into()
}

fn name_claim() -> String {
    "preferred_username".into()
}

fn groups_claim() -> String {
    "groups".into()
}
