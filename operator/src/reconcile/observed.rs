//! What was found out about a pipeline: the input of every decision.

use std::collections::{BTreeMap, BTreeSet};

use stockstream_model::{
    documents::{Checkpoint, Heartbeat, PartitionId, StartPositions},
    event::EventKind,
};

/// What is wrong, for a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// In CamelCase, stable: `TopicMissing`, `SignInRefused`.
    pub reason: &'static str,
    /// One sentence: what, where, what to do.
    pub message: String,
    /// Whether only a person can mend it: kstatus `Failed` instead of `InProgress`.
    pub stalled: bool,
}

/// Everything that was found out in one reconcile.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The topics, in the order sales, inventory, clients; or why Kafka could not be asked.
    pub topics: Result<Vec<TopicFacts>, Problem>,
    /// The offset behind the last event of each partition that is known.
    pub log_ends: BTreeMap<PartitionId, i64>,
    /// The first offset that is still there, of each partition that is known.
    pub log_starts: BTreeMap<PartitionId, i64>,
    /// The database; or why it could not be asked, or must not be used.
    pub database: Result<DatabaseFacts, Problem>,
    /// The worker Deployment as it stands; `None` where there is none.
    pub workers: Option<DeploymentFacts>,
    /// The dashboard Deployment as it stands.
    pub dashboard: Option<DeploymentFacts>,
    /// What the dashboard's own user of MongoDB may do beside reading; `None` where it has none or that is not known.
    pub reader_writes: Option<BTreeSet<String>>,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicFacts {
    /// What it carries.
    pub stream: EventKind,
    /// Its name.
    pub name: String,
    /// How many partitions it has; `None` when it does not exist or may not be described.
    pub partitions: Option<i32>,
    /// Kafka's id of it, where the broker tells it.
    pub topic_id: Option<String>,
    /// Why it is not fit for use, and what to run.
    pub problem: Option<(Problem, Option<String>)>,
}

/// The database.
#[derive(Clone, Debug)]
pub struct DatabaseFacts {
    /// Its name.
    pub name: String,
    /// Its id; `None` before any pipeline worked in it.
    pub id: Option<String>,
    /// Where the pipeline starts, written before any worker runs; `None` while topics are missing.
    pub start: Option<StartPositions>,
    /// Where every partition stands.
    pub checkpoints: Vec<Checkpoint>,
    /// Workers that gave a sign of life lately.
    pub heartbeats: Vec<Heartbeat>,
}

/// A Deployment as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentFacts {
    /// Replicas it wants.
    pub wanted: i32,
    /// Pods there are.
    pub replicas: i32,
    /// Pods of the newest template.
    pub updated: i32,
    /// Pods that are ready.
    pub ready: i32,
    /// Whether its controller has seen its newest generation.
    pub observed: bool,
    /// Why it makes no progress, in its controller's words.
    pub stuck: Option<String>,
}

impl DeploymentFacts {
    /// Whether exactly the pods that are wanted are there, new and ready.
    pub fn is_settled(&self) -> bool {
        self.observed && self.replicas == self.wanted && self.updated == self.wanted && self.ready == self.wanted
    }
}
