//! Stock at risk.

use axum::{extract::State, response::Response};
use stockstream_model::documents::{RiskCategory, RiskRow, View};
use stockstream_store::ViewStore;
use tracing::info;

use super::{
    PER_PAGE,
    list::{ListPage, Rows},
    parts::{Notice, Pager, Placeholder, beyond_the_end, idle, product},
};
use crate::{
    Topics,
    app::App,
    failure::Failure,
    format::{counted, instant, whole},
    overview::{Overview, state_of},
    query::Parameters,
    shell::Shell,
    table::{Cell, Column, Table},
};

const PATH: &str = "/loss-risk-products";

const COLUMNS: &[Column<RiskRow>] = &[
    Column::head("Product", |row| {
        product(row.product_name.as_deref(), &row.product_id, row.product_category.as_deref())
    }),
    Column::text("Batch", |row| Cell::maybe(row.batch_number.as_deref())),
    Column::text("Risk", |row| Cell::tag(row.risk_category.name(), tone(row.risk_category))),
    Column::number("In stock", |row| Cell::whole(row.stock_quantity)),
    Column::number("Buy price", |row| Cell::maybe_decimal(row.purchase_price)),
    Column::number("Loss", |row| Cell::maybe_decimal(row.potential_loss_amount)),
    Column::number("Lost profit", |row| Cell::maybe_decimal(row.potential_profit_loss)),
    Column::text("Expires", |row| match row.expiry_date {
        Some(at) => Cell::day(at.day()).with_below(&row.days_until_expiry.map(expiry).unwrap_or_default()),
        None => Cell::nothing(),
    }),
    Column::text("Last movement", |row| {
        Cell::day(row.last_movement_date.day()).with_below(&idle(row.days_since_last_movement))
    }),
];

const fn tone(category: RiskCategory) -> &'static str {
    match category {
        RiskCategory::Expired => "bad",
        RiskCategory::ExpiringSoon => "warn",
        RiskCategory::DeadStock => "dull",
    }
}

fn expiry(days: i64) -> String {
    match days {
        0 => "last day".into(),
        1.. => format!("{} left", counted(days, "day", "days")),
        _ => format!("{} past", counted(days.saturating_neg(), "day", "days")),
    }
}

pub(super) async fn show<S: ViewStore>(State(app): State<App<S>>, query: Parameters) -> Result<Response, Failure> {
    let paging = query.paging(PER_PAGE)?;
    let (status, page) = tokio::try_join!(app.ask(app.store.status()), app.ask(app.store.loss_risk_products(paging)))?;
    info!(view = "loss_risk_products", page = page.page, rows = page.items.len(), "view selected");
    let state = state_of(View::LossRiskProducts, &status.views);
    let notices = Notice::kept(&state, status.read_at).into_iter().collect();
    let mut lead = "Stock that has expired, expires soon or does not move, greatest loss first.".to_owned();
    if let Some(at) = state.published_at {
        lead = format!("{lead} Published {} UTC.", instant(at));
    }
    let rows = if let Some(placeholder) = beyond_the_end(PATH, &page) {
        Rows::None(placeholder)
    } else if page.items.is_empty() {
        Rows::None(empty(&Overview::new(status), &app.options.topics))
    } else {
        let pager = Pager::new(PATH, &page, "batch", "batches");
        Rows::Some(Table::new("risks", "Stock at risk by product and batch", COLUMNS, &page.items), Some(pager))
    };
    ListPage { shell: Shell::of(&app.options, PATH), lead, notices, rows, json: "/api/v1/loss-risk-products" }.answer()
}

fn empty(overview: &Overview, topics: &Topics) -> Placeholder {
    if !overview.has_events() {
        return Placeholder::no_events(topics);
    }
    let text = format!(
        "Of {} known products, none has stock that expires soon or does not move. If that is a surprise, check that \
         the records of your stock, with quantity and expiry_date, arrive:",
        whole(overview.counts.products)
    );
    Placeholder::new("No stock is at risk", &text)
        .producing(vec![("products and their stock", topics.inventory.clone())])
}
