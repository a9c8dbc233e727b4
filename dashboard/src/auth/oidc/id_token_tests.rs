use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::get_current_timestamp;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};

use crate::auth::oidc::*;

const EXPECTED: Expected<'_> = Expected { issuer: "https://id.example.com", client_id: "stock", nonce: "n-1" };

struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Self {
        let (random, kind) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let key = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(kind, key.as_ref(), &random).unwrap())
    }

    /// As a provider publishes it.
    fn key(&self, changes: &Value) -> Value {
        let point = self.0.public_key().as_ref();
        let part = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        let mut key =
            json!({ "kty": "EC", "crv": "P-256", "kid": "k1", "x": part(&point[1..33]), "y": part(&point[33..]) });
        key.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        key
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn header() -> Value {
    json!({ "alg": "ES256", "kid": "k1" })
}

fn claims(changes: &Value) -> Value {
    let now = get_current_timestamp();
    let mut claims = json!({
        "iss": EXPECTED.issuer, "sub": "7", "aud": EXPECTED.client_id, "exp": now + 300, "iat": now, "nonce": EXPECTED.nonce,
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().shift_remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    claims
}

fn keys(keys: &[Value]) -> JwkSet {
    serde_json::from_value(json!({ "keys": keys })).unwrap()
}

#[test]
fn a_token_is_believed_by_its_key_whatever_other_keys_there_are() {
    let (signer, other) = (Signer::new(), Signer::new());
    let token = signer.token(&header(), &claims(&json!({})));
    let unheard = json!({ "kty": "EC", "crv": "secp256k1", "kid": "k9", "x": "AA", "y": "AA" });
    let set =
        keys(&[unheard, other.key(&json!({ "kid": "k0" })), signer.key(&json!({ "use": "sig", "alg": "ES256" }))]);
    assert_eq!(verified_claims(&token, &set, &EXPECTED).unwrap()["sub"], "7");
    let unnamed = signer.token(&json!({ "alg": "ES256" }), &claims(&json!({})));
    assert!(verified_claims(&unnamed, &set, &EXPECTED).is_ok());
    for also in
        [json!({ "aud": ["stock"] }), json!({ "aud": ["x", "stock"], "azp": "stock" }), json!({ "azp": "stock" })]
    {
        assert!(verified_claims(&signer.token(&header(), &claims(&also)), &set, &EXPECTED).is_ok(), "{also}");
    }
}

#[test]
fn a_key_that_is_not_there_or_not_for_this_is_not_known() {
    let signer = Signer::new();
    let token = signer.token(&header(), &claims(&json!({})));
    for change in
        [json!({ "kid": "k2" }), json!({ "use": "enc" }), json!({ "alg": "ES384" }), json!({ "crv": "P-384" })]
    {
        assert_eq!(
            verified_claims(&token, &keys(&[signer.key(&change)]), &EXPECTED),
            Err(TokenError::UnknownKey),
            "{change}"
        );
    }
    // A secret that everybody knows is no key.
    let known = json!({ "kty": "oct", "kid": "k1", "k": "c2VjcmV0" });
    assert_eq!(verified_claims(&token, &keys(&[known]), &EXPECTED), Err(TokenError::UnknownKey));
}

#[test]
fn a_token_that_is_not_for_this_sign_in_is_refused() {
    let (signer, set) = (Signer::new(), |signer: &Signer| keys(&[signer.key(&json!({}))]));
    let now = get_current_timestamp();
    for (change, words) in [
        (json!({ "iss": "https://evil.example" }), "InvalidIssuer"),
        (json!({ "iss": ["https://id.example.com", "https://evil.example"] }), "another issuer"),
        (json!({ "iss": null }), "iss"),
        (json!({ "aud": "other" }), "InvalidAudience"),
        (json!({ "aud": ["other"] }), "InvalidAudience"),
        (json!({ "aud": null }), "aud"),
        (json!({ "aud": ["stock", "other"] }), "azp"),
        (json!({ "azp": "other" }), "azp"),
        (json!({ "exp": now - 61 }), "ExpiredSignature"),
        (json!({ "exp": null }), "exp"),
        (json!({ "exp": "tomorrow" }), "exp"),
        (json!({ "nbf": now + 120 }), "ImmatureSignature"),
        (json!({ "nonce": "n-2" }), "nonce"),
        (json!({ "nonce": null }), "nonce"),
        (json!({ "sub": null }), "sub"),
        (json!({ "sub": "" }), "sub"),
    ] {
        let said = verified_claims(&signer.token(&header(), &claims(&change)), &set(&signer), &EXPECTED).unwrap_err();
        assert!(matches!(&said, TokenError::Wrong(said) if said.contains(words)), "{change}: {said:?}");
    }
    let other = Signer::new().token(&header(), &claims(&json!({})));
    assert_eq!(verified_claims(&other, &set(&signer), &EXPECTED), Err(TokenError::Wrong("InvalidSignature".into())));
    let token = signer.token(&header(), &claims(&json!({})));
    for bad in ["", "a.b.c", &token[1..], &token[..token.len() - 4], &token.replace('.', "")] {
        assert!(verified_claims(bad, &set(&signer), &EXPECTED).is_err(), "{bad}");
    }
}

#[test]
fn nothing_but_a_signature_by_a_private_key_is_believed() {
    let signer = Signer::new();
    let set = keys(&[signer.key(&json!({}))]);
    for header in
        [json!({ "alg": "none" }), json!({ "alg": "HS256", "kid": "k1" }), json!({ "alg": "ES256", "crit": ["b64"] })]
    {
        let said = verified_claims(&signer.token(&header, &claims(&json!({}))), &set, &EXPECTED);
        assert!(matches!(said, Err(TokenError::Wrong(_))), "{header}: {said:?}");
    }
}
