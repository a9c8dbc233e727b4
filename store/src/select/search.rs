//! Words to be found in texts, in either case. The same in memory and as a regular expression of the database, in which
//! whatever the reader wrote stands for itself.

/// Words that must all occur, each in one text or another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search(Vec<String>);

impl Search {
    /// The words of a text.
    pub fn new(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_owned).collect())
    }

    /// Whether there is nothing to be found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every word occurs in one of the texts.
    pub(crate) fn is_in(&self, texts: &[&str]) -> bool {
        self.0.iter().all(|word| texts.iter().any(|text| occurs(word, text)))
    }

    /// A regular expression for each word.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|word| word.chars().map(any_case).collect())
    }
}

/// The letter in either case. Where one letter becomes several (ß), it stays as it is.
fn cases(letter: char) -> [char; 3] {
    [letter, only(letter.to_lowercase()).unwrap_or(letter), only(letter.to_uppercase()).unwrap_or(letter)]
}

fn only(mut letters: impl Iterator<Item = char>) -> Option<char> {
    let first = letters.next();
    first.filter(|_| letters.next().is_none())
}

fn occurs(word: &str, text: &str) -> bool {
    let word: Vec<[char; 3]> = word.chars().map(cases).collect();
    let text: Vec<char> = text.chars().collect();
    text.windows(word.len()).any(|part| part.iter().zip(&word).all(|(letter, cases)| cases.contains(letter)))
}

fn any_case(letter: char) -> String {
    let [letter, lower, upper] = cases(letter);
    match letter {
        'a'..='z' | 'A'..='Z' => format!("[{lower}{upper}]"),
        '0'..='9' => letter.to_string(),
        // A text of BSON may hold it, a pattern may not.
        '\0' => "\\x00".into(),
        // Behind a backslash, whatever is no letter or digit stands for itself.
        '\u{1}'..='\u{7F}' => format!("\\{letter}"),
        _ if lower == upper => letter.to_string(),
        // Not a set: a server that reads bytes would take each byte for a member of it.
        _ => format!("(?:{letter}|{lower}|{upper})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_must_occur_in_one_of_the_texts_in_either_case() {
        let texts = ["22423", "REGENCY Cakestand", "Küche"];
        for found in ["", "cake", "242 regency", "  kÜche  22423 ", "STAND"] {
            assert!(Search::new(found).is_in(&texts), "{found}");
        }
        for missing in ["cakestands", "regency 9", "2242 3 x", ".", "[a-z]"] {
            assert!(!Search::new(missing).is_in(&texts), "{missing}");
        }
    }

    #[test]
    fn what_was_written_stands_for_itself_in_a_pattern() {
        let pattern = |text: &str| Search::new(text).patterns().collect::<Vec<_>>();
        assert_eq!(pattern("a1 .*"), ["[aA]1", r"\.\*"]);
        assert_eq!(pattern(r"\Q$^(?"), [r"\\[qQ]\$\^\(\?"]);
        assert_eq!(pattern("é中"), ["(?:é|é|É)中"]);
        assert_eq!(pattern("\0"), [r"\x00"]);
    }
}
