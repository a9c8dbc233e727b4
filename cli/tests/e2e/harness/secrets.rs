//! The search for secrets in what was said, in whatever spelling.

use base64::{Engine, engine::general_purpose::STANDARD};

/// Secrets in use, each with its name.
pub struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'static str, &'a str)>) -> Self {
        let secrets: Vec<_> = secrets.into_iter().map(|(name, secret)| (name, secret.to_owned())).collect();
        assert!(secrets.iter().all(|(_, secret)| secret.len() > 7), "what is short may be found by chance");
        Self(secrets)
    }

    /// None of them is in what was said there.
    pub fn are_not_in(&self, place: &str, said: &str) {
        for (name, secret) in &self.0 {
            for spelling in spellings(secret) {
                let line = said.lines().find(|line| line.contains(&spelling));
                assert!(line.is_none(), "{place} tells {name}: {}", line.unwrap().replace(&spelling, "***"));
            }
        }
    }
}

/// As it is, as part of an address, of a text in JSON or HTML, in hexadecimal digits, and in base64 wherever it begins there.
fn spellings(secret: &str) -> Vec<String> {
    let address = form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>();
    let json = serde_json::to_string(secret).unwrap().trim_matches('"').to_owned();
    let html = secret.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let hexadecimal = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let plain = [secret.to_owned(), address.replace('+', "%20"), address];
    let base64: Vec<_> = plain.iter().flat_map(|text| (0..3).map(|before| in_base64(text, before))).collect();
    plain.into_iter().chain([json, html, hexadecimal]).chain(base64).collect()
}

/// Behind so many bytes of something else; only the signs that depend on nothing but the text.
fn in_base64(text: &str, before: usize) -> String {
    let bytes = ["\0".repeat(before).as_bytes(), text.as_bytes()].concat();
    STANDARD.encode(&bytes)[before.min(1) * 4..bytes.len() / 3 * 4].to_owned()
}

#[test]
fn a_secret_is_found_in_every_spelling() {
    let secrets = Secrets::new([("the word", "Open/Sesame 1&2")]);
    for said in ["Open/Sesame 1&2", "u:Open%2FSesame+1%262@h", "Open%2FSesame%201%262", "<p>Open/Sesame 1&amp;2</p>"] {
        assert!(std::panic::catch_unwind(|| secrets.are_not_in("it", said)).is_err(), "{said}");
    }
    for before in ["", "a", "user", "\0user\0"] {
        let said = STANDARD.encode(format!("{before}Open/Sesame 1&2 and more"));
        assert!(std::panic::catch_unwind(|| secrets.are_not_in("it", &said)).is_err(), "{said}");
    }
    secrets.are_not_in("it", "Open the door");
}
