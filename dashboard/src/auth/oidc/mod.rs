//! Sign-in by OpenID Connect: the authorization code flow with PKCE.
//!
//! A reader follows a link to the provider (`pages::oidc_sign_in`, `/sign-in/start`) and comes back with a code. What must be the same
//! then as at the beginning is in a [`login_attempt`], a signed cookie of ten minutes. The code becomes an ID token, which is
//! believed or not ([`id_token`]); its claims say who it is ([`claims`]), and the groups among them which role. From then on
//! the session in a cookie counts; the provider is not asked again, and need not be there.
//!
//! How the provider describes itself ([`discovery`]) and its keys are asked for when somebody signs in, never at the start:
//! a dashboard whose provider is away runs, and says so to those who want to sign in.

pub(crate) mod claims;
pub(crate) mod config;
pub(crate) mod discovery;
pub(crate) mod endpoints;
pub(crate) mod error;
pub(crate) mod http;
pub(crate) mod id_token;
#[cfg(test)]
mod id_token_tests;
pub(crate) mod login_attempt;
pub(crate) mod logout_hints;
pub(crate) mod signature;

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::{StatusCode, Uri};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::auth::{
    Role,
    identity::highest_role,
    oidc::{
        claims::{UserClaims, joined, lacks},
        discovery::{Provider, with},
        endpoints::Public,
        error::OidcError,
        http::{Answer, Http, named},
        id_token::{Claims, Expected, TokenError, verified_claims},
        login_attempt::LoginState,
        logout_hints::IdTokenHints,
    },
    rate_limit::RateLimiter,
    session::{Id, Key},
};

pub use crate::auth::oidc::config::OidcOptions;
pub(crate) use crate::auth::oidc::login_attempt::LONGEST as LONGEST_SIGN_IN;

/// So long a description that was just asked for is good for one who begins: a provider that went away is noticed then.
const FRESH: Duration = Duration::from_secs(2);
/// So long it is good for one who comes back, and so long are its keys.
const GOOD: Duration = Duration::from_secs(3_600);
/// Tokens with keys that nobody knows make us ask no more often than this.
const ASK_KEYS: Duration = Duration::from_secs(10);

/// Sign-in by OpenID Connect.
pub(crate) struct Oidc {
    pub(crate) options: OidcOptions,
    pub(crate) public: Public,
    http: Http,
    /// What a sign-in rests on.
    ground: Vec<u8>,
    pub(crate) by_address: RateLimiter,
    pub(crate) hints: IdTokenHints,
    /// Held while it is asked for, so that many who come at once ask once.
    provider: Mutex<Option<(Instant, Described)>>,
    keys: Mutex<Option<(Instant, Arc<JwkSet>)>>,
}

/// A provider as it describes itself, or why it does not.
type Described = Result<Arc<Provider>, OidcError>;

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: String,
}

