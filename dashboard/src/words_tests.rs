use std::{collections::BTreeSet, fs, path::Path};

use super::*;

/// What precedes a text that is shown as it stands.
const BEFORE: [&str; 13] = [
    "t(\"",
    "tf(\"",
    "Tile::new(\"",
    "Bars::new(\"",
    "::head(\"",
    "::text(\"",
    "::number(\"",
    "::wide(\"",
    "Notice::info(\"",
    "name: \"",
    "page: \"",
    "title: \"",
    "Placeholder::new(\"",
];

fn files(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, texts);
        } else if !path.ends_with("words_tests.rs") {
            let text = fs::read_to_string(path).unwrap();
            let shown = text.split("#[cfg(test)]").next().unwrap();
            // A text that goes on in the next line.
            texts.push(shown.split("\\\n").map(str::trim_start).collect());
        }
    }
}

/// The texts that are shown, as the sources have them.
fn shown() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    files(&root.join("src"), &mut sources);
    files(&root.join("templates"), &mut sources);
    let mut shown = BTreeSet::new();
    for source in &sources {
        for before in BEFORE {
            for (at, _) in source.match_indices(before) {
                // `t(` is also the end of other names.
                let joined =
                    source[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '!');
                let text = source[at + before.len()..].split('"').next().unwrap();
                let is_text = text.chars().next().is_some_and(char::is_alphabetic);
                if is_text && !(joined && (before.starts_with("t(") || before.starts_with("tf("))) {
                    shown.insert(text.to_owned());
                }
            }
        }
    }
    shown.remove("Stockstream"); // a name
    shown
}

#[test]
fn every_text_is_there_in_every_language() {
    let shown = shown();
    assert!(shown.len() > 60, "{}", shown.len());
    for (name, catalogue) in [("fr", &*FRENCH), ("de", &*GERMAN)] {
        let missing: Vec<_> = shown.iter().filter(|text| !catalogue.contains_key(text.as_str())).collect();
        assert!(missing.is_empty(), "{name} lacks {missing:#?}");
    }
    let keys = |catalogue: &Catalogue| catalogue.keys().copied().collect::<BTreeSet<_>>();
    assert_eq!(keys(&FRENCH), keys(&GERMAN));
}

#[test]
fn translations_have_the_places_that_their_texts_have() {
    for catalogue in [&*FRENCH, &*GERMAN] {
        for (text, other) in catalogue {
            assert_eq!(text.matches("{}").count(), other.matches("{}").count(), "{text}");
            assert!(!other.trim().is_empty(), "{text}");
        }
    }
}

#[test]
fn places_take_one_text_after_the_other() {
    assert_eq!(tf("Page {} of {}", &["1", "2"]), "Page 1 of 2");
    assert_eq!(tf("Page {} of {}", &["{}"]), "Page {} of ");
}
