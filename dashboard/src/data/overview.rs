//! The state of the pipeline, put together from what the database tells: what the status page shows and what
//! `/api/v1/status` answers. Pure.

use schemars::JsonSchema;
use serde::Serialize;
use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, DatabaseServer, Heartbeat, View, ViewState},
};
use stockstream_store::{Rejections, Status};

pub(crate) use crate::data::partitions::Partition;

/// The state of the pipeline. Its JSON is a contract.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Overview {
    /// Which pipeline owns the database; null before any worker came.
    pub(crate) pipeline: Option<String>,
    /// What the server of the database is, as far as a worker found out; null before any came.
    pub(crate) database: Option<DatabaseServer>,
    pub(crate) counts: Counts,
    pub(crate) events: Events,
    pub(crate) freshness: Freshness,
    pub(crate) views: Vec<ViewState>,
    pub(crate) partitions: Vec<Partition>,
    pub(crate) workers: Vec<Worker>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Counts {
    pub(crate) products: u64,
    pub(crate) winners: u64,
    pub(crate) risks: u64,
    pub(crate) clients: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Events {
    /// Events that count in the numbers.
    pub(crate) applied: i64,
    /// Events that were refused.
    pub(crate) rejected: i64,
    /// Sales that count for nothing, as their invoice had counted.
    pub(crate) duplicates: i64,
    /// Of the refused ones that are still kept (they expire), the latest 10,000.
    #[schemars(with = "std::collections::BTreeMap<String, u64>")]
    pub(crate) rejected_by_reason: Rejections,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Freshness {
    /// The greatest event time.
    pub(crate) latest_event: Option<Timestamp>,
    /// When a position moved last.
    pub(crate) last_checkpoint_at: Option<Timestamp>,
    /// When rows of a view were written last.
    pub(crate) last_published_at: Option<Timestamp>,
    /// When all this was read.
    pub(crate) read_at: Timestamp,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Worker {
    pub(crate) worker: String,
    pub(crate) started_at: Timestamp,
    pub(crate) at: Timestamp,
    pub(crate) generation: i64,
    pub(crate) publisher: bool,
    pub(crate) events_per_second: f64,
    pub(crate) freshness_ms: Option<i64>,
    pub(crate) partitions: Vec<String>,
    pub(crate) problems: Vec<String>,
}

impl Overview {
    /// Puts together what the database told.
    pub(crate) fn new(status: Status) -> Self {
        let partitions = crate::data::partitions::of(&status.checkpoints, &status.workers);
        let checkpoints = &status.checkpoints;
        let sum = |of: fn(&Checkpoint) -> i64| checkpoints.iter().map(of).sum::<i64>();
        let (rejected, duplicates) = (sum(|checkpoint| checkpoint.rejected), sum(|checkpoint| checkpoint.duplicates));
        Self {
            pipeline: status.pipeline,
            database: status.server,
            counts: Counts {
                products: status.products,
                winners: status.winners,
                risks: status.risks,
                clients: status.clients,
            },
            events: Events {
                applied: sum(|checkpoint| checkpoint.events) - rejected - duplicates,
                rejected,
                duplicates,
                rejected_by_reason: status.rejections,
            },
            freshness: Freshness {
                latest_event: checkpoints.iter().filter_map(|checkpoint| checkpoint.latest_event).max(),
                // Before the first claim there is no time.
                last_checkpoint_at: checkpoints
                    .iter()
                    .map(|checkpoint| checkpoint.updated_at)
                    .filter(|at| at.millis() > 0)
                    .max(),
                last_published_at: status.views.iter().filter_map(|view| view.published_at).max(),
                read_at: status.read_at,
            },
            views: View::ALL.into_iter().map(|view| state_of(view, &status.views)).collect(),
            partitions,
            workers: status.workers.into_iter().map(Worker::new).collect(),
        }
    }

    /// Whether any event was read, be it refused.
    pub(crate) fn has_events(&self) -> bool {
        self.events.applied + self.events.rejected + self.events.duplicates > 0
    }

    /// Lag over all partitions, unless it is not known of one.
    pub(crate) fn lag(&self) -> Option<i64> {
        if self.partitions.is_empty() {
            return None;
        }
        self.partitions.iter().map(|partition| partition.lag).sum()
    }

    /// Events per second over all workers.
    pub(crate) fn rate(&self) -> Option<f64> {
        (!self.workers.is_empty()).then(|| self.workers.iter().map(|worker| worker.events_per_second).sum())
    }
}

/// The state of a view; of one that nobody wrote yet, that it is empty.
pub(crate) fn state_of(view: View, views: &[ViewState]) -> ViewState {
    views.iter().find(|state| state.view == view).cloned().unwrap_or_else(|| ViewState::new(view))
}

impl Worker {
    fn new(heartbeat: Heartbeat) -> Self {
        Self {
            partitions: heartbeat.partitions.iter().map(|partition| partition.id.to_string()).collect(),
            worker: heartbeat.worker,
            started_at: heartbeat.started_at,
            at: heartbeat.at,
            generation: heartbeat.generation,
            publisher: heartbeat.publisher,
            events_per_second: heartbeat.events_per_second,
            freshness_ms: heartbeat.freshness_ms,
            problems: heartbeat.problems,
        }
    }
}
