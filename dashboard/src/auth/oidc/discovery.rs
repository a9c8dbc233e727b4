//! How a provider describes itself. Pure.

use axum::http::Uri;
use serde::Deserialize;

use crate::auth::oidc::endpoints::endpoint;

/// Where to ask what.
#[derive(Debug)]
pub(crate) struct Provider {
    /// Where readers sign in.
    pub(crate) authorization: Uri,
    /// Where a code becomes an ID token.
    pub(crate) token: Uri,
    /// Where its keys are.
    pub(crate) keys: Uri,
    /// Where more is told of a person.
    pub(crate) person: Option<Uri>,
    /// Where readers end their session with the provider.
    pub(crate) end: Option<Uri>,
    /// Whether the secret goes into the form: it takes no header.
    pub(crate) secret_in_form: bool,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    response_types_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

impl Provider {
    /// From the document that it publishes; what of it cannot be used.
    pub(crate) fn read(json: &[u8], issuer: &str) -> Result<Self, String> {
        let said: Metadata =
            serde_json::from_slice(json).map_err(|error| format!("it does not describe a provider: {error}"))?;
        if said.issuer != issuer {
            return Err(format!(
                "it is of the issuer {:?}, not of {issuer:?}: write the issuer exactly as the provider does",
                said.issuer
            ));
        }
        let place = |name: &str, text: &str| {
            endpoint(text, issuer).ok_or_else(|| format!("its {name} {text:?} is no address that is asked by TLS"))
        };
        let takes = |list: &Option<Vec<String>>, name: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|entry| entry == name))
        };
        if !takes(&said.response_types_supported, "code") {
            return Err("it offers no authorization code (response type code)".into());
        }
        let methods = &said.token_endpoint_auth_methods_supported;
        let (in_header, in_form) = (takes(methods, "client_secret_basic"), takes(methods, "client_secret_post"));
        if !in_header && !in_form {
            return Err("it takes a client's secret neither by client_secret_basic nor by client_secret_post".into());
        }
        let optional = |name: &str, text: &Option<String>| text.as_deref().map(|text| place(name, text)).transpose();
        Ok(Self {
            authorization: place("authorization_endpoint", &said.authorization_endpoint)?,
            token: place("token_endpoint", &said.token_endpoint)?,
            keys: place("jwks_uri", &said.jwks_uri)?,
            person: optional("userinfo_endpoint", &said.userinfo_endpoint)?,
            end: optional("end_session_endpoint", &said.end_session_endpoint)?,
            secret_in_form: !in_header,
        })
    }
}

/// An address with parameters put to those that it has.
pub(crate) fn with(address: &Uri, parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let sign = if address.query().is_some() { '&' } else { '?' };
    format!("{address}{sign}{query}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://id.example.com/shop";

    fn read(changes: &Value) -> Result<Provider, String> {
        let mut said = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example.com/shop/auth?kc=1",
            "token_endpoint": "https://id.example.com/shop/token",
            "jwks_uri": "https://keys.example.com/",
        });
        said.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        Provider::read(said.to_string().as_bytes(), ISSUER)
    }

    #[test]
    fn the_least_that_a_provider_says_is_enough() {
        let provider = read(&json!({})).unwrap();
        assert!(!provider.secret_in_form && provider.person.is_none() && provider.end.is_none());
        let address = with(&provider.authorization, &[("state", "a b"), ("x", "&")]);
        assert_eq!(address, "https://id.example.com/shop/auth?kc=1&state=a+b&x=%26");
        let provider =
            read(&json!({ "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"] }));
        assert!(provider.unwrap().secret_in_form);
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        for (changes, words) in [
            (json!({ "issuer": "https://id.example.com/shop/" }), "exactly as the provider does"),
            (json!({ "issuer": "https://evil.example" }), "not of \"https://id.example.com/shop\""),
            (json!({ "token_endpoint": "http://id.example.com/token" }), "its token_endpoint"),
            (json!({ "end_session_endpoint": "javascript:x" }), "its end_session_endpoint"),
            (json!({ "response_types_supported": ["id_token"] }), "no authorization code"),
            (json!({ "token_endpoint_auth_methods_supported": ["private_key_jwt"] }), "neither by"),
            (json!({ "jwks_uri": null }), "does not describe a provider"),
        ] {
            let said = read(&changes).err().unwrap();
            assert!(said.contains(words), "{said}");
        }
    }
}
