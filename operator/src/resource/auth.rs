//! Who may see the dashboard, as the resource says it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    OidcAuth,
    refs::{SECRET_KEY, SECRET_NAME},
};

/// How readers of the dashboard are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuthMode {
    /// Nobody signs in, and only what comes from the pod itself is answered: `kubectl port-forward`.
    #[default]
    Local,
    /// Nobody signs in; whoever reaches the Service may everything.
    Off,
    /// By name and password.
    Password,
    /// By headers of a proxy before the dashboard that readers sign in to.
    Proxy,
    /// With a provider of OpenID Connect.
    #[serde(rename = "OIDC")]
    Oidc,
}

/// What a reader may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Role {
    /// Everything.
    Administrator,
    /// The views, and to hand in records and sales.
    Accountant,
    /// The views.
    User,
}

/// Who may see the dashboard. Left out: whoever may port-forward to its pods.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("self.mode != 'Password' || has(self.password)")
        .message("mode Password needs users: give password with a usersSecretRef"),
    validation = Rule::new("self.mode == 'Password' || !has(self.password)")
        .message("this mode knows no passwords: set mode to Password, or leave password out"),
    validation = Rule::new("self.mode != 'Proxy' || (has(self.proxy) && has(self.trustedProxies) && size(self.trustedProxies) > 0)")
        .message("mode Proxy believes what headers say: give proxy with roles, and the addresses of the proxy in trustedProxies"),
    validation = Rule::new("self.mode == 'Proxy' || !has(self.proxy)")
        .message("this mode believes no headers: set mode to Proxy, or leave proxy out"),
    validation = Rule::new("self.mode != 'OIDC' || has(self.oidc)")
        .message("mode OIDC needs a provider: give oidc with issuer, clientId, clientSecretRef, publicUrl and roles"),
    validation = Rule::new("self.mode == 'OIDC' || !has(self.oidc)")
        .message("this mode asks no provider: set mode to OIDC, or leave oidc out"),
    validation = Rule::new("!has(self.oidc) || !has(self.oidc.scopes) || size(self.oidc.scopes) == 0 || 'openid' in self.oidc.scopes")
        .message("oidc.scopes must hold openid: add it, or leave scopes out")
        .field_path(".oidc.scopes"),
)]
#[serde(rename_all = "camelCase")]
pub struct AuthSpec {
    /// How readers are known: `Local`, only through a port-forward; `Off`, everybody may everything; `Password`; `Proxy`; or
    /// `OIDC`.
    #[serde(default)]
    pub mode: AuthMode,
    /// The users, for mode `Password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordAuth>,
    /// What the proxy says, for mode `Proxy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxyAuth>,
    /// The provider, for mode `OIDC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc: Option<OidcAuth>,
    /// Addresses or networks, such as `10.0.0.0/24`, of proxies that are believed who asks them, and whether by TLS.
    #[schemars(
        length(max = 32),
        inner(
            length(max = 43),
            regex(
                pattern = r"^([0-9]{1,3}([.][0-9]{1,3}){3}(/([0-9]|[12][0-9]|3[0-2]))?|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(/([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8]))?)$"
            )
        )
    )]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_proxies: Vec<String>,
    /// Readers come by TLS only, also where no trusted proxy says so: cookies are then sent by TLS alone.
    #[serde(default)]
    pub behind_tls: bool,
}

/// The users of the dashboard.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PasswordAuth {
    /// The secret's key that holds a line for each user, as `stockstream hash-password` prints it.
    pub users_secret_ref: UsersRef,
    /// The secret's key whose content, 32 bytes or more, signs sessions. Left out: sessions end with the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key_secret_ref: Option<SessionKeyRef>,
}

/// What a proxy says of a reader.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyAuth {
    /// The header that names the reader.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9-]+$"))]
    #[serde(default = "user_header")]
    pub user_header: String,
    /// The header that lists the reader's groups, separated by commas.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9-]+$"))]
    #[serde(default = "groups_header")]
    pub groups_header: String,
    /// Which groups have which role; of several the greatest counts.
    #[schemars(length(min = 1, max = 64))]
    pub roles: Vec<GroupRole>,
}

/// The role of a group.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupRole {
    /// The group, as the proxy or the provider calls it.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[^,\s]([^,]*[^,\s])?$"))]
    pub group: String,
    /// What its members may.
    pub role: Role,
}

/// A key of a Secret that holds users.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsersRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_NAME))]
    pub name: String,
    /// The key.
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_KEY))]
    #[serde(default = "users_key")]
    pub key: String,
}

/// A key of a Secret whose content signs sessions.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionKeyRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_NAME))]
    pub name: String,
    /// The key.
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_KEY))]
    #[serde(default = "session_key")]
    pub key: String,
}

impl SessionKeyRef {
    /// The Secret's key that it names: Secret, key, what is in it.
    pub(super) fn secret(&self) -> (&String, &String, &'static str) {
        (&self.name, &self.key, "the key of the dashboard's sessions")
    }
}

impl AuthSpec {
    /// The Secrets' keys that it names: Secret, key, what is in it.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&String, &String, &'static str)> {
        let users = self.password.as_ref().map(|password| &password.users_secret_ref);
        let key = self.password.as_ref().and_then(|password| password.session_key_secret_ref.as_ref());
        let users = users.map(|users| (&users.name, &users.key, "the dashboard's users"));
        users.into_iter().chain(key.map(SessionKeyRef::secret)).chain(self.oidc.iter().flat_map(OidcAuth::secrets))
    }
}

fn user_header() -> String {
    "X-Forwarded-User".into()
}

fn groups_header() -> String {
    "X-Forwarded-Groups".into()
}

fn users_key() -> String {
    "users".into()
}

fn session_key() -> String {
    "session-key".into()
}
