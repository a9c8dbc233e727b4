//! Files to take along: the rows that are selected, in their order, with the columns that are chosen.

mod csv;
mod file;
mod xlsx;

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use stockstream_model::{
    Timestamp,
    documents::{ClientRow, Field, RiskRow, Winner},
};
use stockstream_store::{Paging, ViewStore};
use tokio::sync::Semaphore;
use tracing::info;

use self::file::Made;
use crate::{
    data::state::AppState,
    error::HttpError,
    locale::{format::whole, translate::Message},
    request::query::{Parameters, PerPage},
    views::{ListQuery, ListView, SelectedFields},
};

/// The most rows of one file: what is held at once is bounded, and every program that opens such files manages them.
const MAX_ROWS: u64 = 100_000;
/// So many files are put together at a time; whoever comes next waits.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// The kinds of files: what the address ends with, what people call it, what it is.
const KINDS: [(&str, &str, Kind); 3] =
    [("csv", "CSV", Kind::Csv), ("json", "JSON", Kind::Json), ("xlsx", "Excel", Kind::Xlsx)];

#[derive(Clone, Copy)]
enum Kind {
    Csv,
    Json,
    Xlsx,
}

/// The routes below `/export`.
pub(crate) fn routes<S: ViewStore>() -> Router<AppState<S>> {
    Router::new()
        .route("/export/product-winners/{kind}", get(show::<S, Winner>))
        .route("/export/loss-risk-products/{kind}", get(show::<S, RiskRow>))
        .route("/export/clients/{kind}", get(show::<S, ClientRow>))
}

/// Where all that is selected is to be had as a file: what the kind is called, and the address.
pub(crate) fn links<R: ListView>(selection: &ListQuery<R>) -> Vec<(&'static str, String)> {
    let query = selection.address().query();
    let query = if query.is_empty() { query } else { format!("?{query}") };
    KINDS.map(|(kind, title, _)| (title, format!("/export{}/{kind}{query}", R::PATH))).into()
}

async fn show<S: ViewStore, R: ListView>(
    State(app): State<AppState<S>>,
    Path(name): Path<String>,
    query: Parameters,
) -> Result<Response, HttpError> {
    let Some((ending, _, kind)) = KINDS.into_iter().find(|(ending, _, _)| *ending == name) else {
        return Err(HttpError::not_found(&format!("/export{}/{name}", R::PATH)));
    };
    let selection = ListQuery::<R>::of(&query, PerPage { default: MAX_ROWS, max: MAX_ROWS })?;
    let mut select = selection.select.clone();
    select.paging = Paging { page: 1, per_page: MAX_ROWS };
    select.whole = true;
    let _turn = AT_ONCE.acquire().await.map_err(|closed| HttpError::internal(&closed))?;
    let page = R::rows(&app, &select).await?;
    if page.total > MAX_ROWS {
        let detail =
            Message::new("{} {} are too many for one file.", vec![whole(page.total).into(), R::NOUNS.1.into()]);
        let advice = "At most 100,000 rows go into one: search or filter the list first, or read the pages of the API.";
        return Err(HttpError::new(StatusCode::BAD_REQUEST, "Too many rows", detail, advice));
    }
    info!(view = R::NAME, kind = ending, query = selection.address().query(), rows = page.items.len(), "rows exported");
    let (rows, fields) = (page.items, selection.fields());
    // A hundred thousand rows take a moment, which others should not wait for.
    let made = tokio::task::spawn_blocking(move || write(kind, &rows, &fields)).await;
    let bytes = made.map_err(|failed| HttpError::internal(&failed))?.map_err(|failed| HttpError::internal(&*failed))?;
    let file = format!("{}-{}.{ending}", R::NAME, Timestamp::now().day());
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{file}\""));
    let disposition = disposition.map_err(|failed| HttpError::internal(&failed))?;
    let kind = HeaderValue::from_static(kind.media_type());
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)], bytes).into_response())
}

fn write<R: ListView>(kind: Kind, rows: &[R], fields: &[&'static Field<R>]) -> Made {
    match kind {
        Kind::Csv => csv::write(rows, fields),
        Kind::Json => {
            let rows: Vec<_> = rows.iter().map(|row| SelectedFields { row, fields }).collect();
            Ok(serde_json::to_vec(&rows)?)
        }
        Kind::Xlsx => xlsx::write(&format!("{} export", R::NAME), rows, fields),
    }
}

impl Kind {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}
