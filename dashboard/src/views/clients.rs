//! Clients and what they are worth.

use stockstream_model::{
    Money,
    analytics::Tier,
    documents::{ClientRow, View},
};
use stockstream_store::{ClientFigures, Page, Select, Status, TierShare, ViewStore};

use crate::{
    Topics,
    data::{fingerprint::Part, state::AppState},
    error::HttpError,
    locale::{
        format::{counted, decimal, maybe_decimal, whole},
        translate::{t, tf},
    },
    ui::{
        components::{EmptyState, Tile},
        table::{Cell, Column},
    },
    views::{Bar, Bars, Figures, ListResult, ListView, PageUrl},
};

impl ListView for ClientRow {
    const NAME: &'static str = "clients";
    const PATH: &'static str = "/clients";
    const DESCRIPTION: &'static str = "Everybody who bought or has a record.";
    const NOUNS: (&'static str, &'static str) = ("client", "clients");
    const SEARCH_HINT: &'static str = "Client id, name or email";
    const DEFAULT_ORDER: &'static str = "greatest revenue first";
    const VIEW: Option<View> = None;
    const KEY_FIELDS: &'static [&'static str] = &["client_id", "name"];
    const FILTERS: &'static [(&'static str, &'static str)] = &[
        ("loyalty_tier", "Tier"),
        ("eligible_promo", "Promotion"),
        ("total_revenue_generated", "Revenue"),
        ("invoices", "Invoices"),
        ("last_purchase_date", "Last purchase"),
    ];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::<Self>::head("Client", |row| {
            let link = PageUrl::new("/client").with("id", &row.client_id).to_string();
            match &row.name {
                Some(name) if !name.is_empty() => Cell::text(name).with_subtitle(&row.client_id),
                _ => Cell::text(&row.client_id),
            }
            .with_link(link)
        })
        .of("name"),
        Column::<Self>::text("Tier", |row| Cell::tag(row.loyalty_tier.name(), tone(row.loyalty_tier)))
            .of("loyalty_tier"),
        Column::<Self>::number("Revenue", |row| Cell::decimal(row.total_revenue_generated))
            .of("total_revenue_generated"),
        Column::<Self>::number("Invoices", |row| Cell::whole(row.invoices)).of("invoices"),
        Column::<Self>::text("Promotion", |row| {
            if row.eligible_promo { Cell::tag("Eligible", "good") } else { Cell::nothing() }
        })
        .of("eligible_promo"),
        Column::<Self>::text("Last purchase", |row| row.last_purchase_date.map_or_else(Cell::nothing, Cell::time))
            .of("last_purchase_date"),
        Column::<Self>::text("Email", |row| Cell::maybe(row.email.as_deref())).of("email"),
        Column::<Self>::text("Phone", |row| Cell::maybe(row.phone.as_deref())).of("phone"),
    ];

    async fn rows<S: ViewStore>(app: &AppState<S>, select: &Select<Self>) -> Result<Page<Self>, HttpError> {
        app.share_page(Part::Clients, select, app.store.clients(select)).await
    }

    async fn found<S: ViewStore>(app: &AppState<S>, select: &Select<Self>) -> Result<ListResult<Self>, HttpError> {
        let found = app.share_page(Part::Clients, select, app.store.clients_with_figures(select)).await;
        let (page, figures) = found?;
        let figures = Figures { tiles: tiles(&figures), bars: bars(&figures), cut: figures.cut };
        Ok(ListResult { page, figures, offers: Vec::new() })
    }

    fn empty(_: Status, topics: &Topics) -> EmptyState {
        let text = "A client appears with the first sale that carries a client_id, or with a record of its own. Produce \
                    one of them:";
        EmptyState::new("No clients yet", text)
            .producing(vec![("sales", topics.sales.clone()), ("clients", topics.clients.clone())])
    }
}

/// The tone of a tier, a class of the stylesheet.
const fn tone(tier: Tier) -> &'static str {
    match tier {
        Tier::Gold => "gold",
        Tier::Silver => "silver",
        Tier::Bronze => "bronze",
    }
}

fn tiles(figures: &ClientFigures) -> Vec<Tile> {
    let clients: u64 = figures.shares.iter().map(|share| share.clients).sum();
    let revenue: f64 = figures.shares.iter().map(|share| share.revenue).sum();
    let invoices: i64 = figures.shares.iter().map(|share| share.invoices).sum();
    let invoiced = figures.shares.iter().fold(0_i64, |sum, share| sum.saturating_add(share.invoiced.units()));
    let per = |amount: f64, count: f64| maybe_decimal((count > 0.0).then(|| amount / count));
    vec![
        Tile::new("Clients", whole(clients), "selected"),
        Tile::new("Revenue", decimal(revenue), "from before the pipeline too"),
        Tile::new("Mean per client", per(revenue, clients as f64), "revenue"),
        Tile::new(
            "Mean sale",
            per(Money::from_units(invoiced).to_f64(), invoices as f64),
            tf("per invoice, {}", &[&counted(invoices, "invoice", "invoices")]),
        ),
    ]
}

fn bars(figures: &ClientFigures) -> Vec<Bars> {
    let highest_first = || figures.shares.iter().rev();
    let bar = |share: &TierShare, size: f64, number: String| {
        Bar::new(t(share.tier.name()), size, number).toned(tone(share.tier))
    };
    let clients = |share: &TierShare| bar(share, share.clients as f64, whole(share.clients));
    let revenue = |share: &TierShare| {
        let each = match share.clients {
            0 => String::new(),
            clients => tf("{} each", &[&decimal(share.revenue / clients as f64)]),
        };
        bar(share, share.revenue, decimal(share.revenue)).with_subtitle(each)
    };
    vec![
        Bars::new("Clients by tier", highest_first().map(clients).collect()),
        Bars::new("Revenue by tier", highest_first().map(revenue).collect()),
    ]
}
