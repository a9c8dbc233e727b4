//! Sessions: who signed in and when, in a cookie that only this dashboard can sign. Pure.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A session ends so long after the sign-in,
const LONGEST: u64 = 12 * 3_600;
/// or so long after the last request,
const IDLE: u64 = 2 * 3_600;
/// which is noted at most so often.
const NOTED: u64 = 300;

/// What signs.
pub(crate) struct Key([u8; 32]);

impl Key {
    /// From what a file holds: at least 32 bytes.
    pub(crate) fn of(content: &[u8]) -> Result<Self, String> {
        let content = content.trim_ascii();
        if content.len() < 32 {
            return Err("it has fewer than 32 bytes: fill it with: openssl rand -base64 48".into());
        }
        let mut mac = Self::mac(content);
        mac.update(b"stockstream session");
        Ok(Self(mac.finalize().into_bytes().into()))
    }

    /// One that ends with the process.
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    fn mac(key: &[u8]) -> Hmac<Sha256> {
        // A key of any length is taken.
        Hmac::new_from_slice(key).unwrap_or_else(|_| unreachable!())
    }

    /// What is signed ends with what the user's sign-in rests on: another password is another signature. Each part with
    /// its length before it: none can take a byte of its neighbour.
    fn sign(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = Self::mac(&self.0);
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }

    /// Whether parts were signed so, found out in a time that does not tell where the signatures begin to differ.
    pub(crate) fn has_signed(&self, parts: &[&[u8]], signature: &[u8]) -> bool {
        self.sign(parts).verify_slice(signature).is_ok()
    }

    /// Of a name and password that were found right, so that they need not be found so again for a while.
    pub(crate) fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.sign(parts).finalize().into_bytes().into()
    }
}

/// What tells a session from another of the same reader.
pub(crate) type Id = [u8; 16];

/// Who signed in, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: Id,
    pub(crate) name: String,
    /// The group that gave the role, where groups do. What it may now is looked up with every request.
    pub(crate) group: String,
    /// Seconds since 1970.
    begun: u64,
    seen: u64,
}

impl Session {
    /// One that begins.
    pub(crate) fn begin(name: &str, group: &str, now: u64) -> Self {
        Self { id: rand::random(), name: name.to_owned(), group: group.to_owned(), begun: now, seen: now }
    }

    /// As the cookie's value. `ground` is what the sign-in rests on: the session ends when it changes.
    pub(crate) fn sealed(&self, key: &Key, ground: &[u8]) -> String {
        let (name, group) = (URL_SAFE_NO_PAD.encode(&self.name), URL_SAFE_NO_PAD.encode(&self.group));
        let id = URL_SAFE_NO_PAD.encode(self.id);
        let body = format!("3.{id}.{name}.{group}.{}.{}", self.begun, self.seen);
        let mac = key.sign(&[body.as_bytes(), ground]).finalize().into_bytes();
        format!("{body}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// The session of a cookie's value, if it is signed and has not ended. `ground` knows what a name's sign-in rests on.
    pub(crate) fn opened<'a>(
        value: &str,
        key: &Key,
        now: u64,
        ground: impl FnOnce(&str) -> Option<&'a [u8]>,
    ) -> Option<Self> {
        let (body, mac) = value.rsplit_once('.')?;
        let mut parts = body.split('.');
        let version = parts.next()?;
        let id = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?.try_into().ok()?;
        let mut text = || String::from_utf8(URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok();
        let (name, group) = (text()?, text()?);
        let (begun, seen) = (parts.next()?, parts.next()?);
        let session = Self { id, name, group, begun: begun.parse().ok()?, seen: seen.parse().ok()? };
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        let stands = key.has_signed(&[body.as_bytes(), ground(&session.name)?], &mac)
            && version == "3"
            && parts.next().is_none()
            && now.saturating_sub(session.begun) < LONGEST
            && now.saturating_sub(session.seen) < IDLE;
        stands.then_some(session)
    }

    /// When it ends at the latest, however often it is renewed.
    pub(crate) fn until(&self) -> u64 {
        self.begun.saturating_add(LONGEST)
    }

    /// The session with this request noted, when it is time to.
    pub(crate) fn seen_at(&self, now: u64) -> Option<Self> {
        (now.saturating_sub(self.seen) >= NOTED).then(|| Self { seen: now, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(value: &str, key: &Key, now: u64) -> Option<Session> {
        Session::opened(value, key, now, |name| (name == "änn").then_some(b"hash".as_slice()))
    }

    #[test]
    fn a_session_is_read_by_the_key_that_signed_it_until_it_ends() {
        let key = Key::random();
        let session = Session::begin("änn", "staff", 1_000);
        let value = session.sealed(&key, b"hash");
        assert_eq!(open(&value, &key, 1_000 + IDLE - 1), Some(session.clone()));
        assert_eq!(open(&value, &key, 1_000 + IDLE), None, "idle");
        assert_eq!(open(&value, &Key::random(), 1_000), None, "another key");
        assert_eq!(session.seen_at(1_000 + NOTED - 1), None);
        let mut session = session;
        for now in (1_000..1_000 + LONGEST + 7_200).step_by(3_600) {
            session = session.seen_at(now).unwrap_or(session);
            let stands = open(&session.sealed(&key, b"hash"), &key, now).is_some();
            assert_eq!(stands, now < 1_000 + LONGEST, "{now}");
        }
    }

    #[test]
    fn a_session_ends_with_the_user_and_with_the_password() {
        let key = Key::random();
        assert_eq!(open(&Session::begin("bob", "", 0).sealed(&key, b"hash"), &key, 0), None);
        assert_eq!(open(&Session::begin("änn", "", 0).sealed(&key, b"old hash"), &key, 0), None);
    }

    #[test]
    fn no_byte_of_a_session_can_be_changed() {
        let key = Key::random();
        let value = Session::begin("änn", "staff", 1_000).sealed(&key, b"hash");
        for index in 0..value.len() {
            for other in [b'0', b'A', b'.', b'_'] {
                let mut bytes = value.clone().into_bytes();
                if std::mem::replace(&mut bytes[index], other) != other {
                    let changed = String::from_utf8(bytes).unwrap();
                    // The last letter holds bits that say nothing.
                    let same = index == value.len() - 1 && open(&changed, &key, 1_000) == open(&value, &key, 1_000);
                    assert!(open(&changed, &key, 1_000).is_none() || same, "{changed}");
                }
            }
        }
        for value in
            ["", ".", "3", "3.YQ..0.0.", "3.AAAAAAAAAAAAAAAAAAAAAA.YQ..0.0.AAAA", &format!("{value}.x"), &value[1..]]
        {
            assert_eq!(open(value, &key, 1_000), None, "{value}");
        }
    }

    #[test]
    fn a_key_must_be_long() {
        assert!(Key::of(b"short\n").is_err_and(|said| said.contains("32 bytes")));
        let (one, other) = (Key::of(&[b'x'; 48]).unwrap(), Key::of(&[b'y'; 48]).unwrap());
        let value = Session::begin("änn", "", 0).sealed(&one, b"hash");
        assert!(open(&value, &Key::of(&[b'x'; 48]).unwrap(), 0).is_some() && open(&value, &other, 0).is_none());
    }
}
