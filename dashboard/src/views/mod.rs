//! The three views as lists that a reader searches, filters, orders and takes along: what each shows and offers, and
//! what of that an address says. Pages, exports and the API read the same addresses.

mod clients;
mod list_query;
mod loss_risk_products;
mod product_winners;

use std::future::Future;

use serde::{Serialize, Serializer, ser::SerializeMap};
use stockstream_model::documents::{Field, View};
use stockstream_store::{Page, Select, Status, ViewStore, select::Selectable};

use crate::{Topics, data::state::AppState, error::HttpError, ui::components::EmptyState, ui::table::Column};
pub(crate) use crate::{
    request::url::PageUrl,
    ui::bars::{Bar, Bars, Figures},
    views::{
        list_query::{ListQuery, MAX_SEARCH, MAX_TEXT, MAX_VALUES, sort},
        loss_risk_products::{expiry, tone as risk_tone},
    },
};

/// A view that a reader selects from.
pub(crate) trait ListView: Selectable + Sized {
    /// Its name in logs and files.
    const NAME: &'static str;
    /// Where its page is, and behind `/api/v1` its JSON.
    const PATH: &'static str;
    /// What it lists, in a sentence.
    const DESCRIPTION: &'static str;
    /// What one row is called, and many.
    const NOUNS: (&'static str, &'static str);
    /// What a search looks at, for people.
    const SEARCH_HINT: &'static str;
    /// What comes first when nothing else is said, for people.
    const DEFAULT_ORDER: &'static str;
    /// Its state, where it is published as a whole.
    const VIEW: Option<View>;
    /// The columns of its table; all fields but those of the head have one.
    const COLUMNS: &'static [Column<Self>];
    /// The fields that name the row, shown together in its head; they always come along.
    const KEY_FIELDS: &'static [&'static str];
    /// The fields that can be filtered by, each with its name for people.
    const FILTERS: &'static [(&'static str, &'static str)];

    /// The rows of a page.
    fn rows<S: ViewStore>(
        app: &AppState<S>,
        select: &Select<Self>,
    ) -> impl Future<Output = Result<Page<Self>, HttpError>> + Send;

    /// The rows of a page with all that is shown around them.
    fn found<S: ViewStore>(
        app: &AppState<S>,
        select: &Select<Self>,
    ) -> impl Future<Output = Result<ListResult<Self>, HttpError>> + Send;

    /// What stands where rows would, when there are none at all.
    fn empty(status: Status, topics: &Topics) -> EmptyState;
}

/// A page of a list, and what is shown around it.
pub(crate) struct ListResult<R> {
    pub(crate) page: Page<R>,
    /// The figures of all that are selected.
    pub(crate) figures: Figures,
    /// Texts that the filters offer, of all rows there are.
    pub(crate) offers: Vec<String>,
}

/// A row with the fields that are wanted of it.
pub(crate) struct SelectedFields<'a, R: Selectable> {
    pub(crate) row: &'a R,
    pub(crate) fields: &'a [&'static Field<R>],
}

impl<R: Selectable> Serialize for SelectedFields<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for field in self.fields {
            map.serialize_entry(field.name, &field.of(self.row))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use stockstream_model::documents::{ClientRow, RiskRow, Winner};

    use super::*;

    fn fits<R: ListView>() {
        for field in R::FIELDS {
            let column = R::COLUMNS.iter().any(|column| column.field == field.name);
            assert!(column || R::KEY_FIELDS.contains(&field.name), "{} of {} has no column", field.name, R::NAME);
        }
        for column in R::COLUMNS {
            assert!(R::field(column.field).is_some(), "{} of {} is of no field", column.title, R::NAME);
        }
        for name in R::KEY_FIELDS.iter().chain(R::FILTERS.iter().map(|(name, _)| name)) {
            assert!(R::field(name).is_some(), "{name} of {} is no field", R::NAME);
        }
        assert_eq!(R::COLUMNS.iter().filter(|column| column.is_head()).count(), 1);
    }

    #[test]
    fn columns_and_filters_are_of_the_fields_there_are() {
        fits::<Winner>();
        fits::<RiskRow>();
        fits::<ClientRow>();
    }
}
