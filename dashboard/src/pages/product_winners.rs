//! The ranking of products.

use axum::{extract::State, response::Response};
use stockstream_model::documents::{View, Winner};
use stockstream_store::ViewStore;
use tracing::info;

use super::{
    list::{ListPage, Rows},
    parts::{Notice, Placeholder, idle, product},
};
use crate::{
    Topics,
    app::App,
    failure::Failure,
    format::instant,
    overview::{Overview, state_of},
    shell::Shell,
    table::{Cell, Column, Table},
};

const PATH: &str = "/product-winners";

const COLUMNS: &[Column<Winner>] = &[
    Column::number("Rank", |row| Cell::whole(row.ranking)),
    Column::head("Product", |row| {
        product(row.product_name.as_deref(), &row.product_id, row.product_category.as_deref())
    }),
    Column::number("Score", |row| Cell::decimal(row.performance_score)),
    Column::number("Profit", |row| Cell::decimal(row.total_profit)),
    Column::number("Revenue", |row| Cell::decimal(row.total_revenue)),
    Column::number("Cost", |row| Cell::decimal(row.total_cost)),
    Column::number("Units sold", |row| Cell::whole(row.units_sold)),
    Column::number("Margin %", |row| Cell::maybe_decimal(row.average_profit_margin_pct)),
    Column::number("Units a day", |row| Cell::decimal(row.sales_velocity)),
    Column::number("Turnover", |row| Cell::maybe_decimal(row.stock_turnover)),
    Column::text("Last sale", |row| {
        let dead = if row.is_dead_stock { ", dead stock" } else { "" };
        Cell::day(row.last_sale_date.day()).with_below(&format!("{}{dead}", idle(row.days_in_stock)))
    }),
];

pub(super) async fn show<S: ViewStore>(State(app): State<App<S>>) -> Result<Response, Failure> {
    let (status, rows) = tokio::try_join!(app.ask(app.store.status()), app.ask(app.store.product_winners()))?;
    info!(view = "product_winners", rows = rows.len(), "view selected");
    let state = state_of(View::ProductWinners, &status.views);
    let notices = Notice::kept(&state, status.read_at).into_iter().collect();
    let mut lead = "The products with the highest performance score: profit and sales speed count for a product, idle \
                    days against it."
        .to_owned();
    if let Some(at) = state.published_at {
        lead = format!("{lead} Published {} UTC.", instant(at));
    }
    let rows = if rows.is_empty() {
        let overview = Overview::new(status);
        Rows::None(empty(&overview, state.why.as_deref(), &app.options.topics))
    } else {
        Rows::Some(Table::new("winners", "Product winners, best first", COLUMNS, &rows), None)
    };
    ListPage { shell: Shell::of(&app.options, PATH), lead, notices, rows, json: "/api/v1/product-winners" }.answer()
}

fn empty(overview: &Overview, why: Option<&str>, topics: &Topics) -> Placeholder {
    if !overview.has_events() {
        return Placeholder::no_events(topics);
    }
    let because = why.map(|why| format!(" What the worker says: {why}")).unwrap_or_default();
    let text = format!(
        "A product is ranked once it has a sale and its cost is known.{because} Produce what is missing, a record with \
         buy_price or sales with unit_cost:"
    );
    Placeholder::new("No product is ranked yet", &text)
        .producing(vec![("products and their stock", topics.inventory.clone()), ("sales", topics.sales.clone())])
}
