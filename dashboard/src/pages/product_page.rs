//! One product: all that the database has of it, and its score term by term.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use stockstream_model::{
    Day, Money, Timestamp,
    analytics::winner_row,
    documents::{DailyRow, DayTotals, InventoryState, ProductState, RiskRow, View, Winner},
    settings::{ProductWinners, Weights},
};
use stockstream_store::{ProductDetail, ViewStore};
use tracing::info;

use super::sales;
use crate::{
    data::{fingerprint::Part, overview::state_of, state::AppState},
    error::{HttpError, bad},
    locale::{
        format::{counted, decimal, escape_control, instant, maybe_decimal, named, percent, whole},
        translate::{Message, key, t, tf},
    },
    request::query::Parameters,
    ui::{
        chart::{Charts, fill_gaps},
        components::{Tile, idle},
        layout::{self, Layout},
        table::{Cell, Column, Table},
    },
    views::{expiry, risk_tone},
};

#[derive(Template)]
#[template(path = "product.html")]
struct ProductPage {
    shell: Layout,
    name: String,
    /// Why there is no score, if there is none.
    unranked: Option<&'static str>,
    tiles: Vec<Tile>,
    score: Option<Table>,
    facts: Vec<(&'static str, String)>,
    stock: Option<Table>,
    charts: Option<Charts>,
}

pub(super) async fn show<S: ViewStore>(
    State(app): State<AppState<S>>,
    shell: Layout,
    query: Parameters,
) -> Result<Response, HttpError> {
    let id = query.text("id").ok_or_else(|| bad("id", "", "the id of a product".into()))?;
    let (status, detail, winners) = tokio::try_join!(
        app.share(Part::Status, "", app.store.status()),
        app.ask(app.store.product(id)),
        app.share(Part::Winners, "", app.store.product_winners())
    )?;
    let Some(detail) = detail else {
        let detail = Message::new("No product has the id {}.", vec![escape_control(id).into()]);
        let advice = "Ids are compared letter by letter: look for the product in the lists.";
        return Err(HttpError::new(StatusCode::NOT_FOUND, "No such product", detail, advice));
    };
    info!(view = "product", "view selected");
    let as_of = state_of(View::ProductWinners, &status.views).as_of.unwrap_or_else(|| status.read_at.day());
    let ranking = winners.iter().find(|row| row.product_id == detail.product.product_id).map(|row| row.ranking);
    let weights = detail.weights.unwrap_or_default();
    let rules = ProductWinners { weights, ..ProductWinners::default() };
    let figures = winner_row(&detail.product, ranking.unwrap_or_default(), as_of, Timestamp::default(), &rules);
    let record = detail.product.record.as_ref();
    let name = named(record.and_then(|record| record.name.as_deref()), &detail.product.product_id);
    let stock = stock(&detail);
    layout::page(&ProductPage {
        shell: Layout { page: "Product", live: "products", ..shell.at("/product-winners") },
        name: escape_control(name),
        unranked: figures.is_none().then(|| unranked(&detail.product)),
        tiles: figures.as_ref().map(|row| tiles(row, ranking)).unwrap_or_default(),
        score: figures.as_ref().map(|row| score(row, &weights, as_of)),
        facts: facts(&detail.product),
        stock: (!stock.is_empty()).then(|| {
            Table::new("stock", counted(stock.len() as i64, "batch in stock", "batches in stock"), STOCK, &stock)
        }),
        charts: days(&detail.product),
    })
}

fn unranked(product: &ProductState) -> &'static str {
    if product.last_sale.is_none() {
        return key("It has no score: it was never sold.");
    }
    let record = product.record.as_ref();
    let known = |units: i64, price: Option<Money>| units == 0 || price.is_some();
    if known(product.unpriced, record.and_then(|record| record.sell_price))
        && known(product.uncosted, record.and_then(|record| record.buy_price))
    {
        return key("It has no score: returns deducted, its units or its revenue are not above zero.");
    }
    key(
        "It has no score: units of it were sold without a price or a cost, and no record of it states one. Produce a record \
         with buy_price and sell_price.",
    )
}

fn tiles(row: &Winner, ranking: Option<u32>) -> Vec<Tile> {
    let rank = ranking.map_or_else(|| "not among the winners".to_owned(), |rank| tf("rank {}", &[&whole(rank)]));
    vec![
        Tile::new("Score", decimal(row.performance_score), rank),
        Tile::new("Profit", decimal(row.total_profit), "revenue − cost"),
        Tile::new("Revenue", decimal(row.total_revenue), counted(row.units_sold, "unit", "units")),
        Tile::new("Cost", decimal(row.total_cost), "of what was sold"),
        Tile::new("Margin", percent(row.average_profit_margin_pct), "profit ÷ revenue"),
        Tile::new("Return", percent(row.average_roi_pct), "profit ÷ cost"),
        Tile::new("Units a day", decimal(row.sales_velocity), "from first to last sale"),
        Tile::new("Turnover", maybe_decimal(row.stock_turnover), "units ÷ mean stock"),
    ]
}

/// A term of the score.
struct Term {
    name: &'static str,
    meaning: String,
    value: Option<f64>,
    weight: Option<String>,
    part: f64,
}

