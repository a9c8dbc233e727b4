//! `/healthz`, `/readyz`, `/metrics` and `/status`.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

use axum::{
    Json, Router,
    extract::{RawQuery, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use serde_json::{Value, json};
use stockstream_model::{Timestamp, settings::Settings};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{core::memory::Budget, partition_status::Told, state::WorkerState};

#[derive(Clone)]
struct Served {
    shared: Arc<WorkerState>,
    settings: Arc<Settings>,
    budget: Budget,
}

/// Serves until told to end.
pub(crate) async fn serve(
    listener: TcpListener,
    shared: Arc<WorkerState>,
    settings: Settings,
    budget: Budget,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let served = Served { shared, settings: Arc::new(settings), budget };
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .with_state(served);
    tracing::info!(address = %listener.local_addr()?, "health, metrics and status are served");
    // Not with a graceful drain: a scraper that keeps its connection open must not hold up the end.
    tokio::select! {
        served = axum::serve(listener, router).into_future() => served,
        () = shutdown.cancelled() => Ok(()),
    }
}

async fn healthz(State(served): State<Served>) -> impl IntoResponse {
    answer(served.shared.unhealthy(Timestamp::now()))
}

/// Plain, for the pods' readiness: a new version must be able to roll out over a partition that does not move.
/// `/readyz?progress` also asks whether every partition moves.
async fn readyz(State(served): State<Served>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let now = Timestamp::now();
    let asks_for_progress =
        query.is_some_and(|query| query.split('&').any(|part| part.split('=').next() == Some("progress")));
    answer(if asks_for_progress { served.shared.no_progress(now) } else { served.shared.not_ready(now) })
}

fn answer(trouble: Option<String>) -> (StatusCode, String) {
    match trouble {
        None => (StatusCode::OK, "ok\n".into()),
        Some(trouble) => (StatusCode::SERVICE_UNAVAILABLE, format!("{trouble}\n")),
    }
}

async fn metrics(State(served): State<Served>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], served.shared.metrics_text())
}

async fn status(State(Served { shared, settings, budget }): State<Served>) -> Json<Value> {
    let now = Timestamp::now();
    let partitions: Vec<Value> = shared.partitions.all().iter().map(partition).collect();
    let freshness = shared.freshness_ms.load(Ordering::Relaxed);
    Json(json!({
        "worker": shared.worker,
        "pipeline": settings.pipeline.name,
        "version": env!("CARGO_PKG_VERSION"),
        "started_at": shared.started_at,
        "ready": shared.not_ready(now).is_none(),
        "waiting_for": shared.not_ready(now),
        "publisher": shared.publisher.load(Ordering::Relaxed),
        "generation": shared.generation.load(Ordering::Relaxed),
        "events": shared.events.load(Ordering::Relaxed),
        "progress": shared.no_progress(now).is_none(),
        "freshness_ms": (freshness >= 0).then_some(freshness),
        "memory": {
            "limit_bytes": budget.limit,
            "batch_bytes": budget.memory,
            "fetched_ahead_bytes": budget.fetched_ahead,
        },
        "partitions": partitions,
        "problems": shared.problems.all(),
        "warnings": shared.problems.warnings(),
    }))
}

fn partition(told: &Told) -> Value {
    let Told { status, lag, is_stopped, lost } = told;
    json!({
        "id": status.id.to_string(),
        "next": status.next,
        "log_end": status.log_end,
        "lag": lag,
        "stopped": is_stopped,
        "lost": lost.ranges,
        "lost_offsets": lost.offsets,
    })
}
