//! What the JSON API is like: told to programs as OpenAPI 3.1, and to people on a page where each question can be put.
//! Both are made from the fields, filters and types that the answers themselves are made from.

mod document;
mod operations;
mod page;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderName, header},
    routing::get,
};
use stockstream_store::ViewStore;

use crate::data::state::AppState;

const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

/// The routes of the document and of the page.
pub(crate) fn routes<S: ViewStore>() -> Router<AppState<S>> {
    // It is the same as long as the process lives.
    let made = Arc::<OnceLock<Bytes>>::default();
    let show = async move |State(app): State<AppState<S>>| {
        let document = made.get_or_init(|| document::document(&app.options.title).to_string().into());
        (JSON, document.clone())
    };
    Router::new().route(page::DOCUMENT_PATH, get(show)).route(page::PATH, get(page::show))
}
