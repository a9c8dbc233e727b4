//! Probes: whether the process lives, and whether it can answer readers.

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use stockstream_store::ViewStore;

use crate::data::state::AppState;

const LIVE: &str = "/healthz";
const READY: &str = "/readyz";

/// Whether that is the path of a probe.
pub(crate) fn is_probe(path: &str) -> bool {
    path == LIVE || path == READY
}

/// The routes of the probes.
pub(crate) fn routes<S: ViewStore>() -> Router<AppState<S>> {
    Router::new().route(LIVE, get(async || "live\n")).route(READY, get(ready::<S>))
}

async fn ready<S: ViewStore>(State(app): State<AppState<S>>) -> Response {
    // The smallest of the views: a pointer and a handful of rows.
    match app.ask(app.store.product_winners()).await {
        Ok(_) => "ready\n".into_response(),
        // The cause is in the log; a probe is answered to anybody.
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "not ready: the database cannot be read\n").into_response(),
    }
}
