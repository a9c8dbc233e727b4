//! What a reader may say in the query of an address.

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use stockstream_model::Day;
use stockstream_store::Paging;

use crate::error::{BadParameter, HttpError, bad};

/// Keeps the number of skipped rows within what a database counts with.
pub(crate) const MAX_PAGE: u64 = 1_000_000_000;
/// The longest span of days in one answer.
pub(crate) const MAX_DAYS: i64 = 5_000;
/// The span of days when nothing is said.
pub(crate) const DEFAULT_DAYS: i32 = 90;

/// How many rows a page has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PerPage {
    pub(crate) default: u64,
    pub(crate) max: u64,
}

/// The parameters of a request. Unknown ones are ignored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        let said = parts.uri.query().unwrap_or_default();
        let bad = || bad("query", said, "a list such as page=1&per_page=50".into());
        Ok(Self(Query::try_from_uri(&parts.uri).map_err(|_| bad())?.0))
    }
}

impl Parameters {
    /// What is said, unless it is nothing.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// All that is said of it; a form says nothing where a field was left empty.
    pub(crate) fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Whether anything is said.
    pub(crate) fn says(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// A whole number within bounds, both included.
    pub(crate) fn number(&self, name: &'static str, min: u64, max: u64) -> Result<Option<u64>, BadParameter> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if (min..=max).contains(&number) => Ok(Some(number)),
            _ => Err(bad(name, text, format!("a whole number from {min} to {max}"))),
        }
    }

    /// All but which page.
    pub(crate) fn without_paging(&self) -> Self {
        Self(self.0.iter().filter(|(name, _)| name != "page" && name != "per_page").cloned().collect())
    }

    /// Which page.
    pub(crate) fn paging(&self, rows: PerPage) -> Result<Paging, BadParameter> {
        let page = self.number("page", 1, MAX_PAGE)?.unwrap_or(1);
        let per_page = self.number("per_page", 1, rows.max)?.unwrap_or(rows.default);
        Ok(Paging { page, per_page })
    }

    /// The days from `from` to `to`; without them, those up to `latest`.
    pub(crate) fn days(&self, latest: Day) -> Result<(Day, Day), BadParameter> {
        let (from, to) = (self.day("from")?, self.day("to")?);
        let (from, to) = match (from, to) {
            (Some(from), Some(to)) => (from, to),
            (Some(from), None) => (from, from.max(latest)),
            (None, to) => {
                let to = to.unwrap_or(latest);
                (Day::from_number(to.number() - (DEFAULT_DAYS - 1)), to)
            }
        };
        if (0..MAX_DAYS).contains(&to.since(from)) {
            return Ok((from, to));
        }
        let allowed = format!("a day up to {to}, the day of to, and at most {MAX_DAYS} days in all");
        Err(bad("from", &from.to_string(), allowed))
    }

    /// A day.
    pub(crate) fn day(&self, name: &str) -> Result<Option<Day>, BadParameter> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let day = text.parse::<Day>().ok().filter(|day| text.len() == 10 && day.to_string() == text);
        day.map(Some).ok_or_else(|| bad(name.to_owned(), text, "a day such as 2026-05-01, years 1900 to 9999".into()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        Parameters(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_page_is_the_first_unless_said() {
        let rows = PerPage { default: 50, max: 500 };
        assert_eq!(parameters(&[]).paging(rows), Ok(Paging { page: 1, per_page: 50 }));
        let said = parameters(&[("page", "7"), ("per_page", "500")]);
        assert_eq!(said.paging(rows), Ok(Paging { page: 7, per_page: 500 }));
    }

    #[test]
    fn a_bad_number_is_named_with_what_is_allowed() {
        for value in ["0", "501", "-1", "ten", "1.5", "99999999999999999999"] {
            let error = parameters(&[("per_page", value)]).paging(PerPage { default: 50, max: 500 }).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("per_page") && text.contains(value) && text.contains("from 1 to 500"), "{text}");
        }
    }

    #[test]
    fn days_default_to_the_latest_three_months() {
        let latest = day("2011-07-31");
        assert_eq!(parameters(&[]).days(latest), Ok((day("2011-05-03"), latest)));
        assert_eq!(parameters(&[("from", "2011-07-01")]).days(latest), Ok((day("2011-07-01"), latest)));
        assert_eq!(parameters(&[("to", "2011-03-31")]).days(latest), Ok((day("2011-01-01"), day("2011-03-31"))));
    }

    #[test]
    fn days_that_are_none_or_turned_round_or_too_many_are_refused() {
        for (from, to) in [
            ("2011-02-30", "2011-03-01"),
            ("2011-3-1", "2011-03-02"),
            ("2011-03-02T10:00", "2011-03-02"),
            ("2011-03-02", "2011-03-01"),
            ("1990-01-01", "2011-03-01"),
            ("-000001-01-01", "2011-03-01"),
        ] {
            let error = parameters(&[("from", from), ("to", to)]).days(day("2011-07-31")).unwrap_err();
            assert_eq!(error.parameter, "from", "{from} {to}");
        }
    }
}
