//! Texts in the language of the reader. The English text is its own key; the other languages have a file each.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use crate::reader::{Language, Reader};

type Catalogue = HashMap<&'static str, &'static str>;

static FRENCH: LazyLock<Catalogue> = LazyLock::new(|| catalogue(include_str!("../words/fr.txt")));
static GERMAN: LazyLock<Catalogue> = LazyLock::new(|| catalogue(include_str!("../words/de.txt")));

/// A text in the language of the reader; what no file has stays as it is.
pub(crate) fn t(text: &str) -> Cow<'_, str> {
    let catalogue = match Reader::current().choice.language {
        Language::English => return text.into(),
        Language::French => &FRENCH,
        Language::German => &GERMAN,
    };
    catalogue.get(text).map_or(Cow::Borrowed(text), |text| Cow::Borrowed(*text))
}

/// A text with places for others, each `{}` taking the next of them.
pub(crate) fn tf(text: &str, others: &[&str]) -> String {
    let text = t(text);
    let mut parts = text.split("{}");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for (part, other) in parts.zip(others.iter().copied().chain(std::iter::repeat(""))) {
        filled.push_str(other);
        filled.push_str(part);
    }
    filled
}

/// Lines of `English = other`; lines that begin with `#` are for whoever edits the file.
fn catalogue(file: &'static str) -> Catalogue {
    file.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = ")).collect()
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
