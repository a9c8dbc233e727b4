//! The page of a view: figures, search and filters, the table, where to take it along.

use askama::Template;
use axum::{extract::State, response::Response};
use stockstream_model::documents::ViewState;
use stockstream_store::{Page, Status, ViewStore, select::Order};
use tracing::info;

use super::{
    controls::{FilterForm, Input},
    list::PER_PAGE,
};
use crate::{
    data::{fingerprint::Part, overview::state_of, state::AppState},
    error::HttpError,
    export,
    locale::{
        format::{counted, instant, whole},
        translate::{t, tf},
    },
    request::query::Parameters,
    ui::{
        components::{EmptyState, Notice, Pager, Tile, page_out_of_range},
        layout::{self, Layout},
        table::{Column, Ordering, Table},
    },
    views::{Bars, ListQuery, ListResult, ListView},
};

#[derive(Template)]
#[template(path = "browse.html")]
struct ListPage {
    shell: Layout,
    lead: String,
    notices: Vec<Notice>,
    tiles: Vec<Tile>,
    charts: Vec<Bars>,
    controls: Option<FilterForm>,
    rows: Rows,
    /// Where the same is to be had as a file: the name of the kind, and the address.
    exports: Vec<(&'static str, String)>,
    json: String,
}

enum Rows {
    Some(Table, Pager),
    None(EmptyState),
}

pub(super) async fn show<S: ViewStore, R: ListView>(
    State(app): State<AppState<S>>,
    shell: Layout,
    query: Parameters,
) -> Result<Response, HttpError> {
    let selection = ListQuery::<R>::of(&query, PER_PAGE)?.normalized();
    let (status, found) =
        tokio::try_join!(app.share(Part::Status, "", app.store.status()), R::found(&app, &selection.select))?;
    let ListResult { page, figures, offers } = found;
    info!(
        view = R::NAME,
        query = selection.address().query(),
        page = page.page,
        rows = page.items.len(),
        "view selected"
    );
    let state = R::VIEW.map(|view| state_of(view, &status.views));
    let mut notices: Vec<_> = state.iter().filter_map(|state| Notice::kept(state, status.read_at)).collect();
    notices.extend(left_out::<R>(&page, figures.cut));
    let lead = lead::<R>(state.as_ref());
    let is_empty = page.total == 0 && !selection.narrows();
    let browse = ListPage {
        shell: shell.at(R::PATH),
        lead,
        notices,
        tiles: if is_empty { Vec::new() } else { figures.tiles },
        charts: if is_empty { Vec::new() } else { figures.bars },
        controls: (!is_empty).then(|| FilterForm::new(&selection, &offers)),
        exports: if page.total > 0 { export::links(&selection) } else { Vec::new() },
        json: format!("/api/v1{}", selection.address_of_page(page.page)),
        rows: rows(&app, &selection, &page, status),
    };
    layout::page(&browse)
}

fn lead<R: ListView>(state: Option<&ViewState>) -> String {
    match state.and_then(|state| state.published_at) {
        Some(at) => format!("{} {}", t(R::DESCRIPTION), tf("Published {} UTC.", &[&instant(at)])),
        None => t(R::DESCRIPTION).into(),
    }
}

/// What of the list, or of the figures alone, was not looked at.
fn left_out<R: ListView>(page: &Page<R>, figures_are_cut: bool) -> Option<Notice> {
    let order = t(R::DEFAULT_ORDER);
    if let Some(searched) = page.searched {
        let text = tf(
            "No index answers this question, so only the first {} rows were looked at, {}. A file has all that match; \
             and so has the list in the order of the column that it is filtered by.",
            &[&whole(searched), &order],
        );
        return Some(Notice::info("Not everything was looked at", &text));
    }
    let text = tf("There are more rows than the figures are counted over: they are of the first ones, {}.", &[&order]);
    figures_are_cut.then(|| Notice::info("The figures are of a part", &text))
}

fn rows<S: ViewStore, R: ListView>(
    app: &AppState<S>,
    selection: &ListQuery<R>,
    page: &Page<R>,
    status: Status,
) -> Rows {
    let address = |number| selection.address_of_page(number).to_string();
    if let Some(placeholder) = page_out_of_range(page, address) {
        return Rows::None(placeholder);
    }
    if page.items.is_empty() && selection.narrows() {
        let text = format!("No {} is as the search and the filters want it.", R::NOUNS.0);
        let all = selection.address_of_all().to_string();
        return Rows::None(EmptyState::new("Nothing matches", &text).link(all, "Clear search and filters"));
    }
    if page.items.is_empty() {
        return Rows::None(R::empty(status, &app.options.topics));
    }
    let columns: Vec<&Column<R>> =
        R::COLUMNS.iter().filter(|column| column.is_head() || selection.shows(column.field)).collect();
    let standing = selection.order();
    let order = |column: &Column<R>| {
        let field = R::field(column.field)?;
        let is_standing = standing.field.name == field.name;
        let descending = if is_standing { !standing.descending } else { field.greatest_first };
        let direction = if standing.descending { "descending" } else { "ascending" };
        Some(Ordering {
            link: selection.address_by(Order { field, descending }).to_string(),
            direction: is_standing.then_some(direction),
        })
    };
    let total = counted(i64::try_from(page.total).unwrap_or(i64::MAX), R::NOUNS.0, R::NOUNS.1);
    let caption = match selection.select.order {
        None => format!("{total}, {}", t(R::DEFAULT_ORDER)),
        Some(_) => total,
    };
    Rows::Some(Table::ordered("rows", caption, &columns, &page.items, order), Pager::new(page, address, R::NOUNS))
}
