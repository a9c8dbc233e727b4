//! The state of the pipeline at a glance.

use askama::Template;
use axum::{extract::State, response::Response};
use stockstream_model::{
    Timestamp,
    settings::{Analytics, OnEmptyResult},
};
use stockstream_store::ViewStore;
use tracing::info;

use super::{
    parts::{Notice, Placeholder, Tile},
    status_tables,
};
use crate::{
    Options,
    app::App,
    failure::Failure,
    format::{ago, counted, day, decimal, instant, whole},
    live::Part,
    overview::Overview,
    query::Parameters,
    shell,
    shell::Shell,
    table::Table,
    words::{t, tf},
};

const PATH: &str = "/";
/// The interval that the page offers when it does not reload itself.
const OFFERED_REFRESH: u64 = 10;
/// The longest one, a day.
const MAX_REFRESH: u64 = 86_400;

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage {
    shell: Shell,
    read_at: String,
    offered_refresh: u64,
    notices: Vec<Notice>,
    placeholder: Option<Placeholder>,
    groups: Vec<(&'static str, Vec<Tile>)>,
    tables: Vec<Table>,
    /// The settings that hold.
    facts: Vec<(&'static str, String)>,
}

pub(super) async fn show<S: ViewStore>(
    State(app): State<App<S>>,
    shell: Shell,
    query: Parameters,
) -> Result<Response, Failure> {
    let refresh = match query.number("refresh", 0, MAX_REFRESH)? {
        Some(seconds) => Some(seconds),
        None => app.options.refresh.map(|every| every.as_secs().max(1)),
    };
    let status = app.share(Part::Status, "", app.store.status()).await?;
    let facts = status.settings.as_ref().map(settings).unwrap_or_default();
    let overview = Overview::new(status);
    info!(view = "status", "view selected");
    let shell = Shell { refresh: refresh.filter(|seconds| *seconds > 0), ..shell.at(PATH) };
    shell::page(&StatusPage {
        shell,
        read_at: instant(overview.freshness.read_at),
        offered_refresh: OFFERED_REFRESH,
        notices: notices(&overview, &app.options),
        placeholder: (!overview.has_events()).then(|| Placeholder::no_events(&app.options.topics)),
        groups: vec![
            ("Numbers", numbers(&overview)),
            ("Events", events(&overview)),
            ("Freshness", freshness(&overview)),
        ],
        tables: status_tables::all(&overview),
        facts,
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
    let age = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| ago(at, freshness.read_at));
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
    for worker in &overview.workers {
        notices.extend(worker.problems.iter().map(|problem| Notice {
            tone: "bad",
            title: format!("Worker {} has a problem", worker.worker),
            text: problem.clone(),
        }));
    }
    notices.extend(overview.views.iter().filter_map(|view| Notice::kept(view, overview.freshness.read_at)));
    notices
}
