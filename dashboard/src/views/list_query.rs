//! What an address says of a list, understood; and the addresses of what is next to it.

use stockstream_model::documents::{Field, Kind};
use stockstream_store::{
    Paging, Select,
    select::{Filter, Order, Search, Test},
};

use crate::{
    error::{BadParameter, bad},
    request::query::{Parameters, PerPage},
    ui::table::Column,
    views::{ListView, PageUrl},
};

/// The longest search, in characters: each costs.
pub(crate) const MAX_SEARCH: usize = 100;
/// The longest text of a filter, in characters.
pub(crate) const MAX_TEXT: usize = 500;
/// The most values of one filter.
pub(crate) const MAX_VALUES: usize = 50;

/// What an address says of a list.
#[derive(Clone, Debug)]
pub(crate) struct ListQuery<R: ListView> {
    pub(crate) select: Select<R>,
    /// The search as it was written.
    pub(crate) search: String,
    /// The columns that were chosen, if any were.
    pub(crate) columns: Option<Vec<&'static Field<R>>>,
}

impl<R: ListView> ListQuery<R> {
    /// Understands the parameters of an address.
    pub(crate) fn of(query: &Parameters, rows: PerPage) -> Result<Self, BadParameter> {
        let search = query.text("q").unwrap_or_default();
        if search.chars().count() > MAX_SEARCH || search.chars().any(char::is_control) {
            return Err(bad("q", search, format!("a text of at most {MAX_SEARCH} characters, all of them visible")));
        }
        let mut filters = Vec::new();
        for (name, _) in R::FILTERS {
            let Some(field) = R::field(name) else { continue };
            filters.extend(test(query, field)?.map(|test| Filter { field, test }));
        }
        let (search_for, order, paging) = (Search::new(search), order(query)?, query.paging(rows)?);
        let select = Select { search: search_for, filters, order, paging, whole: false };
        Ok(Self { select, search: search.to_owned(), columns: columns(query)? })
    }

    /// The same with nothing said that holds anyway: a form says all of it.
    pub(crate) fn normalized(mut self) -> Self {
        let own = R::own_order();
        let is_own = |order: &Order<R>| order.field.name == own.field.name && order.descending == own.descending;
        self.select.order = self.select.order.filter(|order| !is_own(order));
        if let Some(chosen) = &self.columns {
            let is_chosen = |column: &&Column<R>| chosen.iter().any(|field| field.name == column.field);
            let usual = R::COLUMNS.iter().filter(|column| !column.is_head());
            if usual.clone().all(|column| is_chosen(&column) != column.extra) {
                self.columns = None;
            }
        }
        self
    }

    /// Whether any row is left out by what was said.
    pub(crate) fn narrows(&self) -> bool {
        !self.select.search.is_empty() || !self.select.filters.is_empty()
    }

    /// By what rows are ordered.
    pub(crate) fn order(&self) -> Order<R> {
        self.select.order.clone().unwrap_or_else(R::own_order)
    }

    /// Whether that column is shown.
    pub(crate) fn shows(&self, field: &str) -> bool {
        match &self.columns {
            _ if R::KEY_FIELDS.contains(&field) => true,
            Some(chosen) => chosen.iter().any(|one| one.name == field),
            None => R::COLUMNS.iter().any(|column| column.field == field && !column.extra),
        }
    }

    /// The fields of the columns that are shown, in their order.
    pub(crate) fn fields(&self) -> Vec<&'static Field<R>> {
        let mut names = Vec::new();
        for column in R::COLUMNS {
            if column.is_head() {
                names.extend(R::KEY_FIELDS);
            } else if self.shows(column.field) {
                names.push(&column.field);
            }
        }
        names.into_iter().filter_map(|name| R::field(name)).collect()
    }

    /// The address of the first page of the same.
    pub(crate) fn address(&self) -> PageUrl {
        self.address_without(None)
    }

    /// The address of the same without the filter by a field.
    pub(crate) fn address_without(&self, field: Option<&str>) -> PageUrl {
        let mut address = PageUrl::new(R::PATH);
        if !self.search.is_empty() {
            address = address.with("q", &self.search);
        }
        for filter in self.select.filters.iter().filter(|filter| Some(filter.field.name) != field) {
            address = said(address, filter.field.name, &filter.test);
        }
        if let Some(order) = &self.select.order {
            address = address.with("sort", &sort(order));
        }
        self.arranged(address)
    }

    /// The address of the same with nothing left out.
    pub(crate) fn address_of_all(&self) -> PageUrl {
        let address = PageUrl::new(R::PATH);
        self.arranged(match &self.select.order {
            Some(order) => address.with("sort", &sort(order)),
            None => address,
        })
    }

    fn arranged(&self, address: PageUrl) -> PageUrl {
        let Some(chosen) = &self.columns else { return address };
        let names: Vec<_> = chosen.iter().map(|field| field.name).collect();
        address.with("columns", &names.join(","))
    }

    /// The address of the same in another order.
    pub(crate) fn address_by(&self, order: Order<R>) -> PageUrl {
        let select = Select { order: Some(order), ..self.select.clone() };
        let other = Self { select, ..self.clone() };
        other.address().with("per_page", &self.select.paging.per_page.to_string())
    }

    /// The address of another page of the same.
    pub(crate) fn address_of_page(&self, page: u64) -> PageUrl {
        let Paging { per_page, .. } = self.select.paging;
        self.address().with("page", &page.to_string()).with("per_page", &per_page.to_string())
    }
}

