//! `/healthz`, `/readyz` and `/metrics`.

use std::{io, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use tokio::net::TcpListener;

use crate::{health::Health, metrics::Metrics};

/// Serves for ever.
pub(crate) async fn serve(listener: TcpListener, health: Arc<Health>, metrics: Arc<Metrics>) -> io::Result<()> {
    tracing::info!(address = %listener.local_addr()?, "health and metrics are served");
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(health)
        .merge(Router::new().route("/metrics", get(scrape)).with_state(metrics));
    axum::serve(listener, router).await
}

async fn healthz(State(health): State<Arc<Health>>) -> impl IntoResponse {
    answer(health.alive().map(|()| "ok"))
}

async fn readyz(State(health): State<Arc<Health>>) -> impl IntoResponse {
    answer(health.ready())
}

fn answer(state: Result<&str, impl std::fmt::Display>) -> (StatusCode, String) {
    match state {
        Ok(well) => (StatusCode::OK, format!("{well}\n")),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

async fn scrape(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], metrics.text())
}
