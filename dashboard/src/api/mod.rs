//! The JSON API, version 1: the same rows as the pages, for programs.

pub(crate) mod health;
pub(crate) mod live;
pub(crate) mod metrics;
pub(crate) mod openapi;

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use schemars::JsonSchema;
use serde::Serialize;
use stockstream_model::{
    Day, Timestamp,
    documents::{ClientRow, DailyRow, RejectedEvent, RiskRow, Winner},
    event::Reason,
};
use stockstream_store::{Page, RejectedSelect, ViewStore};
use tracing::debug;

use crate::{
    data::fingerprint::Part,
    data::{overview::Overview, state::AppState},
    error::HttpError,
    locale::format::excerpt,
    pages::{last_day, rejected_selection},
    request::query::{Parameters, PerPage},
    views::{ListQuery, ListView, SelectedFields},
};

pub(crate) const PER_PAGE: PerPage = PerPage { default: 500, max: 5_000 };
/// A payload may have a megabyte, and a page thousands of them.
const PAYLOAD_CHARS: usize = 4_096;

type Answer<T> = Result<Json<T>, HttpError>;

/// The routes below `/api/v1`.
pub(crate) fn routes<S: ViewStore>() -> Router<AppState<S>> {
    Router::new()
        .route("/api/v1/status", get(status))
        .route("/api/v1/product-winners", get(list::<S, Winner>))
        .route("/api/v1/loss-risk-products", get(list::<S, RiskRow>))
        .route("/api/v1/clients", get(list::<S, ClientRow>))
        .route("/api/v1/sales-daily", get(sales_daily))
        .route("/api/v1/rejected-events", get(rejected_events))
}

fn answer<T>(view: &'static str, page: Page<T>) -> Answer<Page<T>> {
    debug!(view, page = page.page, rows = page.items.len(), "view selected by a program");
    Ok(Json(page))
}

/// All rows as the one page that they are.
fn single<T>(items: Vec<T>) -> Page<T> {
    let total = items.len() as u64;
    Page { items, page: 1, per_page: total.max(1), total, searched: None }
}

async fn status<S: ViewStore>(State(app): State<AppState<S>>) -> Answer<Overview> {
    debug!(view = "status", "view selected by a program");
    Ok(Json(Overview::new(app.share(Part::Status, "", app.store.status()).await?)))
}

/// The rows of a view as JSON, each with the fields that are wanted: all of them unless columns are chosen.
async fn list<S: ViewStore, R: ListView>(
    State(app): State<AppState<S>>,
    query: Parameters,
) -> Result<Response, HttpError> {
    let selection = ListQuery::<R>::of(&query, PER_PAGE)?;
    let page = R::rows(&app, &selection.select).await?;
    debug!(view = R::NAME, page = page.page, rows = page.items.len(), "view selected by a program");
    let all = || R::FIELDS.iter().collect();
    let fields = selection.columns.unwrap_or_else(all);
    let Page { items, page, per_page, total, searched } = page;
    let items = items.iter().map(|row| SelectedFields { row, fields: &fields }).collect();
    Ok(Json(Page { items, page, per_page, total, searched }).into_response())
}

#[derive(Serialize)]
struct Sales {
    from: Day,
    to: Day,
    #[serde(flatten)]
    days: Page<DailyRow>,
}

async fn sales_daily<S: ViewStore>(State(app): State<AppState<S>>, query: Parameters) -> Answer<Sales> {
    let last = if query.says("to") { None } else { last_day(&app).await? };
    let (from, to) = query.days(last.unwrap_or_else(|| Timestamp::now().day()))?;
    let Json(days) =
        answer("sales_daily", single(app.share(Part::Sales, (from, to), app.store.sales_daily(from, to)).await?))?;
    Ok(Json(Sales { from, to, days }))
}

/// An event that broke its contract.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Rejected {
    id: String,
    topic: String,
    incarnation: i64,
    partition: i32,
    offset: i64,
    reason: Reason,
    path: String,
    message: String,
    payload: String,
    payload_cut: bool,
    produced_at: Option<Timestamp>,
    rejected_at: Timestamp,
}

impl From<RejectedEvent> for Rejected {
    fn from(event: RejectedEvent) -> Self {
        let (payload, payload_cut) = excerpt(&event.payload, PAYLOAD_CHARS);
        Self {
            id: event.id(),
            topic: event.topic,
            incarnation: event.incarnation,
            partition: event.partition,
            offset: event.offset,
            reason: event.reason,
            path: event.path,
            message: event.message,
            payload,
            payload_cut,
            produced_at: event.produced_at,
            rejected_at: event.rejected_at,
        }
    }
}

async fn rejected_events<S: ViewStore>(State(app): State<AppState<S>>, query: Parameters) -> Answer<Page<Rejected>> {
    let paging = query.paging(PER_PAGE)?;
    let select = RejectedSelect { paging, ..rejected_selection(&query.without_paging())? };
    answer("rejected_events", app.ask(app.store.rejected_events(select)).await?.map(Rejected::from))
}
