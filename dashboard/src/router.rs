//! All routes, and what every request passes.

use std::sync::Arc;

use axum::{
    Router,
    http::{Method, Uri},
    middleware::{from_fn, from_fn_with_state, map_response},
};
use stockstream_store::ViewStore;
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;

use crate::{
    Options,
    api::{self, health, live, metrics, openapi},
    data::state::AppState,
    entry,
    error::HttpError,
    export,
    middleware::{authorize, concurrency_limit, error_pages, etag, http_metrics, request_context, security_headers},
    pages,
    ui::{assets, layout::Layout},
};

/// The dashboard over a store.
pub fn router<S: ViewStore>(store: Arc<S>, options: Options) -> Router {
    let options = Arc::new(options);
    let (shell, hosts) = (Layout::bare(Arc::clone(&options)), security_headers::Hosts::new(&options.allowed_hosts));
    let access = Arc::clone(&options.access);
    let app = AppState::new(store, options);
    let (latest, measured) = (app.latest.clone(), Arc::clone(&app.metrics));
    routes(app)
        // The last one is passed first: a refused name gets a page and headers like everything else.
        .layer(from_fn_with_state(access, authorize::check))
        .layer(from_fn_with_state(hosts, security_headers::check_host))
        .layer(from_fn_with_state(shell, error_pages::render_error_page))
        .layer(map_response(security_headers::set_security_headers))
        .layer(from_fn_with_state(latest, request_context::attach_request_context))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(measured, http_metrics::measure))
}

/// The routes that ask the database for much.
fn database_routes<S: ViewStore>() -> Router<AppState<S>> {
    let api = api::routes().merge(openapi::routes()).layer(from_fn(etag::name));
    pages::routes().merge(api).merge(export::routes())
}

/// The routes alone. Each must be in the table of who may see what.
pub(crate) fn routes<S: ViewStore>(app: AppState<S>) -> Router {
    Router::new()
        .merge(
            database_routes::<S>().layer(from_fn_with_state(
                Arc::new(Semaphore::new(concurrency_limit::AT_ONCE)),
                concurrency_limit::limit,
            )),
        )
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(live::routes())
        .merge(assets::routes())
        .merge(pages::sign_in::routes())
        .merge(entry::routes(&app.options))
        .fallback(async |uri: Uri| HttpError::not_found(uri.path()))
        .method_not_allowed_fallback(async |method: Method, uri: Uri| HttpError::read_only(method.as_str(), uri.path()))
        .with_state(app)
}
