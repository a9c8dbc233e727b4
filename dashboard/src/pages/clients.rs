//! Clients and what they are worth.

use axum::{extract::State, response::Response};
use stockstream_model::{analytics::Tier, documents::ClientRow};
use stockstream_store::ViewStore;
use tracing::info;

use super::{
    PER_PAGE,
    list::{ListPage, Rows},
    parts::{Pager, Placeholder, beyond_the_end},
};
use crate::{
    Topics,
    app::App,
    failure::Failure,
    query::Parameters,
    shell::Shell,
    table::{Cell, Column, Table},
};

const PATH: &str = "/clients";

const COLUMNS: &[Column<ClientRow>] = &[
    Column::head("Client", |row| match &row.name {
        Some(name) if !name.is_empty() => Cell::text(name).with_below(&row.client_id),
        _ => Cell::text(&row.client_id),
    }),
    Column::text("Tier", |row| Cell::tag(row.loyalty_tier.name(), tone(row.loyalty_tier))),
    Column::number("Revenue", |row| Cell::decimal(row.total_revenue_generated)),
    Column::number("Invoices", |row| Cell::whole(row.invoices)),
    Column::text("Promotion", |row| if row.eligible_promo { Cell::tag("Eligible", "good") } else { Cell::nothing() }),
    Column::text("Last purchase", |row| row.last_purchase_date.map_or_else(Cell::nothing, Cell::time)),
    Column::text("Email", |row| Cell::maybe(row.email.as_deref())),
    Column::text("Phone", |row| Cell::maybe(row.phone.as_deref())),
];

const fn tone(tier: Tier) -> &'static str {
    match tier {
        Tier::Gold => "gold",
        Tier::Silver => "silver",
        Tier::Bronze => "bronze",
    }
}

pub(super) async fn show<S: ViewStore>(State(app): State<App<S>>, query: Parameters) -> Result<Response, Failure> {
    let page = app.ask(app.store.clients(query.paging(PER_PAGE)?)).await?;
    info!(view = "clients", page = page.page, rows = page.items.len(), "view selected");
    let rows = if let Some(placeholder) = beyond_the_end(PATH, &page) {
        Rows::None(placeholder)
    } else if page.items.is_empty() {
        Rows::None(empty(&app.options.topics))
    } else {
        let pager = Pager::new(PATH, &page, "client", "clients");
        Rows::Some(Table::new("clients", "Clients, greatest revenue first", COLUMNS, &page.items), Some(pager))
    };
    let lead = "Everybody who bought or has a record, greatest revenue first.".to_owned();
    ListPage { shell: Shell::of(&app.options, PATH), lead, notices: Vec::new(), rows, json: "/api/v1/clients" }.answer()
}

fn empty(topics: &Topics) -> Placeholder {
    let text = "A client appears with the first sale that carries a client_id, or with a record of its own. Produce \
                one of them:";
    Placeholder::new("No clients yet", text)
        .producing(vec![("sales", topics.sales.clone()), ("clients", topics.clients.clone())])
}