/// An order as an address says it.
pub(crate) fn sort<R: ListView>(order: &Order<R>) -> String {
    format!("{}{}", if order.descending { "-" } else { "" }, order.field.name)
}

fn order<R: ListView>(query: &Parameters) -> Result<Option<Order<R>>, BadParameter> {
    let Some(text) = query.text("sort") else { return Ok(None) };
    let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
    match R::field(name) {
        Some(field) => Ok(Some(Order { field, descending })),
        None => {
            Err(bad("sort", text, format!("one of these, with - before it for the greatest first: {}", names::<R>())))
        }
    }
}

/// Chosen in a form one by one, or in an address with commas between.
fn columns<R: ListView>(query: &Parameters) -> Result<Option<Vec<&'static Field<R>>>, BadParameter> {
    let mut chosen: Vec<&'static Field<R>> = Vec::new();
    for name in query.texts("columns").flat_map(|names| names.split(',')).filter(|name| !name.is_empty()) {
        let allowed = || format!("some of these, with commas between: {}", names::<R>());
        let field = R::field(name).ok_or_else(|| bad("columns", name, allowed()))?;
        if !chosen.iter().any(|one| one.name == field.name) {
            chosen.push(field);
        }
    }
    Ok((!chosen.is_empty()).then_some(chosen))
}

fn names<R: ListView>() -> String {
    R::FIELDS.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")
}

fn test<R: ListView>(query: &Parameters, field: &'static Field<R>) -> Result<Option<Test>, BadParameter> {
    let (min, max) = (format!("{}_min", field.name), format!("{}_max", field.name));
    match field.kind {
        Kind::Text | Kind::Word(_) => texts(query, field),
        Kind::Flag => match query.text(field.name) {
            None => Ok(None),
            Some("true") => Ok(Some(Test::Is(true))),
            Some("false") => Ok(Some(Test::Is(false))),
            Some(text) => Err(bad(field.name, text, "true or false".into())),
        },
        Kind::Whole | Kind::Number => {
            let (from, to) = (number(query, &min)?, number(query, &max)?);
            if let (Some(from), Some(to)) = (from, to)
                && from > to
            {
                return Err(bad(min, &from.to_string(), format!("a number up to {to}, which {max} says")));
            }
            Ok((from.is_some() || to.is_some()).then_some(Test::Between(from, to)))
        }
        Kind::Time => {
            let (from, to) = (query.day(&min)?, query.day(&max)?);
            if let (Some(from), Some(to)) = (from, to)
                && from > to
            {
                return Err(bad(min, &from.to_string(), format!("a day up to {to}, which {max} says")));
            }
            let last = to.map(|day| day.start().plus_millis(86_399_999));
            Ok((from.is_some() || to.is_some()).then_some(Test::Within(from.map(|day| day.start()), last)))
        }
    }
}

fn texts<R: ListView>(query: &Parameters, field: &'static Field<R>) -> Result<Option<Test>, BadParameter> {
    let texts: Vec<String> = query.texts(field.name).map(str::to_owned).collect();
    if texts.len() > MAX_VALUES {
        return Err(bad(field.name, &format!("{} texts", texts.len()), format!("at most {MAX_VALUES} texts")));
    }
    for text in &texts {
        match field.kind {
            Kind::Word(words) if !words.contains(&text.as_str()) => {
                return Err(bad(field.name, text, format!("one or more of {}", words.join(", "))));
            }
            _ if text.chars().count() > MAX_TEXT => {
                return Err(bad(field.name, text, format!("a text of at most {MAX_TEXT} characters")));
            }
            _ => {}
        }
    }
    Ok((!texts.is_empty()).then_some(Test::OneOf(texts)))
}

fn number(query: &Parameters, name: &str) -> Result<Option<f64>, BadParameter> {
    let Some(text) = query.text(name) else { return Ok(None) };
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Some(number)),
        _ => Err(bad(name.to_owned(), text, "a number such as 12.50".into())),
    }
}

fn said(mut address: PageUrl, name: &str, test: &Test) -> PageUrl {
    let (min, max) = (format!("{name}_min"), format!("{name}_max"));
    match test {
        Test::OneOf(texts) => texts.iter().fold(address, |address, text| address.with(name, text)),
        Test::Is(flag) => address.with(name, &flag.to_string()),
        Test::Between(from, to) => {
            for (name, bound) in [(min, from), (max, to)] {
                if let Some(bound) = bound {
                    address = address.with(&name, &bound.to_string());
                }
            }
            address
        }
        Test::Within(from, to) => {
            for (name, bound) in [(min, from), (max, to)] {
                if let Some(bound) = bound {
                    address = address.with(&name, &bound.day().to_string());
                }
            }
            address
        }
    }
}

#[cfg(test)]
#[path = "list_query_tests.rs"]
mod tests;
