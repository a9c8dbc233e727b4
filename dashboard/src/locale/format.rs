//! Numbers and times as people read them, in the language of whoever the answer is for.

use stockstream_model::{Day, Timestamp};

use crate::{locale::language::Language, locale::translate::t, request::context::RequestContext};

/// A whole number with separated thousands.
pub(crate) fn whole(number: impl Into<i128>) -> String {
    whole_in(language(), number.into())
}

fn whole_in(language: Language, number: i128) -> String {
    signed(number < 0, &grouped(&number.unsigned_abs().to_string(), language.thousands()))
}

fn language() -> Language {
    RequestContext::current().choice.language
}

/// A number with separated thousands and two decimals.
pub(crate) fn decimal(number: f64) -> String {
    decimal_in(language(), number)
}

fn decimal_in(language: Language, number: f64) -> String {
    if !number.is_finite() {
        return "not a number".into();
    }
    let text = format!("{:.2}", number.abs());
    let (digits, fraction) = text.split_once('.').unwrap_or((&text, "00"));
    // What rounds to zero has no sign.
    let negative = number < 0.0 && text.bytes().any(|digit| (b'1'..=b'9').contains(&digit));
    signed(negative, &format!("{}{}{fraction}", grouped(digits, language.thousands()), language.point()))
}

/// A number with one decimal.
pub(crate) fn tenths(number: f64) -> String {
    format!("{number:.1}").replace('.', language().point().encode_utf8(&mut [0; 4]))
}

/// A number with two decimals, or that it is not known.
pub(crate) fn maybe_decimal(number: Option<f64>) -> String {
    number.map_or_else(|| "unknown".to_owned(), decimal)
}

/// A percentage with two decimals, or that it is not known.
pub(crate) fn percent(number: Option<f64>) -> String {
    number.map_or_else(|| "unknown".to_owned(), |number| format!("{} %", decimal(number)))
}

/// What people call something: its name, or its id where it has none.
pub(crate) fn named<'a>(name: Option<&'a str>, id: &'a str) -> &'a str {
    name.filter(|name| !name.is_empty()).unwrap_or(id)
}

fn signed(negative: bool, text: &str) -> String {
    // A minus as wide as a digit, so that columns stay aligned.
    if negative { format!("\u{2212}{text}") } else { text.to_owned() }
}

fn grouped(digits: &str, separator: char) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

/// A time to the second, in UTC.
pub(crate) fn instant(at: Timestamp) -> String {
    instant_in(language(), at)
}

fn instant_in(language: Language, at: Timestamp) -> String {
    let text = at.to_string();
    match text.get(11..19) {
        Some(time) => format!("{} {time}", language.day(at.day())),
        None => text,
    }
}

/// A day.
pub(crate) fn day(day: Day) -> String {
    language().day(day)
}

/// How long ago, in one unit. What lies ahead (clocks differ) counts as now.
pub(crate) fn relative_time(then: Timestamp, now: Timestamp) -> String {
    ago_in(language(), then, now)
}

fn ago_in(language: Language, then: Timestamp, now: Timestamp) -> String {
    let seconds = now.millis().saturating_sub(then.millis()) / 1_000;
    let (number, unit) = match seconds {
        ..1 => (0, ["", "", ""]),
        1..120 => (seconds, ["s", "s", "s"]),
        120..7_200 => (seconds / 60, ["min", "min", "Min."]),
        7_200..172_800 => (seconds / 3_600, ["h", "h", "Std."]),
        _ => (seconds / 86_400, ["days", "jours", "Tagen"]),
    };
    let (number, [english, french, german]) = (whole_in(language, number.into()), unit);
    match language {
        Language::English if seconds < 1 => "just now".into(),
        Language::French if seconds < 1 => "à l\u{2019}instant".into(),
        Language::German if seconds < 1 => "gerade eben".into(),
        Language::English => format!("{number} {english} ago"),
        Language::French => format!("il y a {number} {french}"),
        Language::German => format!("vor {number} {german}"),
    }
}

