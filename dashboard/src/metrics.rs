//! The dashboard's metrics, in Prometheus' text format.

use std::time::Instant;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// A route as the router spells it, so that nobody makes new ones by asking for them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoute {
    route: String,
}

/// How a request was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    method: &'static str,
    status: u16,
}

/// What became of a question to the database.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// All metrics; `stockstream_dashboard_` is added to every name.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    request_seconds: Family<OfRoute, Histogram>,
    database_seconds: Family<Outcome, Histogram>,
    database_away: Gauge,
    live_readers: Gauge,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("stockstream_dashboard");
        let requests = Family::default();
        registry.register("requests", "Requests answered, by route, method and status", requests.clone());
        let request_seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        let help = "Seconds until an answer begins, by route; of a live stream, until it stands";
        registry.register("request_seconds", help, request_seconds.clone());
        let database_seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        let help = "Seconds of a question to the database, by outcome";
        registry.register("database_seconds", help, database_seconds.clone());
        let (database_away, live_readers) = (Gauge::default(), Gauge::default());
        let help = "Whether the database did not answer when it was asked last";
        registry.register("database_away", help, database_away.clone());
        registry.register("live_readers", "Pages that are kept new", live_readers.clone());
        Self { registry, requests, request_seconds, database_seconds, database_away, live_readers }
    }
}

impl Metrics {
    /// Notes a question to the database.
    pub(crate) fn asked(&self, since: Instant, outcome: &'static str) {
        self.database_seconds.get_or_create(&Outcome { outcome }).observe(since.elapsed().as_secs_f64());
    }

    /// Notes how a request of a route was answered.
    pub(crate) fn answered(&self, since: Instant, route: String, method: &'static str, status: u16) {
        self.request_seconds.get_or_create(&OfRoute { route: route.clone() }).observe(since.elapsed().as_secs_f64());
        self.requests.get_or_create(&Answered { route, method, status }).inc();
    }

    /// All of them as text.
    pub(crate) fn text(&self, live_readers: usize, is_away: bool) -> String {
        self.live_readers.set(live_readers.try_into().unwrap_or(i64::MAX));
        self.database_away.set(is_away.into());
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