const SCORE: &[Column<Term>] = &[
    Column::head("Term", |term: &Term| Cell::text(&t(term.name)).with_subtitle(&term.meaning)),
    Column::number("Value", |term| Cell::maybe_decimal(term.value)),
    Column::number("Weight", |term| Cell::maybe(term.weight.as_deref())),
    Column::number("Points", |term| Cell::decimal(term.part)),
];

fn score(row: &Winner, weights: &Weights, as_of: Day) -> Table {
    let term = |name, meaning: String, value: f64, weight: Money, sign: f64| Term {
        name,
        meaning,
        value: Some(value),
        weight: Some(if sign < 0.0 { format!("\u{2212}{weight}") } else { weight.to_string() }),
        part: sign * weight.to_f64() * value + 0.0,
    };
    let last = row.last_sale_date.day();
    let terms = [
        term("Profit", "revenue − cost".into(), row.total_profit, weights.profit, 1.0),
        term("Velocity", "units ÷ days from first to last sale".into(), row.sales_velocity, weights.velocity, 1.0),
        term(
            "Idle days",
            format!("from the last sale, {last}, to {as_of}"),
            row.days_in_stock as f64,
            weights.idle_days,
            -1.0,
        ),
        Term { name: "Score", meaning: "their sum".into(), value: None, weight: None, part: row.performance_score },
    ];
    Table::new("score", "How the score comes about", SCORE, &terms)
}

fn facts(product: &ProductState) -> Vec<(&'static str, String)> {
    let record = product.record.clone().unwrap_or_default();
    let text =
        |text: Option<String>| text.filter(|text| !text.is_empty()).map_or("none".into(), |text| escape_control(&text));
    let money = |amount: Option<Money>| amount.map_or("none".into(), |amount| amount.to_string());
    let time = |at: Option<Timestamp>| at.map_or("none".into(), instant);
    let mean = match product.stock_count {
        0 => "none".to_owned(),
        count => {
            format!("{} over {}", decimal(product.stock_sum as f64 / count as f64), counted(count, "record", "records"))
        }
    };
    vec![
        ("Product id", escape_control(&product.product_id)),
        ("Category", text(record.category)),
        ("Buy price", money(record.buy_price)),
        ("Sell price", money(record.sell_price)),
        ("Least margin", money(record.min_margin_threshold)),
        ("Latest record", time(product.version.map(|version| version.at))),
        ("Units sold", whole(product.units)),
        ("Units sold without a price", whole(product.unpriced)),
        ("Units sold without a cost", whole(product.uncosted)),
        ("First sale", time(product.first_sale)),
        ("Last sale", time(product.last_sale)),
        ("Mean stock", mean),
    ]
}

/// A batch, and what is at risk of it.
struct Batch {
    stock: InventoryState,
    risk: Option<RiskRow>,
}

fn stock(detail: &ProductDetail) -> Vec<Batch> {
    let batch = |stock: &InventoryState| Batch {
        stock: stock.clone(),
        risk: detail.risks.iter().find(|risk| risk.batch_number == stock.batch_number).cloned(),
    };
    detail.stock.iter().map(batch).collect()
}

const STOCK: &[Column<Batch>] = &[
    Column::head("Batch", |row| match row.stock.batch_number.as_deref() {
        Some(number) if !number.is_empty() => Cell::text(number),
        _ => Cell::text(&t("without a number")),
    }),
    Column::number("In stock", |row| Cell::whole(row.stock.quantity)),
    Column::text("Risk", |row| match &row.risk {
        Some(risk) => Cell::tag(risk.risk_category.name(), risk_tone(risk.risk_category)),
        None => Cell::nothing(),
    }),
    Column::number("Loss", |row| Cell::maybe_decimal(row.risk.as_ref().and_then(|risk| risk.potential_loss_amount))),
    Column::text("Expires", |row| match row.stock.expiry_date {
        Some(at) => {
            let left = row.risk.as_ref().and_then(|risk| risk.days_until_expiry);
            Cell::day(at.day()).with_subtitle(&left.map(expiry).unwrap_or_default())
        }
        None => Cell::nothing(),
    }),
    Column::text("Movement", |row| {
        let since = row.risk.as_ref().map(|risk| idle(risk.days_since_last_movement)).unwrap_or_default();
        Cell::day(row.stock.movement.day()).with_subtitle(&since)
    }),
    Column::number("Buy price", |row| Cell::maybe_decimal(row.stock.record.buy_price.map(Money::to_f64))),
    Column::number("Sell price", |row| Cell::maybe_decimal(row.stock.record.sell_price.map(Money::to_f64))),
];

/// Sales by day, those without sales too.
fn days(product: &ProductState) -> Option<Charts> {
    let row = |(day, totals): (&Day, &DayTotals)| DailyRow {
        day: *day,
        invoices: totals.invoices,
        units: totals.units,
        revenue: totals.revenue.to_f64(),
    };
    let rows: Vec<_> = product.days.iter().map(row).collect();
    let (first, last) = (rows.first()?.day, rows.last()?.day);
    Some(sales::charts(&fill_gaps(&rows, first, last)))
}