/// A count and its noun.
pub(crate) fn counted(count: i64, one: &str, many: &str) -> String {
    let noun = if language().is_one(count) { one } else { many };
    format!("{} {}", whole(count), t(noun))
}

/// Text with what cannot be seen made visible, so that nothing hides in a name or a payload.
pub(crate) fn escape_control(text: &str) -> String {
    let hidden = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
    };
    text.chars().map(|c| if hidden(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The beginning of bytes as text, and whether that is not all.
pub(crate) fn excerpt(bytes: &[u8], max_chars: usize) -> (String, bool) {
    // A character has at most four bytes: the rest need not be decoded to know the beginning.
    let head = &bytes[..bytes.len().min(max_chars.saturating_mul(4))];
    let text = String::from_utf8_lossy(head);
    let cut: String = text.chars().take(max_chars).collect();
    let more = cut.len() < text.len() || head.len() < bytes.len();
    (cut, more)
}

/// A message as the beginning of a sentence: with a capital, and without its full stop.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separated_thousands_and_two_decimals() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "−1,234,567")] {
            assert_eq!(whole(number), text);
        }
        for (number, text) in [
            (0.0, "0.00"),
            (-0.001, "0.00"),
            (1_234.5, "1,234.50"),
            (-1_000_000.004, "−1,000,000.00"),
            (f64::NAN, "not a number"),
        ] {
            assert_eq!(decimal(number), text);
        }
    }

    #[test]
    fn numbers_and_times_are_in_the_language_of_the_reader() {
        let [french, german] = [Language::French, Language::German];
        assert_eq!(whole_in(french, -1_234_567), "−1\u{202f}234\u{202f}567");
        assert_eq!(whole_in(german, 1_234), "1.234");
        assert_eq!(decimal_in(french, 1_234.5), "1\u{202f}234,50");
        assert_eq!(decimal_in(german, -1_000_000.004), "−1.000.000,00");
        let at = Timestamp::from_millis(1_312_156_799_123);
        assert_eq!(
            Language::ALL.map(|language| instant_in(language, at)),
            ["2011-07-31 23:59:59", "31/07/2011 23:59:59", "31.07.2011 23:59:59"]
        );
        let relative_time = |language, millis: i64| ago_in(language, at, at.plus_millis(millis));
        assert_eq!(
            (relative_time(french, 3_000), relative_time(german, 86_400_000 * 1_500)),
            ("il y a 3 s".into(), "vor 1.500 Tagen".into())
        );
        assert_eq!((relative_time(french, 0), relative_time(german, 0)), ("à l’instant".into(), "gerade eben".into()));
    }

    #[test]
    fn times_are_iso_to_the_second() {
        assert_eq!(instant(Timestamp::from_millis(1_312_156_799_123)), "2011-07-31 23:59:59");
    }

    #[test]
    fn ages_are_in_one_unit_and_never_negative() {
        let at = Timestamp::from_millis;
        for (age, text) in [
            (-5_000, "just now"),
            (999, "just now"),
            (3_000, "3 s ago"),
            (150_000, "2 min ago"),
            (7_200_000, "2 h ago"),
            (172_800_000, "2 days ago"),
        ] {
            assert_eq!(relative_time(at(0), at(age)), text);
        }
    }

    #[test]
    fn what_cannot_be_seen_is_made_visible() {
        assert_eq!(escape_control("a\u{202E}b\0c\nd"), "a\u{FFFD}b\u{FFFD}c\nd");
    }

    #[test]
    fn an_excerpt_counts_characters_and_says_when_there_is_more() {
        assert_eq!(excerpt("žluť".as_bytes(), 4), ("žluť".into(), false));
        assert_eq!(excerpt("žluťoučký".as_bytes(), 4), ("žluť".into(), true));
        assert_eq!(excerpt(&[0xFF; 100], 2), ("\u{FFFD}\u{FFFD}".into(), true));
        assert_eq!(excerpt(b"", 2), (String::new(), false));
    }
}
