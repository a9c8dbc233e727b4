//! Texts in the language of the reader. The English text is its own key; the other languages have a file each.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use crate::{locale::language::Language, request::context::RequestContext};

type Catalogue = HashMap<&'static str, &'static str>;

static FRENCH: LazyLock<Catalogue> = LazyLock::new(|| catalogue(include_str!("../../words/fr.txt")));
static GERMAN: LazyLock<Catalogue> = LazyLock::new(|| catalogue(include_str!("../../words/de.txt")));

/// A text in the language of the reader; what no file has stays as it is.
pub(crate) fn t(text: &str) -> Cow<'_, str> {
    let catalogue = match RequestContext::current().choice.language {
        Language::English => return text.into(),
        Language::French => &FRENCH,
        Language::German => &GERMAN,
    };
    catalogue.get(text).map_or(Cow::Borrowed(text), |text| Cow::Borrowed(*text))
}

/// A text with places for others, each `{}` taking the next of them.
pub(crate) fn tf(text: &str, others: &[&str]) -> String {
    fill(&t(text), others.iter().copied())
}

fn fill<'a>(text: &str, others: impl Iterator<Item = &'a str>) -> String {
    let mut parts = text.split("{}");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for (part, other) in parts.zip(others.chain(std::iter::repeat(""))) {
        filled.push_str(other);
        filled.push_str(part);
    }
    filled
}

/// Marks a text that is translated where it is shown.
pub(crate) const fn key(text: &'static str) -> &'static str {
    text
}

/// Something to be said: in English to a program, in the language of the reader to a person.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    text: &'static str,
    /// What its places take. A word of ours is translated too; what came from elsewhere is owned and stays as it is.
    others: Vec<Cow<'static, str>>,
}

impl Message {
    /// A text of ours, each `{}` in it taking the next of the others.
    pub(crate) fn new(text: &'static str, others: Vec<Cow<'static, str>>) -> Self {
        Self { text, others }
    }

    /// In English.
    pub(crate) fn english(&self) -> String {
        fill(self.text, self.others.iter().map(|other| &**other))
    }

    /// In the language of the reader.
    pub(crate) fn here(&self) -> String {
        let other = |other: &Cow<'static, str>| match other {
            Cow::Borrowed(word) => t(word).into_owned(),
            Cow::Owned(other) => other.clone(),
        };
        let others: Vec<_> = self.others.iter().map(other).collect();
        fill(&t(self.text), others.iter().map(String::as_str))
    }
}

impl From<&'static str> for Message {
    fn from(text: &'static str) -> Self {
        Self::new(text, Vec::new())
    }
}

/// What was put together elsewhere, and stays as it is.
impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::new("{}", vec![text.into()])
    }
}

/// Lines of `English = other`; lines that begin with `#` are for whoever edits the file.
fn catalogue(file: &'static str) -> Catalogue {
    file.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = ")).collect()
}

#[cfg(test)]
#[path = "translate_tests.rs"]
mod tests;
