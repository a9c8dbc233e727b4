//! What a reader can say of a list: a form that says it in the address.

use stockstream_model::documents::{Field, Kind};
use stockstream_store::select::Test;

use crate::{
    locale::{
        format::{day, escape_control},
        translate::{t, tf},
    },
    views::{ListQuery, ListView, sort},
};

/// The page sizes that are offered.
const SIZES: [u64; 5] = [10, 25, 50, 100, 500];

/// The form of a list.
pub(super) struct FilterForm {
    pub(super) action: &'static str,
    pub(super) search: String,
    pub(super) hint: &'static str,
    pub(super) filters: Vec<FilterField>,
    /// What is filtered by, in words, and where it is not.
    pub(super) standing: Vec<(String, String)>,
    /// Where nothing is left out.
    pub(super) all: Option<String>,
    /// How rows can be ordered: what the address says, what it means, whether it stands.
    pub(super) orders: Vec<(String, String, bool)>,
    pub(super) sizes: Vec<(u64, bool)>,
    /// The columns: field, title, whether shown.
    pub(super) columns: Vec<(&'static str, &'static str, bool)>,
    /// Whether the columns were chosen.
    pub(super) chosen: bool,
}

/// A filter in the form.
pub(super) struct FilterField {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) input: Input,
}

/// What is said of a filter.
pub(super) enum Input {
    /// Some words of few: each, and whether it is wanted.
    Words(Vec<(&'static str, bool)>),
    /// Yes, no, or nothing.
    Flag(Option<bool>),
    /// Texts that are wanted, and texts that are offered.
    Texts(Vec<String>, Vec<String>),
    /// From one to another; the kind of input.
    Range(&'static str, String, String),
}

impl FilterForm {
    pub(super) fn new<R: ListView>(selection: &ListQuery<R>, offers: &[String]) -> Self {
        let order = selection.order();
        let standing = R::FILTERS.iter().filter_map(|(name, title)| {
            let filter = selection.select.filters.iter().find(|filter| filter.field.name == *name)?;
            Some((
                format!("{}: {}", t(title), in_words(&filter.test)),
                selection.address_without(Some(name)).to_string(),
            ))
        });
        let mut orders = Vec::new();
        for column in R::COLUMNS.iter().filter(|column| column.is_head() || selection.shows(column.field)) {
            let Some(field) = R::field(column.field) else { continue };
            for descending in [field.greatest_first, !field.greatest_first] {
                let way = stockstream_store::select::Order { field, descending };
                let stands = order.field.name == field.name && order.descending == descending;
                orders.push((
                    sort(&way),
                    format!("{}, {}", t(column.title), t(in_order(field.kind, descending))),
                    stands,
                ));
            }
        }
        if !orders.iter().any(|(_, _, stands)| *stands) {
            // By a column that is not shown.
            orders.insert(0, (sort(&order), format!("By {}", order.field.name), true));
        }
        let per_page = selection.select.paging.per_page;
        let mut sizes: Vec<_> = SIZES.iter().map(|size| (*size, *size == per_page)).collect();
        if !SIZES.contains(&per_page) {
            sizes.push((per_page, true));
            sizes.sort_unstable();
        }
        let column = |column: &crate::ui::table::Column<R>| (column.field, column.title, selection.shows(column.field));
        Self {
            action: R::PATH,
            search: selection.search.clone(),
            hint: R::SEARCH_HINT,
            filters: R::FILTERS.iter().filter_map(|(name, title)| field(selection, name, title, offers)).collect(),
            standing: standing.collect(),
            all: selection.narrows().then(|| selection.address_of_all().to_string()),
            orders,
            sizes,
            columns: R::COLUMNS.iter().filter(|column| !column.is_head()).map(column).collect(),
            chosen: selection.columns.is_some(),
        }
    }
}

fn field<R: ListView>(
    selection: &ListQuery<R>,
    name: &'static str,
    title: &'static str,
    offers: &[String],
) -> Option<FilterField> {
    let field: &Field<R> = R::field(name)?;
    let test = selection.select.filters.iter().find(|filter| filter.field.name == name).map(|filter| &filter.test);
    let texts = match test {
        Some(Test::OneOf(texts)) => texts.clone(),
        _ => Vec::new(),
    };
    let text = |bound: Option<String>| bound.unwrap_or_default();
    let input = match (field.kind, test) {
        (Kind::Word(words), _) => {
            Input::Words(words.iter().map(|word| (*word, texts.iter().any(|text| text == word))).collect())
        }
        (Kind::Text, _) => Input::Texts(if texts.is_empty() { vec![String::new()] } else { texts }, offers.to_vec()),
        (Kind::Flag, Some(Test::Is(flag))) => Input::Flag(Some(*flag)),
        (Kind::Flag, _) => Input::Flag(None),
        (Kind::Whole | Kind::Number, Some(Test::Between(min, max))) => {
            Input::Range("number", text(min.map(|min| min.to_string())), text(max.map(|max| max.to_string())))
        }
        (Kind::Whole | Kind::Number, _) => Input::Range("number", String::new(), String::new()),
        (Kind::Time, Some(Test::Within(from, to))) => {
            let day = |at: &stockstream_model::Timestamp| at.day().to_string();
            Input::Range("date", text(from.as_ref().map(day)), text(to.as_ref().map(day)))
        }
        (Kind::Time, _) => Input::Range("date", String::new(), String::new()),
    };
    Some(FilterField { name, title, input })
}

fn in_words(test: &Test) -> String {
    let range = |from: Option<String>, to: Option<String>| match (from, to) {
        (Some(from), Some(to)) => tf("{} to {}", &[&from, &to]),
        (Some(from), None) => tf("from {}", &[&from]),
        (None, Some(to)) => tf("up to {}", &[&to]),
        (None, None) => "any".into(),
    };
    match test {
        Test::OneOf(texts) => {
            escape_control(&texts.iter().map(|text| t(text)).collect::<Vec<_>>().join(&format!(" {} ", t("or"))))
        }
        Test::Is(true) => t("yes").into(),
        Test::Is(false) => t("no").into(),
        Test::Between(min, max) => range(min.map(|min| min.to_string()), max.map(|max| max.to_string())),
        Test::Within(from, to) => range(from.map(|at| day(at.day())), to.map(|at| day(at.day()))),
    }
}

const fn in_order(kind: Kind, descending: bool) -> &'static str {
    match (kind, descending) {
        (Kind::Text, false) => "A to Z",
        (Kind::Text, true) => "Z to A",
        (Kind::Time, false) => "earliest first",
        (Kind::Time, true) => "latest first",
        (Kind::Flag, false) => "no first",
        (Kind::Flag, true) => "yes first",
        (Kind::Word(_), false) => "in order",
        (Kind::Word(_), true) => "in reverse order",
        (Kind::Whole | Kind::Number, false) => "smallest first",
        (Kind::Whole | Kind::Number, true) => "greatest first",
    }
}
