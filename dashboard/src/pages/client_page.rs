//! One client: what it is worth, and of what that is made.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use stockstream_store::{ClientDetail, ViewStore};
use tracing::info;

use crate::{
    data::state::AppState,
    error::{HttpError, bad},
    locale::{
        format::{counted, decimal, escape_control, instant, named, whole},
        translate::Message,
    },
    request::query::Parameters,
    ui::{
        components::Tile,
        layout::{self, Layout},
    },
};

#[derive(Template)]
#[template(path = "client.html")]
struct ClientPage {
    shell: Layout,
    name: String,
    tiles: Vec<Tile>,
    facts: Vec<(&'static str, String)>,
}

pub(super) async fn show<S: ViewStore>(
    State(app): State<AppState<S>>,
    shell: Layout,
    query: Parameters,
) -> Result<Response, HttpError> {
    let id = query.text("id").ok_or_else(|| bad("id", "", "the id of a client".into()))?;
    let Some(detail) = app.ask(app.store.client(id)).await? else {
        let detail = Message::new("No client has the id {}.", vec![escape_control(id).into()]);
        let advice = "Ids are compared letter by letter: look for the client in the list at /clients.";
        return Err(HttpError::new(StatusCode::NOT_FOUND, "No such client", detail, advice));
    };
    info!(view = "client", "view selected");
    let ClientDetail { row, before, invoiced, stated, recorded_at } = &detail;
    let each = |amount: f64| if row.invoices > 0 { decimal(amount / row.invoices as f64) } else { "none".into() };
    let text =
        |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map_or("none".into(), escape_control);
    let tier = match stated {
        Some(stated) => format!("the record says {} at least", stated.name()),
        None => "by revenue".into(),
    };
    let shell = Layout { page: "Client", ..shell.at("/clients") };
    layout::page(&ClientPage {
        shell,
        name: escape_control(named(row.name.as_deref(), &row.client_id)),
        tiles: vec![
            Tile::new("Revenue", decimal(row.total_revenue_generated), "in all"),
            Tile::new("Tier", row.loyalty_tier.name(), tier),
            Tile::new("Promotion", if row.eligible_promo { "eligible" } else { "not due" }, "by revenue"),
            Tile::new("Mean sale", each(invoiced.to_f64()), counted(row.invoices, "invoice", "invoices")),
        ],
        facts: vec![
            ("Client id", escape_control(&row.client_id)),
            ("Email", text(&row.email)),
            ("Phone", text(&row.phone)),
            ("Revenue of its invoices", decimal(invoiced.to_f64())),
            ("Revenue from before the pipeline", decimal(before.to_f64())),
            ("Invoices", whole(row.invoices)),
            ("Last purchase", row.last_purchase_date.map_or("none".into(), instant)),
            ("Latest record", recorded_at.map_or("none".into(), instant)),
        ],
    })
}
