//! A pipeline in every state, for tests.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::json;
use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, Heartbeat, PartitionId, StartPositions},
    event::EventKind,
    settings::Settings,
};

use crate::{
    reconcile::{
        Decision, Validated,
        decide::decide,
        observed::{DatabaseFacts, DeploymentFacts, Observed, Problem, TopicFacts},
        status::status,
    },
    resource::{AnalyticsPipeline, PipelineStatus},
};

/// Partitions of each topic.
pub(crate) const PARTITIONS: i32 = 3;

/// A pipeline and what was found out about it.
#[derive(Clone)]
pub(crate) struct Fixture {
    // Many stand in one list: by value they would not fit on a test's stack.
    pub pipeline: Box<AnalyticsPipeline>,
    pub validated: Box<Validated>,
    pub facts: Box<Observed>,
    pub now: Timestamp,
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + seconds * 1_000)
}

pub(crate) fn id(stream: EventKind, partition: i32) -> PartitionId {
    PartitionId { stream, partition }
}

pub(crate) fn settled(count: i32) -> DeploymentFacts {
    DeploymentFacts { wanted: count, replicas: count, updated: count, ready: count, observed: true, stuck: None }
}

pub(crate) fn waits(reason: &'static str, message: &str) -> Problem {
    Problem { reason, message: message.into(), stalled: false }
}

pub(crate) fn stalls(reason: &'static str, message: &str) -> Problem {
    Problem { reason, message: message.into(), stalled: true }
}

pub(crate) fn heartbeat(problems: &[&str]) -> Heartbeat {
    Heartbeat {
        worker: "stock-worker-0".into(),
        started_at: at(0),
        at: at(0),
        generation: 1,
        publisher: true,
        problems: problems.iter().map(|problem| (*problem).to_owned()).collect(),
        ..Heartbeat::default()
    }
}

/// A condition.
pub(crate) fn find<'a>(status: &'a PipelineStatus, name: &str) -> &'a Condition {
    status.conditions.iter().find(|condition| condition.type_ == name).unwrap()
}

pub(crate) fn suspended(fixture: &mut Fixture) {
    fixture.pipeline.spec.suspend = true;
}

pub(crate) fn workers(fixture: &mut Fixture, workers: DeploymentFacts) {
    fixture.facts.workers = Some(workers);
}

impl Fixture {
    /// Everything is good, and two workers and a dashboard run.
    pub fn ready() -> Self {
        let pipeline = serde_json::from_value(json!({
            "apiVersion": "stockstream.dev/v1alpha1", "kind": "AnalyticsPipeline",
            "metadata": { "name": "stock", "namespace": "shop", "generation": 2 },
            "spec": {
                "kafka": { "bootstrapServers": ["kafka:9092"] },
                "mongodb": { "uriSecretRef": { "name": "mongo" } },
                "workers": { "replicas": 2 },
            },
        }));
        let settings = Settings { pipeline: named("shop/stock"), ..Settings::default() };
        let validated = Validated {
            worker: settings.clone(),
            dashboard: settings.clone(),
            operator: settings,
            ..Validated::default()
        };
        let ids = || EventKind::ALL.into_iter().flat_map(|stream| (0..PARTITIONS).map(move |n| id(stream, n)));
        let topic = |stream: EventKind| TopicFacts {
            stream,
            name: validated.operator.kafka.topics.of(stream).name.clone(),
            partitions: Some(PARTITIONS),
            topic_id: Some(format!("id-of-{stream}")),
            problem: None,
        };
        let checkpoint = |id| Checkpoint { events: 10, rejected: 1, ..Checkpoint::new(id, 100, None) };
        let facts = Observed {
            topics: Ok(EventKind::ALL.map(topic).into()),
            log_ends: ids().map(|id| (id, 107)).collect(),
            log_starts: ids().map(|id| (id, 0)).collect(),
            database: Ok(DatabaseFacts {
                name: "stock_management".into(),
                id: Some("id-of-database".into()),
                start: Some(StartPositions { next: ids().map(|id| (id, 90)).collect() }),
                checkpoints: ids().map(checkpoint).collect(),
                heartbeats: vec![heartbeat(&[])],
            }),
            workers: Some(settled(2)),
            dashboard: Some(settled(1)),
            reader_writes: None,
        };
        Self {
            pipeline: Box::new(pipeline.unwrap()),
            validated: Box::new(validated),
            facts: Box::new(facts),
            now: at(0),
        }
    }

    /// Nothing was made yet, and topics of these streams do not exist.
    pub fn fresh(missing: &[EventKind]) -> Self {
        let mut fixture = Self::ready().without(missing);
        fixture.facts.workers = None;
        fixture.facts.dashboard = None;
        let database = fixture.facts.database.as_mut().unwrap();
        database.heartbeats.clear();
        database.checkpoints.clear();
        if !missing.is_empty() {
            database.start = None;
            database.id = None;
        }
        fixture
    }

    /// Topics of these streams do not exist (any more).
    pub fn without(mut self, missing: &[EventKind]) -> Self {
        for topic in self.facts.topics.as_mut().unwrap().iter_mut().filter(|topic| missing.contains(&topic.stream)) {
            let message = format!("topic {} does not exist; make it with: kafka-topics.sh --create", topic.name);
            topic.problem = Some((waits("TopicMissing", &message), Some("kafka-topics.sh --create".into())));
            topic.partitions = None;
            topic.topic_id = None;
        }
        self.facts.log_ends.retain(|id, _| !missing.contains(&id.stream));
        self.facts.log_starts.retain(|id, _| !missing.contains(&id.stream));
        self
    }

    /// With a change made to it.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Kafka does not answer.
    pub fn kafka_fails(self, problem: Problem) -> Self {
        self.with(|fixture| {
            fixture.facts.topics = Err(problem);
            fixture.facts.log_ends = BTreeMap::new();
            fixture.facts.log_starts = BTreeMap::new();
        })
    }

    /// After what was said of this one.
    pub fn after(self, before: &PipelineStatus) -> Self {
        self.with(|fixture| fixture.pipeline.status = Some(before.clone()))
    }

    pub fn decide(&self) -> Decision {
        decide(&self.pipeline, &self.validated, &self.facts, self.now)
    }

    pub fn status(&self) -> PipelineStatus {
        status(&self.pipeline, &self.validated, &self.facts, &self.decide(), self.now)
    }
}

fn named(name: &str) -> stockstream_model::settings::Pipeline {
    stockstream_model::settings::Pipeline { name: name.into(), ..Default::default() }
}
