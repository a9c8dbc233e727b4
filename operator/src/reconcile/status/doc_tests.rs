//! That `docs/conditions.md` knows every reason, and no other. Reasons are words in quotes, all over the phases.

use std::{collections::BTreeSet, fs, path::Path};

/// What is in quotes and begins like a reason, but is none: kinds, names of conditions and their values.
const OTHERS: [&str; 12] = [
    "AnalyticsPipeline",
    "DashboardAvailable",
    "DatabaseReady",
    "Deployment",
    "False",
    "Reconciling",
    "Service",
    "Stalled",
    "TopicsReady",
    "True",
    "Unknown",
    "WorkersAvailable",
];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder and of those in it, but tests and what only serves them, and what makes objects.
fn files(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_stem().unwrap().to_str().unwrap();
        let other = ["build", "tests", "examples", "fixtures"].contains(&name) || name.ends_with("_tests");
        match entry.is_dir() {
            _ if other => {}
            true => files(&entry, found),
            false => found.push(entry.to_str().unwrap().to_owned()),
        }
    }
}

/// Words in CamelCase between quotes.
fn words(text: &str, quote: char) -> BTreeSet<&str> {
    let is_word = |word: &&str| {
        word.starts_with(|first: char| first.is_ascii_uppercase())
            && word.chars().all(|c| c.is_ascii_alphabetic())
            && word.contains(|c: char| c.is_ascii_lowercase())
    };
    text.split(quote).filter(is_word).collect()
}

#[test]
fn every_reason_is_documented_and_every_documented_one_can_be_met() {
    let mut paths =
        vec!["../kafka/src/error.rs".into(), "../store/src/error.rs".into(), "../model/src/auth_error.rs".into()];
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/reconcile"), &mut paths);
    let code: Vec<String> = paths.iter().map(|path| read(path)).collect();
    let without_tests = code.iter().map(|text| text.split("\nmod tests {").next().unwrap_or_default());
    let said: BTreeSet<&str> = without_tests.flat_map(|text| words(text, '"')).collect();
    assert!(said.len() > 60, "{said:?}");

    let doc = read("../docs/conditions.md");
    let documented = words(&doc, '`');
    let missing: Vec<_> = said.iter().filter(|word| !OTHERS.contains(word) && !documented.contains(*word)).collect();
    assert!(missing.is_empty(), "docs/conditions.md does not tell of {missing:?}");
    let first = doc.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let gone: Vec<_> = first.filter(|reason| !said.contains(reason)).collect();
    assert!(gone.is_empty(), "docs/conditions.md tells of {gone:?}, which nothing says");
}
