//! What a reader chose: by the address, before by the browser's cookies and its languages.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::{locale::language::Language, request::cookies::cookies};

/// For how long a browser keeps what was chosen, a year.
const KEPT_SECONDS: u32 = 31_536_000;

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the reader's system is.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// Its name in addresses, cookies and the stylesheet.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Its name for people.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::System => "As the system",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
}

/// What a reader chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preferences {
    /// The language of numbers, dates and texts.
    pub(crate) language: Language,
    /// Light or dark.
    pub(crate) theme: Theme,
    /// Whether it is a screen on a wall: nobody navigates.
    pub(crate) kiosk: bool,
    said: (Option<Language>, Option<Theme>),
}

impl Preferences {
    /// The parameters of an address that say it.
    pub(crate) const NAMES: [&str; 3] = ["lang", "theme", "kiosk"];

    /// What the address says, else what the browser kept, else what the browser prefers. What cannot be used is ignored.
    pub(crate) fn of(said: &[(String, String)], headers: &HeaderMap) -> Self {
        let text = |wanted: &str| said.iter().rev().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let kept = |name| cookies(headers, name).next();
        let preferred =
            || headers.get(header::ACCEPT_LANGUAGE).and_then(|value| Language::preferred(value.to_str().ok()?));
        let theme = |name: &str| Theme::ALL.into_iter().find(|theme| theme.name() == name);
        let said = (text("lang").and_then(Language::of_code), text("theme").and_then(theme));
        Self {
            language: said
                .0
                .or_else(|| kept("lang").and_then(Language::of_code))
                .or_else(preferred)
                .unwrap_or_default(),
            theme: said.1.or_else(|| kept("theme").and_then(theme)).unwrap_or_default(),
            kiosk: text("kiosk") == Some("1"),
            said,
        }
    }

    /// What the browser shall keep.
    pub(crate) fn cookies(self) -> impl Iterator<Item = HeaderValue> {
        let (language, theme) = self.said;
        let kept = [language.map(|language| ("lang", language.code())), theme.map(|theme| ("theme", theme.name()))];
        kept.into_iter().flatten().filter_map(|(name, value)| {
            let cookie = format!("{name}={value}; Path=/; Max-Age={KEPT_SECONDS}; SameSite=Lax; HttpOnly");
            HeaderValue::try_from(cookie).ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(said: &[(&str, &str)], cookie: &str, languages: &str) -> Preferences {
        let said: Vec<_> = said.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let headers = [(header::COOKIE, cookie), (header::ACCEPT_LANGUAGE, languages)];
        let headers = headers.map(|(name, value)| (name, HeaderValue::try_from(value).unwrap()));
        Preferences::of(&said, &headers.into_iter().collect())
    }

    #[test]
    fn the_address_goes_before_the_cookie_and_the_cookie_before_the_browser() {
        for (said, cookie, languages, expected) in [
            ("", "", "", Language::English),
            ("", "", "fr-CH, de;q=0.9", Language::French),
            ("", "x=1; lang=de", "fr", Language::German),
            ("en", "lang=de", "fr", Language::English),
            ("xx", "lang=de", "fr", Language::German),
            ("", "lang=", "fr", Language::French),
        ] {
            assert_eq!(chosen(&[("lang", said)], cookie, languages).language, expected, "{said} {cookie} {languages}");
        }
        assert_eq!(chosen(&[("theme", "dark")], "theme=light", "").theme, Theme::Dark);
        assert_eq!(chosen(&[("theme", "pink")], "theme=light", "").theme, Theme::Light);
        assert!(chosen(&[("kiosk", "1")], "", "").kiosk && !chosen(&[], "kiosk=1", "").kiosk);
    }

    #[test]
    fn only_what_the_address_said_is_kept() {
        let cookies =
            |choice: Preferences| choice.cookies().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>();
        let kept = cookies(chosen(&[("lang", "fr"), ("theme", "dark")], "", ""));
        assert!(kept.len() == 2 && kept[0].starts_with("lang=fr; Path=/;") && kept[1].starts_with("theme=dark;"));
        assert!(cookies(chosen(&[("lang", "xx"), ("kiosk", "1")], "lang=de", "fr")).is_empty());
    }
}
