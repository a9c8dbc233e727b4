//! The ranking of products.

use std::collections::BTreeSet;

use stockstream_model::documents::{View, Winner};
use stockstream_store::{Page, Select, Status, ViewStore};

use crate::{
    Topics,
    data::{
        fingerprint::Part,
        overview::{Overview, state_of},
        state::AppState,
    },
    error::HttpError,
    locale::{
        format::{counted, decimal, maybe_decimal, named, percent, whole},
        translate::tf,
    },
    ui::{
        bars::mean,
        components::{EmptyState, Tile, idle, product},
        table::{Cell, Column},
    },
    views::{Bar, Bars, Figures, ListResult, ListView},
};

/// So many products have a bar.
const BARS: usize = 10;

impl ListView for Winner {
    const NAME: &'static str = "product-winners";
    const PATH: &'static str = "/product-winners";
    const DESCRIPTION: &'static str = "The products with the highest performance score: profit and sales speed count for a \
                                product, idle days against it.";
    const NOUNS: (&'static str, &'static str) = ("product", "products");
    const SEARCH_HINT: &'static str = "Product id, name or category";
    const DEFAULT_ORDER: &'static str = "best first";
    const VIEW: Option<View> = Some(View::ProductWinners);
    const KEY_FIELDS: &'static [&'static str] = &["product_id", "product_name", "product_category"];
    const FILTERS: &'static [(&'static str, &'static str)] = &[
        ("product_category", "Category"),
        ("is_dead_stock", "Dead stock"),
        ("total_profit", "Profit"),
        ("total_revenue", "Revenue"),
        ("average_profit_margin_pct", "Margin %"),
        ("sales_velocity", "Units a day"),
        ("days_in_stock", "Days since the last sale"),
    ];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::<Self>::number("Rank", |row| Cell::whole(row.ranking)).of("ranking"),
        Column::<Self>::head("Product", |row| {
            product(row.product_name.as_deref(), &row.product_id, row.product_category.as_deref())
        })
        .of("product_name"),
        Column::<Self>::number("Score", |row| Cell::decimal(row.performance_score)).of("performance_score"),
        Column::<Self>::number("Profit", |row| Cell::decimal(row.total_profit)).of("total_profit"),
        Column::<Self>::number("Revenue", |row| Cell::decimal(row.total_revenue)).of("total_revenue"),
        Column::<Self>::number("Cost", |row| Cell::decimal(row.total_cost)).of("total_cost"),
        Column::<Self>::number("Units sold", |row| Cell::whole(row.units_sold)).of("units_sold"),
        Column::<Self>::number("Margin %", |row| Cell::maybe_decimal(row.average_profit_margin_pct))
            .of("average_profit_margin_pct"),
        Column::<Self>::number("Return %", |row| Cell::maybe_decimal(row.average_roi_pct))
            .of("average_roi_pct")
            .extra(),
        Column::<Self>::number("Contribution %", |row| Cell::maybe_decimal(row.contribution_margin_pct))
            .of("contribution_margin_pct")
            .extra(),
        Column::<Self>::number("Units a day", |row| Cell::decimal(row.sales_velocity)).of("sales_velocity"),
        Column::<Self>::number("Turnover", |row| Cell::maybe_decimal(row.stock_turnover)).of("stock_turnover"),
        Column::<Self>::text("Last sale", |row| {
            let idle = idle(row.days_in_stock);
            let below = if row.is_dead_stock { tf("{}, dead stock", &[&idle]) } else { idle };
            Cell::day(row.last_sale_date.day()).with_subtitle(&below)
        })
        .of("last_sale_date"),
        Column::<Self>::number("Idle days", |row| Cell::whole(row.days_in_stock)).of("days_in_stock").extra(),
        Column::<Self>::text(
            "Dead stock",
            |row| if row.is_dead_stock { Cell::tag("Dead", "bad") } else { Cell::nothing() },
        )
        .of("is_dead_stock")
        .extra(),
        Column::<Self>::number("Sell price", |row| Cell::maybe_decimal(row.selling_price)).of("selling_price").extra(),
        Column::<Self>::number("Buy price", |row| Cell::maybe_decimal(row.purchase_price)).of("purchase_price").extra(),
        Column::<Self>::number("Least margin", |row| Cell::maybe_decimal(row.minimum_margin_threshold))
            .of("minimum_margin_threshold")
            .extra(),
        Column::<Self>::text("Computed", |row| Cell::time(row.analysis_timestamp)).of("analysis_timestamp").extra(),
        Column::<Self>::text("Source", |row| Cell::text(&row.analysis_source)).of("analysis_source").extra(),
    ];

    async fn rows<S: ViewStore>(app: &AppState<S>, select: &Select<Self>) -> Result<Page<Self>, HttpError> {
        Ok(select.pick(app.share(Part::Winners, "", app.store.product_winners()).await?))
    }

    async fn found<S: ViewStore>(app: &AppState<S>, select: &Select<Self>) -> Result<ListResult<Self>, HttpError> {
        let all = app.share(Part::Winners, "", app.store.product_winners()).await?;
        let categories: BTreeSet<_> = all.iter().filter_map(|row| row.product_category.clone()).collect();
        let (rows, searched) = select.matching(all);
        let tiles = tiles(&rows);
        let page = select.part_of(rows, searched);
        let figures = Figures { tiles, bars: bars(&page.items), cut: false };
        Ok(ListResult { page, figures, offers: categories.into_iter().collect() })
    }

    fn empty(status: Status, topics: &Topics) -> EmptyState {
        let why = state_of(View::ProductWinners, &status.views).why;
        if !Overview::new(status).has_events() {
            return EmptyState::no_events(topics);
        }
        let because = why.map(|why| format!(" What the worker says: {why}")).unwrap_or_default();
        let text = format!(
            "A product is ranked once it has a sale and its cost is known.{because} Produce what is missing, a record \
             with buy_price or sales with unit_cost:"
        );
        EmptyState::new("No product is ranked yet", &text)
            .producing(vec![("products and their stock", topics.inventory.clone()), ("sales", topics.sales.clone())])
    }
}

