//! What the caller says of the provider, and whether it can be used.

use std::path::PathBuf;

use crate::auth::{Role, oidc::endpoints};

/// Sign-in by OpenID Connect: who is asked who a reader is, and which groups have which role.
#[derive(Clone, Debug)]
pub struct OidcOptions {
    /// The provider's address, exactly as it says it itself.
    pub issuer: String,
    /// What the provider knows this dashboard by.
    pub client_id: String,
    /// A file that holds the secret that goes with it; it is read at each sign-in.
    pub client_secret: PathBuf,
    /// The address under which readers reach this dashboard; the provider sends them back there.
    pub public_url: String,
    /// What is asked for, `openid` among it.
    pub scopes: Vec<String>,
    /// The claim that says what a reader is called.
    pub name_claim: String,
    /// The claim that lists a reader's groups.
    pub groups_claim: String,
    /// A file of authorities (PEM) that replaces the system's.
    pub authorities: Option<PathBuf>,
    /// The role of a group. Of several roles the greatest counts; without one nothing is shown.
    pub roles: Vec<(String, Role)>,
}

impl OidcOptions {
    /// What is asked for and looked at unless something else is said: a claim `groups` that comes with the scope `profile`.
    pub const SCOPES: &str = "openid,profile";
    /// The claim that says what a reader is called, unless something else is said.
    pub const NAME_CLAIM: &str = "preferred_username";
    /// The claim that lists a reader's groups, unless something else is said.
    pub const GROUPS_CLAIM: &str = "groups";

    /// Whether it can be used; what to write instead. Also what it makes of the address that readers use.
    pub(crate) fn check(&self) -> Result<endpoints::Public, String> {
        endpoints::check_issuer(&self.issuer)?;
        let public = endpoints::Public::of(&self.public_url)?;
        for (text, what) in
            [(&self.client_id, "client id"), (&self.name_claim, "name claim"), (&self.groups_claim, "groups claim")]
        {
            if text.trim().is_empty() || text.chars().any(char::is_control) {
                return Err(format!("the {what} of OpenID Connect is empty or has characters that no name has"));
            }
        }
        let is_scope = |scope: &String| !scope.is_empty() && scope.bytes().all(|b| b.is_ascii_graphic() && b != b',');
        if !self.scopes.iter().all(is_scope) || !self.scopes.iter().any(|scope| scope == "openid") {
            return Err("the scopes of OpenID Connect must be names separated by commas, openid among them".into());
        }
        if self.roles.is_empty() {
            return Err("sign-in by OpenID Connect needs roles: say which groups have which role".into());
        }
        Ok(public)
    }
}
