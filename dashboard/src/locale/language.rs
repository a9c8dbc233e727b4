//! The languages of readers: how numbers and dates are written in them.

use stockstream_model::Day;

/// The language of a reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Language {
    /// English, with days as ISO 8601 has them: 03/04 is not the same day everywhere.
    #[default]
    English,
    /// French.
    French,
    /// German.
    German,
}

impl Language {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::English, Self::French, Self::German];

    /// Its code in addresses, cookies and markup.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
            Self::German => "de",
        }
    }

    /// What it calls itself.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::French => "Français",
            Self::German => "Deutsch",
        }
    }

    /// The language of that code, whatever the country.
    pub(crate) fn of_code(code: &str) -> Option<Self> {
        let primary = code.split('-').next().unwrap_or_default().trim();
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(primary))
    }

    /// The one that a browser likes best, from its `Accept-Language`.
    pub(crate) fn preferred(accepted: &str) -> Option<Self> {
        let mut best = None;
        for entry in accepted.split(',') {
            let mut parts = entry.split(';');
            let code = parts.next().unwrap_or_default().trim();
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            let language = if code == "*" { Some(Self::default()) } else { Self::of_code(code) };
            let Some(language) = language.filter(|_| weight > 0.0) else { continue };
            if best.is_none_or(|(_, standing)| weight > standing) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }

    /// What stands between thousands.
    pub(crate) const fn thousands(self) -> char {
        match self {
            Self::English => ',',
            Self::French => '\u{202F}',
            Self::German => '.',
        }
    }

    /// What stands before decimals.
    pub(crate) const fn point(self) -> char {
        match self {
            Self::English => '.',
            Self::French | Self::German => ',',
        }
    }

    /// A day.
    pub(crate) fn day(self, day: Day) -> String {
        let iso = day.to_string();
        let mut parts = iso.splitn(3, '-');
        match (self, parts.next(), parts.next(), parts.next()) {
            (Self::French, Some(year), Some(month), Some(day)) => format!("{day}/{month}/{year}"),
            (Self::German, Some(year), Some(month), Some(day)) => format!("{day}.{month}.{year}"),
            _ => iso,
        }
    }

    /// Whether so many are spoken of as one.
    pub(crate) const fn is_one(self, count: i64) -> bool {
        match self {
            Self::French => count == 0 || count == 1,
            Self::English | Self::German => count == 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_that_the_browser_likes_best() {
        for (accepted, expected) in [
            ("de-AT,de;q=0.9,en;q=0.8", Some(Language::German)),
            ("es, fr;q=0.5, en;q=0.7", Some(Language::English)),
            ("fr;q=0, en;q=0.1", Some(Language::English)),
            ("FR", Some(Language::French)),
            ("es;q=0.9, *;q=0.1", Some(Language::English)),
            ("es", None),
            ("", None),
            ("de;q=high, fr", Some(Language::German)),
        ] {
            assert_eq!(Language::preferred(accepted), expected, "{accepted}");
        }
    }

    #[test]
    fn days_are_in_the_order_of_the_language() {
        let day: Day = "2011-07-03".parse().unwrap();
        assert_eq!(Language::ALL.map(|language| language.day(day)), ["2011-07-03", "03/07/2011", "03.07.2011"]);
    }
}
