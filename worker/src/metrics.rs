//! The worker's metrics, in Prometheus' text format.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// A rejection's labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Refusal {
    pub stream: &'static str,
    pub reason: &'static str,
}

/// A stream's label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfStream {
    pub stream: &'static str,
}

/// A partition's labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfPartition {
    pub stream: &'static str,
    pub partition: i32,
}

/// A stage of a flush, or what became of a view.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Stage {
    pub stage: &'static str,
}

/// What became of a view.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Outcome {
    pub view: &'static str,
    pub outcome: &'static str,
}

type Float = Gauge<f64, AtomicU64>;

/// All metrics; `stockstream_` is added to every name.
pub(crate) struct Metrics {
    registry: Registry,
    pub events: Family<OfStream, Counter>,
    pub rejected: Family<Refusal, Counter>,
    pub duplicates: Counter,
    pub batch_events: Histogram,
    pub batch_keys: Histogram,
    pub flush_seconds: Family<Stage, Histogram>,
    pub documents: Counter,
    pub already: Counter,
    pub lost_claims: Counter,
    pub publications: Family<Outcome, Counter>,
    pub position: Family<OfPartition, Gauge>,
    pub lag: Family<OfPartition, Gauge>,
    pub freshness: Float,
    pub paused: Gauge,
    pub stalled: Family<OfPartition, Gauge>,
    pub stopped: Family<OfPartition, Gauge>,
}

const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
const COUNTS: [f64; 8] = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7];

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("stockstream"),
            events: Family::default(),
            rejected: Family::default(),
            duplicates: Counter::default(),
            batch_events: Histogram::new(COUNTS),
            batch_keys: Histogram::new(COUNTS),
            flush_seconds: Family::new_with_constructor(seconds),
            documents: Counter::default(),
            already: Counter::default(),
            lost_claims: Counter::default(),
            publications: Family::default(),
            position: Family::default(),
            lag: Family::default(),
            freshness: Float::default(),
            paused: Gauge::default(),
            stalled: Family::default(),
            stopped: Family::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("events", "Events applied, rejected ones included", self.events.clone());
        registry.register("rejected_events", "Events refused, by reason", self.rejected.clone());
        registry.register(
            "duplicate_sales",
            "Sales that count for nothing, as their invoice had counted",
            self.duplicates.clone(),
        );
        registry.register("batch_events", "Events of a flush", self.batch_events.clone());
        registry.register("batch_keys", "Keys of a flush", self.batch_keys.clone());
        registry.register("flush_seconds", "Seconds of a flush, by stage", self.flush_seconds.clone());
        registry.register("documents", "Documents changed", self.documents.clone());
        registry.register("already_applied", "Changes that were applied before, after a crash", self.already.clone());
        registry.register(
            "lost_claims",
            "Batches that could not be claimed, or that another worker finished",
            self.lost_claims.clone(),
        );
        registry.register("publications", "Evaluations of a view, by outcome", self.publications.clone());
        registry.register("position", "First offset that is not applied", self.position.clone());
        registry.register("lag", "Offsets that are not applied yet", self.lag.clone());
        registry.register(
            "freshness_seconds",
            "From an event's Kafka timestamp to its being applied",
            self.freshness.clone(),
        );
        registry.register("paused_partitions", "Partitions paused because the batch is full", self.paused.clone());
        registry.register(
            "stalled",
            "1 where a partition does not move although its log grows, or was stopped; why is at /status",
            self.stalled.clone(),
        );
        registry.register(
            "stopped",
            "1 where a partition of this worker is not read until its log fits again or a person decides; why is at /status",
            self.stopped.clone(),
        );
    }

    /// The text that a scrape answers.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_is_in_the_docs() {
        let docs = include_str!("../../docs/kubernetes.md");
        let metrics = Metrics::default();
        // A family without a member is not told.
        drop(metrics.events.get_or_create(&OfStream { stream: "sales" }));
        drop(metrics.rejected.get_or_create(&Refusal { stream: "sales", reason: "not_json" }));
        drop(metrics.flush_seconds.get_or_create(&Stage { stage: "claim" }));
        drop(metrics.publications.get_or_create(&Outcome { view: "product_winners", outcome: "changed" }));
        for family in [&metrics.position, &metrics.lag, &metrics.stalled, &metrics.stopped] {
            drop(family.get_or_create(&OfPartition { stream: "sales", partition: 0 }));
        }
        let text = metrics.text();
        let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE stockstream_")).collect();
        assert!(names.len() >= 15, "{text}");
        for name in names.iter().filter_map(|line| line.split(' ').next()) {
            assert!(docs.contains(&format!("`{name}`")) || docs.contains(&format!("`{name}_total`")), "{name}");
        }
    }
}
