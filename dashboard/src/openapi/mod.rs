//! What the JSON API is like: told to programs as OpenAPI 3.1, and to people on a page where each question can be put.
//! Both are made from the fields, filters and types that the answers themselves are made from.

mod document;
mod operations;
mod page;

use axum::{Json, Router, extract::State, routing::get};
use serde_json::Value;
use stockstream_store::ViewStore;

use crate::app::App;

/// Where programs find it.
pub(crate) const PATH: &str = "/api/openapi.json";

/// The routes of the document and of the page.
pub(crate) fn routes<S: ViewStore>() -> Router<App<S>> {
    Router::new().route(PATH, get(show::<S>)).route(page::PATH, get(page::show))
}

async fn show<S: ViewStore>(State(app): State<App<S>>) -> Json<Value> {
    Json(document::document(&app.options.title))
}

#[cfg(test)]
mod tests;
