//! Amounts as people type them where decimals stand behind a comma. Pure.

use std::borrow::Cow;

use crate::locale::language::Language;

/// The amount as events have it. Only what can mean nothing else is changed: digits, one comma and digits, from a reader
/// whose language writes it so. All else stays as it was typed, for the decoder to take or refuse.
pub(crate) fn normalize_comma(language: Language, typed: &str) -> Cow<'_, str> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    match typed.split_once(',') {
        Some((whole, fraction))
            if language.point() == ',' && digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(fraction) =>
        {
            format!("{whole}.{fraction}").into()
        }
        _ => typed.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_is_a_point_where_it_can_mean_nothing_else() {
        for language in [Language::French, Language::German] {
            for (typed, meant) in [("2,50", "2.50"), ("-0,5", "-0.5"), ("1234,567", "1234.567"), ("2.50", "2.50")] {
                assert_eq!(normalize_comma(language, typed), meant);
            }
            for odd in ["1.234,50", "1,234.50", "1,2,3", ",5", "5,", "-,5", "1 234,50", "a,5", "", ","] {
                assert_eq!(normalize_comma(language, odd), odd);
            }
        }
        assert_eq!(normalize_comma(Language::English, "2,50"), "2,50");
    }
}
