//! What the caller decides about who may see what.

use std::path::PathBuf;

use ipnet::IpNet;

use crate::auth::{OidcOptions, ProxyHeaders};

/// How readers are known.
#[derive(Clone, Debug)]
pub enum SignIn {
    /// Not at all: whoever reaches the dashboard may everything.
    Off,
    /// Not at all, and it answers only what comes from its own machine; a port-forward to a pod does.
    Local,
    /// By name and password, as a file says them: a line for each user, `name:role:hash`.
    Password {
        /// The file. It is read again when it changes.
        users: PathBuf,
    },
    /// By headers of a proxy before the dashboard that they signed in to.
    Proxy(ProxyHeaders),
    /// By OpenID Connect.
    Oidc(Box<OidcOptions>),
}

/// Who may see what, as the caller says it.
#[derive(Clone, Debug)]
pub struct AccessOptions {
    /// How readers are known.
    pub sign_in: SignIn,
    /// A file whose content signs the sessions, 32 bytes or more. Without one they end with the process.
    pub session_key: Option<PathBuf>,
    /// Proxies that are believed who asks them, and whether by TLS.
    pub trusted_proxies: Vec<IpNet>,
    /// Readers reach the dashboard by TLS only, whether or not a proxy says so.
    pub behind_tls: bool,
}

impl AccessOptions {
    /// That sign-in, without proxies and TLS.
    #[must_use]
    pub fn new(sign_in: SignIn) -> Self {
        Self { sign_in, session_key: None, trusted_proxies: Vec::new(), behind_tls: false }
    }
}
