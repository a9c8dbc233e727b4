//! Which columns hold what, where their names do not say it.

use super::error::{ImportError, MappedTwiceSnafu, MappingSnafu};
use crate::entry::{CLIENT, LINE, PRODUCT, SALE, known, plain};

/// Columns of other names, and the fields that they hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping(Vec<(String, String)>);

impl Mapping {
    /// From texts such as `Order No=invoice_id`.
    ///
    /// # Errors
    /// A text without `=`, or with a field that no event has; a column that holds two fields.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, ImportError> {
        let one = |text: &str| {
            let (column, field) = text.rsplit_once('=')?;
            let (column, field) = (column.trim(), field.trim());
            (!column.is_empty() && known(field)).then(|| (column.to_owned(), field.to_owned()))
        };
        let all = texts.into_iter().map(|text| {
            let text = text.as_ref();
            one(text).ok_or_else(|| MappingSnafu { text, fields: fields() }.build())
        });
        let pairs: Vec<(String, String)> = all.collect::<Result<_, _>>()?;
        for (at, (column, field)) in pairs.iter().enumerate() {
            let other = pairs[..at].iter().find(|(name, other)| plain(name) == plain(column) && other != field);
            if let Some((_, other)) = other {
                return MappedTwiceSnafu { column, first: other, second: field }.fail();
            }
        }
        Ok(Self(pairs))
    }

    /// Whether anything is mapped.
    pub(super) fn says_anything(&self) -> bool {
        !self.0.is_empty()
    }

    /// The columns that are named, and the fields that they hold.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(column, field)| (column.as_str(), field.as_str()))
    }

    /// A column that is named and not among these.
    pub(super) fn missing<'a>(&'a self, columns: &[String]) -> Option<&'a str> {
        self.pairs().map(|(column, _)| column).find(|column| !columns.iter().any(|name| plain(name) == plain(column)))
    }

    /// Whether that column holds that field, which usually is called by its own name or these.
    pub(super) fn holds(&self, column: &str, field: &str, usually: &[String]) -> bool {
        let column = plain(column);
        match self.0.iter().find(|(mapped, _)| plain(mapped) == column) {
            Some((_, mapped)) => mapped == field,
            None if self.0.iter().any(|(_, mapped)| mapped == field) => false,
            None => plain(field) == column || usually.contains(&column),
        }
    }
}

fn fields() -> String {
    let mut names: Vec<_> = [SALE, LINE, PRODUCT, CLIENT].into_iter().flatten().map(|field| field.name).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}
