//! The state of the pipeline at a glance.

use askama::Template;
use axum::{extract::State, response::Response};
use stockstream_model::{
    Timestamp,
    documents::{DatabaseServer, Deployment, PartitionId},
    settings::{Analytics, OnEmptyResult},
};
use stockstream_store::ViewStore;
use tracing::info;

use super::status_tables;
use crate::{
    Options,
    data::{fingerprint::Part, overview::Overview, state::AppState},
    error::HttpError,
    locale::{
        format::{counted, day, decimal, instant, relative_time, whole},
        translate::{key, t, tf},
    },
    request::query::Parameters,
    ui::{
        components::{EmptyState, Notice, Tile},
        layout::{self, Layout},
        table::Table,
    },
};

const PATH: &str = "/";
/// The interval that the page offers when it does not reload itself.
const OFFERED_REFRESH: u64 = 10;
/// The longest one, a day.
const MAX_REFRESH: u64 = 86_400;

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage {
    shell: Layout,
    read_at: String,
    offered_refresh: u64,
    notices: Vec<Notice>,
    placeholder: Option<EmptyState>,
    groups: Vec<(&'static str, Vec<Tile>)>,
    tables: Vec<Table>,
    /// What the database is, and the settings that hold.
    sections: Vec<(&'static str, Vec<(&'static str, String)>)>,
}

pub(super) async fn show<S: ViewStore>(
    State(app): State<AppState<S>>,
    shell: Layout,
    query: Parameters,
) -> Result<Response, HttpError> {
    let refresh = match query.number("refresh", 0, MAX_REFRESH)? {
        Some(seconds) => Some(seconds),
        None => app.options.refresh.map(|every| every.as_secs().max(1)),
    };
    let status = app.share(Part::Status, "", app.store.status()).await?;
    let of_server = status.server.as_ref().map(|server| (key("The database"), database(server)));
    let of_settings = status.settings.as_ref().map(|standing| (key("Settings in force"), settings(standing)));
    let overview = Overview::new(status);
    info!(view = "status", "view selected");
    let shell = Layout { refresh: refresh.filter(|seconds| *seconds > 0), ..shell.at(PATH) };
    layout::page(&StatusPage {
        shell,
        read_at: instant(overview.freshness.read_at),
        offered_refresh: OFFERED_REFRESH,
        notices: notices(&overview, &app.options),
        placeholder: (!overview.has_events()).then(|| EmptyState::no_events(&app.options.topics)),
        groups: vec![
            ("Numbers", numbers(&overview)),
            ("Events", events(&overview)),
            ("Freshness", freshness(&overview)),
        ],
        tables: status_tables::all(&overview),
        sections: of_server.into_iter().chain(of_settings).collect(),
    })
}

fn numbers(overview: &Overview) -> Vec<Tile> {
    let counts = &overview.counts;
    vec![
        Tile::new("Products", whole(counts.products), "known"),
        Tile::new("Winners", whole(counts.winners), "ranked products").link("/product-winners"),
        Tile::new("At risk", whole(counts.risks), "batches in stock").link("/loss-risk-products"),
        Tile::new("Clients", whole(counts.clients), "known").link("/clients"),
    ]
}

