use std::{collections::BTreeSet, fs, path::Path};

use super::*;

/// What precedes a text that is shown as it stands.
const BEFORE: [&str; 17] = [
    "key(\"",
    "Message::new(\"",
    "let detail = \"",
    "let advice = \"",
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
    "EmptyState::new(\"",
];

/// Calls whose texts are all shown.
const CALLS: [&str; 3] = ["counted(", "HttpError::new(", "Self::new(StatusCode"];

/// The texts of a call, from behind its opening parenthesis.
fn literals(call: &str) -> Vec<String> {
    let (mut depth, mut texts) = (1, Vec::new());
    for (index, part) in call.split('"').enumerate() {
        if index % 2 == 1 {
            texts.push(part.to_owned());
            continue;
        }
        for sign in part.chars() {
            depth += i32::from(sign == '(') - i32::from(sign == ')');
            if depth == 0 {
                return texts;
            }
        }
    }
    texts
}

fn files(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, texts);
        } else if !path.ends_with("translate_tests.rs") {
            let text = fs::read_to_string(path).unwrap();
            let shown = text.split("#[cfg(test)]").next().unwrap();
            // A text that goes on in the next line; a call that does.
            let joined: String = shown.split("\\\n").map(str::trim_start).collect();
            texts.push(joined.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "("));
        }
    }
}

fn sources() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    files(&root.join("src"), &mut sources);
    files(&root.join("templates"), &mut sources);
    sources
}

#[test]
fn whatever_precedes_a_text_is_found_in_the_sources() {
    let sources = sources();
    for pattern in BEFORE.iter().chain(&CALLS) {
        assert!(sources.iter().any(|source| source.contains(pattern)), "nothing matches {pattern:?}: was it renamed?");
    }
}

/// The texts that are shown, as the sources have them.
fn shown() -> BTreeSet<String> {
    let mut shown = BTreeSet::new();
    for source in &sources() {
        for before in BEFORE {
            for (at, _) in source.match_indices(before) {
                // `t(` is also the end of other names.
                let joined =
                    source[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '!');
                let text = source[at + before.len()..].split('"').next().unwrap();
                let is_text = text.starts_with("{}") || text.chars().next().is_some_and(char::is_alphabetic);
                if is_text && !(joined && before.starts_with(['t', 'k']) && before.contains('(')) {
                    shown.insert(text.to_owned());
                }
            }
        }
        for call in CALLS {
            for (at, _) in source.match_indices(call) {
                let texts = literals(&source[at + call.len()..]).into_iter();
                shown.extend(texts.filter(|text| text.starts_with(char::is_alphabetic)));
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

/// What a reader sees of a template, besides what is put in: the text between tags, and that of spoken attributes.
fn bare(template: &str) -> Vec<String> {
    let without = |text: &str, open: &str, close: &str| {
        let mut parts = text.split(open);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |kept, part| kept + "\u{1}" + part.split_once(close).map_or("", |(_, after)| after))
    };
    let text = without(&without(template, "{{", "}}"), "{%", "%}");
    let text = without(&text, "<code>", "</code>");
    let spoken = ["aria-label=\"", "title=\"", "placeholder=\"", "alt=\""];
    let spoken = spoken.iter().flat_map(|name| text.split(name).skip(1).filter_map(|rest| rest.split('"').next()));
    let shown = without(&text, "<", ">");
    let said = spoken
        .chain([&*shown])
        .flat_map(|text| text.split('\u{1}'))
        .map(str::trim)
        .filter(|text| text.contains(char::is_alphabetic));
    said.filter(|text| !matches!(text.trim_matches(['.', ',', ' ']), "UTC")).map(str::to_owned).collect()
}

#[test]
fn templates_say_nothing_that_is_not_translated() {
    assert_eq!(bare("<p title=\"A {{ b }}\">{% if c > d %}Enter{% endif %} {{ t(\"x\") }}, UTC.</p>"), ["A", "Enter"]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(root.join("templates")).unwrap() {
        let path = entry.unwrap().path();
        // For those who write programs.
        if !path.ends_with("api.html") {
            assert_eq!(bare(&fs::read_to_string(&path).unwrap()), [""; 0], "{}", path.display());
        }
    }
}

#[test]
fn what_is_said_is_english_to_a_program_and_takes_what_came_from_elsewhere_as_it_is() {
    let said = Message::new("The role {} does not include {}.", vec!["User".into(), "{}".to_owned().into()]);
    assert_eq!(said.english(), "The role User does not include {}.");
    assert_eq!(Message::from("the value {}".to_owned()).english(), "the value {}");
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
