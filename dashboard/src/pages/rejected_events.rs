//! Events that were refused, and why.

use axum::{extract::State, response::Response};
use stockstream_model::documents::RejectedEvent;
use stockstream_store::ViewStore;
use tracing::info;

use super::{
    PER_PAGE,
    list::{ListPage, Rows},
    parts::{Pager, Placeholder, beyond_the_end},
};
use crate::{
    app::App,
    failure::Failure,
    format::{counted, excerpt, whole},
    query::Parameters,
    shell::Shell,
    table::{Cell, Column, Table},
};

const PATH: &str = "/rejected-events";
/// Enough of a payload to know it again.
const PAYLOAD_CHARS: usize = 240;

const COLUMNS: &[Column<RejectedEvent>] = &[
    Column::head("Rejected", |row| Cell::time(row.rejected_at)),
    Column::text("Reason", |row| Cell::tag(row.reason.name(), "bad")),
    Column::text("Where", |row| {
        let place = format!("partition {}, offset {}", row.partition, whole(row.offset));
        let again = if row.incarnation > 0 { format!(", incarnation {}", row.incarnation) } else { String::new() };
        Cell::text(&row.topic).with_below(&format!("{place}{again}"))
    }),
    Column::wide("What is wrong", |row| {
        let field = if row.path.is_empty() { String::new() } else { format!("in {}", row.path) };
        Cell::text(&row.message).with_below(&field)
    }),
    Column::wide("Payload", |row| {
        let (text, more) = excerpt(&row.payload, PAYLOAD_CHARS);
        if text.is_empty() {
            return Cell::nothing();
        }
        let size = counted(i64::try_from(row.payload.len()).unwrap_or(i64::MAX), "byte", "bytes");
        Cell::code(&text).with_below(&if more { format!("\u{2026} {size} in all") } else { String::new() })
    }),
];

pub(super) async fn show<S: ViewStore>(
    State(app): State<App<S>>,
    shell: Shell,
    query: Parameters,
) -> Result<Response, Failure> {
    let address = |per_page: u64| move |page: u64| format!("{PATH}?page={page}&per_page={per_page}");
    let page = app.ask(app.store.rejected_events(query.paging(PER_PAGE)?)).await?;
    info!(view = "rejected_events", page = page.page, rows = page.items.len(), "view selected");
    let rows = if let Some(placeholder) = beyond_the_end(&page, address(page.per_page)) {
        Rows::None(placeholder)
    } else if page.items.is_empty() {
        Rows::None(empty())
    } else {
        let pager = Pager::new(&page, address(page.per_page), ("event", "events"));
        Rows::Some(Table::new("rejected", "Rejected events, latest first", COLUMNS, &page.items), Some(pager))
    };
    let lead =
        "Events that break their contract. They count in no number; mended and produced again, they do.".to_owned();
    ListPage { shell: shell.at(PATH), lead, notices: Vec::new(), rows, json: "/api/v1/rejected-events" }.answer()
}

fn empty() -> Placeholder {
    let text = "Every event that was read kept to its contract, or its rejection has expired. Nothing is to be done; \
                an event that breaks the contract will be listed here with what is wrong with it.";
    Placeholder::new("No rejected events", text).link("/".into(), "See how many were read")
}
