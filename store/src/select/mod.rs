//! What a reader wants of a view: which rows, in which order, which part of them. What can be said is typed: fields are
//! those of the rows, and what a reader wrote is only ever a value.

mod access_path;
mod in_memory;
mod search;

use stockstream_model::{
    Timestamp,
    documents::{ClientRow, Field, Kind, RiskRow, Row, Winner},
};

pub use self::search::Search;
use crate::Paging;

/// How many rows a question looks at which no index answers, such as a search, an order by a field without one, or filters
/// of which none leaves fewer: the first ones in the view's own order. What lies behind is left out, and the page says so.
pub const MAX_SCAN: u64 = 20_000;
/// How many rows the figures of a view are counted over.
pub const COUNTED: u64 = 200_000;

/// What a reader wants of a view.
#[derive(Clone, Debug)]
pub struct Select<R: Row> {
    /// Words that must occur in the row's ids, names or category.
    pub search: Search,
    /// What must hold of the row; all of it.
    pub filters: Vec<Filter<R>>,
    /// The order; without one, the view's own.
    pub order: Option<Order<R>>,
    /// Which part.
    pub paging: Paging,
    /// Whether all rows are looked at, however many: for a file, which is to have all that match.
    pub whole: bool,
}

/// What must hold of a field.
#[derive(Clone, Debug)]
pub struct Filter<R: Row> {
    /// The field.
    pub field: &'static Field<R>,
    /// What must hold of it.
    pub test: Test,
}

/// What must hold of a value. Nothing passes no test.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It is one of these texts.
    OneOf(Vec<String>),
    /// It is that.
    Is(bool),
    /// It is a number from one to another, both included.
    Between(Option<f64>, Option<f64>),
    /// It is a time from one to another, both included.
    Within(Option<Timestamp>, Option<Timestamp>),
}

/// By which field rows are ordered. Equal ones are ordered by the view's key, so that no row changes its place between
/// two pages; the one direction is exactly the other turned round.
#[derive(Clone, Debug)]
pub struct Order<R: Row> {
    /// The field.
    pub field: &'static Field<R>,
    /// Whether the greatest comes first.
    pub descending: bool,
}

impl<R: Row> From<&Self> for Select<R> {
    fn from(select: &Self) -> Self {
        select.clone()
    }
}

impl<R: Row> From<Paging> for Select<R> {
    fn from(paging: Paging) -> Self {
        Self { search: Search::default(), filters: Vec::new(), order: None, paging, whole: false }
    }
}

impl<R: Selectable> Select<R> {
    /// The order that is meant, and whether it runs in the direction of the field that people want first.
    pub(crate) fn order(&self) -> (&'static Field<R>, bool) {
        let own = R::own_order();
        let order = self.order.as_ref().unwrap_or(&own);
        (order.field, order.descending == order.field.greatest_first)
    }
}

/// A row that a reader can select.
pub trait Selectable: Row {
    /// The fields that a search looks at.
    const SEARCHED: &'static [&'static str];
    /// The field of the view's own order, greatest first unless it is a rank.
    const OWN: &'static str;
    /// The field that names the row, whose order is that of the view's key.
    const KEY: &'static str;
    /// The other fields by which the database finds and orders rows without reading all.
    const INDEXED: &'static [&'static str];

    /// Orders rows by the view's key.
    fn by_key(&self, other: &Self) -> std::cmp::Ordering;

    /// The view's own order.
    fn own_order() -> Order<Self> {
        // The test below sees that there is one.
        let field = Self::field(Self::OWN).unwrap_or(&Self::FIELDS[0]);
        Order { field, descending: field.greatest_first }
    }

    /// Whether an index orders by that field.
    fn has_index(name: &str) -> bool {
        name == Self::OWN || name == Self::KEY || Self::INDEXED.contains(&name)
    }

    /// Whether that field holds a word of few, which is ordered by rank and not by letters.
    fn is_word(field: &Field<Self>) -> bool {
        matches!(field.kind, Kind::Word(_))
    }
}

impl Selectable for Winner {
    const SEARCHED: &'static [&'static str] = &["product_id", "product_name", "product_category"];
    const OWN: &'static str = "ranking";
    const KEY: &'static str = "ranking";
    const INDEXED: &'static [&'static str] = &[];

    /// A ranking is read whole, whatever is wanted of it.
    fn has_index(_: &str) -> bool {
        true
    }

    fn by_key(&self, other: &Self) -> std::cmp::Ordering {
        self.ranking.cmp(&other.ranking)
    }
}

impl Selectable for RiskRow {
    const SEARCHED: &'static [&'static str] = &["product_id", "product_name", "product_category", "batch_number"];
    const OWN: &'static str = "potential_loss_amount";
    const KEY: &'static str = "product_id";
    const INDEXED: &'static [&'static str] = &[
        "product_name",
        "product_category",
        "stock_quantity",
        "risk_category",
        "expiry_date",
        "days_since_last_movement",
    ];

    fn by_key(&self, other: &Self) -> std::cmp::Ordering {
        (&self.product_id, &self.batch_number).cmp(&(&other.product_id, &other.batch_number))
    }
}

impl Selectable for ClientRow {
    const SEARCHED: &'static [&'static str] = &["client_id", "name", "email"];
    const OWN: &'static str = "total_revenue_generated";
    const KEY: &'static str = "client_id";
    const INDEXED: &'static [&'static str] = &["name", "loyalty_tier", "invoices", "last_purchase_date"];

    fn by_key(&self, other: &Self) -> std::cmp::Ordering {
        self.client_id.cmp(&other.client_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_are_fields<R: Selectable>() {
        for name in R::SEARCHED.iter().chain([&R::OWN, &R::KEY]).chain(R::INDEXED) {
            assert!(R::field(name).is_some(), "{name}");
        }
    }

    #[test]
    fn every_name_is_that_of_a_field() {
        names_are_fields::<Winner>();
        names_are_fields::<RiskRow>();
        names_are_fields::<ClientRow>();
    }
}