fn events(overview: &Overview) -> Vec<Tile> {
    let (events, lag) = (&overview.events, overview.lag());
    let untold = overview.partitions.iter().filter(|partition| partition.lag.is_none()).count() as i64;
    let lag_below = match lag {
        Some(_) => "events not applied yet".to_owned(),
        None if overview.partitions.is_empty() => "no partition is known yet".to_owned(),
        None => tf("no worker tells of {}", &[&counted(untold, "partition", "partitions")]),
    };
    let copies = Tile::new("Copies", whole(events.duplicates), "of invoices that had counted");
    [
        Some(Tile::new("Applied", whole(events.applied), "events since the beginning")),
        Some(Tile::new("Rejected", whole(events.rejected), "events since the beginning").link("/rejected-events")),
        Some(copies).filter(|_| events.duplicates > 0),
        Some(Tile::new("Rate", overview.rate().map_or_else(unknown, decimal), "events a second, all workers")),
        Some(Tile::new("Lag", lag.map_or_else(unknown, whole), lag_below)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn freshness(overview: &Overview) -> Vec<Tile> {
    let freshness = &overview.freshness;
    let age = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| relative_time(at, freshness.read_at));
    let time = |at: Option<Timestamp>| at.map_or_else(String::new, |at| format!("{} UTC", instant(at)));
    let slowest = overview.workers.iter().filter_map(|worker| worker.freshness_ms).max();
    vec![
        Tile::new("Events applied", age(freshness.last_checkpoint_at), time(freshness.last_checkpoint_at)),
        Tile::new("Views published", age(freshness.last_published_at), time(freshness.last_published_at)),
        Tile::new(
            "Produced to applied",
            slowest.map_or_else(unknown, |millis| format!("{} ms", whole(millis))),
            "in the last flush of the slowest worker",
        ),
        Tile::new(
            "Latest event",
            freshness.latest_event.map_or_else(|| "none".to_owned(), |at| day(at.day())),
            time(freshness.latest_event),
        ),
    ]
}

fn database(server: &DatabaseServer) -> Vec<(&'static str, String)> {
    let DatabaseServer { deployment, set, version, durable } = server;
    let deployment = match (deployment, set) {
        (Deployment::Memory, _) => t("in the memory of this process").to_string(),
        (Deployment::Standalone, _) => t("a server alone").to_string(),
        (Deployment::ReplicaSet, Some(set)) => tf("replica set {}", &[set]),
        (Deployment::ReplicaSet, None) => t("a replica set").to_string(),
        (Deployment::Sharded, _) => t("shards, behind mongos").to_string(),
    };
    let durable = match durable {
        Some(true) => t("yes").to_string(),
        Some(false) => t("no").to_string(),
        None => unknown(),
    };
    vec![
        (key("How it runs"), deployment),
        (key("Version"), version.clone().unwrap_or_else(unknown)),
        (key("What it acknowledged is on disk"), durable),
    ]
}

fn settings(settings: &Analytics) -> Vec<(&'static str, String)> {
    let Analytics { as_of, reevaluate_every, history_days, product_winners, loss_risk, clients } = settings;
    let days = |days: u32| counted(days.into(), "day", "days");
    let empty = |action| match action {
        OnEmptyResult::Keep => t("the result before stays").to_string(),
        OnEmptyResult::Clear => t("the view is cleared").to_string(),
    };
    let weights = &product_winners.weights;
    let idle = decimal(weights.idle_days.to_f64());
    vec![
        ("Days are counted to", as_of.to_string()),
        ("Views are evaluated without events every", reevaluate_every.to_string()),
        ("Sales by day of a product are kept for", days(*history_days)),
        ("Products ranked", whole(product_winners.limit)),
        ("Weight of profit", decimal(weights.profit.to_f64())),
        ("Weight of velocity", decimal(weights.velocity.to_f64())),
        ("Weight of idle days", format!("\u{2212}{idle}")),
        ("Dead stock without a sale for", days(product_winners.dead_after_days)),
        ("When nothing can be ranked", empty(product_winners.on_empty_result)),
        ("Expiring soon within", days(loss_risk.expiring_within_days)),
        ("At risk without movement for", days(loss_risk.idle_days)),
        ("When nothing is at risk", empty(loss_risk.on_empty_result)),
        ("Silver from", decimal(clients.silver.to_f64())),
        ("Gold from", decimal(clients.gold.to_f64())),
        ("Promotion above", decimal(clients.promo.to_f64())),
    ]
}

fn unknown() -> String {
    "unknown".into()
}

/// What the server does not promise.
fn about(server: &DatabaseServer) -> Option<Notice> {
    let (title, text) = match server {
        DatabaseServer { deployment: Deployment::Memory, .. } => return None,
        DatabaseServer { durable: Some(false), .. } => (
            t("The database keeps nothing on disk"),
            t(
                "After its restart everything is lost, and is counted again only as far as Kafka still has the events. Use \
               another storage engine.",
            ),
        ),
        DatabaseServer { deployment: Deployment::Standalone, .. } => (
            t("The database is a server alone"),
            t(
                "What it acknowledged is gone with its disk, and while it is away nobody takes over. Make it a replica set to \
               be safe from that.",
            ),
        ),
        _ => return None,
    };
    Some(Notice { tone: "warn", title: title.into(), text: text.into() })
}

fn notices(overview: &Overview, options: &Options) -> Vec<Notice> {
    let mut notices = Vec::new();
    if let Some(owner) = overview.pipeline.as_ref().filter(|owner| **owner != options.pipeline) {
        notices.push(Notice {
            tone: "bad",
            title: format!("This database belongs to pipeline {owner}"),
            text: format!("The dashboard is meant for pipeline {}: check mongodb.uri.", options.pipeline),
        });
    }
    if overview.pipeline.is_none() {
        notices.push(Notice {
            tone: "warn",
            title: t("No pipeline has written to this database yet").into(),
            text: t("The database answers, but no worker has ever claimed it. Check that mongodb.uri names the database \
                     of your pipeline, then start a worker with the command stockstream worker, or look at what kubectl \
                     describe analyticspipeline says.")
            .into(),
        });
    } else if overview.workers.is_empty() {
        notices.push(Notice {
            tone: "bad",
            title: "No worker gives a sign of life".into(),
            text: "New events wait in Kafka until one runs. Start one with the command stockstream worker, or look at the \
                   pods of the worker Deployment."
                .into(),
        });
    }
    notices.extend(overview.database.as_ref().and_then(about));
    for worker in &overview.workers {
        notices.extend(worker.problems.iter().map(|problem| Notice {
            tone: "bad",
            // A problem of a partition begins with its name.
            title: match problem.split(' ').next().filter(|name| PartitionId::from_text(name).is_some()) {
                Some(partition) => tf("Partition {} does not move", &[partition]),
                None => tf("Worker {} has a problem", &[&worker.worker]),
            },
            text: problem.clone(),
        }));
    }
    notices.extend(overview.views.iter().filter_map(|view| Notice::kept(view, overview.freshness.read_at)));
    notices
}
