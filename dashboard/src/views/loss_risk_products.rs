//! Stock at risk.

use stockstream_model::documents::{RiskCategory, RiskRow, View};
use stockstream_store::{Page, RiskFigures, RiskShare, Select, Status, ViewStore};

use crate::{
    Topics,
    data::{fingerprint::Part, overview::Overview, state::AppState},
    error::HttpError,
    locale::{
        format::{counted, decimal, maybe_decimal, whole},
        translate::{t, tf},
    },
    ui::{
        components::{EmptyState, Tile, idle, product},
        table::{Cell, Column},
    },
    views::{Bar, Bars, Figures, ListResult, ListView},
};

impl ListView for RiskRow {
    const NAME: &'static str = "loss-risk-products";
    const PATH: &'static str = "/loss-risk-products";
    const DESCRIPTION: &'static str = "Stock that has expired, expires soon or does not move.";
    const NOUNS: (&'static str, &'static str) = ("batch", "batches");
    const SEARCH_HINT: &'static str = "Product id, name, category or batch";
    const DEFAULT_ORDER: &'static str = "greatest loss first";
    const VIEW: Option<View> = Some(View::LossRiskProducts);
    const KEY_FIELDS: &'static [&'static str] = &["product_id", "product_name", "product_category"];
    const FILTERS: &'static [(&'static str, &'static str)] = &[
        ("risk_category", "Risk"),
        ("product_category", "Category"),
        ("potential_loss_amount", "Loss"),
        ("stock_quantity", "In stock"),
        ("expiry_date", "Expires"),
        ("days_since_last_movement", "Idle days"),
    ];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::<Self>::head("Product", |row| {
            product(row.product_name.as_deref(), &row.product_id, row.product_category.as_deref())
        })
        .of("product_name"),
        Column::<Self>::text("Batch", |row| Cell::maybe(row.batch_number.as_deref())).of("batch_number"),
        Column::<Self>::text("Risk", |row| Cell::tag(row.risk_category.name(), tone(row.risk_category)))
            .of("risk_category"),
        Column::<Self>::number("In stock", |row| Cell::whole(row.stock_quantity)).of("stock_quantity"),
        Column::<Self>::number("Buy price", |row| Cell::maybe_decimal(row.purchase_price)).of("purchase_price"),
        Column::<Self>::number("Sell price", |row| Cell::maybe_decimal(row.selling_price)).of("selling_price").extra(),
        Column::<Self>::number("Loss", |row| Cell::maybe_decimal(row.potential_loss_amount))
            .of("potential_loss_amount"),
        Column::<Self>::number("Lost profit", |row| Cell::maybe_decimal(row.potential_profit_loss))
            .of("potential_profit_loss"),
        Column::<Self>::text("Expires", |row| match row.expiry_date {
            Some(at) => Cell::day(at.day()).with_subtitle(&row.days_until_expiry.map(expiry).unwrap_or_default()),
            None => Cell::nothing(),
        })
        .of("expiry_date"),
        Column::<Self>::number("Days left", |row| row.days_until_expiry.map_or_else(Cell::nothing, Cell::whole))
            .of("days_until_expiry")
            .extra(),
        Column::<Self>::text("Last movement", |row| {
            Cell::day(row.last_movement_date.day()).with_subtitle(&idle(row.days_since_last_movement))
        })
        .of("last_movement_date"),
        Column::<Self>::number("Idle days", |row| Cell::whole(row.days_since_last_movement))
            .of("days_since_last_movement")
            .extra(),
        Column::<Self>::text("Computed", |row| Cell::time(row.analysis_timestamp)).of("analysis_timestamp").extra(),
        Column::<Self>::text("Source", |row| Cell::text(&row.analysis_source)).of("analysis_source").extra(),
    ];

    async fn rows<S: ViewStore>(app: &AppState<S>, select: &Select<Self>) -> Result<Page<Self>, HttpError> {
        app.share_page(Part::Risks, select, app.store.loss_risk_products(select)).await
    }

    async fn found<S: ViewStore>(app: &AppState<S>, select: &Select<Self>) -> Result<ListResult<Self>, HttpError> {
        let ((page, figures), offers) = tokio::try_join!(
            app.share_page(Part::Risks, select, app.store.risks_with_figures(select)),
            app.share(Part::Risks, "", app.store.risk_categories())
        )?;
        let figures = Figures { tiles: tiles(&figures), bars: bars(&figures), cut: figures.cut };
        Ok(ListResult { page, figures, offers })
    }

    fn empty(status: Status, topics: &Topics) -> EmptyState {
        let overview = Overview::new(status);
        if !overview.has_events() {
            return EmptyState::no_events(topics);
        }
        let text = format!(
            "Of {} known products, none has stock that expires soon or does not move. If that is a surprise, check that \
             the records of your stock, with quantity and expiry_date, arrive:",
            whole(overview.counts.products)
        );
        EmptyState::new("No stock is at risk", &text)
            .producing(vec![("products and their stock", topics.inventory.clone())])
    }
}

/// The tone of a category, a class of the stylesheet.
pub(crate) const fn tone(category: RiskCategory) -> &'static str {
    match category {
        RiskCategory::Expired => "bad",
        RiskCategory::ExpiringSoon => "warn",
        RiskCategory::DeadStock => "dull",
    }
}

/// How many days are left.
pub(crate) fn expiry(days: i64) -> String {
    match days {
        0 => t("last day").into(),
        1.. => tf("{} left", &[&counted(days, "day", "days")]),
        _ => tf("{} past", &[&counted(days.saturating_neg(), "day", "days")]),
    }
}

fn tiles(figures: &RiskFigures) -> Vec<Tile> {
    let sum = |of: fn(&RiskShare) -> u64| figures.shares.iter().map(of).sum::<u64>();
    let (rows, valued) = (sum(|share| share.rows), sum(|share| share.valued));
    let loss: f64 = figures.shares.iter().map(|share| share.loss).sum();
    let mean = maybe_decimal((valued > 0).then(|| loss / valued as f64));
    let expired = figures.shares.iter().find(|share| share.category == RiskCategory::Expired);
    vec![
        Tile::new("Potential loss", decimal(loss), "quantity × buy price"),
        Tile::new("Mean loss", mean, "per batch whose buy price is known"),
        Tile::new(
            "At risk",
            whole(rows),
            match rows - valued {
                0 => "batches in stock".to_owned(),
                unknown => tf("batches, {} without a buy price", &[&whole(unknown)]),
            },
        ),
        Tile::new("Already expired", decimal(expired.map_or(0.0, |share| share.loss)), "of the potential loss"),
    ]
}

fn bars(figures: &RiskFigures) -> Vec<Bars> {
    let bar = |size: fn(&RiskShare) -> (f64, String)| {
        let bar = |share: &RiskShare| {
            let (size, number) = size(share);
            Bar::new(t(share.category.name()), size, number).toned(tone(share.category))
        };
        figures.shares.iter().map(bar).collect()
    };
    vec![
        Bars::new("Potential loss by category", bar(|share| (share.loss, decimal(share.loss)))),
        Bars::new("Batches by category", bar(|share| (share.rows as f64, whole(share.rows)))),
    ]
}
