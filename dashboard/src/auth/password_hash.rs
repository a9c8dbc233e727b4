//! Passwords, kept as argon2id hashes in PHC strings.

use argon2::{
    Algorithm, Argon2, Params,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};

/// The longest password; more would only be work for the hash.
pub(crate) const LONGEST: usize = 1_024;
/// The shortest one that a hash is made of.
const SHORTEST: usize = 12;
/// What one guess must cost at least, and what one sign-in may cost at most, in KiB: two are worked on at once, in a pod
/// of 256 MiB.
const MEMORY: std::ops::RangeInclusive<u32> = 7_168..=65_536;
/// Passes over that memory: more than these would keep a processor for seconds.
const MOST_PASSES: u32 = 10;

/// A PHC string that a sign-in can be checked against. Never printed: no Debug.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hash(String);

impl Hash {
    /// Takes argon2id with bounded costs, and nothing else.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let form = "write what stockstream hash-password prints";
        let hash = PasswordHash::new(text).map_err(|error| format!("the hash is no PHC string ({error}): {form}"))?;
        if Algorithm::try_from(hash.algorithm.as_str()).ok() != Some(Algorithm::Argon2id) || hash.hash.is_none() {
            return Err(format!("the hash is not argon2id's: {form}"));
        }
        let params =
            Params::try_from(&hash).map_err(|error| format!("the hash's costs are no good ({error}): {form}"))?;
        if !MEMORY.contains(&params.m_cost()) || params.t_cost() > MOST_PASSES {
            let (least, most) = (MEMORY.start(), MEMORY.end());
            return Err(format!("the hash needs {least} to {most} KiB and at most {MOST_PASSES} passes: {form}"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether it is that password's. Takes tens of milliseconds by design, and as long for a wrong one.
    pub(crate) fn is_of(&self, password: &str) -> bool {
        PasswordHash::new(&self.0)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    }

    /// For keys that end with it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The hash of a password, as a PHC string for the file of users.
///
/// # Errors
/// When the password is too short or too long, in a sentence.
pub fn hash_password(password: &str) -> Result<String, String> {
    if password.chars().count() < SHORTEST {
        return Err(format!("the password has fewer than {SHORTEST} characters: take a longer one"));
    }
    if password.len() > LONGEST {
        return Err(format!("the password has more than {LONGEST} bytes: take a shorter one"));
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| format!("failed to hash the password: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_its_password_and_of_no_other_and_unlike_any_other_of_it() {
        let (text, other) = (hash_password("correct horse").unwrap(), hash_password("correct horse").unwrap());
        assert!(text.starts_with("$argon2id$") && text != other && !text.contains("correct"));
        let hash = Hash::parse(&text).unwrap();
        assert!(hash.is_of("correct horse") && !hash.is_of("correct horsf") && !hash.is_of(""));
    }

    #[test]
    fn a_short_password_gets_no_hash() {
        assert!(hash_password("eleven char").unwrap_err().contains("fewer than 12"));
        assert!(hash_password(&"x".repeat(2_000)).unwrap_err().contains("more than 1024"));
    }

    #[test]
    fn hashes_that_are_weak_or_costly_or_none_are_refused() {
        let rest = "c2FsdHNhbHRzYWx0$WdY8Wd7Xo1Z1mdrTr8ut0NRpvKr8JxzyGEbyRr5l6hA";
        for (text, words) in [
            ("secret".to_owned(), "no PHC string"),
            (format!("$argon2i$v=19$m=19456,t=2,p=1${rest}"), "not argon2id"),
            (format!("$argon2id$v=19$m=1024,t=2,p=1${rest}"), "7168 to 65536"),
            (format!("$argon2id$v=19$m=1048576,t=2,p=1${rest}"), "7168 to 65536"),
            (format!("$argon2id$v=19$m=19456,t=99,p=1${rest}"), "at most 10 passes"),
        ] {
            let refused = Hash::parse(&text).err().unwrap();
            assert!(refused.contains(words) && refused.contains("hash-password"), "{text}: {refused}");
            assert!(!refused.contains("secret") && !refused.contains(rest));
        }
    }
}
