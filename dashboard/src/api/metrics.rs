//! The metrics as Prometheus scrapes them.

use axum::{
    Router,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::get,
};
use stockstream_store::ViewStore;

use crate::data::state::AppState;

/// Where they are scraped.
const PATH: &str = "/metrics";
const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The route of a scrape.
pub(crate) fn routes<S: ViewStore>() -> Router<AppState<S>> {
    Router::new().route(PATH, get(scrape::<S>))
}

async fn scrape<S: ViewStore>(State(app): State<AppState<S>>) -> Response {
    let text = app.metrics.text(app.latest.readers(), app.memory.is_away());
    ([(CONTENT_TYPE, KIND)], text).into_response()
}
