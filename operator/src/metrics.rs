//! The operator's metrics, in Prometheus' text format.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::key::PipelineKey;

/// How a reconcile ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    outcome: &'static str,
}

/// Where a reconcile failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Phase {
    phase: &'static str,
}

/// A kind of object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: String,
}

/// A write: what was done to which kind, and whether the API server took it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Write {
    kind: String,
    verb: &'static str,
    outcome: &'static str,
}

/// All metrics; `stockstream_operator_` is added to every name.
pub(crate) struct Metrics {
    registry: Registry,
    leader: Gauge,
    reconciles: Family<Ended, Counter>,
    running: Gauge,
    seconds: Histogram,
    failures: Family<Phase, Counter>,
    queued: Gauge,
    queue_seconds: Histogram,
    watched: Family<Kind, Gauge>,
    unlisted: Gauge,
    writes: Family<Write, Counter>,
    /// Since when each pipeline waits for its turn.
    waiting: Mutex<HashMap<PipelineKey, Instant>>,
}

const SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("stockstream_operator"),
            leader: Gauge::default(),
            reconciles: Family::default(),
            running: Gauge::default(),
            seconds: Histogram::new(SECONDS),
            failures: Family::default(),
            queued: Gauge::default(),
            queue_seconds: Histogram::new(SECONDS),
            watched: Family::default(),
            unlisted: Gauge::default(),
            writes: Family::default(),
            waiting: Mutex::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("leader", "Whether this operator leads", self.leader.clone());
        registry.register("reconciles", "Reconciles that ended, by outcome", self.reconciles.clone());
        registry.register("reconciles_running", "Reconciles under way", self.running.clone());
        registry.register("reconcile_seconds", "Seconds of a reconcile", self.seconds.clone());
        registry.register("reconcile_failures", "Reconciles that failed, by phase", self.failures.clone());
        registry.register("queue", "Pipelines that wait for a reconcile after a change", self.queued.clone());
        registry.register("queue_seconds", "From a change to its reconcile", self.queue_seconds.clone());
        registry.register("watched_objects", "Objects that are watched, by kind", self.watched.clone());
        let unlisted = "Namespaces (all of them count as one) whose objects cannot all be listed: their pipelines wait";
        registry.register("unlisted_namespaces", unlisted, self.unlisted.clone());
        registry.register("api_writes", "Writes to the API server, the Lease's excepted", self.writes.clone());
    }

    pub fn set_leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
        if !leads {
            self.watches_anew();
        }
    }

    /// What was counted of the watches is not so any more.
    pub fn watches_anew(&self) {
        self.watched.clear();
        self.unlisted.set(0);
        self.waiting.lock().clear();
        self.queued.set(0);
    }

    /// So many namespaces are being listed.
    pub fn lists(&self, namespaces: usize) {
        self.unlisted.set(i64::try_from(namespaces).unwrap_or(i64::MAX));
    }

    /// One of them is.
    pub fn listed(&self) {
        self.unlisted.dec();
    }

    /// A change asks for a reconcile.
    pub fn asked_for(&self, key: &PipelineKey) {
        let mut waiting = self.waiting.lock();
        waiting.entry(key.clone()).or_insert_with(Instant::now);
        self.queued.set(i64::try_from(waiting.len()).unwrap_or(i64::MAX));
    }

    /// A pipeline is gone: nothing waits for it.
    pub fn forget(&self, key: &PipelineKey) -> Option<Duration> {
        let mut waiting = self.waiting.lock();
        let since = waiting.remove(key);
        self.queued.set(i64::try_from(waiting.len()).unwrap_or(i64::MAX));
        since.map(|since| since.elapsed())
    }

    /// A reconcile begins; it ends, as running, when what is returned is dropped.
    pub fn begins(&self, key: &PipelineKey) -> Running {
        if let Some(waited) = self.forget(key) {
            self.queue_seconds.observe(waited.as_secs_f64());
        }
        self.running.inc();
        Running(self.running.clone())
    }

    /// A reconcile ended.
    pub fn ended(&self, outcome: &'static str, took: Duration) {
        self.reconciles.get_or_create(&Ended { outcome }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub fn failed(&self, phase: &'static str) {
        self.failures.get_or_create(&Phase { phase }).inc();
    }

    pub fn watched(&self, kind: &str, objects: usize) {
        let objects = i64::try_from(objects).unwrap_or(i64::MAX);
        self.watched.get_or_create(&Kind { kind: kind.to_owned() }).set(objects);
    }

    /// So many more, or fewer, of a kind are watched.
    pub fn watched_by(&self, kind: &str, more: i64) {
        self.watched.get_or_create(&Kind { kind: kind.to_owned() }).inc_by(more);
    }

    pub fn wrote<T>(&self, kind: &str, verb: &'static str, result: &Result<T, kube::Error>) {
        let outcome = if result.is_ok() { "done" } else { "refused" };
        self.writes.get_or_create(&Write { kind: kind.to_owned(), verb, outcome }).inc();
    }

    /// The text that a scrape answers.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// A reconcile under way, counted until it is dropped: also when it is given up halfway.
pub(crate) struct Running(Gauge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}
