//! A sign-in that is under way, in a cookie that only this dashboard can sign. Pure.
//!
//! The cookie holds a random number alone; state, nonce and the verifier of the code (PKCE) follow from it and the key, so
//! that the verifier never leaves the dashboard but for the provider.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::auth::{client_address::safe_redirect, session::Key};

/// A sign-in may take so long.
pub(crate) const LONGEST: u64 = 600;

const STATE: &[u8] = b"state";

/// A sign-in that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoginState {
    id: String,
    /// Where to go on to.
    pub(crate) next: String,
    begun: u64,
}

impl LoginState {
    /// One that begins.
    pub(crate) fn begin(next: &str, now: u64) -> Self {
        let id: [u8; 32] = rand::random();
        Self { id: URL_SAFE_NO_PAD.encode(id), next: next.to_owned(), begun: now }
    }

    /// As the cookie's value. `ground` is what the sign-in rests on.
    pub(crate) fn sealed(&self, key: &Key, ground: &[u8]) -> String {
        let body = format!("{}.{}.{}", self.id, URL_SAFE_NO_PAD.encode(&self.next), self.begun);
        let mac = key.digest(&signed(b"cookie", body.as_bytes(), ground));
        format!("{body}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// The sign-in of a cookie's value, if it is signed and not too old.
    pub(crate) fn opened(value: &str, key: &Key, ground: &[u8], now: u64) -> Option<Self> {
        let (body, mac) = value.rsplit_once('.')?;
        let mut parts = body.split('.');
        let (id, next, begun) = (parts.next()?, parts.next()?, parts.next()?);
        let next = String::from_utf8(URL_SAFE_NO_PAD.decode(next).ok()?).ok()?;
        let flow = Self { id: id.to_owned(), next, begun: begun.parse().ok()? };
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        let is_ours = key.has_signed(&signed(b"cookie", body.as_bytes(), ground), &mac);
        let is_own = flow.next.is_empty() || safe_redirect(&flow.next).is_some();
        (is_ours && is_own && now.saturating_sub(flow.begun) < LONGEST).then_some(flow)
    }

    /// What the provider sends back with the reader.
    pub(crate) fn state(&self, key: &Key) -> String {
        self.derived(key, STATE)
    }

    /// What the ID token must hold.
    pub(crate) fn nonce(&self, key: &Key) -> String {
        self.derived(key, b"nonce")
    }

    /// What goes with the code.
    pub(crate) fn verifier(&self, key: &Key) -> String {
        self.derived(key, b"verifier")
    }

    /// What the provider keeps to hold the verifier against (S256).
    pub(crate) fn challenge(&self, key: &Key) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier(key)))
    }

    /// Whether that is what was sent along.
    pub(crate) fn is_answered_by(&self, state: &str, key: &Key) -> bool {
        let state = URL_SAFE_NO_PAD.decode(state);
        state.is_ok_and(|state| key.has_signed(&signed(STATE, self.id.as_bytes(), b""), &state))
    }

    fn derived(&self, key: &Key, what: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(key.digest(&signed(what, self.id.as_bytes(), b"")))
    }
}

/// The parts of what is signed here; a session is signed over others.
fn signed<'a>(what: &'a [u8], body: &'a [u8], ground: &'a [u8]) -> [&'a [u8]; 4] {
    [b"sign-in", what, body, ground]
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUND: &[u8] = b"https://id.example.com";

    #[test]
    fn a_sign_in_is_taken_up_by_the_key_that_signed_it_until_it_is_too_old() {
        let key = Key::random();
        for next in ["", "/clients?q=a%20b"] {
            let flow = LoginState::begin(next, 1_000);
            let value = flow.sealed(&key, GROUND);
            let open = |key: &Key, ground: &[u8], now: u64| LoginState::opened(&value, key, ground, now);
            assert_eq!(open(&key, GROUND, 1_000 + LONGEST - 1), Some(flow.clone()));
            assert_eq!(open(&key, GROUND, 1_000 + LONGEST), None);
            assert_eq!(open(&Key::random(), GROUND, 1_000), None);
            assert_eq!(open(&key, b"another provider", 1_000), None);
        }
        let elsewhere = LoginState::begin("//evil.example", 1_000).sealed(&key, GROUND);
        assert_eq!(LoginState::opened(&elsewhere, &key, GROUND, 1_000), None);
    }

    #[test]
    fn no_byte_of_it_can_be_changed() {
        let key = Key::random();
        let value = LoginState::begin("/clients", 1_000).sealed(&key, GROUND);
        for index in 0..value.len() {
            let mut bytes = value.clone().into_bytes();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(LoginState::opened(&changed, &key, GROUND, 1_000), None, "{changed}");
        }
    }

    #[test]
    fn state_nonce_and_verifier_are_of_one_sign_in_and_do_not_tell_each_other() {
        let key = Key::random();
        let (one, other) = (LoginState::begin("", 0), LoginState::begin("", 0));
        assert!(one.is_answered_by(&one.state(&key), &key) && !one.is_answered_by(&other.state(&key), &key));
        assert!(!one.is_answered_by("", &key));
        let all = [one.state(&key), one.nonce(&key), one.verifier(&key), one.challenge(&key), other.nonce(&key)];
        assert!((1..all.len()).all(|index| !all[..index].contains(&all[index])), "{all:?}");
        // Long enough for RFC 7636.
        assert_eq!(one.verifier(&key).len(), 43);
        assert!(!one.sealed(&key, GROUND).contains(&one.verifier(&key)));
    }
}
