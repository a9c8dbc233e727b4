//! Whether an ID token is believed: who signed it, for whom, until when, and for which sign-in. Pure but for the clock.

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, Header, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use serde_json::{Map, Value};

use crate::auth::oidc::signature::{ALGORITHMS, install};

/// What a token says.
pub(crate) type Claims = Map<String, Value>;

/// What it must say.
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
}

/// Why it is not believed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// None of the keys is the one: it may be new.
    UnknownKey,
    /// It is wrong.
    Wrong(String),
}

/// What a token says, if it is believed.
pub(crate) fn verified_claims(token: &str, keys: &JwkSet, expected: &Expected<'_>) -> Result<Claims, TokenError> {
    install();
    let wrong = |reason: &str| TokenError::Wrong(reason.to_owned());
    let header = decode_header(token).map_err(|error| TokenError::Wrong(format!("it is no ID token: {error}")))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(TokenError::Wrong(format!("it is signed by {:?}, which is not believed", header.alg)));
    }
    if header.crit.is_some() {
        return Err(wrong("it asks for an extension that is not known"));
    }
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
    validation.validate_nbf = true;
    let mut doubt = TokenError::UnknownKey;
    for key in keys.keys.iter().filter(|key| is_for(key, &header)) {
        let read = DecodingKey::from_jwk(key).and_then(|key| decode::<Claims>(token, &key, &validation));
        match read {
            Ok(read) => return fit(read.claims, expected),
            Err(error) => doubt = TokenError::Wrong(error.to_string()),
        }
    }
    Err(doubt)
}

/// Whether a key can be the one that a token was signed by.
fn is_for(key: &Jwk, header: &Header) -> bool {
    let kind = match &key.algorithm {
        AlgorithmParameters::RSA(_) => header.alg.family() == AlgorithmFamily::Rsa,
        AlgorithmParameters::EllipticCurve(key) => match header.alg {
            Algorithm::ES256 => key.curve == EllipticCurve::P256,
            Algorithm::ES384 => key.curve == EllipticCurve::P384,
            _ => false,
        },
        AlgorithmParameters::OctetKeyPair(key) => header.alg == Algorithm::EdDSA && key.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    let common = &key.common;
    let signs = common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let algorithm = common.key_algorithm.is_none_or(|algorithm| algorithm == KeyAlgorithm::from(header.alg));
    kind && signs && algorithm && (header.kid.is_none() || header.kid == common.key_id)
}

/// What the signature and the dates do not say.
fn fit(claims: Claims, expected: &Expected<'_>) -> Result<Claims, TokenError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let others = claims.get("aud").and_then(Value::as_array).is_some_and(|audience| audience.len() > 1);
    let reason = if text("nonce") != Some(expected.nonce) {
        "it is of another sign-in (nonce)"
    } else if text("iss") != Some(expected.issuer) {
        "it is of another issuer"
    } else if text("sub").is_none_or(str::is_empty) {
        "it says of nobody who it is (sub)"
    } else if others && !claims.contains_key("azp")
        || claims.contains_key("azp") && text("azp") != Some(expected.client_id)
    {
        "it was made for another client (azp)"
    } else {
        return Ok(claims);
    };
    Err(TokenError::Wrong(reason.to_owned()))
}