/// Why a code was not taken.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Oidc {
    /// Reads the files that the options name; the provider is not asked.
    pub(crate) fn open(options: OidcOptions) -> Result<Self, String> {
        let public = options.check()?;
        read_secret(&options)?;
        let http = Http::new(options.authorities.as_deref(), options.issuer.starts_with("http://"))?;
        let rests_on = [&options.issuer, &options.client_id, &options.name_claim, &options.groups_claim];
        let ground = rests_on.map(|part| format!("{}:{part}", part.len())).concat().into_bytes();
        let (by_address, hints) = (RateLimiter::of_addresses(), IdTokenHints::default());
        let (provider, keys) = (Mutex::default(), Mutex::default());
        Ok(Self { options, public, http, ground, by_address, hints, provider, keys })
    }

    /// The host under which readers reach this dashboard.
    pub(crate) fn host(&self) -> &str {
        &self.public.host
    }

    /// Whether they do so by TLS.
    pub(crate) fn is_behind_tls(&self) -> bool {
        self.public.tls
    }

    /// What a session rests on: it ends with another provider.
    pub(crate) fn ground(&self) -> &[u8] {
        &self.ground
    }

    /// What a session of that group may now.
    pub(crate) fn role_of(&self, group: &str) -> Option<Role> {
        highest_role(&self.options.roles, |other| other == group).map(|(_, role)| role)
    }

    /// Where a reader signs in. `again` has them prove anew who they are.
    pub(crate) async fn authorization_url(
        &self,
        flow: &LoginState,
        key: &Key,
        again: bool,
    ) -> Result<String, OidcError> {
        let provider = self.provider(FRESH).await?;
        let (state, nonce, challenge) = (flow.state(key), flow.nonce(key), flow.challenge(key));
        let (scopes, callback) = (self.options.scopes.join(" "), self.public.callback());
        let mut parameters = vec![
            ("response_type", "code"),
            ("client_id", self.options.client_id.as_str()),
            ("redirect_uri", callback.as_str()),
            ("scope", scopes.as_str()),
            ("state", state.as_str()),
            ("nonce", nonce.as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        if again {
            parameters.push(("prompt", "login"));
        }
        Ok(with(&provider.authorization, &parameters))
    }

    /// Where a reader ends the session with the provider, if it can be ended.
    pub(crate) async fn way_out(&self, session: Option<Id>) -> Option<String> {
        let hint = session.and_then(|session| self.hints.take(session));
        let provider = self.provider(GOOD).await.ok()?;
        let back = format!("{}/sign-in", self.public.origin);
        let mut parameters =
            vec![("client_id", self.options.client_id.as_str()), ("post_logout_redirect_uri", back.as_str())];
        parameters.extend(hint.iter().map(|token| ("id_token_hint", token.as_str())));
        provider.end.as_ref().map(|end| with(end, &parameters))
    }

    /// Who came back with that code, and the ID token that says so.
    pub(crate) async fn redeem_code(
        &self,
        flow: &LoginState,
        key: &Key,
        code: &str,
    ) -> Result<(UserClaims, String), OidcError> {
        let provider = self.provider(GOOD).await?;
        let tokens = self.exchanged(&provider, &flow.verifier(key), code).await?;
        let nonce = flow.nonce(key);
        let mut claims = self.claims(&provider, &tokens.id_token, &nonce).await?;
        let (name, groups) = (&self.options.name_claim, &self.options.groups_claim);
        if let Some(address) = &provider.person
            && lacks(&claims, [name, groups])
        {
            let answer = self.http.get(address, Some(&tokens.access_token)).await?;
            let more: Claims = json(address, &answer)?;
            claims = joined(claims, more).map_err(|reason| unusable(address, reason))?;
        }
        Ok((UserClaims::of(&claims, name, groups)?, tokens.id_token))
    }

    async fn exchanged(&self, provider: &Provider, verifier: &str, code: &str) -> Result<Tokens, OidcError> {
        let secret = read_secret(&self.options).map_err(|reason| OidcError::Here { reason })?;
        let (id, callback) = (&self.options.client_id, self.public.callback());
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &callback),
            ("code_verifier", verifier),
        ];
        let basic = if provider.secret_in_form {
            form.extend([("client_id", id.as_str()), ("client_secret", &secret)]);
            None
        } else {
            let escaped = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            Some(STANDARD.encode(format!("{}:{}", escaped(id), escaped(&secret))))
        };
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let address = &provider.token;
        let answer = self.http.post(address, basic, form).await?;
        if let (400..=499, Ok(refusal)) = (answer.status.as_u16(), serde_json::from_slice::<Refusal>(&answer.body)) {
            let reason = format!("it refused the code: {} {}", refusal.error, refusal.error_description);
            return Err(unusable(address, reason.trim_end().to_owned()));
        }
        json(address, &answer)
    }

    async fn claims(&self, provider: &Provider, token: &str, nonce: &str) -> Result<Claims, OidcError> {
        let expected = Expected { issuer: &self.options.issuer, client_id: &self.options.client_id, nonce };
        let mut doubt = verified_claims(token, &*self.keys(provider, GOOD).await?, &expected);
        if doubt == Err(TokenError::UnknownKey) {
            doubt = verified_claims(token, &*self.keys(provider, ASK_KEYS).await?, &expected);
        }
        doubt.map_err(|doubt| {
            let reason = match doubt {
                TokenError::UnknownKey => format!("none of the keys at {} fits the ID token", named(&provider.keys)),
                TokenError::Wrong(reason) => format!("its ID token is not believed: {reason}"),
            };
            unusable(&provider.token, reason)
        })
    }

    /// How the provider describes itself, from no longer ago than that. What failed just now is not tried at once again.
    async fn provider(&self, age: Duration) -> Described {
        let mut standing = self.provider.lock().await;
        if let Some((at, known)) = &*standing {
            let good_for = if known.is_ok() { age } else { FRESH };
            if at.elapsed() < good_for {
                return known.clone();
            }
        }
        let asked = self.discover().await.map(Arc::new);
        *standing = Some((Instant::now(), asked.clone()));
        asked
    }

    async fn discover(&self) -> Result<Provider, OidcError> {
        let text = endpoints::of_metadata(&self.options.issuer);
        let address: Uri = text.parse().map_err(|_| OidcError::Here { reason: format!("{text} is no address") })?;
        let answer = self.http.get(&address, None).await?;
        good(&address, &answer)?;
        Provider::read(&answer.body, &self.options.issuer).map_err(|reason| unusable(&address, reason))
    }

    /// The provider's keys, from no longer ago than that.
    async fn keys(&self, provider: &Provider, age: Duration) -> Result<Arc<JwkSet>, OidcError> {
        let mut standing = self.keys.lock().await;
        if let Some((at, known)) = &*standing
            && at.elapsed() < age
        {
            return Ok(Arc::clone(known));
        }
        let answer = self.http.get(&provider.keys, None).await?;
        let keys: Arc<JwkSet> = Arc::new(json(&provider.keys, &answer)?);
        *standing = Some((Instant::now(), Arc::clone(&keys)));
        Ok(keys)
    }
}

fn read_secret(options: &OidcOptions) -> Result<String, String> {
    let place = options.client_secret.display();
    let content = fs::read_to_string(&options.client_secret)
        .map_err(|error| format!("failed to read the client secret {place}: {error}"))?;
    match content.trim() {
        "" => Err(format!("the client secret {place} is empty: write into it what the provider gave for the client")),
        secret => Ok(secret.to_owned()),
    }
}

fn unusable(address: &Uri, reason: String) -> OidcError {
    OidcError::Unusable { address: named(address), reason }
}

/// A provider that is overloaded or just starting says so by a status of 500 and more.
fn good(address: &Uri, answer: &Answer) -> Result<(), OidcError> {
    match answer.status {
        StatusCode::OK => Ok(()),
        status if status.is_server_error() => {
            Err(OidcError::Away { address: named(address), reason: format!("it says {status}") })
        }
        status => Err(unusable(address, format!("it says {status}"))),
    }
}

fn json<T: for<'a> Deserialize<'a>>(address: &Uri, answer: &Answer) -> Result<T, OidcError> {
    good(address, answer)?;
    serde_json::from_slice(&answer.body)
        .map_err(|error| unusable(address, format!("it is not what it should be: {error}")))
}