fn tiles(rows: &[Winner]) -> Vec<Tile> {
    let sum = |of: fn(&Winner) -> f64| rows.iter().map(of).sum::<f64>();
    let average = |of: fn(&Winner) -> Option<f64>| mean(rows.iter().filter_map(of));
    let (revenue, profit) = (sum(|row| row.total_revenue), sum(|row| row.total_profit));
    let best = rows.iter().min_by_key(|row| row.ranking);
    let dead = rows.iter().filter(|row| row.is_dead_stock).count();
    let of_all = if revenue > 0.0 {
        tf("{} of the revenue", &[&percent(Some(profit / revenue * 100.0))])
    } else {
        String::new()
    };
    vec![
        Tile::new("Revenue", decimal(revenue), counted(rows.len() as i64, "product", "products")),
        Tile::new("Cost", decimal(sum(|row| row.total_cost)), "of what was sold"),
        Tile::new("Profit", decimal(profit), of_all),
        Tile::new(
            "Mean margin",
            percent(average(|row| row.average_profit_margin_pct)),
            "profit ÷ revenue, per product",
        ),
        Tile::new("Mean return", percent(average(|row| row.average_roi_pct)), "profit ÷ cost, per product"),
        Tile::new("Mean velocity", maybe_decimal(average(|row| Some(row.sales_velocity))), "units a day, per product"),
        match best {
            Some(row) => Tile::new(
                "Top performer",
                named(row.product_name.as_deref(), &row.product_id),
                tf("rank {}, score {}", &[&whole(row.ranking), &decimal(row.performance_score)]),
            )
            .textual(),
            None => Tile::new("Top performer", "none", ""),
        },
        Tile::new("Dead stock", whole(dead as i64), "of these products, by their last sale"),
    ]
}

fn bars(rows: &[Winner]) -> Vec<Bars> {
    let bar = |row: &Winner, size, number| Bar::new(named(row.product_name.as_deref(), &row.product_id), size, number);
    let rows = &rows[..rows.len().min(BARS)];
    if rows.is_empty() {
        return Vec::new();
    }
    let profit = |row: &Winner| bar(row, row.total_profit, decimal(row.total_profit));
    let margin = |row: &Winner| {
        let margin = row.average_profit_margin_pct;
        bar(row, margin.unwrap_or_default(), percent(margin))
    };
    vec![
        Bars::new("Profit of the first products listed", rows.iter().map(profit).collect()),
        Bars::new("Margin of the first products listed", rows.iter().map(margin).collect()),
    ]
}
